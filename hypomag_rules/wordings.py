"""How a result is worded: code, unit, specimen and status, judged once a distinct wording."""

from collections.abc import Mapping
from functools import cache
from typing import Final

import polars as pl

from data_contracts.vocabulary import value_set
from hypomag_rules.definitions import FACTORS, MOLAR_UNITS
from hypomag_rules.numbers import MILLIONTHS, convert, factor_frame, read_numbers
from hypomag_rules.policy import Policy
from hypomag_rules.source_reading import SourceReading

_NEEDS_NO_STATUS: Final = ("weight", "height")
# Bodies and estimates are measured in no specimen: whatever word stands there contradicts nothing.
_NO_SPECIMEN: Final = (*_NEEDS_NO_STATUS, "clearance", "egfr")
_URINE: Final = "urine_"


def judge_wordings(worded: pl.DataFrame, reading: SourceReading, policy: Policy) -> pl.DataFrame:
    """Distinct wordings with what they mean: analyte, kind, factor, and what is wrong with them.

    Adds `loinc`, `analyte` (null: not counted), `status_kind`, `is_correction`, `is_update`,
    `numerator`, `denominator`, `reference_low_canonical`, `wording_fault` (the first of the
    reasons that the wording alone can give, after code and status) and the flags
    `is_code_missing`, `is_status_unknown`.
    """
    return (
        worded.pipe(_with_analyte, reading, policy)
        .pipe(_with_status, reading)
        .pipe(_with_unit, reading)
        .pipe(_with_specimen, reading)
        .pipe(_with_reference, reading)
        .with_columns(wording_fault=_wording_fault(reading))
        .select(*worded.columns, *WORDING_JUDGEMENT)
    )


WORDING_JUDGEMENT: Final = (
    "loinc",
    "analyte",
    "status_kind",
    "is_correction",
    "is_update",
    "is_code_missing",
    "is_status_unknown",
    "numerator",
    "denominator",
    "reference_low_canonical",
    "was_haemolysed",
    "is_specimen_conflict",
    "wording_fault",
)


def _with_analyte(worded: pl.DataFrame, reading: SourceReading, policy: Policy) -> pl.DataFrame:
    analytes = value_set("analytes").select("analyte", "code", "is_moles")
    counted = set(analytes.get_column("code"))
    listed = dict.fromkeys(policy.magnesium.also_count_as_serum_magnesium)
    extra = [code for code in listed if code not in counted]
    also = pl.DataFrame(
        {
            "analyte": ["magnesium"] * len(extra),
            "code": list(extra),
            "is_moles": ["false"] * len(extra),
        },
        schema=analytes.schema,
    )
    loinc = loinc_of(pl.col("code"), reading.codes)
    return worded.with_columns(loinc=loinc, is_code_missing=loinc.is_null()).join(
        pl.concat([analytes, also]).rename({"code": "loinc"}),
        on="loinc",
        how="left",
        maintain_order="left",
    )


def loinc_of(code: pl.Expr, codes: Mapping[str, str]) -> pl.Expr:
    """A test code as the source's `[codes]` translate it, else as sent; a blank one is null."""
    return code.str.strip_chars().replace("", None).replace(dict(codes))


def _with_status(worded: pl.DataFrame, reading: SourceReading) -> pl.DataFrame:
    statuses = _statuses()
    joined = worded.with_columns(folded=folded_status(reading)).join(
        statuses, on="folded", how="left", maintain_order="left"
    )
    needs_none = pl.col("analyte").is_in(_NEEDS_NO_STATUS) & pl.col("status_kind").is_null()
    return joined.with_columns(
        status_kind=pl.when(needs_none).then(pl.lit("final")).otherwise(pl.col("status_kind")),
        is_correction=pl.col("is_correction").fill_null(value=False),
        is_update=pl.col("is_update").fill_null(value=False),
    ).with_columns(is_status_unknown=pl.col("status_kind").is_null())


def folded_status(reading: SourceReading) -> pl.Expr:
    """The status in the source's words for ours, in lower case; a blank one is the default."""
    sent = pl.col("status").str.strip_chars().replace("", None)
    mapped = sent.replace(dict(reading.words.get("status", {})))
    return mapped.fill_null(pl.lit(reading.default_status)).str.to_lowercase()


@cache
def _statuses() -> pl.DataFrame:
    return value_set("statuses").select(
        "folded",
        pl.col("kind").alias("status_kind"),
        pl.col("is_correction") == "true",
        pl.col("is_update") == "true",
    )


def folded_unit(unit: pl.Expr) -> pl.Expr:
    """A unit's spelling without case, blanks and dots; null for a blank one."""
    return unit.str.to_lowercase().str.replace_all(r"[\s.]", "").replace("", None)


def _with_unit(worded: pl.DataFrame, reading: SourceReading) -> pl.DataFrame:
    spellings = value_set("units")
    mapped = pl.col("unit").str.strip_chars().replace(dict(reading.units))
    return (
        worded.drop("folded")
        .with_columns(folded=folded_unit(mapped))
        .with_columns(is_unit_missing=pl.col("folded").is_null())
        .rename({"unit": "unit_as_sent"})
        .join(spellings, on="folded", how="left", maintain_order="left")
        .join(factor_frame(FACTORS), on=["analyte", "unit"], how="left", maintain_order="left")
        .rename({"unit": "unit_canonical", "unit_as_sent": "unit"})
    )


def _with_specimen(worded: pl.DataFrame, reading: SourceReading) -> pl.DataFrame:
    words = value_set("specimens")
    by_side = {
        side: words.filter(pl.col("conflicts_with") == side).get_column("word").to_list()
        for side in ("blood", "urine")
    }
    own = dict(reading.words.get("specimen", {}))
    word = pl.col("specimen").str.strip_chars().replace(own).str.to_lowercase()
    analyte = pl.col("analyte")
    is_urine = analyte.str.starts_with(_URINE)
    is_blood = analyte.is_not_null() & ~is_urine & ~analyte.is_in(_NO_SPECIMEN)
    conflict = (is_blood & word.is_in(by_side["blood"])) | (is_urine & word.is_in(by_side["urine"]))
    return worded.with_columns(is_specimen_conflict=conflict.fill_null(value=False))


def _with_reference(worded: pl.DataFrame, reading: SourceReading) -> pl.DataFrame:
    numbers = read_numbers(
        worded.get_column("reference_low"),
        decimal_comma=reading.decimal_comma,
        round_long_decimals=reading.round_long_decimals,
    ).select(pl.col("text").alias("reference_low"), "millionths")
    joined = worded.join(numbers, on="reference_low", how="left", maintain_order="left")
    low = convert(pl.col("millionths"), pl.col("numerator"), pl.col("denominator"))
    own = dict(reading.words.get("is_haemolysed", {}))
    haemolysed = pl.col("is_haemolysed").str.strip_chars().replace(own).str.to_lowercase()
    return joined.with_columns(
        was_haemolysed=haemolysed == "true",
        reference_low_canonical=pl.when(pl.col("millionths").abs() < MILLIONTHS**2).then(low),
    )


def _wording_fault(reading: SourceReading) -> pl.Expr:
    """What is wrong with unit against code, in the order of the reasons."""
    is_molar = pl.col("unit_canonical").is_in(MOLAR_UNITS)
    contradicts = (
        (pl.col("analyte") == "magnesium")
        & pl.lit(reading.trust.get("magnesium") != "unit")
        & ((pl.col("is_moles") == "true") != is_molar)
    )
    return (
        pl.when(pl.col("analyte").is_null())
        .then(None)
        .when(pl.col("is_unit_missing"))
        .then(pl.lit("unit_missing"))
        .when(pl.col("numerator").is_null())
        .then(pl.lit("unit_not_allowed"))
        .when(contradicts)
        .then(pl.lit("unit_contradicts_code"))
        .otherwise(None)
    )
