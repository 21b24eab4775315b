"""Elements of FHIR R4 as they are read: their JSON types, and what a canonical cell takes of them.

A key that is not named here is not read, and one that is missing is null.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

import polars as pl
from polars.datatypes import DataType, DataTypeClass

Decoded = DataType | DataTypeClass


class Leaf(Enum):
    """What JSON may hold at a leaf; a number is kept as its text, digit for digit."""

    TEXT = "text"
    NUMBER = "a number"
    TRUTH = "true or false"


Element = Leaf | Mapping[str, "Element"] | list["Element"]
Resource = Mapping[str, Element]

TEXT: Final = Leaf.TEXT
NUMBER: Final = Leaf.NUMBER
TRUTH: Final = Leaf.TRUTH
META: Final[Resource] = {"lastUpdated": TEXT}
PERIOD: Final[Resource] = {"start": TEXT, "end": TEXT}
IDENTIFIER: Final[Resource] = {"system": TEXT, "value": TEXT}
REFERENCE: Final[Resource] = {"reference": TEXT, "display": TEXT}
SUBJECT: Final[Resource] = {"reference": TEXT, "identifier": IDENTIFIER}
CODING: Final[Resource] = {"system": TEXT, "code": TEXT, "display": TEXT}
CONCEPT: Final[Resource] = {"coding": [CODING], "text": TEXT}
AMOUNT: Final[Resource] = {"value": NUMBER, "unit": TEXT, "code": TEXT}
QUANTITY: Final[Resource] = {**AMOUNT, "comparator": TEXT, "system": TEXT}

# A number as JSON spells it.
NUMBER_TEXT: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_NUMBER: Final = rf'("value(?:Integer)?"\s*:\s*)({NUMBER_TEXT})(\s*[,}}])'
_QUOTED: Final = '$1"$2"$3'
_LAST_PART: Final = r"([^/:#?|]+)(?:/_history/[^/]+)?$"


def quoted_numbers(line: pl.Expr) -> pl.Expr:
    """Lines of JSON with their numbers as texts, so that no parser takes a digit."""
    return line.str.replace_all(_NUMBER, _QUOTED)


def dtype_of(element: Element) -> Decoded:
    """The polars type into which an element is decoded."""
    if isinstance(element, Leaf):
        return pl.Boolean if element is TRUTH else pl.String
    if isinstance(element, list):
        return pl.List(dtype_of(element[0]))
    return pl.Struct({name: dtype_of(part) for name, part in element.items()})


def at(path: str) -> pl.Expr:
    """The element at a path of keys: `meta.lastUpdated`."""
    name, *rest = path.split(".")
    found = pl.col(name)
    for part in rest:
        found = found.struct.field(part)
    return found


def referred(path: str, resource: str) -> pl.Expr:
    """The id that a Reference gives: relative, absolute, of one version, or a URN.

    Null for a contained or a conditional one, and for one to another resource: a device is no
    patient.
    """
    pattern = rf"^(?:(?:.*/)?{resource}/|urn:(?:uuid|oid):)?{_LAST_PART}"
    return at(f"{path}.reference").str.extract(pattern, 1)


def subject_id(path: str, system: str | None) -> pl.Expr:
    """Whose it is: the number that `system` assigned, where the subject bears it, else the id."""
    referred_id = referred(path, "Patient")
    if system is None:
        return referred_id
    identifier = at(f"{path}.identifier")
    own = pl.when(identifier.struct.field("system") == system).then(
        identifier.struct.field("value")
    )
    return pl.coalesce(own, referred_id)


def coding_of(concept: pl.Expr, *systems: str) -> pl.Expr:
    """The first coding of the first system that has one, else the first coding of all."""
    is_coded = pl.element().struct.field("code").is_not_null()
    of_systems = (
        first_coding(concept, (pl.element().struct.field("system") == system) & is_coded)
        for system in systems
    )
    return pl.coalesce(*of_systems, concept.struct.field("coding").list.first())


def first_coding(concept: pl.Expr, is_meant: pl.Expr) -> pl.Expr:
    """The first coding for which an expression over `pl.element()` is true; null where none is."""
    return concept.struct.field("coding").list.filter(is_meant).list.first()


def words_of(concept: pl.Expr) -> pl.Expr:
    """A concept as people read it: its text, else the display or the code of its first coding."""
    first = concept.struct.field("coding").list.first()
    return pl.coalesce(
        concept.struct.field("text"), first.struct.field("display"), first.struct.field("code")
    )


def first_code(concept: pl.Expr) -> pl.Expr:
    """The code of the first coding."""
    return concept.struct.field("coding").list.first().struct.field("code")


def translated(code: pl.Expr, words: Mapping[str, str], own: Mapping[str, str]) -> pl.Expr:
    """A code of FHIR's own vocabulary as our word; what the profile words itself stays as sent."""
    return code.replace({known: word for known, word in words.items() if known not in own})
