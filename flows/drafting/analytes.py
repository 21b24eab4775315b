"""Names of tests that speak of what the rules read, and the LOINC that would fit their unit."""

import re
from typing import Final

import polars as pl

from data_contracts.vocabulary import value_set
from hypomag_rules.definitions import MOLAR_UNITS
from hypomag_rules.wordings import folded_unit

# Looks like one of ours and is another quantity.
_OTHERS: Final = re.compile(
    r"ratio|quotient|index|clear|red.?cell|rbc|erythro|24.?h|micro|pre.?albumin|ionis.*magn"
    r"|ioniz.*magn|magn.*ion|sulfat|kinase|ammoni|calcito|calcit"
)
_URINE: Final = re.compile(r"urin|\bur?\b")
_MARKS: Final = re.compile(r"[\d_\-.]+")
_GAPS: Final = re.compile(r"[\W\d_]+")
_BESIDE: Final = re.compile(
    r"s|p|b|u|su|pl|serum|plasma|blood|blut|urine?|total|gesamt|level|test|im|in"
)
_WORDS: Final[dict[str, re.Pattern[str]]] = {
    "magnesium": re.compile(r"magn[eé]|\bmg\b(?!/)"),
    "egfr": re.compile(r"gfr"),
    "creatinine": re.compile(r"\b[ck]rea\b|[ck]r[eé]atini"),
    "potassium": re.compile(r"potas|kalium|\bk\b"),
    "ionised_calcium": re.compile(
        r"(?:ioni[sz]|free|frei).*(?:calc|kalz|ca)|(?:calc|kalz|ca).*ioni[sz]"
    ),
    "calcium": re.compile(r"calci|kalzi|\bca\b"),
    "albumin": re.compile(r"albumin|\balb\b"),
    "weight": re.compile(r"weight|gewicht"),
    "height": re.compile(r"height|körpergr|koerpergr"),
}
# By mass and by moles, where LOINC tells them apart.
_LOINC: Final = {
    "magnesium": ("19123-9", "2601-3"),
    "urine_magnesium": ("19124-7", "2598-1"),
    "creatinine": ("2160-0", "14682-9"),
    "urine_creatinine": ("2161-8", "14683-7"),
    "potassium": ("2823-3", "2823-3"),
    "ionised_calcium": ("17864-0", "1994-3"),
    "calcium": ("17861-6", "2000-8"),
    "urine_calcium": ("17862-4", "2004-0"),
    "albumin": ("1751-7", "1751-7"),
    "egfr": ("98979-8", "98979-8"),
    "weight": ("29463-7", "29463-7"),
    "height": ("8302-2", "8302-2"),
}


def analyte_named(words: str) -> str | None:
    """The analyte that a test's words (code, name, specimen) name; null for none."""
    text = words.lower()
    if _OTHERS.search(text):
        return None
    text = _MARKS.sub(" ", text)
    found = next((analyte for analyte, pattern in _WORDS.items() if pattern.search(text)), None)
    in_urine = f"urine_{found}"
    return in_urine if _URINE.search(text) and in_urine in _LOINC else found


def is_plain_name(words: str) -> bool:
    """Whether a test's name has no word beside those of an analyte: nobody's name is among them."""
    told = [word for word in _GAPS.split(words.lower()) if word and not _BESIDE.fullmatch(word)]
    return bool(told) and all(analyte_named(word) for word in told)


def loinc_for(analyte: str, unit: str | None) -> str:
    """The LOINC of an analyte for a canonical unit; without one that of mass."""
    by_mass, by_moles = _LOINC[analyte]
    is_molar = unit in MOLAR_UNITS or unit == "umol/L"
    return by_moles if is_molar else by_mass


def canonical_unit(column: str) -> pl.Expr:
    """The canonical units of a column's spellings; null for one that no list knows."""
    known = value_set("units")
    return folded_unit(pl.col(column)).replace_strict(
        known.get_column("folded").to_list(),
        known.get_column("unit").to_list(),
        default=None,
        return_dtype=pl.String,
    )
