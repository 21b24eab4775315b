"""Observations out of MIMIC-IV: laboratory events, clinic measures, weights charted in the ICU."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from data_contracts.observations import OBSERVATIONS
from flows.sources.mimic_iv_tables import Original, batches, canonical, whole

_LABEVENTS: Final = (
    "labevent_id",
    "subject_id",
    "hadm_id",
    "specimen_id",
    "itemid",
    "charttime",
    "storetime",
    "value",
    "valueuom",
    "ref_range_lower",
    "ref_range_upper",
    "comments",
)
# The tables hold released results only and have no status: blank would be no result at all.
_RELEASED: Final = pl.lit("final")
_LOINC_WEIGHT: Final = "29463-7"
_MEASURE: Final = r"^([^(]+?)\s*(?:\((.+)\))?$"
_MEASURE_UNITS: Final = {"Lbs": "lb", "Inches": "in"}


def laboratory(original: Original) -> Iterator[pl.DataFrame]:
    """The laboratory events of the profile's items, named and given a specimen by d_labitems."""
    loinc = original.chosen("laboratory").rename({"item": "itemid", "meaning": "loinc"})
    labels = original.lookup("d_labitems", ("itemid", "label", "fluid", "category"))
    items = loinc.join(whole(labels).unique("itemid", keep="first"), on="itemid", how="left")
    chosen = loinc.get_column("itemid").implode()
    events = original.rows(_LABEVENTS).filter(pl.col("itemid").is_in(chosen))
    for batch in batches(events):
        named = batch.join(items, on="itemid", how="left", maintain_order="left")
        yield canonical(
            named,
            OBSERVATIONS,
            observation_id=pl.col("labevent_id"),
            patient_id=pl.col("subject_id"),
            encounter_id=pl.col("hadm_id"),
            specimen_id=pl.col("specimen_id"),
            code=pl.col("loinc"),
            name=pl.col("label"),
            value=pl.col("value"),
            unit=pl.col("valueuom"),
            specimen=_specimen(),
            status=_RELEASED,
            collected_at=pl.col("charttime"),
            reported_at=pl.col("storetime"),
            reference_low=pl.col("ref_range_lower"),
            reference_high=pl.col("ref_range_upper"),
            is_haemolysed=_is_haemolysed(),
        )


def _specimen() -> pl.Expr:
    """Serum for blood, unless a blood gas analyser measured it whole; else the fluid's name."""
    fluid = pl.col("fluid").str.to_lowercase()
    is_whole = pl.col("category") == "Blood Gas"
    return pl.when((fluid == "blood") & ~is_whole).then(pl.lit("serum")).otherwise(fluid)


def _is_haemolysed() -> pl.Expr:
    """What the comment says: haemolysis falsely elevates the test, or there was none."""
    comment = pl.col("comments").str.to_lowercase()
    return (
        pl.when(comment.str.contains(r"ha?emolysis\s+falsely\s+elevates"))
        .then(pl.lit("true"))
        .when(comment.str.contains(r"not\s+ha?emoly[sz]ed"))
        .then(pl.lit("false"))
    )


def clinic_measures(original: Original) -> Iterator[pl.DataFrame]:
    """Weights and heights of the omr table; the unit stands in the name (`Weight (Lbs)`).

    The table has no row id: `omr-N` is its data row, so a new export is a new set of results.
    """
    codes = original.chosen("measures").rename({"item": "measure", "meaning": "loinc"})
    columns = ("subject_id", "chartdate", "result_name", "result_value")
    worded = pl.col("result_name").str.strip_chars()
    named = original.rows(columns).with_columns(
        measure=worded.str.extract(_MEASURE, 1), unit=worded.str.extract(_MEASURE, 2)
    )
    chosen = codes.get_column("measure").implode()
    for batch in batches(named.filter(pl.col("measure").is_in(chosen))):
        yield canonical(
            batch.join(codes, on="measure", how="left", maintain_order="left"),
            OBSERVATIONS,
            observation_id=pl.format("omr-{}", "line"),
            patient_id=pl.col("subject_id"),
            code=pl.col("loinc"),
            name=pl.col("result_name"),
            value=pl.col("result_value"),
            unit=pl.col("unit").replace(_MEASURE_UNITS),
            status=_RELEASED,
            collected_at=pl.col("chartdate"),
        )


def infusion_weights(original: Original) -> Iterator[pl.DataFrame]:
    """The weights (kg) by which infusions were dosed: one a stay and weight, at its first start."""
    columns = ("subject_id", "hadm_id", "stay_id", "starttime", "patientweight")
    charted = original.rows(columns).filter(
        pl.col("patientweight").is_not_null(), pl.col("stay_id").is_not_null()
    )
    first = (
        charted.group_by("subject_id", "stay_id", "patientweight")
        .agg(pl.col("starttime").min(), pl.col("hadm_id").min())
        .sort("stay_id", "starttime", "patientweight")
    )
    for batch in batches(first):
        yield canonical(
            batch,
            OBSERVATIONS,
            observation_id=pl.format("icuwt-{}-{}", "stay_id", "patientweight"),
            patient_id=pl.col("subject_id"),
            encounter_id=pl.col("hadm_id"),
            code=pl.lit(_LOINC_WEIGHT),
            name=pl.lit("Patient weight (ICU)"),
            value=pl.col("patientweight"),
            unit=pl.lit("kg"),
            status=_RELEASED,
            collected_at=pl.col("starttime"),
        )
