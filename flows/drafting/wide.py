"""Extracts with a column an analyte: which columns those are, and the unit in their names."""

import re
from typing import Final, NamedTuple

from data_contracts.vocabulary import value_set
from flows.drafting.analytes import analyte_named, loinc_for
from flows.drafting.looks import Looks

_PIECES: Final = re.compile(r"[^0-9a-zµ%]+")


class WideGuess(NamedTuple):
    """A column that is an analyte: the LOINC that fits, the unit or the column that holds it."""

    code: str
    unit: str | None
    unit_column: str | None


def wide_columns(looks: dict[str, Looks]) -> dict[str, WideGuess]:
    """The columns that are named after an analyte and hold numbers, by their name."""
    return {
        name: _guessed(name, analyte, looks)
        for name, cells in looks.items()
        if (analyte := analyte_named(name)) and cells.are("amount", 0.5)
    }


def _guessed(name: str, analyte: str, looks: dict[str, Looks]) -> WideGuess:
    units = [
        other
        for other, cells in looks.items()
        if other.lower().startswith(name.lower()) and cells.are("unit", 0.8)
    ]
    unit = _unit_in(name)
    return WideGuess(loinc_for(analyte, unit), unit, units[0] if units else None)


def _unit_in(name: str) -> str | None:
    """The canonical unit that a column's name ends in: `mmol/L` of `MG_MMOL_L`."""
    known = {
        str(folded).replace("/", ""): str(unit)
        for folded, unit in value_set("units").rows()
        if len(str(folded)) > 1
    }
    pieces = [piece for piece in _PIECES.split(name.lower()) if piece][1:]
    return next(
        (known[spelled] for at in range(len(pieces)) if (spelled := "".join(pieces[at:])) in known),
        None,
    )
