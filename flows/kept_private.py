"""What an analysis leaves behind for its owner alone: it names patients."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
from polars import selectors

from flows.errors import PublishError
from flows.exports.worklist_csv import inert, write_table


def keep(folder: Path, tables: Mapping[str, pl.DataFrame], pages: Mapping[str, str]) -> None:
    """Write tables as `NAME.csv` and pages into a folder of mode 0700, each file of mode 0600.

    What stood there under the same names is replaced. Raises `PublishError`.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, table in tables.items():
            path = _private(folder / f"{name}.csv")
            write_table(_plain(table), path)
        for name, page in pages.items():
            _private(folder / name).write_text(page, encoding="utf-8")
    except OSError as error:
        message = f"{folder.name}/ cannot be written ({error.strerror}); name another with --out"
        raise PublishError(message) from None


def _private(path: Path) -> Path:
    path.touch(mode=0o600)
    path.chmod(0o600)
    return path


def _plain(table: pl.DataFrame) -> pl.DataFrame:
    """Instants as UTC with a Z, text that a spreadsheet would run behind a quote."""
    instants = selectors.datetime().dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return table.with_columns(instants, inert(selectors.string()))
