"""One dropped file into the store: judged, counted, and all or nothing."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from data_contracts.gate import hold_to, sift
from data_contracts.observations import JUDGED, WORDING
from flows.errors import AccountingError
from flows.night import Night
from flows.profile import Profile
from flows.schema import (
    JUDGED_OBSERVATION,
    KEYS,
    RAW,
    VERSION_KEY,
    WRITTEN,
    judged_columns,
    versions_of,
)
from flows.store import Store
from hypomag_rules.reading import judge_rows, wording_key
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
        self._known = known.with_columns(key=wording_key())
        self._next = store.number("SELECT coalesce(max(wording_id), 0) + 1 FROM wordings")

    def join(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the judged wording of each, new wordings stored on the way."""
        keyed = rows.with_columns(key=wording_key())
        fresh = keyed.select("key", *WORDING).unique("key").join(self._known, on="key", how="anti")
        if fresh.height:
            self._learn(fresh.sort("key"))
        judged = self._known.drop("source", *WORDING)
        return keyed.join(judged, on="key", how="left", maintain_order="left").drop("key")

    def _learn(self, fresh: pl.DataFrame) -> None:
        judged = judge_wordings(
            fresh.select(WORDING), self._profile.reading, self._night.policy
        ).with_columns(
            wording_id=pl.int_range(self._next, self._next + fresh.height, dtype=pl.Int32),
            source=pl.lit(self._profile.name),
        )
        self._next += fresh.height
        self._store.load("wordings", judged)
        known = judged.with_columns(key=wording_key()).select(self._known.columns)
        self._known = pl.concat([self._known, known], how="vertical_relaxed")


def append_rows(
    store: Store, night: Night, profile: Profile, file_id: int, table: str, frames: Iterator[pl.DataFrame]
) -> int:
    """Judge and append all rows of a file; returns how many were read."""
    wordings = Wordings(store, profile, night) if table == "observations" else None
    read = 0
    for frame in frames:
        numbered = frame.with_columns(
            row=pl.int_range(read + 1, read + 1 + frame.height, dtype=pl.Int32),
            file_id=pl.lit(file_id, pl.Int32),
            source=pl.lit(profile.name),
        )
        read += frame.height
        if wordings is not None:
            _append_observations(store, wordings.join(numbered), profile, night)
        else:
            judged = _JUDGES[table](numbered, profile.reading)
            columns = (
                "file_id",
                "row",
                "source",
                *RAW[table],
                *judged_columns(table),
                "reason",
            )
            store.load(versions_of(table), judged.select(columns))
    return read


def _append_observations(store: Store, rows: pl.DataFrame, profile: Profile, night: Night) -> None:
    latest: datetime = max(night.as_of, night.received_at)
    judged = judge_rows(rows, profile.reading, night.policy, latest)
    kept = sift(judged.filter(pl.col("analyte").is_not_null())).kept.filter(
        pl.col("status_kind").is_in(["final", "provisional"]),
        ~(pl.col("is_update") & pl.col("value").is_null()),
    )
    hold_to(
        JUDGED,
        kept.select(
            "patient_id", "analyte", "magnitude", pl.col("collected_time").alias("collected_at")
        ),
    )
    columns = (
        "file_id",
        "row",
        "source",
        *RAW["observations"],
        *JUDGED_OBSERVATION,
        "reason",
    )
    with store.lent(judged.select(*columns, pl.coalesce("loinc", pl.lit("")).alias("loinc_key"))) as lent:
        names = ", ".join(columns)
        store.run(
            f"INSERT INTO observation_versions ({names}, version_key) "  # noqa: S608 - constants
            f"SELECT {names}, {VERSION_KEY} FROM {lent}"
        )


def settle(store: Store, file_id: int, table: str, read: int) -> dict[str, int]:
    """Tell copies and superseded rows of a file; returns its four counts, which add up to `read`.

    Copies are removed: every known column equals that of a row received before. Keys that are
    left with more than one version are remembered as contested. Raises `AccountingError`.
    """
    versions, key = versions_of(table), KEYS[table]
    names = ", ".join(("source", *key))
    same = " AND ".join(f"v.{name} IS NOT DISTINCT FROM s.{name}" for name in ("source", *key))
    store.run(
        f"CREATE OR REPLACE TEMP TABLE mine AS SELECT {names}, count(*) AS times "
        f"FROM {versions} WHERE file_id = ? GROUP BY ALL",
        [file_id],
    )
    store.run(
        f"CREATE OR REPLACE TEMP TABLE suspects AS "
        f"SELECT {names} FROM mine WHERE times > 1 UNION "
        f"SELECT {names} FROM mine s WHERE EXISTS (SELECT 1 FROM {versions} v "
        f"WHERE v.file_id < ? AND {same})",
        [file_id],
    )
    raw = ", ".join(RAW[table])
    order = f"{WRITTEN[table]} DESC NULLS LAST, file_id DESC, row DESC"
    partition = f"PARTITION BY {names}"
    store.run(
        f"CREATE OR REPLACE TEMP TABLE settled AS SELECT file_id, row, reason, {names}, "
        f"row_number() OVER (PARTITION BY source, {raw} ORDER BY file_id, row) > 1 AS is_copy "
        f", {WRITTEN[table]} AS written FROM {versions} v SEMI JOIN suspects s ON {same}"
    )
    store.run(
        f"DELETE FROM {versions} WHERE file_id = ? AND row IN "
        "(SELECT row FROM settled WHERE is_copy AND file_id = ?)",
        [file_id, file_id],
    )
    ignored = store.number(
        "SELECT count(*) FROM settled WHERE is_copy AND file_id = ?", [file_id]
    )
    quarantined = store.number(
        f"SELECT count(*) FROM {versions} WHERE file_id = ? AND reason IS NOT NULL", [file_id]
    )
    superseded = store.number(
        f"SELECT count(*) FROM (SELECT file_id, reason, row_number() OVER ({partition} ORDER BY "
        f"{order.replace(WRITTEN[table], 'written')}) AS place FROM settled WHERE NOT is_copy) "
        "WHERE place > 1 AND file_id = ? AND reason IS NULL",
        [file_id],
    )
    if table == "observations":
        store.run(
            "INSERT INTO contested SELECT source, patient_id, version_key FROM settled "
            "WHERE NOT is_copy AND patient_id IS NOT NULL GROUP BY ALL HAVING count(*) > 1 "
            "EXCEPT SELECT source, patient_id, version_key FROM contested"
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


def profile_digest(store: Store, source: str) -> str | None:
    """The digest of the profile under which a source's rows were last judged."""
    rows = store.rows("SELECT digest FROM profiles WHERE source = ?", [source])
    return str(rows[0][0]) if rows else None


def staging(night: Night) -> Path:
    """Where private copies lie while they are read."""
    return night.store / "staging"
