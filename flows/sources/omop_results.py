"""Observations out of the OMOP CDM: the measurement table."""

from typing import Final

import polars as pl

from data_contracts.observations import OBSERVATIONS
from flows.profile import Profile
from flows.sources.mimic_iv_tables import canonical
from flows.sources.omop_tables import Columns
from flows.sources.units import one_unit

MEASUREMENT: Final = Columns(
    needed=(
        "measurement_id",
        "person_id",
        "measurement_concept_id",
        "operator_concept_id",
        "value_as_number",
        "unit_concept_id",
        "unit_source_value",
    ),
    any_of=(("measurement_datetime", "measurement_date"),),
    optional=(
        "measurement_time",
        "measurement_source_concept_id",
        "measurement_source_value",
        "value_as_concept_id",
        "value_source_value",
        "range_low",
        "range_high",
        "visit_occurrence_id",
    ),
)
MEASUREMENT_CODED: Final = (
    "measurement_concept_id",
    "measurement_source_concept_id",
    "value_as_concept_id",
    "unit_concept_id",
)
_OPERATORS: Final = {
    "4171756": "<",
    "4171754": "<=",
    "4172704": ">",
    "4171755": ">=",
    "4172703": "",  # equals
    "0": "",
}
_COMPARATOR: Final = r"^\s*(<=|>=|≤|≥|<|>|LESS THAN|GREATER THAN)"
_PLAIN_NUMBER: Final = r"^\s*[+-]?\.?[0-9]"
_LOINC: Final = "LOINC"
_UCUM: Final = "UCUM"
# The table holds results only and has no status: blank would be no result at all.
_RELEASED: Final = pl.lit("final")


def results(rows: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Measurements with code, comparator, number and unit as their concepts say."""
    unit = pl.when(pl.col("unit_concept_vocabulary") == _UCUM).then(pl.col("unit_concept_code"))
    return canonical(
        rows,
        OBSERVATIONS,
        observation_id=pl.col("measurement_id"),
        patient_id=pl.col("person_id"),
        encounter_id=pl.col("visit_occurrence_id"),
        code=_code(),
        name=pl.coalesce("measurement_source_value", "measurement_concept_name"),
        value=_value(),
        unit=one_unit(unit, pl.col("unit_source_value"), profile),
        status=_RELEASED,
        collected_at=_collected_at(),
        reference_low=pl.col("range_low"),
        reference_high=pl.col("range_high"),
    )


def _code() -> pl.Expr:
    """LOINC of the standard or else the source concept, else a local code for the profile."""
    loinc = [
        pl.when(pl.col(f"{stem}_vocabulary") == _LOINC).then(pl.col(f"{stem}_code"))
        for stem in ("measurement_concept", "measurement_source_concept")
    ]
    return pl.coalesce(*loinc, "measurement_source_value", "measurement_concept_code")


def _value() -> pl.Expr:
    """Operator and number, else the text of the source, else the name of a coded result.

    An operator that nobody told us stays before the number, so that no bound reads as a value.
    Where there is none, a comparator that the source printed is not lost.
    """
    number, source = pl.col("value_as_number"), pl.col("value_source_value")
    operator = pl.col("operator_concept_id")
    unknown = operator + pl.lit(" ")
    sign = operator.replace_strict(_OPERATORS, default=unknown).fill_null("")
    printed = source.str.extract(_COMPARATOR, 1).fill_null("")
    return (
        pl.when(number.is_not_null())
        .then(pl.when(sign == "").then(printed).otherwise(sign) + number)
        .when(source.str.contains(_PLAIN_NUMBER))
        .then(sign + source)
        .otherwise(pl.coalesce(source, "value_as_concept_name"))
    )


def _collected_at() -> pl.Expr:
    day, clock = pl.col("measurement_date"), pl.col("measurement_time")
    composed = pl.concat_str(day.str.head(10), pl.lit("T"), clock.str.strip_chars())
    return pl.coalesce("measurement_datetime", composed, day)
