"""Patients, encounters and conditions of FHIR R4 as rows."""

from typing import Final

import polars as pl

from data_contracts.conditions import CONDITIONS
from data_contracts.encounters import ENCOUNTERS
from data_contracts.patients import PATIENTS
from flows.profile import Profile
from flows.sources.fhir_elements import (
    CODING,
    CONCEPT,
    IDENTIFIER,
    META,
    PERIOD,
    SUBJECT,
    TEXT,
    TRUTH,
    Resource,
    at,
    coding_of,
    first_code,
    subject_id,
    translated,
    words_of,
)
from flows.sources.mimic_iv_tables import canonical

PATIENT: Final[Resource] = {
    "resourceType": TEXT,
    "id": TEXT,
    "meta": META,
    "identifier": [{**IDENTIFIER, "type": CONCEPT}],
    "name": [{"use": TEXT, "text": TEXT, "family": TEXT, "given": [TEXT]}],
    "gender": TEXT,
    "birthDate": TEXT,
    "deceasedBoolean": TRUTH,
    "deceasedDateTime": TEXT,
}
ENCOUNTER: Final[Resource] = {
    "resourceType": TEXT,
    "id": TEXT,
    "meta": META,
    "status": TEXT,
    "class": CODING,
    "serviceType": CONCEPT,
    "subject": SUBJECT,
    "period": PERIOD,
    "location": [{"location": {"display": TEXT}, "period": PERIOD}],
    "serviceProvider": {"display": TEXT},
}
CONDITION: Final[Resource] = {
    "resourceType": TEXT,
    "clinicalStatus": CONCEPT,
    "verificationStatus": CONCEPT,
    "code": CONCEPT,
    "subject": SUBJECT,
    "abatementDateTime": TEXT,
    "recordedDate": TEXT,
}
_MEDICAL_RECORD: Final = "MR"  # HL7 v2 table 0203
_SETTINGS: Final = {
    "AMB": "outpatient",
    "VR": "outpatient",
    "HH": "outpatient",
    "FLD": "outpatient",
    "SS": "outpatient",
    "EMER": "emergency",
    "IMP": "inpatient",
    "ACUTE": "inpatient",
    "NONAC": "inpatient",
    "OBSENC": "observation",
}
_NEVER_A_STAY: Final = ("entered-in-error", "cancelled")
_ICD: Final = {
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD-9-CM",
}
_REFUTED: Final = ("refuted", "entered-in-error")
_COURSE: Final = {
    "recurrence": "active",
    "relapse": "active",
    "inactive": "resolved",
    "remission": "resolved",
}


def patients(resources: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """The rows of Patients; one who died at no known time died when the resource was written."""
    systems = profile.identifiers
    updated_at = at("meta.lastUpdated")
    own_id = pl.coalesce(_assigned(systems.get("patient")), "id")
    is_record = pl.element().struct.field("type").struct.field("coding")
    is_record = is_record.list.eval(pl.element().struct.field("code") == _MEDICAL_RECORD).list.any()
    mrn = _value_of(pl.col("identifier").list.filter(is_record))
    name = pl.coalesce(
        pl.col("name").list.filter(pl.element().struct.field("use") == "official").list.first(),
        pl.col("name").list.first(),
    )
    given = name.struct.field("given").list.join(" ", ignore_nulls=True).replace("", None)
    family = name.struct.field("family")
    return canonical(
        resources,
        PATIENTS,
        patient_id=own_id,
        birth_date=pl.col("birthDate"),
        sex=pl.col("gender"),
        mrn=pl.coalesce(_assigned(systems.get("mrn")), mrn),
        name=pl.coalesce(name.struct.field("text"), pl.format("{}, {}", family, given), family),
        died_at=pl.coalesce("deceasedDateTime", pl.when("deceasedBoolean").then(updated_at)),
        updated_at=updated_at,
    )


def _assigned(system: str | None) -> pl.Expr:
    """The number that a system assigned to the patient."""
    if system is None:
        return pl.lit(None, pl.String)
    is_own = pl.element().struct.field("system") == system
    return _value_of(pl.col("identifier").list.filter(is_own))


def _value_of(identifiers: pl.Expr) -> pl.Expr:
    return identifiers.list.first().struct.field("value")


def encounters(resources: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """The rows of Encounters; one that was cancelled ends as it starts, and is never a stay."""
    places = pl.col("location")
    is_open = pl.element().struct.field("period").struct.field("end").is_null()
    place = pl.coalesce(places.list.filter(is_open).list.last(), places.list.last())
    started_at = at("period.start")
    is_void = pl.col("status").is_in(_NEVER_A_STAY)
    words = profile.reading.words.get("care_setting", {})
    return canonical(
        resources,
        ENCOUNTERS,
        encounter_id=pl.col("id"),
        patient_id=subject_id("subject", profile.identifiers.get("patient")),
        care_setting=translated(at("class.code"), _SETTINGS, words),
        facility=at("serviceProvider.display"),
        ward=place.struct.field("location").struct.field("display"),
        care_team=words_of(pl.col("serviceType")),
        started_at=started_at,
        ended_at=pl.when(is_void).then(started_at).otherwise(at("period.end")),
        updated_at=at("meta.lastUpdated"),
    )


def conditions(resources: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """The rows of Conditions, by their ICD code where they have one."""
    coding = coding_of(pl.col("code"), *_ICD)
    course = first_code(pl.col("clinicalStatus"))
    is_refuted = first_code(pl.col("verificationStatus")).is_in(_REFUTED)
    words = profile.reading.words.get("condition_status", {})
    return canonical(
        resources,
        CONDITIONS,
        patient_id=subject_id("subject", profile.identifiers.get("patient")),
        code=coding.struct.field("code"),
        code_system=coding.struct.field("system").replace(_ICD),
        status=pl.when(is_refuted)
        .then(pl.lit("refuted"))
        .otherwise(translated(course, _COURSE, words)),
        recorded_at=pl.col("recordedDate"),
        resolved_at=pl.col("abatementDateTime"),
    )
