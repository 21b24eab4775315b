"""Original tables of MIMIC-IV as text: their columns checked, read in batches, blanks null."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from data_contracts.columns import Table
from flows.errors import FileRefusedError
from flows.sources.tabular import check_shape, header_of

_BATCH_ROWS: Final = 250_000
_SEPARATOR: Final = ","

Items = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Original:
    """One staged table, the tables staged beside it, and the profile's choice of items."""

    path: Path
    lookups: Mapping[str, Path]
    items: Items

    def rows(self, columns: Iterable[str]) -> pl.LazyFrame:
        """The named columns of the table, and `line`, its data row from 1."""
        return _scanned(self.path, "", columns)

    def lookup(self, name: str, columns: Iterable[str]) -> pl.LazyFrame:
        """The named columns of a table beside it, and `line`."""
        return _scanned(self.lookups[name], f"{name}: ", columns)

    def chosen(self, kind: str) -> pl.DataFrame:
        """The profile's items of a kind as rows (`item`, `meaning`)."""
        items = self.items.get(kind, {})
        columns = {"item": list(items.keys()), "meaning": list(items.values())}
        return pl.DataFrame(columns, schema={"item": pl.String, "meaning": pl.String})


def _scanned(path: Path, where: str, columns: Iterable[str]) -> pl.LazyFrame:
    wanted = tuple(columns)
    names = header_of(path, _SEPARATOR)
    missing = [name for name in wanted if name not in names]
    if missing:
        message = (
            f"{where}line 1: column '{missing[0]}' of MIMIC-IV is missing; found: "
            f"{', '.join(names[:30])}; send the table with its original header"
        )
        raise FileRefusedError(message)
    # The reader of polars fills a short line with blanks; a blank unit is another patient story.
    check_shape(path, len(names), _SEPARATOR)
    rows = pl.scan_csv(
        path,
        schema=dict.fromkeys(names, pl.String),
        has_header=False,  # names padded with blanks would not match the schema
        skip_lines=1,
        raise_if_empty=False,
        glob=False,
        low_memory=True,
        row_index_name="line",
        row_index_offset=1,
    )
    return rows.select("line", *wanted)


def batches(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows in file order, a few hundred thousand at a time; blank cells are null.

    Raises `FileRefusedError` without quoting what polars could not read.
    """
    text = pl.col(pl.String)
    is_blank = text.str.strip_chars().str.len_bytes() == 0
    try:
        for frame in rows.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True):
            yield frame.with_columns(pl.when(~is_blank).then(text))
    except pl.exceptions.PolarsError:
        message = "cannot be read as CSV in UTF-8; check quotes and encoding, send it again"
        raise FileRefusedError(message) from None


def whole(rows: pl.LazyFrame) -> pl.DataFrame:
    """All rows at once, for what is small or cut down before."""
    return pl.concat([rows.clear().collect(), *batches(rows)])


def canonical(rows: pl.DataFrame, table: Table, **columns: pl.Expr) -> pl.DataFrame:
    """Exactly the columns of a canonical table, all text; those not given are null."""
    absent = pl.lit(None)
    return rows.select(
        columns.get(name, absent).cast(pl.String).alias(name) for name in table.names
    )
