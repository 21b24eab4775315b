"""One dropped file into the store: judged, counted, and all or nothing."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

import polars as pl

from data_contracts.gate import hold_to, sift
from data_contracts.observations import JUDGED, WORDING
from flows.errors import AccountingError
from flows.night import Night
from flows.profile import Profile
from flows.schema import (
    JUDGED_OBSERVATION,
    RAW,
    WRITTEN,
    judged_columns,
    key_hash,
    row_hash,
    versions_of,
)
from flows.store import Store
from hypomag_rules.reading import judge_rows, who_and_what, wording_key
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
    others = _with_key(other, pl.lit("")).select(*_SENT, _KEY, "reason")
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
    keyed = _with_key(judged, pl.col("collected_time").cast(pl.String)).select(columns)
    _append(store, "observations", pl.concat([keyed, others], how="diagonal"))


_KEY: Final = "version_key"


def _with_key(rows: pl.DataFrame, collected: pl.Expr) -> pl.DataFrame:
    """Adds `version_key` to rows without an id of their own: tube or else time, and code."""
    where = pl.coalesce("specimen_id", collected, "collected_at", pl.lit(""))
    code = pl.col("loinc").fill_null("") if "loinc" in rows.columns else pl.col("code")
    made = pl.concat_str(where, code.fill_null(""), separator="\x1f")
    return rows.with_columns(version_key=pl.when(pl.col("observation_id").is_null()).then(made))


def settle(store: Store, file_id: int, table: str, read: int) -> dict[str, int]:
    """Tell copies and superseded rows of a file; returns its four counts, which add up to `read`.

    Copies are removed: all that was sent equals a row of the same key received before. Keys that
    are left with more than one version are remembered as contested. Raises `AccountingError`.
    Keys and rows are told apart by 64-bit hashes: narrow enough to look through all of the past.
    """
    versions = versions_of(table)
    store.run(
        "CREATE OR REPLACE TEMP TABLE mine AS SELECT source, key_hash, count(*) AS times "
        f"FROM {versions} WHERE file_id = ? GROUP BY ALL",
        [file_id],
    )
    worded = "wording_id, " if table == "observations" else ""
    seen = (
        f"SELECT file_id, row, source, key_hash, row_hash, reason, {worded}"
        f"{WRITTEN[table]} AS written"
    )
    store.run(
        f"CREATE OR REPLACE TEMP TABLE met AS {seen} FROM {versions} "
        "WHERE file_id < ? AND (source, key_hash) IN (SELECT (source, key_hash) FROM mine) "
        f"UNION ALL {seen} FROM {versions} WHERE file_id = ? AND (source, key_hash) IN "
        "(SELECT (source, key_hash) FROM mine WHERE times > 1)",
        [file_id, file_id],
    )
    if not store.number("SELECT count(*) FROM met"):
        return _counts(store, file_id, versions, read, ignored=0, superseded=0)
    store.run(
        f"INSERT INTO met {seen} FROM {versions} WHERE file_id = ? AND (source, key_hash) IN "
        "(SELECT (source, key_hash) FROM met) AND (source, key_hash) NOT IN "
        "(SELECT (source, key_hash) FROM mine WHERE times > 1)",
        [file_id],
    )
    store.run(
        "CREATE OR REPLACE TEMP TABLE settled AS SELECT *, row_number() OVER "
        "(PARTITION BY source, key_hash, row_hash ORDER BY file_id, row) > 1 AS is_copy FROM met"
    )
    ignored = store.number("SELECT count(*) FROM settled WHERE is_copy AND file_id = ?", [file_id])
    if ignored:
        store.run(
            f"DELETE FROM {versions} WHERE file_id = ? AND row IN "
            "(SELECT row FROM settled WHERE is_copy AND file_id = ?)",
            [file_id, file_id],
        )
    superseded = store.number(
        "SELECT count(*) FROM (SELECT file_id, reason, row_number() OVER (PARTITION BY source, "
        "key_hash ORDER BY written DESC NULLS LAST, file_id DESC, row DESC) AS place "
        "FROM settled WHERE NOT is_copy) WHERE place > 1 AND file_id = ? AND reason IS NULL",
        [file_id],
    )
    if table == "observations":
        _remember_contested(store)
    return _counts(store, file_id, versions, read, ignored=ignored, superseded=superseded)


def _remember_contested(store: Store) -> None:
    """Keep the keys that have several versions, and whether a rule reads any of them."""
    store.run(
        "INSERT INTO contested SELECT s.source, s.key_hash, bool_or(w.analyte IS NOT NULL) "
        "FROM settled s JOIN wordings w USING (wording_id) WHERE NOT is_copy GROUP BY ALL "
        "HAVING count(*) > 1 EXCEPT SELECT * FROM contested"
    )


def _counts(
    store: Store, file_id: int, versions: str, read: int, *, ignored: int, superseded: int
) -> dict[str, int]:
    """The four counts of a file; raises `AccountingError` unless they add up to the rows read."""
    quarantined = store.number(
        f"SELECT count(*) FROM {versions} WHERE file_id = ? AND reason IS NOT NULL", [file_id]
    )
    held = store.number(f"SELECT count(*) FROM {versions} WHERE file_id = ?", [file_id])
    counts = {
        "accepted": held - quarantined - superseded,
        "superseded": superseded,
        "quarantined": quarantined,
        "ignored": ignored,
    }
    if held + ignored != read or min(counts.values()) < 0:
        message = (
            f"file {file_id}: {read} rows read, {held} held and {ignored} copies; "
            "nothing is published; keep the store and report this"
        )
        raise AccountingError(message)
    return counts
