"""NDJSON of FHIR as frames: read in pieces, decoded by an explicit schema, refused with its line.

Every decimal keeps its digits: a parser makes 1.1 of 1.10 and 100 of 1e2, and so the numbers that
are read are quoted before they are parsed.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

import numpy as np
import polars as pl

from flows.errors import FileRefusedError
from flows.sources.fhir_elements import Decoded, Resource, dtype_of, quoted_numbers
from flows.sources.fhir_moulds import Moulds
from flows.sources.fhir_quotes import Cut
from flows.sources.fhir_shapes import Shapes, other_resource, refuse

_PIECE_BYTES: Final = 1 << 23
# Lines that fit the cache are parsed in half the time: 27,000 at once 0.35 s, so 0.17.
_PARSED_AT_ONCE: Final = 800
_HELD_BYTES: Final = 32 << 20
_MOST_LINE_BYTES: Final = 64 << 20
_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


def resources(path: Path, kind: str, resource: Resource) -> Iterator[pl.DataFrame]:
    """The resources of a file, some tens of MB at a time: their elements, `number` and `line`.

    Raises `FileRefusedError` naming the line that is not one resource of this kind.
    """
    shapes = Shapes(kind, resource)
    moulds = Moulds(shapes)
    dtype = dtype_of(resource)
    parts, held = [], 0
    for laid in _laid_out(_pieces(path)):
        if (told := _told(laid, shapes, moulds, dtype)).height:
            parts.append(told)
        held += len(laid.cut.text)
        if held > _HELD_BYTES and parts:
            yield pl.concat(parts, rechunk=True)
            parts, held = [], 0
    if parts:
        yield pl.concat(parts, rechunk=True)


def first_line(path: Path) -> str:
    """The first line of a file that is not blank, or nothing."""
    filled = (_filled(piece.lines()) for piece in _pieces(path))
    return next((str(lines.item(0, "line")) for lines in filled if lines.height), "")


class _Piece(NamedTuple):
    """Some MB of whole lines in UTF-8, and how many lines are before them."""

    text: bytes
    before: int

    def lines(self) -> pl.DataFrame:
        """Its lines, blank or not (`line`), with their numbers in the file from 1 (`number`)."""
        # Without a NUL each line is one field: in half the time of splitting a text.
        read = pl.read_csv(
            self.text,
            separator="\0",
            quote_char=None,
            has_header=False,
            schema={"line": pl.String},
            raise_if_empty=False,
        )
        return read.with_row_index("number", self.before + 1)


class _Laid(NamedTuple):
    """The lines of a piece, and where its quotes are."""

    lines: pl.DataFrame
    cut: Cut


def _laid_out(pieces: Iterator[_Piece]) -> Iterator[_Laid]:
    """Each piece laid out while the one before it is read: by a thread, for it waits for none."""

    def lay_out_next() -> _Laid | None:
        piece = next(pieces, None)
        if piece is None:
            return None
        lines = piece.lines()
        return _Laid(lines, Cut.of(piece.text, lines.height))

    with ThreadPoolExecutor(max_workers=1) as ahead:
        waiting = ahead.submit(lay_out_next)
        while laid := waiting.result():
            waiting = ahead.submit(lay_out_next)
            yield laid


def _pieces(path: Path) -> Iterator[_Piece]:
    before = 0
    if not path.stat().st_size:
        message = "is empty; send at least one resource, or no file"
        raise FileRefusedError(message)
    with path.open("rb") as raw:
        while text := raw.read(_PIECE_BYTES):
            if not text.endswith(b"\n"):
                text += raw.readline(_MOST_LINE_BYTES)
            if not before:
                if text[:2] in _UTF_16:
                    refuse(1, "is UTF-16; save the file as UTF-8")
                text = text.removeprefix(_BOM)
            # A third of the time that bytes.count takes.
            lines = int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord("\n")))
            if not text.endswith(b"\n") and raw.read(1):
                fault = f"is longer than {_MOST_LINE_BYTES >> 20} MB; send one resource a line"
                refuse(before + lines + 1, fault)
            yield _checked(text, before)
            before += lines


def _checked(text: bytes, before: int) -> _Piece:
    if b"\0" in text:
        number = before + text[: text.index(b"\0")].count(b"\n") + 1
        refuse(number, "holds NUL bytes; save the file as UTF-8 text")
    if not text.isascii():
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as error:
            number = before + text[: error.start].count(b"\n") + 1
            refuse(number, "is not UTF-8; save the file as UTF-8")
    return _Piece(text.replace(b"\r\n", b"\n") if b"\r" in text else text, before)


def _filled(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines that are not blank."""
    return lines.filter(pl.col("line").str.strip_chars().str.len_bytes() > 0)


def _told(laid: _Laid, shapes: Shapes, moulds: Moulds, dtype: Decoded) -> pl.DataFrame:
    """The elements of a piece beside its lines, each of which is one resource of this kind."""
    lines = laid.lines
    poured = list(moulds.pour(laid.cut, lines))
    is_poured = np.zeros(lines.height, np.bool_)
    for rows, _ in poured:
        is_poured[rows] = True
    rest = _filled(lines.filter(~is_poured))
    parsed = [_parsed(part, shapes, dtype) for part in rest.iter_slices(_PARSED_AT_ONCE)]
    frames = [*(frame for _, frame in poured), *parsed]
    if not frames:
        return lines.clear()
    return frames[0] if len(frames) == 1 else pl.concat(frames).sort("number")


def _parsed(lines: pl.DataFrame, shapes: Shapes, dtype: Decoded) -> pl.DataFrame:
    """The elements of lines that fit no mould."""
    quoted = lines.select(quoted_numbers(pl.col("line"))).to_series()
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
