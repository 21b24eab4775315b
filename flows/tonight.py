"""Tonight's analysts' database, grown beside the store from last night's published one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import polars as pl

from data_contracts.assessments import ASSESSMENTS
from data_contracts.columns import Table
from data_contracts.published import (
    EPISODES,
    FILES,
    HOLDS,
    NOTICES,
    OBSERVATIONS,
    PUBLISHED,
    QUARANTINE,
    RUNS,
    VIEWS,
)
from data_contracts.worklists import WORKLIST_CHANGES, WORKLIST_ITEMS
from flows.night import Night
from flows.schema import CANONICAL, as_sent, patient_column, versions_of
from flows.sql_types import sql_type
from flows.store import Store

NAME: Final = "hypomag.duckdb"


def tonight_path(night: Night) -> Path:
    """Where tonight's database is built before it is published."""
    return night.store / "tonight" / NAME


# Names are bare: a view keeps them, and finds its table in whatever the file is attached as.
_VIEWS: Final = {
    EPISODES.name: """
        WITH decided AS (
            SELECT patient_id, collected_at, magnitude, severity,
                severity IN ('severe', 'low') AS is_short,
                count(*) FILTER (WHERE severity NOT IN ('severe', 'low'))
                    OVER (PARTITION BY patient_id ORDER BY collected_at) AS ends_before
            FROM observations
            WHERE analyte = 'magnesium' AND severity IN ('severe', 'low', 'target_met', 'high')
        ), ends AS (
            SELECT patient_id, ends_before - 1 AS ends_before, collected_at AS ended_at
            FROM decided WHERE NOT is_short
        )
        SELECT patient_id, min(collected_at) AS started_at, any_value(ended_at) AS ended_at,
            count(*) AS lows, min(magnitude) AS lowest_mg_dl,
            max(collected_at) AS latest_low_at, bool_or(severity = 'severe') AS had_severe
        FROM decided LEFT JOIN ends USING (patient_id, ends_before)
        WHERE is_short GROUP BY patient_id, ends_before
    """,
}


@contextmanager
def grown(store: Store, night: Night) -> Iterator[None]:
    """Attach tonight's database as `tonight`, grown from the published one where there is one."""
    path = tonight_path(night)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    for stale in path.parent.iterdir():
        stale.unlink()
    last = night.published / "current" / NAME
    if last.exists():
        shutil.copyfile(last, path)
        path.chmod(0o600)
    # No write-ahead log: whatever is left half written is made anew from the published one.
    options = "STORAGE_VERSION 'v1.5.0', RECOVERY_MODE no_wal_writes"
    store.run(f"ATTACH '{_quoted(path)}' AS tonight ({options})")
    try:
        for table in PUBLISHED:
            store.run(_create(table))
        _add_columns(store)
        for view in VIEWS:
            store.run(f"CREATE OR REPLACE VIEW tonight.{view.name} AS {_VIEWS[view.name]}")
            _comment(store, "VIEW", view)
        yield
        store.run("CHECKPOINT tonight")
    finally:
        store.run("DETACH tonight")
    path.chmod(0o600)


def _add_columns(store: Store) -> None:
    """Give tables that an older hypomag published the columns that came since; nulls in them."""
    held = set(
        store.rows(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'tonight'"
        )
    )
    for table in PUBLISHED:
        for column in table.columns:
            if (table.name, column.name) not in held:
                kind = sql_type(column.dtype)
                store.run(f"ALTER TABLE tonight.{table.name} ADD COLUMN {column.name} {kind}")


def comment_on(store: Store) -> None:
    """A COMMENT on every published table and its columns, from the contracts."""
    for table in PUBLISHED:
        _comment(store, "TABLE", table)


def _comment(store: Store, kind: str, table: Table) -> None:
    store.run(f"COMMENT ON {kind} tonight.{table.name} IS '{_text(table.comment)}'")
    for column in table.columns:
        store.run(
            f"COMMENT ON COLUMN tonight.{table.name}.{column.name} IS '{_text(column.comment)}'"
        )


def clear_night(store: Store, night: Night) -> None:
    """Take out what an earlier run of the same night wrote."""
    for table in (ASSESSMENTS, WORKLIST_ITEMS, WORKLIST_CHANGES, NOTICES, RUNS, HOLDS):
        store.run(f"DELETE FROM tonight.{table.name} WHERE night = ?", [night.date])


def append(store: Store, table: Table, frame: pl.DataFrame) -> None:
    """Append rows of a contract, in its columns and order."""
    store.load(f"tonight.{table.name}", frame.select(table.names))


def append_observations(store: Store, results: pl.DataFrame, night: Night) -> None:
    """Append the counted standing results of touched persons that lie in the window."""
    touched = store.frame("SELECT person_id FROM touched")
    in_window = pl.col("collected_at") >= pl.lit(night.window_start)
    rows = results.join(touched, on="person_id", how="semi").select(
        patient_id="person_id",
        source="source",
        observation_id="observation_id",
        analyte="analyte",
        code="loinc",
        collected_at="collected_time",
        reported_at="reported_time",
        value="value",
        unit="unit",
        comparator="comparator",
        magnitude="magnitude",
        severity=pl.col("severity").cast(pl.String),
        is_provisional=pl.col("status_kind") == "provisional",
    )
    append(store, OBSERVATIONS, rows.filter(in_window))


def append_ledger(store: Store, night: Night, *, since: int) -> None:
    """Renew the ledger; add the refused rows of files after `since`, renew tonight's."""
    ledger = ", ".join("path" if name == "file" else name for name in FILES.names)
    store.run(f"DELETE FROM tonight.{FILES.name}")
    store.run(
        f"INSERT INTO tonight.{FILES.name} SELECT {ledger} FROM files "
        "ORDER BY night, source, path, table_name"
    )
    # A file of an earlier night that was read again since has another number, and its old name.
    store.run(
        "CREATE OR REPLACE TEMP TABLE renewed AS SELECT file_id, night, name, table_name "
        "FROM files WHERE night = ? OR ? = 0 OR (night, name, table_name) IN "
        "(SELECT (night, name, table_name) FROM files WHERE file_id > ?)",
        [night.date, since, since],
    )
    store.run(
        f"DELETE FROM tonight.{QUARANTINE.name} WHERE night = ? OR ? = 0 OR "
        "(night, file, table_name) IN (SELECT (night, name, table_name) FROM renewed)",
        [night.date, since],
    )
    parts = " UNION ALL ".join(_refused_of(table) for table in CANONICAL)
    store.run(
        f"INSERT INTO tonight.{QUARANTINE.name} SELECT {', '.join(QUARANTINE.names)} "
        f"FROM ({parts}) WHERE file_id IN (SELECT file_id FROM renewed) "
        "ORDER BY night, file, table_name, row, raw"
    )


def _refused_of(table: str) -> str:
    """The SQL of a table's quarantined rows, with the row as sent in JSON."""
    raw = ", ".join(f"{name} := {as_sent(table, name)}" for name in CANONICAL[table].names)
    joins, observation = "", "NULL"
    if table == "observations":
        joins, observation = "JOIN wordings w USING (wording_id)", "v.observation_id"
    return (
        f"SELECT f.file_id, f.night, f.name AS file, v.row::BIGINT AS row, "
        f"'{table}' AS table_name, "
        f"{observation}::VARCHAR AS observation_id, "
        f"v.{patient_column(table)} AS patient_id, v.reason, "
        f"to_json(struct_pack({raw}))::VARCHAR AS raw FROM {versions_of(table)} v {joins} "
        "JOIN files f USING (file_id) WHERE v.reason IS NOT NULL"
    )


def _create(table: Table) -> str:
    # Identifiers do not repeat within a night: compressing them costs more than it saves.
    loose = {"patient_id", "observation_id"}
    columns = ", ".join(
        f"{column.name} {sql_type(column.dtype)}"
        + (" USING COMPRESSION uncompressed" if column.name in loose else "")
        for column in table.columns
    )
    return f"CREATE TABLE IF NOT EXISTS tonight.{table.name} ({columns})"


def _text(comment: str) -> str:
    return comment.replace("'", "''")


def _quoted(path: Path) -> str:
    return os.fspath(path).replace("'", "''")
