"""NDJSON of FHIR as frames: read in pieces, decoded by an explicit schema, refused with its line.

Every decimal keeps its digits: a parser makes 1.1 of 1.10 and 100 of 1e2, and so the numbers that
are read are quoted before they are parsed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

import polars as pl

from flows.errors import FileRefusedError
from flows.sources.fhir_elements import NUMBER_TEXT, Decoded, Resource, dtype_of
from flows.sources.fhir_shapes import Shapes, other_resource, refuse

# A piece that fits the cache is parsed in half the time: 27,000 lines at once 0.35 s, so 0.17.
_PIECE_BYTES: Final = 1 << 20
_HELD_BYTES: Final = 32 << 20
_MOST_LINE_BYTES: Final = 64 << 20
_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_NUMBER: Final = rf'("value(?:Integer)?"\s*:\s*)({NUMBER_TEXT})(\s*[,}}])'
_QUOTED: Final = '$1"$2"$3'


def resources(path: Path, kind: str, resource: Resource) -> Iterator[pl.DataFrame]:
    """The resources of a file, some tens of MB at a time: their elements, `number` and `line`.

    Raises `FileRefusedError` naming the line that is not one resource of this kind.
    """
    shapes = Shapes(kind, resource)
    dtype = dtype_of(resource)
    parts, held = [], 0
    for lines in _pieces(path):
        parts.append(_decoded(lines, shapes, dtype))
        held += int(lines.estimated_size())
        if held > _HELD_BYTES:
            yield pl.concat(parts, rechunk=True)
            parts, held = [], 0
    if parts:
        yield pl.concat(parts, rechunk=True)


def first_line(path: Path) -> str:
    """The first line of a file that is not blank, or nothing."""
    return next((str(lines.item(0, "line")) for lines in _pieces(path)), "")


def _pieces(path: Path) -> Iterator[pl.DataFrame]:
    """The lines that are not blank (`line`) with their numbers from 1 (`number`)."""
    rest, before = b"", 0
    if not path.stat().st_size:
        message = "is empty; send at least one resource, or no file"
        raise FileRefusedError(message)
    with path.open("rb") as raw:
        while read := raw.read(_PIECE_BYTES):
            if not before and not rest:
                if read[:2] in _UTF_16:
                    refuse(1, "is UTF-16; save the file as UTF-8")
                read = read.removeprefix(_BOM)
            whole, end, tail = (rest + read).rpartition(b"\n")
            if not end and len(tail) > _MOST_LINE_BYTES:
                fault = f"is longer than {_MOST_LINE_BYTES >> 20} MB; send one resource a line"
                refuse(before + 1, fault)
            if end:
                lines = _lines(whole, before)
                before += lines.height
                yield from _told(lines)
            rest = tail
    if rest:
        yield from _told(_lines(rest, before))


def _told(lines: pl.DataFrame) -> Iterator[pl.DataFrame]:
    line = lines.get_column("line")
    is_whole = line.str.starts_with("{").all()
    told = lines if is_whole else lines.filter(line.str.strip_chars().str.len_bytes() > 0)
    if told.height:
        yield told


def _lines(piece: bytes, before: int) -> pl.DataFrame:
    if b"\0" in piece:
        number = before + piece[: piece.index(b"\0")].count(b"\n") + 1
        refuse(number, "holds NUL bytes; save the file as UTF-8 text")
    try:
        text = piece.decode("utf-8")
    except UnicodeDecodeError as error:
        number = before + piece[: error.start].count(b"\n") + 1
        refuse(number, "is not UTF-8; save the file as UTF-8")
    return pl.DataFrame({"line": text.split("\n")}).with_row_index("number", before + 1)


def _decoded(lines: pl.DataFrame, shapes: Shapes, dtype: Decoded) -> pl.DataFrame:
    """The elements of a piece beside its lines, each of which is one resource of this kind."""
    quoted = lines.get_column("line").str.replace_all(_NUMBER, _QUOTED)
    try:
        parsed = quoted.str.json_decode(dtype)
    except pl.exceptions.PolarsError:
        parsed = quoted.clear()
    # The parser joins lines before it parses: two halves of a cut one can make one again.
    if parsed.len() != lines.height:
        _refuse_unparsed(lines, quoted, shapes, dtype)
    shapes.check(lines)
    elements = parsed.struct.unnest()
    is_other = elements.get_column("resourceType").ne_missing(shapes.kind)
    if is_other.any():
        refuse(lines.item(is_other.arg_max(), "number"), other_resource(shapes.kind))
    return lines.hstack(elements)


def _refuse_unparsed(
    lines: pl.DataFrame, quoted: pl.Series, shapes: Shapes, dtype: Decoded
) -> NoReturn:
    """Raise `FileRefusedError` for the line of a piece that cannot be parsed."""
    shapes.refuse_first_fault(lines)
    numbers = lines.get_column("number")
    for number, line in zip(numbers, quoted, strict=True):
        try:
            pl.Series([line]).str.json_decode(dtype)
        except pl.exceptions.PolarsError:
            refuse(number, "cannot be read as JSON; mend the export, send the file again")
    message = f"lines {numbers[0]} to {numbers[-1]}: cannot be read as JSON; send the file again"
    raise FileRefusedError(message)
