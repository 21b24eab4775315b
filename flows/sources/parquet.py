"""Parquet as frames of text: types, rows and widths checked before what they hold is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl
from polars.datatypes import DataType

from flows.errors import FileRefusedError

_BATCH_ROWS: Final = 350_000
# Rows that differ in nothing but a time or an id take more than two bits each.
_MOST_ROWS_A_BYTE: Final = 4
_LEAST_BYTES: Final = 1 << 20
# From here on a type of floats skips whole numbers, and two ids become one.
_EXACT: Final[dict[type[DataType], float]] = {pl.Float32: 2.0**24, pl.Float64: 2.0**53}
_NO_TEXT: Final = (pl.List, pl.Array, pl.Struct, pl.Duration, pl.Object)
# What polars raises of a damaged file: a panic is no `Exception`.
UNREADABLE: Final = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


def parquet_types(path: Path) -> pl.Schema:
    """The columns of a staged Parquet file with their types, of a size that can be read.

    Raises `FileRefusedError` when it is cut, unpacks without bounds, or holds columns of columns.
    """
    rows, types = _footer(path)
    most = max(path.stat().st_size, _LEAST_BYTES) * _MOST_ROWS_A_BYTE
    if rows > most:
        message = f"says {rows} rows, where a file of its size has at most {most}; split it"
        raise FileRefusedError(message)
    for at, dtype in enumerate(types.dtypes(), 1):
        if isinstance(dtype, _NO_TEXT):
            kind = dtype.base_type().__name__
            message = f"column {at}: holds {kind} values; write it as text, or leave it out"
            raise FileRefusedError(message)
    return types


def _footer(path: Path) -> tuple[int, pl.Schema]:
    try:
        stored = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        return stored.select(pl.len()).collect().item(), stored.collect_schema()
    except UNREADABLE:
        message = "is not a whole Parquet file (its footer cannot be read); send it again"
        raise FileRefusedError(message) from None


def parquet_batches(path: Path) -> Iterator[pl.DataFrame]:
    """All rows as text, in file order; as many as the footer says."""
    rows, types = _footer(path)
    read = 0
    try:
        frames = pl.scan_parquet(path, glob=False, hive_partitioning=False).collect_batches(
            chunk_size=_BATCH_ROWS, maintain_order=True
        )
        for frame in frames:
            _refuse_rounded(frame, read)
            yield frame.select(as_text(name, dtype) for name, dtype in types.items())
            read += frame.height
    except UNREADABLE:
        message = (
            f"is a damaged or cut Parquet file, or its text is not UTF-8, after row {read}; "
            "send it again"
        )
        raise FileRefusedError(message) from None
    if read != rows:
        message = f"holds {read} rows where its footer says {rows}; send it again"
        raise FileRefusedError(message)


def _refuse_rounded(frame: pl.DataFrame, before: int) -> None:
    """Ids as floats are the same until they are long: then two patients are one."""
    for at, (name, dtype) in enumerate(frame.schema.items(), 1):
        if dtype.is_float():
            column = frame.get_column(name)
            is_rounded = column.is_finite() & (column.abs() >= _EXACT.get(type(dtype), 0.0))
            if is_rounded.any():
                row = before + 1 + int(is_rounded.fill_null(value=False).arg_max() or 0)
                message = (
                    f"row {row}, column {at}: a number too long for its type, which rounds it; "
                    "write the column as text"
                )
                raise FileRefusedError(message)


def as_text(name: str, dtype: DataType) -> pl.Expr:
    """A column of Parquet as CSV would say it: the shortest number, times in ISO 8601."""
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        zoned = dtype.time_zone is not None
        column = column.dt.convert_time_zone("UTC") if zoned else column
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("Z" if zoned else ""))
    if dtype.is_float():
        # A number column with one gap comes as floats: 123.0 is the patient 123.
        return column.fill_nan(None).cast(pl.String).str.strip_suffix(".0")
    if dtype.is_decimal():
        # Zeros of the scale are no digits of the value; those of a whole number are.
        text = column.cast(pl.String).str.replace(r"(\.[0-9]*?)0+$", "$1")
        return text.str.strip_suffix(".")
    return column.cast(pl.String)
