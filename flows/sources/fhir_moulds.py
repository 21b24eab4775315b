"""Lines of one shape read at their quotes: what is fixed is compared, what stands between is cut.

A server writes thousands of lines that differ in their values alone. Such a line need not be
parsed: what equals a sound line in all but its values has its keys, each once, and its types.
It takes a third of the time of the parser and a look at each shape. Lines that fit no mould, or
hold an escape, are parsed; which way a line went changes nothing of what is read of it.
"""

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from flows.sources.fhir_elements import Element, Leaf, Resource, dtype_of
from flows.sources.fhir_quotes import MARK, Cut, Marks, Offsets
from flows.sources.fhir_shapes import Shapes

_KIND: Final = "resourceType"
# No text holds it: a file with one is refused.
_PLACE: Final = "\0"
# Numbers that every parser reads; others are the parser's to judge.
_PLAIN_NUMBER: Final = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?"
_NUMBER_PART: Final = re.compile(rf"(\s*:\s*)({_PLAIN_NUMBER})(\s*[,}}].*)", re.DOTALL)
_ODD_NUMBER: Final = re.compile("[0-9][eE]|[0-9]{16}")
_MOST_MOULDS: Final = 16
_MOST_QUOTES: Final = 1_000
# A mould that few lines fit costs more than it saves.
_LEAST_SHARE: Final = 100
# What is the same in all of these is taken for fixed.
_LINES_COMPARED: Final = 100
_LINES_TRIED: Final = 4
_LEAST_ALIKE: Final = 10
# Compared part by part while they are in the cache.
_LINES_AT_ONCE: Final = 1_000


class _Value(NamedTuple):
    """A value lies between a quote and the next, but for what stands about a number."""

    quote: int
    before: int
    after: int


class Mould:
    """The fixed texts of alike lines, and the elements of a resource in what stands between."""

    def __init__(self, first: list[str], alike: list[list[str]], resource: Resource) -> None:
        varying = {at for other in alike for at in range(len(first)) if other[at] != first[at]}
        self.quotes = len(first) - 1
        self._values: list[_Value] = []
        self._numbers: list[str] = []
        named, fixed = [], [""]
        for at, part in enumerate(first):
            about = _about(first, at) if at in varying or not varying else None
            if about is None:
                named.append(part)
                fixed[-1] += part
            else:
                before, after = about
                place = str(len(self._values))
                if at % 2:
                    named.append(_PLACE + place)
                else:
                    self._numbers.append(place)
                    named.append(f"{before}{MARK}{_PLACE}{place}{MARK}{after}")
                self._values.append(_Value(at - 1, len(before), len(after)))
                fixed[-1] += before
                fixed.append(after)
            if at < self.quotes:
                fixed[-1] += MARK
        self._fixed = [text.encode() for text in fixed]
        self._read = {int(place) for place in self._numbers}
        told = json.loads(MARK.join(named), strict=False, parse_float=str, parse_int=str)
        self._elements = {
            name: self._element(told.get(name), part) for name, part in resource.items()
        }

    def _element(self, told: object, element: Element) -> pl.Expr:
        """An element out of the columns of values, which are named by their place."""
        dtype = dtype_of(element)
        if isinstance(told, str) and told.startswith(_PLACE):
            place = told.removeprefix(_PLACE)
            self._read.add(int(place))
            return pl.col(place)
        if isinstance(told, dict) and isinstance(element, dict):
            return pl.struct(
                self._element(told.get(name), part).alias(name) for name, part in element.items()
            )
        if isinstance(told, list) and isinstance(element, list):
            members = [self._element(part, element[0]) for part in told]
            empty = pl.lit(pl.Series([[]], dtype=dtype)).first()
            return pl.concat_list(members).cast(dtype) if members else empty
        return pl.lit(told if isinstance(element, Leaf) else None, dtype)

    def pour(self, cut: Cut, rows: Offsets, lines: pl.DataFrame) -> tuple[Offsets, pl.DataFrame]:
        """Which rows of lines, plain and of as many quotes, fit, and with them their elements."""
        first = cut.first_quote[rows]
        starts, ends = [], [cut.starts[rows]]
        for quote, before, after in self._values:
            is_last = quote + 1 == self.quotes
            starts.append(cut.quotes[first + quote] + 1 + before)
            ends.append((cut.ends[rows] if is_last else cut.quotes[first + quote + 1]) - after)
        starts.append(cut.ends[rows])
        is_same = np.ones(rows.size, np.bool_)
        for text, end, start in zip(self._fixed, ends, starts, strict=True):
            is_same &= start - end == len(text)
        for start, end in zip(starts[:-1], ends[1:], strict=True):
            is_same &= start <= end
        sized = np.flatnonzero(is_same)
        for at in range(0, sized.size, _LINES_AT_ONCE):
            some = sized[at : at + _LINES_AT_ONCE]
            for text, end in zip(self._fixed, ends, strict=True):
                is_same[some] &= _stands_at(end[some], text, cut.text)
        fitting = rows[is_same]
        begin, line = cut.starts[fitting], pl.col("line").cast(pl.Binary)
        spans = {at: (starts[at][is_same] - begin, ends[at + 1][is_same]) for at in self._read}
        told = lines[fitting].with_columns(
            line.bin.slice(pl.Series(start), pl.Series(end - begin - start))
            .cast(pl.String)
            .alias(str(at))
            for at, (start, end) in spans.items()
        )
        is_number = pl.col(self._numbers).str.contains(f"^{_PLAIN_NUMBER}$")
        fits = told.select(pl.all_horizontal(pl.lit(value=True), is_number)).to_series()
        if not fits.all():
            told, fitting = told.filter(fits), fitting[fits.to_numpy()]
        whole = told.with_columns(**self._elements)
        return fitting, whole.select("number", "line", *self._elements)


def _is_alike(parts: list[str], other: list[str]) -> bool:
    """Whether two lines, cut at their quotes, differ in nothing but values."""
    return all(
        part == there or (_about(parts, at) is not None and _about(parts, at) == _about(other, at))
        for at, (part, there) in enumerate(zip(parts, other, strict=True))
    )


def _about(parts: list[str], at: int) -> tuple[str, str] | None:
    """What stands before and after the value in a part; null of a part that is fixed."""
    if at % 2:
        is_key = parts[at + 1].lstrip().startswith(":")
        return None if is_key or parts[at - 2] == _KIND else ("", "")
    found = _NUMBER_PART.fullmatch(parts[at])
    return (found.group(1), found.group(3)) if found is not None else None


def _stands_at(starts: Offsets, part: bytes, text: bytes) -> Marks:
    """Whether a part of a text stands at each of the places."""
    if not part:
        return np.ones(starts.size, np.bool_)
    parts = np.ndarray((len(text) - len(part) + 1,), f"S{len(part)}", text, strides=(1,))
    found = parts[starts]
    # Nearly always all of them are there: asked at once in a quarter of the time.
    if found.tobytes() == part * starts.size:
        return np.ones(starts.size, np.bool_)
    there: Marks = found == part
    return there


class Moulds:
    """The moulds of one file, made of its own lines as they come."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._moulds: list[Mould] = []

    def pour(self, cut: Cut, lines: pl.DataFrame) -> Iterator[tuple[Offsets, pl.DataFrame]]:
        """Of each mould the rows of the lines (`number`, `line`) that fit, with their elements."""
        quotes = np.where(cut.is_plain, cut.quotes_held, 0)
        at = 0
        while at < len(self._moulds) or self._learn(quotes, lines.get_column("line")):
            mould, at = self._moulds[at], at + 1
            rows = np.flatnonzero(quotes == mould.quotes)
            if rows.size:
                fitting, told = mould.pour(cut, rows, lines)
                quotes[fitting] = 0
                yield fitting, told

    def _learn(self, quotes: Offsets, lines: pl.Series) -> bool:
        """Make a mould of those lines that are as long as most that fit none, if it pays."""
        counts = np.bincount(np.minimum(quotes, _MOST_QUOTES), minlength=_MOST_QUOTES + 1)
        commonest = int(counts[1:_MOST_QUOTES].argmax()) + 1
        is_rare = counts[commonest] == 0 or counts[commonest] * _LEAST_SHARE < lines.len()
        if is_rare or len(self._moulds) == _MOST_MOULDS:
            return False
        rows = np.flatnonzero(quotes == commonest)
        some = lines[rows[:: max(1, rows.size // _LINES_COMPARED)]].to_list()
        cut = [line.split(MARK) for line in some]
        for at in range(0, len(cut), max(1, len(cut) // _LINES_TRIED)):
            alike = [other for other in cut if _is_alike(cut[at], other)]
            if len(alike) > max(1, len(cut) // _LEAST_ALIKE) and self._is_sound(some[at]):
                self._moulds.append(Mould(cut[at], alike, self._shapes.resource))
                return True
        return False

    def _is_sound(self, line: str) -> bool:
        is_odd = any(_ODD_NUMBER.search(part) for part in line.split(MARK)[::2])
        return not is_odd and self._shapes.fault_of(line) is None
