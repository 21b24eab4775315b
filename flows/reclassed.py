"""What changed class when stored rows were judged again: counts alone, kept with the night."""

from typing import Final

import polars as pl

from data_contracts.observations import OBSERVATIONS
from data_contracts.vocabulary import REJUDGED_NOTICE
from flows.night import Night
from flows.store import Store
from hypomag_rules.policy_sections import Magnesium
from hypomag_rules.severity import lower_bound, severity, upper_bound

_JUDGED: Final = "judged"
_SAME: Final = "another value or time in the same class"
_WORDS: Final = {"target_met": "above the target", "undetermined": "a bound over a limit"}
_PAIRS: Final = """
SELECT source, table_name, was, became, sum(rows)::BIGINT AS rows FROM rejudged
WHERE night = ? AND as_of <= ? GROUP BY ALL ORDER BY source, table_name, rows DESC, was, became
"""


def row_class(rows: pl.DataFrame, bands: Magnesium | None) -> pl.Series:
    """What each row was judged to be: its reason, its band by tonight's policy, or just judged."""
    reason = pl.col("reason")
    if bands is None:
        return rows.select(reason.fill_null(_JUDGED)).to_series()
    bounded = rows.with_columns(lower=lower_bound(), upper=upper_bound())
    is_magnesium = pl.col("analyte") == "magnesium"
    return bounded.select(
        pl.when(reason.is_not_null())
        .then(reason)
        .when(pl.col("analyte").is_null())
        .then(pl.lit("not_counted"))
        .when(is_magnesium & pl.col("magnitude").is_not_null())
        .then(severity(bands).cast(pl.String))
        .otherwise(pl.lit(_JUDGED))
    ).to_series()


def remember_changes(
    store: Store, night: Night, source: str, table: str, changed: pl.DataFrame
) -> None:
    """Keep how many rows went from which class to which."""
    if changed.height:
        pairs = changed.group_by("was", "became").agg(rows=pl.len().cast(pl.Int64))
        named = {
            "night": night.date,
            "as_of": night.naive_as_of,
            "source": source,
            "received_at": night.received_at.replace(tzinfo=None),
        }
        told = {name: pl.lit(value) for name, value in named.items()}
        store.load("rejudged", pairs.with_columns(**told, table_name=pl.lit(table)))


def rejudged_notices(store: Store, night: Night) -> pl.DataFrame:
    """A row (`kind`, `source`, `table_name`, `said`) for each table whose rows changed tonight."""
    pairs = store.frame(_PAIRS, [night.date, night.naive_as_of])
    rows = pl.col("rows").cast(pl.String)
    was, became = (_spelled(name) for name in ("was", "became"))
    is_same = pl.col("was") == pl.col("became")
    change = pl.when(is_same).then(pl.lit(_SAME)).otherwise(was + pl.lit(" → ") + became)
    ending = pl.when(pl.col("rows") == 1).then(pl.lit("")).otherwise(pl.lit("s"))
    noun = (
        pl.when(pl.col("table_name") == OBSERVATIONS.name)
        .then(pl.lit("result") + ending)
        .otherwise(pl.lit("row") + ending + pl.lit(" of ") + pl.col("table_name"))
    )
    return (
        pairs.with_columns(change=rows + pl.lit(" ") + change)
        .group_by("source", "table_name", maintain_order=True)
        .agg(pl.col("rows").sum(), pl.col("change").str.join(", "))
        .select(
            "source",
            "table_name",
            kind=pl.lit(REJUDGED_NOTICE),
            said=pl.lit("Feed ")
            + pl.col("source")
            + pl.lit(": ")
            + rows
            + pl.lit(" ")
            + noun
            + pl.lit(" judged otherwise since its profile or the policy changed: ")
            + pl.col("change")
            + pl.lit("."),
        )
        .select("kind", "source", "table_name", "said")
    )


def _spelled(name: str) -> pl.Expr:
    return pl.col(name).replace(_WORDS).str.replace_all("_", " ", literal=True)
