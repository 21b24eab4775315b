"""What one OBX of HL7 v2 measured: test, value, unit and limits, as one text each."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import value_set
from flows.profile import Profile
from flows.sources.hl7v2_segments import Separators, cleaned, told, unescaped
from flows.sources.units import one_unit
from hypomag_rules.wordings import loinc_of

_LOINC: Final = "LN"
_STRUCTURED: Final = "SN"
_CODED: Final = ("CE", "CWE", "CNE")
_NUMBER: Final = r"([+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+))"
_SPAN: Final = rf"^{_NUMBER}\s*-\s*{_NUMBER}$"
_BELOW: Final = rf"^<=?\s*{_NUMBER}$"
_ABOVE: Final = rf"^>=?\s*{_NUMBER}$"


def tests(texts: pl.DataFrame, separators: Separators, profile: Profile) -> pl.DataFrame:
    """Of each OBX-3 (`sent`) the code and the name, out of two triplets.

    The code that a rule counts, as sent or by the profile's `[codes]`; else the LOINC, else the
    first. Of two that are counted the LOINC goes first too.
    """
    said = told(
        texts,
        separators,
        code=("sent", 1),
        name=("sent", 2),
        system=("sent", 3),
        other_code=("sent", 4),
        other_name=("sent", 5),
        other_system=("sent", 6),
    )
    is_loinc, is_other_loinc = (pl.col(name) == _LOINC for name in ("system", "other_system"))
    is_counted, is_other_counted = (_is_counted(name, profile) for name in ("code", "other_code"))
    is_first = (
        pl.when(is_counted != is_other_counted)
        .then(is_counted)
        .when(is_loinc)
        .then(pl.lit(value=True))
        .otherwise(~is_other_loinc.fill_null(value=False))
    )
    by_other = pl.when(is_first).then(None)
    return texts.hstack(
        said.select(
            code=pl.coalesce(by_other.otherwise("other_code"), "code", "other_code"),
            name=pl.coalesce(
                pl.when(is_other_counted & ~is_counted).then("other_name"), "name", "other_name"
            ),
        )
    )


def _is_counted(code: str, profile: Profile) -> pl.Expr:
    """Whether a rule counts the results of a code."""
    counted = value_set("analytes").get_column("code").to_list()
    return loinc_of(pl.col(code), profile.reading.codes).is_in(counted).fill_null(value=False)


def unit(texts: pl.DataFrame, separators: Separators, profile: Profile) -> pl.DataFrame:
    """Of each OBX-6 (`sent`) the unit that speaks."""
    said = told(texts, separators, code=("sent", 1), text=("sent", 2))
    return texts.hstack(said.select(unit=one_unit(pl.col("code"), pl.col("text"), profile)))


def limits(texts: pl.DataFrame, separators: Separators) -> pl.DataFrame:
    """Of each OBX-7 (`sent`) the reference limits, where it is a span or one bound."""
    text = cleaned(texts.select("sent"), separators).get_column("sent").str
    low = text.extract(_SPAN, 1).fill_null(text.extract(_ABOVE))
    high = text.extract(_SPAN, 2).fill_null(text.extract(_BELOW))
    return texts.with_columns(reference_low=low, reference_high=high)


def values(sent: pl.DataFrame, separators: Separators) -> pl.Series:
    """Of each OBX (`kind`, `value`) one text: what SN or a code says; any other as sent."""
    plain = unescaped(sent.select("value"), separators)
    is_told = cleaned(sent.select("value"), separators).get_column("value").is_not_null()
    value = plain.select(pl.when(is_told).then("value")).to_series()
    is_composed = sent.get_column("kind").str.strip_chars().is_in([_STRUCTURED, *_CODED])
    is_repeated = sent.get_column("value").str.contains(separators.repeat, literal=True)
    at = (is_composed & ~is_repeated).arg_true()
    if not at.len():
        return value
    composed = sent.select(pl.col("kind", "value").gather(at))
    spoken = _spoken(composed, separators)
    return value.scatter(at, spoken.fill_null(value.gather(at)))


def _spoken(composed: pl.DataFrame, separators: Separators) -> pl.Series:
    """Comparator and number of an SN that has no more; of a code its text, else the code."""
    first, second, third, fourth, fifth = (pl.col(f"part_{number}") for number in range(1, 6))
    said = told(
        composed,
        separators,
        kind=("kind",),
        part_1=("value", 1),
        part_2=("value", 2),
        part_3=("value", 3),
        part_4=("value", 4),
        part_5=("value", 5),
    )
    comparator = pl.when(first != "=").then(first).otherwise(pl.lit(""))
    number = pl.when(third.is_null() & fourth.is_null()).then(pl.concat_str(comparator, second))
    text = pl.coalesce(second, first, fifth, fourth)
    is_structured = pl.col("kind") == _STRUCTURED
    spoken = pl.when(is_structured).then(number).otherwise(text)
    return said.select(spoken.alias("value")).to_series()
