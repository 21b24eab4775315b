"""Observations of FHIR R4 as rows: one a result, one a component of a panel."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from data_contracts.observations import OBSERVATIONS
from flows.profile import Profile
from flows.sources.fhir_contained import contained
from flows.sources.fhir_elements import (
    CONCEPT,
    IDENTIFIER,
    META,
    NUMBER,
    PERIOD,
    QUANTITY,
    REFERENCE,
    SUBJECT,
    TEXT,
    TRUTH,
    Resource,
    at,
    referred,
    subject_id,
    translated,
    words_of,
)
from flows.sources.fhir_panels import (
    as_parts,
    contained_members,
    result_coding,
    with_part_ids,
    withdrawn_components,
)
from flows.sources.mimic_iv_tables import canonical
from flows.sources.units import one_unit

_UCUM: Final = "http://unitsofmeasure.org"
_BOUND: Final[Resource] = {"value": NUMBER}
# What a result and a component of a panel both have.
_RESULT: Final[Resource] = {
    "code": CONCEPT,
    "valueQuantity": QUANTITY,
    "valueString": TEXT,
    "valueCodeableConcept": CONCEPT,
    "valueInteger": NUMBER,
    "valueBoolean": TRUTH,
    "valueDateTime": TEXT,
    "valueTime": TEXT,
    "valueRange": {"low": _BOUND, "high": _BOUND},
    "valueRatio": {"numerator": _BOUND, "denominator": _BOUND},
    "valuePeriod": PERIOD,
    "valueSampledData": {"data": TEXT},
    "dataAbsentReason": CONCEPT,
    "referenceRange": [{"low": _BOUND, "high": _BOUND}],
}
_VALUES: Final = tuple(name for name in _RESULT if name.startswith("value"))
OBSERVATION: Final[Resource] = {
    "resourceType": TEXT,
    "id": TEXT,
    "meta": META,
    "status": TEXT,
    "subject": SUBJECT,
    "encounter": REFERENCE,
    "specimen": REFERENCE,
    "effectiveDateTime": TEXT,
    "effectivePeriod": PERIOD,
    "effectiveInstant": TEXT,
    "issued": TEXT,
    "component": [_RESULT],
    "hasMember": [{"reference": TEXT}],
    **_RESULT,
}
_SPECIMEN: Final[Resource] = {
    "resourceType": TEXT,
    "type": CONCEPT,
    "condition": [CONCEPT],
    "accessionIdentifier": IDENTIFIER,
    "identifier": [IDENTIFIER],
}
# HL7 v2 table 0487 and 0493.
_SPECIMEN_WORDS: Final = {"SER": "serum", "PLAS": "plasma", "UR": "urine", "BLD": "blood"}
_HAEMOLYSED: Final = "HEM"


def observations(resources: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """The rows of Observations in their order; what only groups others (`hasMember`) gives none.

    A contained member is a component that has a status and times of its own.
    """
    said = _said(resources, profile)
    members = contained_members(resources, OBSERVATION)
    within = said.clear()
    if members is not None:
        within = as_parts(_said(members, profile), said[members.get_column("at")], profile)
    panels = pl.concat([said, within]).filter("has_components").drop(*_RESULT)
    parts = [_own(within), panels.explode("component").unnest("component")]
    found = [
        _own(said),
        with_part_ids(pl.concat(parts, how="diagonal"), profile),
        withdrawn_components(said.drop("component", *_RESULT), profile),
    ]
    rows = pl.concat([some for some in found if some.height] or found[:1], how="diagonal")
    return _rows(rows.sort("number", maintain_order=True), profile)


def _own(said: pl.DataFrame) -> pl.DataFrame:
    """Those that are a result themselves."""
    is_group = pl.col("has_components") | pl.col("has_members")
    return said.filter(pl.col("has_value") | ~is_group).drop("component")


def _said(resources: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """What resources say of themselves, a row each."""
    return resources.select(
        "number",
        "component",
        *_RESULT,
        observation_id=pl.col("id"),
        patient_id=subject_id("subject", profile.identifiers.get("patient")),
        encounter_id=referred("encounter", "Encounter"),
        status=pl.col("status"),
        collected_at=pl.coalesce(
            "effectiveDateTime", at("effectivePeriod.start"), "effectiveInstant"
        ),
        reported_at=pl.coalesce("issued", at("meta.lastUpdated")),
        has_value=pl.any_horizontal(pl.col(name).is_not_null() for name in _VALUES),
        has_members=pl.col("hasMember").list.len().fill_null(0) > 0,
        has_components=pl.col("component").list.len().fill_null(0) > 0,
    ).hstack(_specimens(resources, profile.reading.words.get("specimen", {})))


def _rows(results: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    coding = result_coding(pl.col("code"), profile)
    coded = results.with_columns(
        loinc=coding.struct.field("code"), printed=coding.struct.field("display")
    )
    system = at("valueQuantity.system")
    is_ucum = system.is_null() | (system == _UCUM)
    limits = pl.col("referenceRange").list.first()
    return canonical(
        coded,
        OBSERVATIONS,
        observation_id=pl.col("observation_id"),
        patient_id=pl.col("patient_id"),
        encounter_id=pl.col("encounter_id"),
        specimen_id=pl.col("specimen_id"),
        code=pl.col("loinc"),
        name=pl.coalesce(at("code.text"), "printed"),
        value=_value(),
        unit=one_unit(
            pl.when(is_ucum).then(at("valueQuantity.code")), at("valueQuantity.unit"), profile
        ),
        specimen=pl.col("specimen"),
        status=pl.col("status"),
        collected_at=pl.col("collected_at"),
        reported_at=pl.col("reported_at"),
        reference_low=limits.struct.field("low").struct.field("value"),
        reference_high=limits.struct.field("high").struct.field("value"),
        is_haemolysed=pl.col("is_haemolysed"),
    )


def _value() -> pl.Expr:
    """The text of the value, whatever its type; of a missing one the reason, never as a number."""
    comparator = at("valueQuantity.comparator").fill_null("")
    absent = words_of(pl.col("dataAbsentReason"))
    has_digit = absent.str.contains("[0-9]")
    return pl.coalesce(
        comparator + at("valueQuantity.value"),
        "valueString",
        words_of(pl.col("valueCodeableConcept")),
        "valueInteger",
        pl.col("valueBoolean").cast(pl.String),
        "valueDateTime",
        "valueTime",
        pl.format("{} to {}", at("valueRange.low.value"), at("valueRange.high.value")),
        pl.format("{}:{}", at("valueRatio.numerator.value"), at("valueRatio.denominator.value")),
        pl.when(has_digit).then(pl.lit("absent: ") + absent).otherwise(absent),
    )


def _specimens(resources: pl.DataFrame, own_words: Mapping[str, str]) -> pl.DataFrame:
    """What is known of the tubes: of a contained Specimen its type, haemolysis and number."""
    told = resources.select(
        specimen_id=referred("specimen", "Specimen"), specimen=at("specimen.display")
    )
    tubes = contained(resources, "specimen.reference", "Specimen", _SPECIMEN)
    if tubes is None:
        return told.with_columns(is_haemolysed=pl.lit(None, pl.String))
    is_haemolysed = (
        pl.col("condition")
        .list.eval(
            pl.element()
            .struct.field("coding")
            .list.eval(pl.element().struct.field("code") == _HAEMOLYSED)
            .list.any()
        )
        .list.any()
    )
    word = pl.coalesce(
        at("type.text"), pl.col("type").struct.field("coding").list.first().struct.field("code")
    )
    of_tubes = tubes.select(
        number=pl.coalesce(
            at("accessionIdentifier.value"),
            pl.col("identifier").list.first().struct.field("value"),
        ),
        word=translated(word, _SPECIMEN_WORDS, own_words),
        is_haemolysed=pl.when(is_haemolysed).then(pl.lit("true")),
    )
    return told.hstack(of_tubes).select(
        specimen_id=pl.coalesce("specimen_id", "number"),
        specimen=pl.coalesce("word", "specimen"),
        is_haemolysed="is_haemolysed",
    )
