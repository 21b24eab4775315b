"""Patients, stays and diagnoses out of MIMIC-IV."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from data_contracts.conditions import CONDITIONS
from data_contracts.encounters import ENCOUNTERS
from data_contracts.patients import PATIENTS
from flows.sources.mimic_iv_tables import Original, batches, canonical, whole

_SYSTEMS: Final = {"9": "ICD-9-CM", "10": "ICD-10-CM"}


def patients(original: Original) -> Iterator[pl.DataFrame]:
    """Patients, born on 1 July of the year that their anchor age gives.

    Death is the minute that an admission charts, else the day that the patients table has.
    """
    deaths = whole(original.lookup("admissions", ("subject_id", "deathtime")))
    deaths = deaths.group_by("subject_id").agg(pl.col("deathtime").max())
    columns = ("subject_id", "gender", "anchor_age", "anchor_year", "dod")
    year, age = (
        pl.col(name).cast(pl.Int32, strict=False) for name in ("anchor_year", "anchor_age")
    )
    for batch in batches(original.rows(columns)):
        yield canonical(
            batch.join(deaths, on="subject_id", how="left", maintain_order="left"),
            PATIENTS,
            patient_id=pl.col("subject_id"),
            birth_date=pl.format("{}-07-01", year - age),
            sex=pl.col("gender"),
            died_at=pl.coalesce("deathtime", "dod"),
        )


def stays(original: Original) -> Iterator[pl.DataFrame]:
    """Admissions with the last care unit as ward and the last service as care team."""
    moves = original.lookup("transfers", ("hadm_id", "transfer_id", "careunit", "intime"))
    wards = _last(moves, "careunit", ("intime", "transfer_id"))
    teams = _last(
        original.lookup("services", ("hadm_id", "curr_service", "transfertime")),
        "curr_service",
        ("transfertime",),
    )
    columns = ("subject_id", "hadm_id", "admittime", "dischtime", "admission_type")
    is_observed = pl.col("admission_type").str.contains("OBSERVATION", literal=True)
    for batch in batches(original.rows(columns)):
        yield canonical(
            batch.join(wards, on="hadm_id", how="left", maintain_order="left").join(
                teams, on="hadm_id", how="left", maintain_order="left"
            ),
            ENCOUNTERS,
            encounter_id=pl.col("hadm_id"),
            patient_id=pl.col("subject_id"),
            care_setting=pl.when(is_observed)
            .then(pl.lit("observation"))
            .otherwise(pl.lit("inpatient")),
            ward=pl.col("careunit"),
            care_team=pl.col("curr_service"),
            started_at=pl.col("admittime"),
            ended_at=pl.col("dischtime"),
        )


def _last(rows: pl.LazyFrame, column: str, by: tuple[str, ...]) -> pl.DataFrame:
    """The last known value of a column in each admission."""
    known = whole(rows.filter(pl.col(column).is_not_null(), pl.col("hadm_id").is_not_null()))
    newest = known.sort(*by, "line").unique("hadm_id", keep="last", maintain_order=True)
    return newest.select("hadm_id", column)


def visits(original: Original) -> Iterator[pl.DataFrame]:
    """Emergency visits that became no admission; the others are part of their stay."""
    columns = ("subject_id", "hadm_id", "transfer_id", "eventtype", "careunit", "intime", "outtime")
    alone = original.rows(columns).filter(pl.col("hadm_id").is_null(), pl.col("eventtype") == "ED")
    for batch in batches(alone):
        yield canonical(
            batch,
            ENCOUNTERS,
            encounter_id=pl.format("ed-{}", "transfer_id"),
            patient_id=pl.col("subject_id"),
            care_setting=pl.lit("emergency"),
            ward=pl.col("careunit"),
            started_at=pl.col("intime"),
            ended_at=pl.col("outtime"),
        )


def diagnoses(original: Original) -> Iterator[pl.DataFrame]:
    """Billing codes, known from the discharge at which they were coded."""
    discharges = whole(original.lookup("admissions", ("hadm_id", "dischtime")))
    discharges = discharges.drop("line").unique("hadm_id", keep="first", maintain_order=True)
    columns = ("subject_id", "hadm_id", "icd_code", "icd_version")
    for batch in batches(original.rows(columns)):
        yield canonical(
            batch.join(discharges, on="hadm_id", how="left", maintain_order="left"),
            CONDITIONS,
            patient_id=pl.col("subject_id"),
            code=pl.col("icd_code"),
            code_system=pl.col("icd_version").str.strip_chars().replace(_SYSTEMS),
            recorded_at=pl.col("dischtime"),
        )
