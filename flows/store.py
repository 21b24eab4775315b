"""The one door to DuckDB: a private database, one writer under a lock."""

# Annotations stay text: polars never lets go of what streamed it a frame, and DuckDB's types,
# if anything still names them at the end, leave a page of leak warnings on the terminal.
from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import duckdb
import polars as pl

from flows.errors import ConfigurationError, LockedError, StoreError
from flows.schema import (
    CANONICAL,
    CONTESTED,
    VERSION,
    added,
    key_hash,
    row_hash,
    statements,
    versions_of,
)
from flows.settings import Settings

_PRIVATE: Final = 0o700
_DATABASE: Final = "warehouse.duckdb"


class _Streamable(Protocol):
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


class _Stream:
    """A frame or a relation as nothing but an Arrow stream, so that pyarrow is not needed."""

    def __init__(self, rows: _Streamable) -> None:
        self._rows = rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)


class Store:
    """An open warehouse; frames go in and out by name, values are bound."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def run(self, sql: str, values: list[object] | None = None) -> None:
        """Run a statement for its effect."""
        self._connection.execute(sql, values)

    def rows(self, sql: str, values: list[object] | None = None) -> list[tuple[object, ...]]:
        """All rows of a query."""
        return self._connection.execute(sql, values).fetchall()

    def number(self, sql: str, values: list[object] | None = None) -> int:
        """The single number that a query gives."""
        ((found,),) = self.rows(sql, values)
        return int(str(found or 0))

    def frame(self, sql: str, values: list[object] | None = None) -> pl.DataFrame:
        """A query's answer as a polars frame."""
        return pl.DataFrame(_Stream(self._connection.sql(sql, params=values)))

    def load(self, table: str, frame: pl.DataFrame) -> None:
        """Append a frame to a table, by column name."""
        columns = ", ".join(frame.columns)
        with self.lent(frame) as name:
            self.run(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {name}")

    @contextmanager
    def lent(self, frame: pl.DataFrame, name: str = "lent_frame") -> Iterator[str]:
        """Make a frame visible to SQL under a name, for as long as the block lasts."""
        self._connection.register(name, _Stream(frame))
        try:
            yield name
        finally:
            self._connection.unregister(name)

    @contextmanager
    def attached(self, path: Path, name: str) -> Iterator[None]:
        """Make another database visible to SQL under a name, to be read while the block lasts.

        Raises `StoreError` when it cannot be read.
        """
        quoted = str(path).replace("'", "''")
        try:
            self.run(f"ATTACH '{quoted}' AS {name} (READ_ONLY)")
            try:
                yield
            finally:
                self.run(f"DETACH {name}")
        except duckdb.Error as error:
            message = f"{path.name} cannot be read ({type(error).__name__})"
            raise StoreError(message) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block, or nothing of it."""
        self.run("BEGIN")
        try:
            yield
        except BaseException:
            self.run("ROLLBACK")
            raise
        self.run("COMMIT")


def has_store(folder: Path) -> bool:
    """Whether a store was ever made there."""
    return (folder / _DATABASE).exists()


@contextmanager
def open_store(folder: Path, settings: Settings) -> Iterator[Store]:
    """The store in `folder`, made when absent, held under a lock until the block ends.

    Raises `LockedError` when another run holds it, `ConfigurationError` when its mode is wider
    than 0700, `StoreError` when it cannot be opened.
    """
    private_folder(folder)
    with _locked(folder):
        spill = folder / "spill"
        _sweep(spill)
        path = folder / _DATABASE
        is_new = not path.exists()
        try:
            connection = duckdb.connect(str(path), config=_config(settings, spill))
        except duckdb.Error as error:
            kind = type(error).__name__
            message = f"store/{_DATABASE} cannot be opened ({kind}); put the last good copy back"
            raise StoreError(message) from None
        try:
            store = Store(connection)
            _lock_down(store, folder)
            if is_new:
                path.chmod(0o600)
                for statement in statements():
                    store.run(statement)
            _check_version(store)
            for statement in added():
                store.run(statement)
            _hash_again(store)
            yield store
        except duckdb.Error as error:
            # DuckDB's own text may quote a value.
            kind = type(error).__name__
            message = f"store: DuckDB failed with {kind}; look at the disk, then run again"
            raise StoreError(message) from None
        finally:
            connection.close()


def _config(settings: Settings, spill: Path) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "threads": settings.threads,
        "memory_limit": f"{settings.memory_limit_mb}MB",
        "temp_directory": str(spill),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
        "preserve_insertion_order": "false",
        # Tonight's database is written in a dozen pieces: 16 MB would check each of them in.
        "checkpoint_threshold": "256MB",
        # Blocks given back to the system are asked for again at once, each page zeroed anew.
        "block_allocator_memory": f"{settings.memory_limit_mb // 2}MB",
    }


def _lock_down(store: Store, folder: Path) -> None:
    """Reach nothing but our own folders; the order matters and cannot be undone."""
    allowed = [str(folder), str(folder.parent / "published")]
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in allowed)
    store.run("SET TimeZone = 'UTC'")
    store.run(f"SET allowed_directories = [{listed}]")
    store.run("SET enable_external_access = false")
    store.run("SET lock_configuration = true")


def _check_version(store: Store) -> None:
    found = store.rows("SELECT value FROM meta WHERE key = 'schema'")
    if found != [(str(VERSION),)]:
        message = (
            f"store: schema {found} is not {VERSION}; use the hypomag that wrote it, or move "
            "store/ away: a new one reads the inbox again"
        )
        raise StoreError(message)


def _hash_again(store: Store) -> None:
    """DuckDB's hash may change with its version: a store that an older one wrote is hashed anew."""
    if store.rows("SELECT value = version() FROM meta WHERE key = 'hashed_by'") == [(True,)]:
        return
    with store.transaction():
        for table in CANONICAL:
            store.run(
                f"UPDATE {versions_of(table)} v "
                f"SET key_hash = {key_hash(table)}, row_hash = {row_hash(table)}"
            )
        store.run("DELETE FROM contested")
        store.run(f"INSERT INTO contested {CONTESTED.format(where='')}")
        store.run("UPDATE meta SET value = version() WHERE key = 'hashed_by'")


def private_folder(folder: Path) -> None:
    """Make the folder when absent; raises `ConfigurationError` when its mode is wider than 0700."""
    folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    mode = folder.stat().st_mode & 0o777
    if mode != _PRIVATE:
        message = f"store/ has mode {mode:o}; patients' data wants 700: chmod 700 store"
        raise ConfigurationError(message)


def _sweep(spill: Path) -> None:
    """Spill files hold plain rows and outlive a kill: whoever holds the lock removes them."""
    spill.mkdir(mode=_PRIVATE, exist_ok=True)
    for path in spill.iterdir():
        path.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = "another run holds store/lock; wait for it to end, then run again"
            raise LockedError(message) from None
        yield
    finally:
        os.close(handle)
