"""Extracts with a column an analyte: which columns those are, and the unit in their names."""

import re
from typing import Final, NamedTuple

import polars as pl

from data_contracts.vocabulary import value_set
from flows.drafting.analytes import analyte_named, canonical_unit, loinc_for
from flows.drafting.looks import Looks

_PIECES: Final = re.compile(r"[^0-9a-zµ%]+")


class WideGuess(NamedTuple):
    """A column that is an analyte: the LOINC that fits, the unit or the column that holds it.

    `against` counts the rows whose unit is of the other kind, by mass or by moles, than the LOINC.
    """

    code: str
    unit: str | None
    unit_column: str | None
    against: int = 0


def wide_columns(rows: pl.DataFrame, looks: dict[str, Looks]) -> dict[str, WideGuess]:
    """The columns that are named after an analyte and hold numbers, by their name."""
    return {
        name: _guessed(name, analyte, rows, looks)
        for name, cells in looks.items()
        if (analyte := analyte_named(name)) and cells.are("amount", 0.5)
    }


def _guessed(name: str, analyte: str, rows: pl.DataFrame, looks: dict[str, Looks]) -> WideGuess:
    units = [
        other
        for other, cells in looks.items()
        if other.lower().startswith(name.lower()) and cells.are("unit", 0.8)
    ]
    if not units:
        unit = _unit_in(name)
        return WideGuess(loinc_for(analyte, unit), unit, None)
    sent = rows.select(unit=canonical_unit(units[0])).drop_nulls().get_column("unit")
    code = loinc_for(analyte, next(iter(sent.mode().sort().to_list()), None))
    odd = sum(rows for unit, rows in sent.value_counts().rows() if loinc_for(analyte, unit) != code)
    return WideGuess(code, None, units[0], odd)


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
