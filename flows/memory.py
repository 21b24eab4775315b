"""What each run said and what it rested on, kept in the store.

The next night compares itself with the last published run; a replay rebuilds any of them. Runs are
only ever added: a night that is published again leaves what it said before.
"""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

from data_contracts.worklists import WORKLIST_ITEMS
from flows.night import Night
from flows.settings import FILE
from flows.store import Store
from flows.version import VERSION, rules_digest

SOURCES: Final = "sources"
_ITEM: Final = ", ".join(name for name in WORKLIST_ITEMS.names if name != "night")
# The last published run of the last date before a night.
_PREVIOUS: Final = (
    "SELECT run_id, night, as_of AS was_as_of, newest_file FROM runs "
    "WHERE is_published AND night < ? ORDER BY night DESC, run_id DESC LIMIT 1"
)

_RUN: Final = """
SELECT ? AS run_id, ? AS night, ? AS as_of, ? AS received_at, ? AS received_by,
    (SELECT coalesce(max(file_id), 0) FROM files) AS newest_file,
    (SELECT coalesce(max(sheet_id), 0) FROM sheets) AS newest_sheet,
    (SELECT coalesce(max(disposition_id), 0) FROM dispositions) AS newest_answer,
    ? AS policy_id, ? AS policy,
    map_from_entries(?::STRUCT(k VARCHAR, v VARCHAR)[]) AS profiles, ? AS settings,
    ? AS version, ? AS rules, false AS is_published
"""


def previous_run(store: Store, night: Night) -> tuple[datetime, int] | None:
    """The instant (naive UTC) and newest file of the last published night of an earlier date."""
    for as_of, newest_file in store.rows(
        f"SELECT was_as_of, newest_file FROM ({_PREVIOUS})", [night.date]
    ):
        return datetime.fromisoformat(str(as_of)), int(str(newest_file))
    return None


def previous_items(store: Store, night: Night) -> pl.DataFrame:
    """What the last published night of an earlier date said, `is_hidden` or not."""
    return store.frame(
        f"SELECT night, was_as_of, {_ITEM}, is_hidden FROM run_items "
        f"JOIN ({_PREVIOUS}) USING (run_id) ORDER BY worklist, rank",
        [night.date],
    )


def remember(store: Store, night: Night, items: pl.DataFrame) -> None:
    """Keep a run: its items (with `is_hidden`), policy, profiles, settings, what was read by it.

    A run of the same night that was never published is forgotten.
    """
    profiles = {path.stem: path for path in sorted((night.home / SOURCES).glob("*.toml"))}
    settings = {
        "hospital": night.settings.hospital,
        "timezone": night.settings.timezone,
        "has_file": (night.home / FILE).exists(),
    }
    with store.transaction():
        stale = "SELECT run_id FROM runs WHERE night = ? AND NOT is_published"
        store.run(f"DELETE FROM run_items WHERE run_id IN ({stale})", [night.date])
        store.run("DELETE FROM runs WHERE night = ? AND NOT is_published", [night.date])
        run = store.number("SELECT coalesce(max(run_id), 0) + 1 FROM runs")
        store.run(
            f"INSERT INTO runs BY NAME {_RUN}",
            [
                run,
                night.date,
                night.naive_as_of,
                night.received_at.replace(tzinfo=None),
                night.received_by and night.received_by.replace(tzinfo=None),
                night.policy.id,
                _keep(store, night.policy_text),
                [{"k": name, "v": _keep(store, _text(path))} for name, path in profiles.items()],
                json.dumps(settings, sort_keys=True),
                VERSION,
                rules_digest(),
            ],
        )
        store.load("run_items", items.drop("night").with_columns(run_id=pl.lit(run)))


def mark_published(store: Store, night: Night, manifest: str) -> None:
    """Say that the run of this night is what readers see, under a manifest of this hash."""
    store.run(
        "UPDATE runs SET is_published = true, manifest = ? WHERE night = ? AND as_of = ? "
        "AND run_id = (SELECT max(run_id) FROM runs WHERE night = ?)",
        [manifest, night.date, night.naive_as_of, night.date],
    )


def run_items(store: Store, run_id: int) -> pl.DataFrame:
    """All items of a run, the hidden ones included."""
    return store.frame(
        f"SELECT {_ITEM}, is_hidden FROM run_items WHERE run_id = ? ORDER BY worklist, rank",
        [run_id],
    )


def last_runs(store: Store, nights: int) -> list[int]:
    """The last published run of each of the last nights, oldest first."""
    runs = store.rows(
        "SELECT max(run_id) FROM runs WHERE is_published GROUP BY night "
        "ORDER BY night DESC LIMIT ?",
        [nights],
    )
    return [int(str(run_id)) for (run_id,) in reversed(runs)]


def carry_runs(store: Store, real: str, newest: int) -> None:
    """Keep in the schema `real` the runs after `newest` of tables that shadow its own."""
    added = f"run_id > {newest}"
    with store.transaction():
        stale = (
            f"SELECT run_id FROM {real}.runs WHERE NOT is_published "
            f"AND night IN (SELECT night FROM runs WHERE {added})"
        )
        store.run(f"DELETE FROM {real}.run_items WHERE run_id IN ({stale})")
        store.run(f"DELETE FROM {real}.runs WHERE run_id IN ({stale})")
        last = store.number(f"SELECT coalesce(max(run_id), 0) FROM {real}.runs")
        for table in ("runs", "run_items"):
            store.run(
                f"INSERT INTO {real}.{table} BY NAME SELECT * "
                f"REPLACE (run_id - {newest} + {last} AS run_id) FROM {table} WHERE {added}"
            )
        store.run(
            f"INSERT INTO {real}.texts FROM texts "
            f"WHERE sha256 NOT IN (SELECT sha256 FROM {real}.texts)"
        )


def _keep(store: Store, text: str) -> str:
    """Keep a text under its hash; returns the hash."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    store.run(
        "INSERT INTO texts SELECT ?, ? WHERE ? NOT IN (SELECT sha256 FROM texts)",
        [digest, text, digest],
    )
    return digest


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
