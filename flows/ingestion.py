"""One dropped file into the store: judged, counted, and all or nothing."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

import polars as pl

from data_contracts.gate import hold_to, sift
from data_contracts.observations import JUDGED, WORDING
from flows.night import Night
from flows.profile import Profile
from flows.schema import (
    JUDGED_OBSERVATION,
    RAW,
    judged_columns,
    key_hash,
    row_hash,
    versions_of,
)
from flows.store import Store
from hypomag_rules.reading import judge_rows, who_and_what, with_times, wording_key
from hypomag_rules.records import (
    judge_conditions,
    judge_encounters,
    judge_medications,
    judge_patients,
)
from hypomag_rules.wordings import judge_wordings

_JUDGES: Final = {
    "patients": judge_patients,
    "encounters": judge_encounters,
    "conditions": judge_conditions,
    "medications": judge_medications,
}


class Wordings:
    """The distinct wordings of one source that the store knows, and those that are new."""

    def __init__(self, store: Store, profile: Profile, night: Night) -> None:
        self._store = store
        self._profile = profile
        self._night = night
        known = store.frame("SELECT * FROM wordings WHERE source = ?", [profile.name])
        self.judged = known.with_columns(key=wording_key())
        self._next = store.number("SELECT coalesce(max(wording_id), 0) + 1 FROM wordings")

    def number(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with `wording_id`, `analyte`, `is_code_missing`; new wordings are stored."""
        keys = rows.select(key=wording_key())
        fresh = keys.unique().join(self.judged, on="key", how="anti")
        if fresh.height:
            met = rows.hstack(keys).join(fresh, on="key", how="semi").unique("key")
            self._learn(met.sort("key"))
        names = self.judged.select("key", "wording_id", "analyte", "is_code_missing")
        # Only the keys are joined: a join gathers every column that it carries.
        found = keys.join(names, on="key", how="left", maintain_order="left")
        return rows.hstack(found.drop("key"))

    def _learn(self, fresh: pl.DataFrame) -> None:
        judged = judge_wordings(
            fresh.select(WORDING), self._profile.reading, self._night.policy
        ).with_columns(
            wording_id=pl.int_range(self._next, self._next + fresh.height, dtype=pl.Int32),
            source=pl.lit(self._profile.name),
        )
        self._next += fresh.height
        self._store.load("wordings", judged)
        known = judged.with_columns(key=wording_key()).select(self.judged.columns)
        self.judged = pl.concat([self.judged, known], how="vertical_relaxed")


def append_rows(
    store: Store,
    night: Night,
    profile: Profile,
    file_id: int,
    table: str,
    frames: Iterator[pl.DataFrame],
) -> int:
    """Number, judge and append all rows of a file; returns how many were read."""
    judge = judge_for(store, night, profile, table)
    read = 0
    for frame in frames:
        judge(
            frame.with_columns(
                row=pl.int_range(read + 1, read + 1 + frame.height, dtype=pl.Int32),
                file_id=pl.lit(file_id, pl.Int32),
                source=pl.lit(profile.name),
            )
        )
        read += frame.height
    return read


def judge_for(
    store: Store, night: Night, profile: Profile, table: str
) -> Callable[[pl.DataFrame], None]:
    """A function that judges numbered rows of a table, text as sent, and appends them."""
    if table == "observations":
        wordings = Wordings(store, profile, night)
        return lambda rows: _append_observations(store, wordings, rows, profile, night)
    columns = ("file_id", "row", "source", *RAW[table], *judged_columns(table), "reason")
    return lambda rows: _append(store, table, _JUDGES[table](rows, profile.reading).select(columns))


def _append(store: Store, table: str, rows: pl.DataFrame) -> None:
    """Append judged rows with the hashes of their key and of all that was sent."""
    with store.lent(rows) as lent:
        names = ", ".join(rows.columns)
        store.run(
            f"INSERT INTO {versions_of(table)} ({names}, key_hash, row_hash) "
            f"SELECT {names}, {key_hash(table)}, {row_hash(table)} FROM {lent} v"
        )


_SENT: Final = ("file_id", "row", "source", *RAW["observations"])


def _append_observations(
    store: Store, wordings: Wordings, rows: pl.DataFrame, profile: Profile, night: Night
) -> None:
    """Judge the rows whose analyte a rule reads; the others need only a patient and a code."""
    worded = wordings.number(rows)
    other = worded.filter(pl.col("analyte").is_null()).with_columns(reason=who_and_what())
    timed = with_times(other, profile.reading)
    collected = pl.col("collected_time").cast(pl.String)
    others = _with_key(timed, collected).select(*_SENT, *_TIMES, _KEY, "reason")
    ours = worded.filter(pl.col("analyte").is_not_null()).select(*_SENT)
    judgement = ours.select("wording_id").join(
        wordings.judged.drop("source", "key", *WORDING),
        on="wording_id",
        how="left",
        maintain_order="left",
    )
    latest: datetime = max(night.as_of, night.received_at)
    judged = judge_rows(
        ours.hstack(judgement.drop("wording_id")),
        profile.reading,
        night.policy,
        latest,
    )
    kept = sift(judged).kept.filter(
        pl.col("status_kind").is_in(["final", "provisional"]),
        ~(pl.col("is_update") & pl.col("value").is_null()),
    )
    hold_to(
        JUDGED,
        kept.select(
            "patient_id", "analyte", "magnitude", pl.col("collected_time").alias("collected_at")
        ),
    )
    columns = (*_SENT, *JUDGED_OBSERVATION, _KEY, "reason")
    keyed = _with_key(judged, collected).select(columns)
    _append(store, "observations", pl.concat([keyed, others], how="diagonal"))


_KEY: Final = "version_key"
_TIMES: Final = ("collected_time", "reported_time")


def _with_key(rows: pl.DataFrame, collected: pl.Expr) -> pl.DataFrame:
    """Adds `version_key` to rows without an id of their own: tube or else time, and code."""
    where = pl.coalesce("specimen_id", collected, "collected_at", pl.lit(""))
    code = pl.col("loinc").fill_null("") if "loinc" in rows.columns else pl.col("code")
    made = pl.concat_str(where, code.fill_null(""), separator="\x1f")
    return rows.with_columns(version_key=pl.when(pl.col("observation_id").is_null()).then(made))
