"""CSV and Parquet as frames of text: the header read first, the shape checked before a row is."""

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from flows.errors import FileRefusedError
from flows.limits import MOST_CELL_BYTES
from flows.sources.broken_lines import (
    refuse_broken_line,
    refuse_encoding,
    refuse_nul,
    refuse_stray_mark,
)
from flows.sources.parquet import parquet_batches, parquet_types

_CHUNK: Final = 1 << 16  # four scans of a piece that fits the cache
_BATCH_ROWS: Final = 350_000
_NEWLINE: Final = ord("\n")
_BOM: Final = b"\xef\xbb\xbf"
_ASCII: Final = 127
_UTF8: Final = codecs.getincrementaldecoder("utf-8")
_MARK: Final = "\ufeff"


def header_of(path: Path, separator: str) -> list[str]:
    """The column names of a staged file, checked for encoding, emptiness and doubles.

    Without blanks around them: an export may pad its names as it pads its cells.
    """
    if path.suffix == ".parquet":
        return _undoubled(parquet_types(path).names())
    with path.open("rb") as raw:
        first = raw.readline(MOST_CELL_BYTES)
    if not first.removeprefix(_BOM).strip():
        is_all = len(first) == path.stat().st_size
        what = "is empty" if is_all else "line 1: is blank"
        message = f"{what}; send at least the header line, and send it first"
        raise FileRefusedError(message)
    return names_in(first, separator)


def names_in(first: bytes, separator: str) -> list[str]:
    """The column names of a first line; raises `FileRefusedError` as `header_of` does."""
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
    try:
        (sent,) = csv.reader(
            [text.rstrip("\r\n")], delimiter=separator, strict=True, skipinitialspace=True
        )
    except csv.Error:
        message = "line 1: a quote is not closed, or a name is too long; mend the header line"
        raise FileRefusedError(message) from None
    return _undoubled(sent)


def _undoubled(header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    doubled = [at for at, name in enumerate(names, 1) if names.count(name) > 1]
    if doubled:
        message = f"line 1: columns {doubled[0]} and {doubled[1]} have the same name; keep one"
        raise FileRefusedError(message)
    return names


def batches(path: Path, names: list[str], separator: str) -> Iterator[pl.DataFrame]:
    """All rows as text, in file order, a few hundred thousand at a time; blank cells are null."""
    if path.suffix == ".parquet":
        for frame in parquet_batches(path):
            frame.columns = names  # as in the file, but for blanks around them
            yield frame
        return
    schema = dict.fromkeys(names, pl.String)
    try:
        frames = pl.scan_csv(
            path,
            schema=schema,
            separator=separator,
            has_header=False,  # names padded with blanks would not match the schema
            skip_lines=1,
            raise_if_empty=False,
            glob=False,
            low_memory=True,
        ).collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True)
        read = 0
        for frame in frames:
            _refuse_joined(frame, names, read)
            yield frame
            read += frame.height
    except pl.exceptions.PolarsError:
        refuse_broken_line(path, len(names), separator)
        refuse_stray_mark(path, separator)


def _refuse_joined(frame: pl.DataFrame, names: list[str], before: int) -> None:
    """Files put one behind the other: the second may have its columns in another order."""
    first = frame.to_series(0)
    is_mark = first.str.starts_with(_MARK)
    is_header = first.is_in(names)
    if is_header.any():
        is_header &= frame.to_series(-1).is_in(names)
    is_seam = (is_mark | is_header).fill_null(value=False)
    if is_seam.any():
        message = (
            f"row {before + 1 + int(is_seam.arg_max() or 0)}: a second file begins (a header or a "
            "byte order mark); send each file by itself"
        )
        raise FileRefusedError(message)


def check_shape(path: Path, width: int, separator: str) -> None:
    """Every line as many fields as the header: counted in bytes where no quote stands.

    A short line would be filled with blanks by a lenient reader, and a blank unit or status is a
    different patient story.
    """
    separators, lines, quotes, nuls = _counted(path, f'{separator}\n"\0'.encode())
    if nuls:
        refuse_nul(path)
    is_odd = _has_odd_line(path, width, separator) if quotes else separators != lines * (width - 1)
    if is_odd:
        refuse_broken_line(path, width, separator)


def _counted(path: Path, wanted: bytes) -> list[int]:
    """How often each of the wanted bytes stands in a file; a last line without an end counts.

    Compared in numpy: `bytes.count` takes four times as long.
    """
    piece, is_same = np.empty(_CHUNK, np.uint8), np.empty(_CHUNK, np.bool_)
    counts = [0] * len(wanted)
    line_end = wanted.index(_NEWLINE)
    is_ended, running = True, 0
    decoder = _UTF8()
    with path.open("rb", buffering=0) as raw:
        while size := raw.readinto(piece.data):
            seen, same = piece[:size], is_same[:size]
            before = counts[line_end]
            for at, byte in enumerate(wanted):
                counts[at] += int(np.count_nonzero(np.equal(seen, byte, out=same)))
            is_ended = seen[-1] == _NEWLINE
            running = running + size if counts[line_end] == before else 0
            if running > MOST_CELL_BYTES:
                message = (
                    f"line {before + 1}: is longer than {MOST_CELL_BYTES} bytes; end each row with "
                    "a line end"
                )
                raise FileRefusedError(message)
            _check_encoding(seen, decoder, path)
    counts[line_end] += not is_ended
    return counts


def _check_encoding(piece: np.ndarray, decoder: codecs.IncrementalDecoder, path: Path) -> None:
    """Readers look at what they need alone: a cell that nobody chose may hold any bytes."""
    if piece.max() > _ASCII or decoder.getstate()[0]:
        try:
            decoder.decode(piece.tobytes())
        except UnicodeDecodeError:
            refuse_encoding(path)


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
