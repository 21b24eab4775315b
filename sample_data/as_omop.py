"""A ward as tables of the OMOP CDM 5.4 in CSV, with a concept table of the few that they use.

Concepts of codes have invented numbers, from 2,000,000,000 on as OMOP has it for local ones.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from sample_data.as_csv import Tables
from sample_data.extract import HOSPITAL_ZONE, Row, write_rows

_FIRST_CONCEPT: Final = 2_000_000_000
_SEXES: Final = {"male": "8507", "female": "8532"}
_VISITS: Final = {
    "inpatient": "9201",
    "observation": "581385",
    "emergency": "9203",
    "outpatient": "9202",
}
_OPERATORS: Final = {"<": "4171756", "<=": "4171754", ">": "4172704", ">=": "4171755"}
_KINDS: Final = {"order": "32838", "administration": "32818"}
_ROUTES: Final = {"IV": "Intravenous route", "IM": "Intramuscular route", "PO": "Oral route"}
_UCUM_UNITS: Final = {"mL/min/1.73m2": "mL/min/{1.73_m2}"}
_VALUE: Final = re.compile(r"([<>]=?)?([0-9]+(?:\.[0-9]+)?)")
_NO_CONCEPT: Final = "0"
_CONCEPT_COLUMNS: Final = ("concept_id", "concept_name", "vocabulary_id", "concept_code")


class _Concepts:
    """Numbers the concepts in the order in which they are first used."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str, str], str] = {}

    def number(self, vocabulary: str, code: str, name: str) -> str:
        """Return the number of a concept; a blank code has none."""
        if not code:
            return _NO_CONCEPT
        following = str(_FIRST_CONCEPT + len(self._numbers) + 1)
        return self._numbers.setdefault((vocabulary, code, name), following)

    def rows(self) -> list[Row]:
        """Return the concept table."""
        return [
            {
                "concept_id": number,
                "concept_name": name,
                "vocabulary_id": vocabulary,
                "concept_code": code,
            }
            for (vocabulary, code, name), number in self._numbers.items()
        ]


def write(folder: Path, ward: Tables) -> None:
    """Write the tables; names of people and teams, and doses not given, have no place in them."""
    folder.mkdir(parents=True, exist_ok=True)
    concepts = _Concepts()
    wards = sorted({row["ward"] for row in ward["encounters"]})
    sites = {name: str(number) for number, name in enumerate(wards, 1)}
    exposures = [row for row in ward["medications"] if row["status"] not in {"refused", "held"}]
    died = [row for row in ward["patients"] if row["died_at"]]
    tables: dict[str, list[Row]] = {
        "person": [_person(row) for row in ward["patients"]],
        "death": [
            {"person_id": row["patient_id"], **_times("death", row["died_at"])} for row in died
        ],
        "care_site": [{"care_site_id": sites[name], "care_site_name": name} for name in wards],
        "visit_occurrence": [_visit(row, sites) for row in ward["encounters"]],
        "condition_occurrence": [
            _condition(at, row, concepts) for at, row in enumerate(ward["conditions"], 1)
        ],
        "measurement": [
            _measurement(at, row, concepts) for at, row in enumerate(ward["observations"], 1)
        ],
        "drug_exposure": [_exposure(at, row, concepts) for at, row in enumerate(exposures, 1)],
    }
    for name, rows in tables.items():
        if rows:
            write_rows(folder / f"{name}.csv", tuple(rows[0]), rows)
    write_rows(folder / "concept.csv", _CONCEPT_COLUMNS, concepts.rows())


def _person(row: Row) -> Row:
    year, month, day = row["birth_date"].split("-")
    return {
        "person_id": row["patient_id"],
        "gender_concept_id": _SEXES[row["sex"]],
        "year_of_birth": year,
        "month_of_birth": str(int(month)),
        "day_of_birth": str(int(day)),
        "person_source_value": row["mrn"],
    }


def _visit(row: Row, sites: Mapping[str, str]) -> Row:
    return {
        "visit_occurrence_id": _visit_id(row),
        "person_id": row["patient_id"],
        "visit_concept_id": _VISITS[row["care_setting"]],
        **_times("visit_start", row["started_at"]),
        **_times("visit_end", row["ended_at"]),
        "care_site_id": sites[row["ward"]],
    }


def _condition(number: int, row: Row, concepts: _Concepts) -> Row:
    return {
        "condition_occurrence_id": str(number),
        "person_id": row["patient_id"],
        "condition_concept_id": _NO_CONCEPT,
        **_times("condition_start", row["recorded_at"]),
        "condition_end_date": "",
        "condition_source_value": row["code"],
        "condition_source_concept_id": concepts.number("ICD10CM", row["code"], row["code"]),
    }


def _measurement(number: int, row: Row, concepts: _Concepts) -> Row:
    found = _VALUE.fullmatch(row["value"])
    comparator, figure = found.groups() if found else ("", "")
    unit = row["unit"]
    return {
        "measurement_id": str(number),
        "person_id": row["patient_id"],
        "measurement_concept_id": concepts.number("LOINC", row["code"], row["name"]),
        **_times("measurement", row["collected_at"]),
        "operator_concept_id": _OPERATORS.get(comparator or "", ""),
        "value_as_number": figure,
        "unit_concept_id": concepts.number("UCUM", _UCUM_UNITS.get(unit, unit), unit),
        "range_low": row["reference_low"],
        "range_high": row["reference_high"],
        "visit_occurrence_id": _visit_id(row),
        "measurement_source_value": row["name"],
        "unit_source_value": unit,
        "value_source_value": row["value"],
    }


def _exposure(number: int, row: Row, concepts: _Concepts) -> Row:
    route = _ROUTES.get(row["route"], "")
    return {
        "drug_exposure_id": str(number),
        "person_id": row["patient_id"],
        "drug_concept_id": concepts.number("RxNorm", row["code"], row["name"]),
        **_times("drug_exposure_start", row["started_at"]),
        **_times("drug_exposure_end", row["ended_at"]),
        "drug_type_concept_id": _KINDS[row["kind"]],
        "quantity": row["dose"].replace(",", ""),
        "route_concept_id": concepts.number("SNOMED", route and f"route-{row['route']}", route),
        "visit_occurrence_id": _visit_id(row),
        "drug_source_value": row["name"],
        "route_source_value": row["route"],
        "dose_unit_source_value": row["dose_unit"],
    }


def _visit_id(row: Row) -> str:
    return str(int(row["encounter_id"].removeprefix("E")))


def _times(stem: str, instant: str) -> Row:
    """Return a date and a time of an instant, in the hospital's own time."""
    local = ""
    if instant:
        zoned = datetime.fromisoformat(instant).astimezone(HOSPITAL_ZONE)
        local = zoned.strftime("%Y-%m-%dT%H:%M:%S")
    return {f"{stem}_date": local[:10], f"{stem}_datetime": local}
