"""CSV and Parquet as frames of text: the header read first, the shape checked before a row is."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from flows.errors import FileRefusedError

_CHUNK: Final = 1 << 16  # four scans of a piece that fits the cache
_BATCH_ROWS: Final = 350_000
_NEWLINE: Final = ord("\n")
_BOM: Final = b"\xef\xbb\xbf"
_MOST_FIELD: Final = 1 << 20


def header_of(path: Path, separator: str) -> list[str]:
    """The column names of a staged file, checked for encoding, emptiness and doubles."""
    if path.suffix == ".parquet":
        return _parquet_header(path)
    with path.open("rb") as raw:
        first = raw.readline(_MOST_FIELD)
    if not first.strip():
        message = "is empty; send at least the header line"
        raise FileRefusedError(message)
    if first[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\x00" in first:
        message = "line 1: is UTF-16 or holds NUL bytes; save it as UTF-8"
        raise FileRefusedError(message)
    if b"\r" in first.rstrip(b"\r\n"):
        message = "line 1: lines end in CR alone; save it with LF or CRLF line ends"
        raise FileRefusedError(message)
    try:
        text = first.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"line 1: byte {error.start + 1} is not UTF-8; save the file as UTF-8"
        raise FileRefusedError(message) from None
    names = [name.strip() for name in next(csv.reader([text.rstrip("\r\n")], delimiter=separator))]
    doubled = [at for at, name in enumerate(names, 1) if names.count(name) > 1]
    if doubled:
        message = f"line 1: columns {doubled[0]} and {doubled[1]} have the same name; keep one"
        raise FileRefusedError(message)
    return names


def _parquet_header(path: Path) -> list[str]:
    try:
        return pl.scan_parquet(path, glob=False).collect_schema().names()
    except (pl.exceptions.PolarsError, OSError):
        message = "is not a whole Parquet file (its footer cannot be read); send it again"
        raise FileRefusedError(message) from None


def batches(path: Path, names: list[str], separator: str) -> Iterator[pl.DataFrame]:
    """All rows as text, in file order, a few hundred thousand at a time; blank cells are null."""
    if path.suffix == ".parquet":
        yield from _parquet_batches(path)
        return
    schema = dict.fromkeys(names, pl.String)
    try:
        frames = pl.scan_csv(
            path,
            schema=schema,
            separator=separator,
            has_header=True,
            glob=False,
            low_memory=True,
        ).collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True)
        yield from frames
    except pl.exceptions.PolarsError:
        _name_the_line(path, len(names), separator)
        message = "cannot be read as CSV in UTF-8; check quotes and encoding, send it again"
        raise FileRefusedError(message) from None


def _parquet_batches(path: Path) -> Iterator[pl.DataFrame]:
    try:
        frames = pl.scan_parquet(path, glob=False).collect_batches(
            chunk_size=_BATCH_ROWS, maintain_order=True
        )
        for frame in frames:
            yield frame.select(_as_text(frame, name) for name in frame.columns)
    except (pl.exceptions.PolarsError, OSError):
        message = "is a damaged or cut Parquet file; send it again"
        raise FileRefusedError(message) from None


def _as_text(frame: pl.DataFrame, name: str) -> pl.Expr:
    dtype = frame.schema[name]
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        zoned = dtype.time_zone is not None
        column = column.dt.convert_time_zone("UTC") if zoned else column
        return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.f" + ("Z" if zoned else ""))
    if dtype.is_float():
        # A number column with one gap comes as floats: 123.0 is the patient 123.
        is_whole = (pl.col(name) == pl.col(name).floor()).all()
        if frame.select(is_whole).item():
            return column.fill_nan(None).cast(pl.Int64).cast(pl.String)
        return column.fill_nan(None).cast(pl.String)
    return column.cast(pl.String)


def check_shape(path: Path, width: int, separator: str) -> None:
    """Every line as many fields as the header: counted in bytes where no quote stands.

    A short line would be filled with blanks by a lenient reader, and a blank unit or status is a
    different patient story.
    """
    separators, lines, quotes, nuls = _counted(path, f'{separator}\n"\0'.encode())
    if nuls:
        message = "holds NUL bytes; save it as UTF-8 text"
        raise FileRefusedError(message)
    is_odd = _has_odd_line(path, width, separator) if quotes else separators != lines * (width - 1)
    if is_odd:
        _name_the_line(path, width, separator)


def _counted(path: Path, wanted: bytes) -> list[int]:
    """How often each of the wanted bytes stands in a file; a last line without an end counts.

    Compared in numpy: `bytes.count` takes four times as long.
    """
    piece, is_same = np.empty(_CHUNK, np.uint8), np.empty(_CHUNK, np.bool_)
    counts = [0] * len(wanted)
    is_ended = True
    with path.open("rb", buffering=0) as raw:
        while size := raw.readinto(piece.data):
            seen, same = piece[:size], is_same[:size]
            for at, byte in enumerate(wanted):
                counts[at] += int(np.count_nonzero(np.equal(seen, byte, out=same)))
            is_ended = seen[-1] == _NEWLINE
    counts[wanted.index(_NEWLINE)] += not is_ended
    return counts


def _has_odd_line(path: Path, width: int, separator: str) -> bool:
    """Whether a line without its quoted texts has another width, or a quote that is not plain.

    3 s of CPU for 11 million lines, where reading field by field takes 12. A field of several
    lines leaves quotes open, and is left to the slow reader to judge.
    """
    mark = re.escape(separator)
    line = pl.col("line")
    bare = line.str.replace_all(r'"[^"]*"', "")
    is_odd = (
        (bare.str.count_matches(separator, literal=True) != width - 1)
        | bare.str.contains('"', literal=True)
        | line.str.contains(rf'[^"{mark}]"[^"{mark}\r]')
    )
    lines = pl.scan_csv(
        path,
        separator="\x1f",
        quote_char=None,
        has_header=False,
        schema={"line": pl.String},
        truncate_ragged_lines=True,
        glob=False,
        low_memory=True,
    ).filter(
        line.str.contains('"', literal=True)
        | (line.str.count_matches(separator, literal=True) != width - 1),
        ~line.is_in(["", "\r"]),
    )
    try:
        return bool(lines.select(is_odd.any()).collect(engine="streaming").item())
    except pl.exceptions.PolarsError:
        return True


def _name_the_line(path: Path, width: int, separator: str) -> None:
    """Read line by line to name the first that is not as wide as the header."""
    with path.open(encoding="utf-8", newline="") as text:
        reader = csv.reader(text, delimiter=separator, strict=True)
        try:
            for fields in reader:
                if len(fields) not in {0, width}:
                    message = (
                        f"line {reader.line_num}: {len(fields)} fields where the header has "
                        f"{width}; mend the line or the export's quoting"
                    )
                    raise FileRefusedError(message)
        except csv.Error as error:
            message = f"line {reader.line_num}: {error}; close the quote, send the file again"
            raise FileRefusedError(message) from None
        except UnicodeDecodeError:
            message = f"after line {reader.line_num}: not UTF-8; save the file as UTF-8"
            raise FileRefusedError(message) from None
