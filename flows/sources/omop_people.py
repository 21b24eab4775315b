"""Patients, deaths, visits and conditions out of the OMOP CDM."""

from typing import Final

import polars as pl

from data_contracts.conditions import CONDITIONS
from data_contracts.encounters import ENCOUNTERS
from data_contracts.patients import PATIENTS
from flows.profile import Profile
from flows.sources.mimic_iv_tables import canonical
from flows.sources.omop_lookups import worded
from flows.sources.omop_tables import Columns
from flows.table_profile import TableProfile

PERSON: Final = Columns(
    needed=("person_id", "gender_concept_id", "year_of_birth"),
    optional=(
        "month_of_birth",
        "day_of_birth",
        "birth_datetime",
        "gender_source_value",
        "person_source_value",
    ),
)
DEATH: Final = Columns(("person_id",), any_of=(("death_datetime", "death_date"),))
VISIT: Final = Columns(
    needed=("visit_occurrence_id", "person_id", "visit_concept_id"),
    any_of=(
        ("visit_start_datetime", "visit_start_date"),
        ("visit_end_datetime", "visit_end_date"),
    ),
    optional=("visit_source_value", "care_site_id"),
)
CARE_SITE: Final = Columns(("care_site_id", "care_site_name"))
CONDITION: Final = Columns(
    needed=("person_id", "condition_concept_id"),
    any_of=(("condition_start_datetime", "condition_start_date"),),
    optional=(
        "condition_end_datetime",
        "condition_end_date",
        "condition_source_concept_id",
        "condition_source_value",
    ),
)
CONDITION_CODED: Final = ("condition_source_concept_id", "condition_concept_id")
_SEXES: Final = {"8507": "male", "8532": "female"}
_CARE_SETTINGS: Final = {
    "9201": "inpatient",
    "262": "inpatient",  # emergency room and inpatient
    "32037": "inpatient",  # intensive care
    "8717": "inpatient",  # inpatient hospital
    "9203": "emergency",
    "581385": "observation",
    "9202": "outpatient",
    "5083": "outpatient",  # telehealth
    "581476": "outpatient",  # home
    "581477": "outpatient",  # office
    "581478": "outpatient",  # ambulance
}
_CODE_SYSTEMS: Final = {"ICD10CM": "ICD-10-CM", "ICD9CM": "ICD-9-CM"}
_ZONED: Final = r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)$"


def patients(rows: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Persons, without their death: that is another table."""
    return canonical(
        rows,
        PATIENTS,
        patient_id=pl.col("person_id"),
        birth_date=_birth_date(),
        sex=_sex(profile),
        mrn=pl.col("person_source_value"),
    )


def deaths(rows: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Deaths, with what the person table beside them says of who died.

    A row of one patient replaces the other whole, so that of the death is dated: else that of the
    person table, which has no death, would stand by its longer text.
    """
    died_at = pl.coalesce("death_datetime", "death_date")
    return canonical(
        rows,
        PATIENTS,
        patient_id=pl.col("person_id"),
        birth_date=_birth_date(),
        sex=_sex(profile),
        mrn=pl.col("person_source_value"),
        died_at=died_at,
        updated_at=died_at,
    )


def _sex(profile: Profile) -> pl.Expr:
    own = profile.reading.words.get("sex", {})
    return pl.coalesce(worded("gender_concept_id", _SEXES, own), "gender_source_value")


def _birth_date() -> pl.Expr:
    """The day of the birth time, else year, month and day where all are known.

    A time with an offset may be another day than the one it was at the place of birth.
    """
    parts = (
        pl.col(name).str.strip_chars().str.strip_suffix(".0").str.zfill(width)
        for name, width in (("year_of_birth", 4), ("month_of_birth", 2), ("day_of_birth", 2))
    )
    said = pl.concat_str(*parts, separator="-")
    time = pl.col("birth_datetime").str.strip_chars()
    is_zoned = time.str.slice(10).str.contains(_ZONED)
    return pl.coalesce(pl.when(is_zoned).then(said), time.str.head(10), said)


def stays(rows: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Visits; a kind that is no setting of ours is handed on in the words of the source."""
    own = profile.reading.words.get("care_setting", {})
    return canonical(
        rows,
        ENCOUNTERS,
        encounter_id=pl.col("visit_occurrence_id"),
        patient_id=pl.col("person_id"),
        care_setting=pl.coalesce(
            worded("visit_concept_id", _CARE_SETTINGS, own),
            "visit_source_value",
            "visit_concept_id",
        ),
        ward=pl.col("care_site_name"),
        started_at=pl.coalesce("visit_start_datetime", "visit_start_date"),
        ended_at=pl.coalesce("visit_end_datetime", "visit_end_date"),
    )


def diagnoses(rows: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Conditions by their ICD code: of the source concept, the standard one, else as told.

    Without any the row keeps code and vocabulary as sent: the rules put it aside, by name. One is
    over where it ends on a later day than it started.
    """
    constants = profile.tables.get("conditions", TableProfile()).constants
    own = profile.reading.words.get("code_system", {})
    # What the profile words itself is handed on under its own name.
    known = {**_CODE_SYSTEMS, **{vocabulary: vocabulary for vocabulary in own}}
    sent = [
        (pl.col(f"{concept}_code"), pl.col(f"{concept}_vocabulary"))
        for concept in ("condition_source_concept", "condition_concept")
    ]
    ladder = [
        *((code, system.replace_strict(known, default=None)) for code, system in sent),
        (pl.col("condition_source_value"), pl.lit(constants.get("code_system"), pl.String)),
        *sent,
    ]
    started_at = pl.coalesce("condition_start_datetime", "condition_start_date")
    ended_at = pl.coalesce("condition_end_datetime", "condition_end_date")
    # Billing writes the day of its one record as both: nobody said that the disease is over.
    is_over = ended_at.str.head(10).ne_missing(started_at.str.head(10))
    codes = (pl.when(system.is_not_null()).then(code) for code, system in ladder)
    systems = (pl.when(code.is_not_null()).then(system) for code, system in ladder)
    return canonical(
        rows,
        CONDITIONS,
        patient_id=pl.col("person_id"),
        code=pl.coalesce(*codes, "condition_source_value"),
        code_system=pl.coalesce(*systems),
        recorded_at=started_at,
        resolved_at=pl.when(is_over).then(ended_at),
    )
