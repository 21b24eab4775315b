"""Tables of the OMOP CDM as text: their columns checked, read in batches, blanks null."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from flows.errors import FileRefusedError
from flows.sources.parquet import UNREADABLE, as_text, parquet_types
from flows.sources.tabular import check_shape, header_of

_BATCH_ROWS: Final = 250_000
_TAB: Final = "\t"


@dataclass(frozen=True, slots=True)
class Columns:
    """What is read of a table: the needed ones must be there, and one of each of `any_of`."""

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    any_of: tuple[tuple[str, ...], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that are read, by their names in the CDM."""
        return (*self.needed, *(name for names in self.any_of for name in names), *self.optional)

    def missing(self, found: list[str]) -> list[str]:
        """The columns without which the table cannot be read."""
        lost = [name for name in self.needed if name not in found]
        return lost + [names[-1] for names in self.any_of if not set(names) & set(found)]


@dataclass(frozen=True, slots=True)
class CdmTable:
    """One staged table of the CDM and the tables staged beside it."""

    path: Path
    lookups: Mapping[str, Path]
    separator: str

    def rows(self, columns: Columns) -> pl.LazyFrame:
        """The columns of the table as text, under the names of the CDM."""
        return _scanned(self.path, "", columns, self.separator, is_quoted=True)

    def lookup(self, name: str, columns: Columns) -> pl.LazyFrame:
        """The columns of a table beside it; vocabularies come with tabs and without quotes."""
        path = self.lookups[name]
        is_quoted = path.suffix == ".parquet" or len(header_of(path, _TAB)) == 1
        separator = self.separator if is_quoted else _TAB
        return _scanned(path, f"{name}: ", columns, separator, is_quoted=is_quoted)


def _scanned(
    path: Path, where: str, columns: Columns, separator: str, *, is_quoted: bool
) -> pl.LazyFrame:
    names = [name.lower() for name in header_of(path, separator)]
    _check_header(names, where, columns)
    if path.suffix == ".parquet":
        types = parquet_types(path)
        stored = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        sent = zip(types, names, strict=True)  # as the file has them, and as we read them
        told = [(own, name) for own, name in sent if name in columns.names]
        rows = stored.select(as_text(own, types[own]).alias(name) for own, name in told)
    else:
        if is_quoted:
            check_shape(path, len(names), separator)
        else:
            _check_plain(path, where, len(names))
        rows = pl.scan_csv(
            path,
            schema=dict.fromkeys(names, pl.String),
            separator=separator,
            quote_char='"' if is_quoted else None,
            has_header=False,  # a header in capitals would not match the names of the CDM
            skip_lines=1,
            raise_if_empty=False,
            glob=False,
            low_memory=True,
        )
    return rows.select(
        _cell(name) if name in names else pl.lit(None, pl.String).alias(name)
        for name in columns.names
    )


def _check_header(names: list[str], where: str, columns: Columns) -> None:
    doubled = next((name for name in columns.names if names.count(name) > 1), None)
    if doubled is not None:
        message = f"{where}line 1: column '{doubled}' is there twice; keep one"
        raise FileRefusedError(message)
    missing = columns.missing(names)
    if missing:
        # Names that we do not know are not repeated: without a header they are a patient's row.
        known = ", ".join(name for name in columns.names if name in names) or "none of ours"
        message = (
            f"{where}line 1: column '{missing[0]}' of the OMOP CDM is missing; of {len(names)} "
            f"columns known: {known}; send the table with its original header, or name its "
            "separator in the source profile"
        )
        raise FileRefusedError(message)


def _check_plain(path: Path, where: str, width: int) -> None:
    """Every line of a table without quotes as many fields as the header."""
    lines = pl.scan_csv(
        path,
        separator="\x1f",
        quote_char=None,
        has_header=False,
        schema={"line": pl.String},
        truncate_ragged_lines=True,
        row_index_name="number",
        row_index_offset=1,
        glob=False,
        low_memory=True,
    )
    fields = pl.col("line").str.count_matches(_TAB, literal=True) + 1
    odd = lines.filter(fields != width, ~pl.col("line").is_in(["", "\r"]))
    try:
        first = odd.select("number", fields=fields).head(1).collect(engine="streaming").rows()
    except pl.exceptions.PolarsError:
        message = f"{where}cannot be read as text in UTF-8; send it again"
        raise FileRefusedError(message) from None
    if first:
        number, found = first[0]
        message = (
            f"{where}line {number}: {found} fields where the header has {width}; "
            "send the table again whole"
        )
        raise FileRefusedError(message)


def _cell(name: str) -> pl.Expr:
    """A cell as sent, blank as null; ids are whole numbers, whatever printed `501.0`."""
    text = pl.col(name)
    if name.endswith("_id"):
        text = text.str.strip_chars().str.strip_suffix(".0")
    return pl.when(pl.col(name).str.strip_chars().str.len_bytes() > 0).then(text).alias(name)


def batches(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows in file order, a few hundred thousand at a time.

    Raises `FileRefusedError` without quoting what polars could not read.
    """
    try:
        # The reader's frames come in dozens of pieces, and each later step would walk them all.
        for frame in rows.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True):
            yield frame.rechunk()
    except UNREADABLE:
        message = "cannot be read as CSV in UTF-8 or as Parquet; check quotes, send it again"
        raise FileRefusedError(message) from None
