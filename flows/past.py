"""The store as it was known then: its tables shadowed by temporary ones of the same names.

DuckDB resolves a bare name among the temporary tables first, so that every query reads the past
unchanged. Nothing inside reaches the real tables: views refuse to be written to, and what is
written to a temporary table is gone with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flows.memory import carry_runs
from flows.night import Night
from flows.profile import load_profiles
from flows.rejudging import is_read_otherwise, note_profiles
from flows.schema import CONTESTED
from flows.store import Store

# Everything that was ever received, for who asks under another policy and not of another time.
FOREVER: Final = datetime(9999, 12, 31)  # noqa: DTZ001 - instants are naive UTC in the store


@dataclass(frozen=True, slots=True)
class Past:
    """What was received up to an instant (naive UTC), or up to the last file, sheet and answer.

    Numbers are given in the order in which things came, and no clock moves them: where they are
    given the instant counts for what has none (holds), and for all only if it was asked for
    (`is_asked`). `before_run` leaves out that run and later ones. A file that was read again in
    another shape is known since it was first read.
    """

    received_by: datetime
    is_asked: bool = True
    newest_file: int | None = None
    newest_sheet: int | None = None
    newest_answer: int | None = None
    before_run: int | None = None


def past_of_run(store: Store, run_id: int) -> Past:
    """What a run knew when it began to judge."""
    ((received, is_asked, *newest),) = store.rows(
        "SELECT coalesce(received_by, received_at), received_by IS NOT NULL, newest_file, "
        "newest_sheet, newest_answer FROM runs WHERE run_id = ?",
        [run_id],
    )
    file, sheet, answer = (None if number is None else int(str(number)) for number in newest)
    return Past(
        datetime.fromisoformat(str(received)),
        is_asked=bool(is_asked),
        newest_file=file,
        newest_sheet=sheet,
        newest_answer=answer,
        before_run=run_id,
    )


@contextmanager
def as_known(store: Store, night: Night, past: Past, *, keeps_runs: bool = False) -> Iterator[None]:
    """Let every query of the block read what was known then.

    Rows that the night's profiles or policy read otherwise than the store does are judged again,
    inside the block alone. With `keeps_runs` the runs that the block adds are the store's at its
    end; nothing else of it is.
    """
    profiles = load_profiles(night.home / "sources", night.settings.timezone)
    is_otherwise = is_read_otherwise(store, night, profiles)
    ((real,),) = store.rows("SELECT current_database()")
    shadows = _Shadows(store, f"{real}.main", past)
    try:
        shadows.cast(as_tables=is_otherwise)
        if is_otherwise:
            note_profiles(store, night, profiles)
            shadows.forget_rejudging()
        newest = store.number("SELECT max(run_id) FROM runs")
        yield
        if keeps_runs:
            carry_runs(store, f"{real}.main", newest)
    finally:
        shadows.lift()


class _Shadows:
    """The temporary tables and views over the tables of a schema `real`."""

    def __init__(self, store: Store, real: str, past: Past) -> None:
        self._store, self._real, self._past = store, real, past
        self._cast: dict[str, str] = {}

    def cast(self, *, as_tables: bool) -> None:
        """Shadow every table; those of versions by views, unless they will be written to."""
        columns: dict[str, set[str]] = {}
        for table, column in self._store.rows(
            "SELECT table_name, column_name FROM duckdb_columns() "
            "WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal"
        ):
            columns.setdefault(str(table), set()).add(str(column))
        past = self._past
        first_read = "coalesce(first_file_id, file_id)"
        last_run = None if past.before_run is None else past.before_run - 1
        self._table("files", self._up_to("files", first_read, past.newest_file))
        self._table("runs", self._up_to("runs", "run_id", last_run))
        for table in sorted(columns.keys() - {"files", "runs", "contested", "holds"}):
            if "file_id" in columns[table] or table == "wordings":
                self._versions(table, columns[table], as_table=as_tables)
            else:
                self._table(table, self._of_then(table, columns[table]))
        self._holds()
        self._contested()

    def _of_then(self, table: str, columns: set[str]) -> str:
        if "run_id" in columns:
            return f"FROM {self._real}.{table} WHERE run_id IN (SELECT run_id FROM runs)"
        if table == "sheets":
            return self._up_to(table, "sheet_id", self._past.newest_sheet)
        if table == "dispositions":
            return self._up_to(table, "disposition_id", self._past.newest_answer)
        if "received_at" in columns:
            return f"FROM {self._real}.{table} WHERE {self._came('received_at')}"
        return f"FROM {self._real}.{table}"

    def _up_to(self, table: str, number: str, newest: int | None) -> str:
        """Rows by their number where it is known, by their receipt where it is not or was asked."""
        is_timed = self._past.is_asked or newest is None
        parts = [self._came("received_at")] if is_timed else []
        parts += [] if newest is None else [f"{number} <= {newest}"]
        return f"FROM {self._real}.{table} WHERE {' AND '.join(parts)}"

    def _came(self, column: str) -> str:
        """Whether something was received by then; what says no time was always there."""
        return f"coalesce({column} <= TIMESTAMP '{self._past.received_by}', true)"

    def _versions(self, table: str, columns: set[str], *, as_table: bool) -> None:
        """Rows of the known files: mostly all up to a number, by which the table can skip."""
        known = ""
        if "file_id" in columns:
            newest = self._store.number("SELECT coalesce(max(file_id), 0) FROM files")
            later = self._store.rows(
                f"SELECT file_id FROM {self._real}.files WHERE file_id < ? "
                "AND file_id NOT IN (SELECT file_id FROM files)",
                [newest],
            )
            known = f"WHERE file_id <= {newest}"
            if later:
                known += f" AND file_id NOT IN ({', '.join(str(each) for (each,) in later)})"
        if as_table:
            self._table(table, f"FROM {self._real}.{table} {known}")
            return
        self._store.run(
            f"CREATE TEMP VIEW {table} AS SELECT v.*, v.rowid FROM {self._real}.{table} v {known}"
        )
        self._cast[table] = "VIEW"

    def _holds(self) -> None:
        """Holds as they stood: written by then, of the files that were there, not yet released."""
        self._table(
            "holds",
            "SELECT * REPLACE (list_sort(list_intersect(files, "
            "(SELECT coalesce(list(sha256), []) FROM files))) AS files, "
            f"CASE WHEN {self._came('released_at')} THEN released_at END AS released_at, "
            f"CASE WHEN {self._came('released_at')} THEN released_by END AS released_by) "
            f"FROM {self._real}.holds WHERE {self._came('coalesce(held_at, received_to)')}",
        )

    def _contested(self) -> None:
        known = "(source, key_hash) IN (SELECT (source, key_hash) FROM "
        self._table("contested", CONTESTED.format(where=f"WHERE {known}{self._real}.contested)"))

    def _table(self, name: str, select: str) -> None:
        self._store.run(f"CREATE OR REPLACE TEMP TABLE {name} AS {select}")
        self._cast[name] = "TABLE"

    def forget_rejudging(self) -> None:
        """Take back what the ledger says of a judging that nobody of then has seen."""
        self._table("rejudged", self._of_then("rejudged", {"received_at"}))
        self._store.run(
            f"UPDATE files SET reclassed = r.reclassed FROM {self._real}.files r "
            "WHERE r.file_id = files.file_id"
        )

    def lift(self) -> None:
        """Let names mean the real tables again."""
        for name, kind in self._cast.items():
            self._store.run(f"DROP {kind} IF EXISTS temp.main.{name}")
