"""Whether lines of NDJSON are one whole resource each, with every key once and types as in FHIR.

The parser of polars takes the first of two equal keys, and a number for a text, without a word.
Lines that differ in their values alone have one shape, and each shape is looked at once.
"""

import json
from collections.abc import Iterator
from typing import Final, NoReturn

import polars as pl

from flows.errors import FileRefusedError
from flows.sources.fhir_elements import NUMBER, TEXT, Element, Leaf, Resource

_TEXT: Final = r':\s*"[^"\\]*(?:\\.[^"\\]*)*"'
_NUMBER: Final = r":\s*-?[0-9][0-9.eE+-]*"
_SHAPES_KEPT: Final = 50_000
_JSON_TYPES: Final = {dict: "an object", list: "a list", bool: "true or false", str: "text"}
_TEXT_SHAPE: Final = ':""'
_NUMBER_SHAPE: Final = ":0"


class _KeyTwiceError(ValueError):
    """An object has this key twice."""


class Shapes:
    """The shapes of one kind of resource that were looked at and found sound."""

    def __init__(self, kind: str, resource: Resource) -> None:
        self.kind = kind
        self.resource = resource
        self._sound: set[str] = set()

    def check(self, lines: pl.DataFrame) -> None:
        """Look at the shapes of lines (`number`, `line`) that parse as JSON.

        Raises `FileRefusedError` naming the first line that is not sound.
        """
        shape = (
            pl.col("line")
            .str.replace_all(_TEXT, _TEXT_SHAPE)
            .str.replace_all(_NUMBER, _NUMBER_SHAPE)
        )
        shaped = lines.with_columns(shape=shape)
        for text in shaped.get_column("shape").unique(maintain_order=True):
            if text in self._sound:
                continue
            if _fault_of(text, self.resource) is None:
                self._sound.add(text)
            else:
                # A text that ends in a colon, within a list, makes no shape: its line may be sound.
                self.refuse_first_fault(shaped.filter(shape=text))
        if len(self._sound) > _SHAPES_KEPT:
            self._sound.clear()

    def refuse_first_fault(self, lines: pl.DataFrame) -> None:
        """Raise `FileRefusedError` for the first of the lines that is not sound, if one is."""
        for number, line in lines.select("number", "line").iter_rows():
            fault = self.fault_of(line)
            if fault is not None:
                refuse(number, fault)

    def fault_of(self, line: str) -> str | None:
        """What is wrong with a line, or null."""
        return _fault_of(line, self.resource, self.kind)


def refuse(number: int, fault: str) -> NoReturn:
    """Refuse a file for what is wrong with a line; it says no value that stands there."""
    message = f"line {number}: {fault}"
    raise FileRefusedError(message) from None


def other_resource(kind: str) -> str:
    """What is wrong with a line that holds something else than its file announces."""
    return f"holds no {kind}; send each kind of resource in a file of its own, named for it"


def _fault_of(text: str, resource: Resource, kind: str | None = None) -> str | None:
    """What is wrong with a line, or null; of its shape alone the kind is not asked."""
    try:
        whole = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except _KeyTwiceError as twice:
        key = twice.args[0]
        named = f"'{key}'" if key in _keys(resource) else "a key that is not read"
        return f"{named} stands twice in one object; keep one, send the file again"
    except (ValueError, RecursionError):
        return (
            "is not one whole JSON object: cut, damaged or spread over lines; "
            "send the file again, one resource a line"
        )
    if kind is not None and not (isinstance(whole, dict) and whole.get("resourceType") == kind):
        return other_resource(kind)
    return mistyped(whole, resource, "")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _KeyTwiceError(next(name for name in names if names.count(name) > 1))
    return found


def _no_constant(_: str) -> NoReturn:
    message = "no number of JSON"
    raise ValueError(message)


def _keys(element: Element) -> Iterator[str]:
    if isinstance(element, Leaf):
        return
    if isinstance(element, list):
        yield from _keys(element[0])
        return
    for name, part in element.items():
        yield name
        yield from _keys(part)


def mistyped(value: object, element: Element, where: str) -> str | None:
    """The first element that has another type than FHIR gives it; null is nothing sent."""
    if value is None:
        return None
    if isinstance(element, list) and isinstance(value, list):
        found = (mistyped(part, element[0], where) for part in value)
    elif isinstance(element, dict) and isinstance(value, dict):
        found = (
            mistyped(value.get(name), part, f"{where}.{name}".lstrip("."))
            for name, part in element.items()
        )
    elif isinstance(element, Leaf) and _is_leaf(value, element):
        return None
    else:
        told = _JSON_TYPES.get(type(value), "a number")
        return (
            f"'{where}' is {told} where FHIR R4 has {_named(element)}; "
            "mend the export, send the file again"
        )
    return next((fault for fault in found if fault is not None), None)


def _is_leaf(value: object, leaf: Leaf) -> bool:
    if leaf is TEXT:
        return isinstance(value, str)
    is_truth = isinstance(value, bool)
    return isinstance(value, int | float) and not is_truth if leaf is NUMBER else is_truth


def _named(element: Element) -> str:
    if isinstance(element, Leaf):
        return element.value
    return "a list" if isinstance(element, list) else "an object"
