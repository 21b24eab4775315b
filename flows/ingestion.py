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
from hypomag_rules.reading import judge_rows, who_and_what, with_times
from hypomag_rules.records import (
    judge_conditions,
    judge_encounters,
    judge_medications,
    judge_patient_links,
    judge_patients,
)
from hypomag_rules.source_reading import SourceReading
from hypomag_rules.wordings import judge_wordings

_JUDGES: Final = {
    "patients": judge_patients,
    "encounters": judge_encounters,
    "conditions": judge_conditions,
    "medications": judge_medications,
    "patient_links": judge_patient_links,
}


class Wordings:
    """The distinct wordings of one source that the store knows, and those that are new."""

    def __init__(self, store: Store, profile: Profile, night: Night) -> None:
        self._store = store
        self._profile = profile
        self._night = night
        known = store.frame("SELECT * FROM wordings WHERE source = ?", [profile.name])
        self.judged = _keyed(known)
        self._next = store.number("SELECT coalesce(max(wording_id), 0) + 1 FROM wordings")

    def number(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with `wording_id`, `analyte`, `loinc`, `is_code_missing`; learns new ones."""
        keys = _keyed(rows).select("key")
        fresh = keys.unique().join(self.judged, on="key", how="anti")
        if fresh.height:
            met = rows.hstack(keys).join(fresh, on="key", how="semi").unique("key")
            self._learn(met.sort(WORDING))
        names = self.judged.select("key", "wording_id", "analyte", "loinc", "is_code_missing")
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
        known = _keyed(judged).select(self.judged.columns)
        self.judged = pl.concat([self.judged, known], how="vertical_relaxed")


def _keyed(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds `key`, a 64-bit hash of the wording; it holds for this process alone."""
    return rows.with_columns(key=rows.select(WORDING).hash_rows())


def append_rows(
    store: Store,
    night: Night,
    profile: Profile,
    file_id: int,
    table: str,
    frames: Iterator[pl.DataFrame],
) -> int:
    """Number, judge and append all rows of a file; returns how many were read.

    Frames that say which line a row comes from (`row`) are not numbered.
    What a layout found wrong with a row (`layout_fault`) is the reason of that row.
    """
    judge = judge_for(store, night, profile, file_id, table)
    read = 0
    for frame in frames:
        row = pl.int_range(read + 1, read + 1 + frame.height, dtype=pl.Int32)
        judge(frame if "row" in frame.columns else frame.with_columns(row=row))
        read += frame.height
    return read


def judge_for(
    store: Store, night: Night, profile: Profile, file_id: int, table: str
) -> Callable[[pl.DataFrame], None]:
    """A function that judges numbered rows of a file, text as sent, and appends them."""
    origin, reading = (file_id, profile.name), profile.reading_of(table)
    if table == "observations":
        wordings = Wordings(store, profile, night)
        return lambda rows: _append(
            store, table, origin, _judged_observations(wordings, rows, reading, night)
        )
    columns = ("row", *RAW[table], *judged_columns(table), "reason")
    judge = _JUDGES[table]
    return lambda rows: _append(store, table, origin, judge(rows, reading).select(columns))


def _append(store: Store, table: str, origin: tuple[int, str], rows: pl.DataFrame) -> None:
    """Append judged rows with the hashes of their key and of all that was sent."""
    with store.lent(rows) as lent:
        names = ", ".join(rows.columns)
        store.run(
            f"INSERT INTO {versions_of(table)} (file_id, source, {names}, key_hash, row_hash) "
            f"SELECT ?, ?, {names}, {key_hash(table)}, {row_hash(table)} FROM {lent} v",
            [*origin],
        )


_TIMES: Final = ("collected_time", "reported_time")
_FAULTS: Final = ("collected_fault", "reported_fault")


def _judged_observations(
    wordings: Wordings, rows: pl.DataFrame, reading: SourceReading, night: Night
) -> pl.DataFrame:
    """Judge the rows whose analyte a rule reads; the others need only a patient and a code."""
    fault = pl.col("layout_fault") if "layout_fault" in rows.columns else pl.lit(None, pl.String)
    timed = with_times(wordings.number(rows.with_columns(layout_fault=fault)), reading)
    is_ours = timed.get_column("analyte").is_not_null()
    ours = timed.select("patient_id", "value", "wording_id", "analyte", *_TIMES, *_FAULTS).filter(
        is_ours
    )
    judgement = ours.select("wording_id").join(
        wordings.judged.drop("source", "key", "analyte", *WORDING),
        on="wording_id",
        how="left",
        maintain_order="left",
    )
    latest: datetime = max(night.as_of, night.received_at)
    judged = judge_rows(ours.hstack(judgement.drop("wording_id")), reading, night.policy, latest)
    _hold(judged)
    results = [
        _at_rows(is_ours, judged.get_column(name)) for name in ("comparator", "magnitude", "reason")
    ]
    reason = pl.when(pl.col("analyte").is_not_null()).then("reason").otherwise(who_and_what())
    return (
        timed.with_columns(results)
        .with_columns(reason=pl.coalesce("layout_fault", reason), version_key=_version_key(timed))
        .select("row", *RAW["observations"], *JUDGED_OBSERVATION, "version_key", "reason")
    )


def _hold(judged: pl.DataFrame) -> None:
    """Hold the rows that may be used to their contract; what withdraws or clears has no result."""
    has_result = pl.col("status_kind").is_in(["final", "provisional"]) & ~(
        pl.col("is_update") & pl.col("value").is_null()
    )
    told = judged.select(
        "patient_id",
        "analyte",
        "magnitude",
        "reason",
        has_result.alias("has_result"),
        collected_at="collected_time",
    )
    hold_to(JUDGED, sift(told).kept.filter("has_result").drop("reason", "has_result"))


def _at_rows(is_here: pl.Series, values: pl.Series) -> pl.Series:
    """The values in the rows they belong to, null in all others."""
    nothing = pl.repeat(None, is_here.len(), dtype=values.dtype, eager=True)
    return nothing.scatter(is_here.arg_true(), values).alias(values.name)


def _version_key(rows: pl.DataFrame) -> pl.Expr:
    """What stands for a missing id of the sender: the tube or else the time, and the code."""
    if not rows.get_column("observation_id").null_count():
        return pl.lit(None, pl.String)
    collected = pl.col("collected_time").cast(pl.String)
    where = pl.coalesce("specimen_id", collected, "collected_at", pl.lit(""))
    made = pl.concat_str(where, pl.col("loinc").fill_null(""), separator="\x1f")
    return pl.when(pl.col("observation_id").is_null()).then(made)
