"""What was committed, written outside the database: the witness when the database forgets."""

import json
import os
from pathlib import Path
from typing import Final

from flows.errors import StoreError
from flows.store import Store

_NAME: Final = "journal.jsonl"
_COLUMNS: Final = (
    "file_id",
    "source",
    "name",
    "table_name",
    "sha256",
    "received_at",
    "rows",
    "accepted",
    "superseded",
    "quarantined",
    "ignored",
)


def witness(folder: Path, store: Store) -> None:
    """Append the ledger rows that the journal does not have yet, and make them last."""
    known = {entry["file_id"] for entry in _entries(folder)}
    rows = store.rows(
        f"SELECT {', '.join(_COLUMNS)} FROM files WHERE problem IS NULL ORDER BY file_id"
    )
    lines = [
        json.dumps(dict(zip(_COLUMNS, row, strict=True)), default=str)
        for row in rows
        if row[0] not in known
    ]
    if not lines:
        return
    handle = os.open(folder / _NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as journal:
        journal.write("".join(line + "\n" for line in lines))
        journal.flush()
        os.fsync(journal.fileno())


def compare(folder: Path, store: Store) -> None:
    """Raise `StoreError` when the database lacks a file that the journal saw committed.

    By content, not by number: a file may have been read again in another shape since.
    """
    held = set(store.rows("SELECT source, table_name, sha256 FROM files"))
    for entry in _entries(folder):
        if (entry["source"], entry["table_name"], entry["sha256"]) not in held:
            message = (
                f"store: the journal saw file {entry['file_id']} ({entry['name']}) committed, "
                "the database does not hold it; put back the database that does, or start a new "
                "store and drop the files again"
            )
            raise StoreError(message)


def _entries(folder: Path) -> list[dict[str, object]]:
    path = folder / _NAME
    if not path.exists():
        return []
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            continue  # a line cut short by a kill was never promised to anybody
    return entries
