"""What one file may come to: a limit on rows, on the length of a cell, on what it unpacks to."""

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from flows.errors import ConfigurationError, FileRefusedError

MOST_CELL_BYTES: Final = 1 << 20
_MOST_ROWS: Final = (1 << 31) - 1  # rows are numbered in 32 bits
_MOST_RATIO: Final = 500  # an empty cell takes 16 bytes of a frame, and next to none of Parquet
_LEAST_BYTES: Final = 1 << 20


def within_limits(frames: Iterator[pl.DataFrame], size: int) -> Iterator[pl.DataFrame]:
    """The frames of text that a staged copy of `size` bytes becomes, as long as they stay sound.

    Raises `FileRefusedError` for a cell, a number of rows or a total beyond reason, and for a
    reader that fails: one file never stops the night.
    """
    most = max(size, _LEAST_BYTES) * _MOST_RATIO
    rows = total = 0
    while (frame := _next(frames)) is not None:
        _refuse_long(frame, rows)
        rows += frame.height
        total += int(frame.estimated_size())
        if rows > _MOST_ROWS:
            message = f"holds more than {_MOST_ROWS} rows; split it"
            raise FileRefusedError(message)
        if total > most:
            message = (
                f"unpacks to more than {most} bytes by row {rows}, {_MOST_RATIO} times its size; "
                "split it or send it as CSV"
            )
            raise FileRefusedError(message)
        yield frame


def _next(frames: Iterator[pl.DataFrame]) -> pl.DataFrame | None:
    try:
        return next(frames, None)
    except (FileRefusedError, ConfigurationError):
        raise
    except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 - one file never stops the night
        raise FileRefusedError(unforeseen(error)) from None


def unforeseen(error: BaseException) -> str:
    """Of what nobody foresaw only the kind and the place: its text may quote a row."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    return (
        f"cannot be read (unexpected {type(error).__name__} at {where}); check that it was sent "
        "whole, send it again, and report this line"
    )


def _refuse_long(frame: pl.DataFrame, before: int) -> None:
    longest = frame.select(pl.col(pl.String).str.len_bytes().max())
    for name, length in longest.row(0, named=True).items():
        if (length or 0) > MOST_CELL_BYTES:
            at = int(frame.get_column(name).str.len_bytes().arg_max() or 0)
            message = (
                f"row {before + at + 1}: its {name} is longer than {MOST_CELL_BYTES} bytes; send "
                "shorter cells"
            )
            raise FileRefusedError(message)
