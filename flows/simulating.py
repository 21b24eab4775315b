"""Published nights judged again as known then, under their own policy and under another.

Nothing is published and the store is left as it is. What care teams answered is left out on both
sides: a hidden patient counts as listed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from data_contracts.vocabulary import WORKLISTS
from flows.gathering import batches
from flows.home_then import home_of_run
from flows.memory import last_runs
from flows.night import Night
from flows.past import Past, as_known, past_of_run
from flows.scratch import scratch_folder
from flows.selection import lay_in_batches, select_dosed, select_persons
from flows.store import Store
from hypomag_rules.assess import assess
from hypomag_rules.policy import Policy
from hypomag_rules.worklists import listed_rows, ranked

CHANGES: Final = ("added", "removed", "changed")
_KEY: Final = ("worklist", "patient_id")
# What of an item makes it another one.
_SAYS: Final = ("section", "severity", "recheck_due_on")
_LISTED: Final = {
    "worklist": pl.String,
    "patient_id": pl.String,
    "ward": pl.String,
    "section": pl.String,
    "severity": pl.String,
    "recheck_due_on": pl.Date,
}
_NO_STAY: Final = "no open stay"


class Other(NamedTuple):
    """The policy to compare with, and what was received by then where that is asked for."""

    policy: Policy
    text: str
    received_by: datetime | None = None


class Simulated(NamedTuple):
    """A night judged twice, as known by an instant (naive UTC).

    `rows` has one for each patient and list on either side: `worklist`, `patient_id`, `ward`,
    `change` (null: the same on both sides), each of what it says (`section`, `severity`,
    `recheck_due_on`) with what it was, and whether it `was_listed` and `is_listed`.
    """

    night: date
    as_of: datetime
    received_by: datetime
    rows: pl.DataFrame


def simulate(store: Store, night: Night, nights: int, other: Other) -> Iterator[Simulated]:
    """The last published nights, oldest first, each as its last run knew it."""
    with scratch_folder(night.store) as folder:
        for run_id in last_runs(store, nights):
            home = folder / str(run_id)
            home.mkdir()
            yield _compared(store, home, run_id, other)


def _compared(store: Store, home: Path, run_id: int, other: Other) -> Simulated:
    own = home_of_run(store, run_id, home)
    theirs = replace(own, policy=other.policy, policy_text=other.text)
    past = past_of_run(store, run_id)
    if other.received_by is not None:
        past = Past(other.received_by, before_run=run_id)
    sides = []
    for each in (own, theirs):
        with as_known(store, each, past):
            sides.append(_listed(store, each))
    return Simulated(own.date, own.naive_as_of, past.received_by, compared(*sides))


def _listed(store: Store, night: Night) -> pl.DataFrame:
    """Who stands on which list; every patient is judged, nothing is repeated from another night."""
    select_persons(store, night)
    for table in ("touched", "repeated", "redosed"):
        store.run(f"DELETE FROM {table}")
    select_dosed(store, night, everybody=False)
    total = lay_in_batches(store, night.settings.persons_at_once)
    listed = [
        listed_rows(assess(batch.facts, batch.judged, night.policy, night.settings.timezone))
        for batch in batches(store, night, total)
    ]
    if not listed:
        return pl.DataFrame(schema=_LISTED)
    return ranked(pl.concat(listed), night.policy).select(
        pl.col("person_id" if name == "patient_id" else name).cast(kind).alias(name)
        for name, kind in _LISTED.items()
    )


def compared(own: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Two listings of one night side by side, a row for each patient and list."""
    was = own.select(
        *_KEY,
        pl.col("ward", *_SAYS).name.prefix("was_"),
        was_listed=pl.lit(value=True),
    )
    sides = was.join(
        other.with_columns(is_listed=pl.lit(value=True)), on=_KEY, how="full", coalesce=True
    ).with_columns(pl.col("was_listed", "is_listed").fill_null(value=False))
    is_same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"was_{name}")) for name in _SAYS)
    return sides.select(
        *_KEY,
        pl.coalesce("ward", "was_ward", pl.lit(_NO_STAY)).alias("ward"),
        pl.when(~pl.col("was_listed"))
        .then(pl.lit("added"))
        .when(~pl.col("is_listed"))
        .then(pl.lit("removed"))
        .when(~is_same)
        .then(pl.lit("changed"))
        .otherwise(None)
        .alias("change"),
        *(name for each in _SAYS for name in (f"was_{each}", each)),
        "was_listed",
        "is_listed",
    ).sort(_list_order(), "patient_id")


def counts_of(simulated: Sequence[Simulated]) -> pl.DataFrame:
    """A row for each night and list: `listed`, `simulated`, and how many came, went, changed."""
    keys = pl.DataFrame(
        [(each.night, name) for each in simulated for name in WORKLISTS],
        schema={"night": pl.Date, "worklist": pl.String},
        orient="row",
    )
    found = _counted(_together(simulated), "night", "worklist")
    return keys.join(found, on=["night", "worklist"], how="left", maintain_order="left").fill_null(
        0
    )


def wards_of(simulated: Sequence[Simulated]) -> pl.DataFrame:
    """The same for each night, list and ward that has anybody on either side."""
    rows = _together(simulated).sort("ward", maintain_order=True)
    return _counted(rows, "night", "worklist", "ward").sort(
        "night", _list_order(), maintain_order=True
    )


def patients_of(simulated: Sequence[Simulated]) -> pl.DataFrame:
    """Who came, went or changed, with the instants under which `explain` opens them."""
    return (
        _together(simulated).filter(pl.col("change").is_not_null()).drop("was_listed", "is_listed")
    )


def _together(simulated: Sequence[Simulated]) -> pl.DataFrame:
    return pl.concat(
        each.rows.select(
            pl.lit(each.night).alias("night"),
            pl.lit(each.as_of).cast(pl.Datetime("us")).alias("as_of"),
            pl.lit(each.received_by).cast(pl.Datetime("us")).alias("received_by"),
            pl.all(),
        )
        for each in simulated
    )


def _counted(rows: pl.DataFrame, *by: str) -> pl.DataFrame:
    change = pl.col("change")
    return (
        rows.group_by(*by, maintain_order=True)
        .agg(
            listed=pl.col("was_listed").sum(),
            simulated=pl.col("is_listed").sum(),
            **{name: (change == name).sum() for name in CHANGES},
        )
        .with_columns(pl.exclude(by).cast(pl.Int64))
    )


def _list_order() -> pl.Expr:
    order = {name: at for at, name in enumerate(WORKLISTS)}
    return pl.col("worklist").replace_strict(order, return_dtype=pl.Int8)
