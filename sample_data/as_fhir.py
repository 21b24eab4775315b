"""A ward as FHIR R4 bulk data: one NDJSON file for each kind of resource, coded as US Core does."""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from sample_data.as_csv import Tables, night_of
from sample_data.extract import Row

Resource = dict[str, object]

_LOINC: Final = "http://loinc.org"
_UCUM: Final = "http://unitsofmeasure.org"
_RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
_ICD_10: Final = "http://hl7.org/fhir/sid/icd-10-cm"
_CLASS: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_CLINICAL: Final = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_TYPE: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
_OWN: Final = "urn:oid:2.999.1"  # an arc for examples: Saint Exampla's numbers
_CLASSES: Final = {
    "inpatient": "IMP",
    "observation": "OBSENC",
    "emergency": "EMER",
    "outpatient": "AMB",
}
_UCUM_UNITS: Final = {"mL/min/1.73m2": "mL/min/{1.73_m2}"}
_GIVEN: Final = {"given": "completed", "refused": "not-done", "held": "on-hold"}
_STATUSES: Final = {"F": "final", "C": "corrected", "P": "preliminary", "W": "entered-in-error"}
_WEIGHT_AND_HEIGHT: Final = ("29463-7", "8302-2")
_VALUE: Final = re.compile(r"([<>]=?)?([0-9]+(?:\.[0-9]+)?)")
_DECIMAL: Final = "decimal:"  # a number that keeps its digits: 1.10 stays 1.10
_QUOTED_DECIMAL: Final = re.compile(rf'"{_DECIMAL}([0-9.]+)"')


def write(folder: Path, ward: Tables, until: datetime) -> None:
    """Write the resources of the ward, a file for each kind that has any."""
    folder.mkdir(parents=True, exist_ok=True)
    drugs = {(row["code"], row["name"]): "" for row in ward["medications"]}
    drugs = {drug: f"drug-{number:03d}" for number, drug in enumerate(sorted(drugs), 1)}
    orders = [row for row in ward["medications"] if row["kind"] == "order"]
    doses = [row for row in ward["medications"] if row["kind"] == "administration"]
    kinds: dict[str, Iterable[Resource]] = {
        "Patient": map(patient, ward["patients"]),
        "Encounter": map(encounter, ward["encounters"]),
        "Condition": (condition(at, row) for at, row in enumerate(ward["conditions"], 1)),
        "Observation": map(observation, ward["observations"]),
        "Medication": (medication(code, name, drug) for (code, name), drug in drugs.items()),
        "MedicationRequest": (order(row, drugs[row["code"], row["name"]]) for row in orders),
        "MedicationAdministration": (dose(row, drugs[row["code"], row["name"]]) for row in doses),
    }
    for kind, resources in kinds.items():
        path = folder / f"{kind}_{night_of(until)}.ndjson"
        lines = [f"{line_of({'resourceType': kind, **resource})}\n" for resource in resources]
        if lines:
            path.write_text("".join(lines), encoding="utf-8", newline="")


def line_of(resource: Resource) -> str:
    """Return a resource as one line; what nobody said is left out, numbers keep their digits."""
    text = json.dumps(_said(resource), ensure_ascii=False, separators=(",", ":"))
    return _QUOTED_DECIMAL.sub(r"\1", text)


def _said(part: object) -> object:
    if isinstance(part, dict):
        told = {name: _said(value) for name, value in part.items()}
        return {name: value for name, value in told.items() if value not in ("", None, {}, [])}
    if isinstance(part, list):
        return [value for value in map(_said, part) if value not in ("", None, {}, [])]
    return part


def patient(row: Row) -> Resource:
    """Return a Patient."""
    family, given = row["name"].split(", ")
    record = {"coding": [{"system": _TYPE, "code": "MR"}]}
    return {
        "id": row["patient_id"],
        "meta": {"lastUpdated": row["updated_at"]},
        "identifier": [{"type": record, "system": _OWN, "value": row["mrn"]}],
        "name": [{"use": "official", "family": family, "given": [given]}],
        "gender": row["sex"],
        "birthDate": row["birth_date"],
        "deceasedDateTime": row["died_at"],
    }


def encounter(row: Row) -> Resource:
    """Return an Encounter."""
    return {
        "id": row["encounter_id"],
        "meta": {"lastUpdated": row["updated_at"]},
        "status": "finished" if row["ended_at"] else "in-progress",
        "class": {"system": _CLASS, "code": _CLASSES[row["care_setting"]]},
        "serviceType": {"text": row["care_team"]},
        "subject": _subject(row),
        "period": {"start": row["started_at"], "end": row["ended_at"]},
        "location": [{"location": {"display": row["ward"]}}],
        "serviceProvider": {"display": row["facility"]},
    }


def condition(number: int, row: Row) -> Resource:
    """Return a Condition."""
    return {
        "id": f"C{number:05d}",
        "clinicalStatus": {"coding": [{"system": _CLINICAL, "code": row["status"]}]},
        "code": {"coding": [{"system": _ICD_10, "code": row["code"]}]},
        "subject": _subject(row),
        "recordedDate": row["recorded_at"],
    }


def observation(row: Row) -> Resource:
    """Return an Observation: a quantity where the value is a number, else a text."""
    category = "vital-signs" if row["code"] in _WEIGHT_AND_HEIGHT else "laboratory"
    bounds = {"low": _quantity(row["reference_low"]), "high": _quantity(row["reference_high"])}
    return {
        "id": row["observation_id"],
        "meta": {"lastUpdated": row["reported_at"]},
        "status": _STATUSES[row["status"]],
        "category": [{"coding": [{"system": _CATEGORY, "code": category}]}],
        "code": {"coding": [{"system": _LOINC, "code": row["code"]}], "text": row["name"]},
        "subject": _subject(row),
        "encounter": {"reference": f"Encounter/{row['encounter_id']}"},
        "specimen": {
            "reference": row["specimen_id"] and f"Specimen/{row['specimen_id']}",
            "display": row["specimen"],
        },
        "effectiveDateTime": row["collected_at"],
        "issued": row["reported_at"],
        **_value(row),
        "referenceRange": [bounds],
    }


def _value(row: Row) -> Resource:
    found = _VALUE.fullmatch(row["value"])
    if found is None:
        return {"valueString": row["value"]}
    comparator, number = found.groups()
    unit = row["unit"]
    coded = {"system": _UCUM, "code": _UCUM_UNITS.get(unit, unit)} if unit else {}
    return {"valueQuantity": {**_quantity(number), "comparator": comparator, "unit": unit, **coded}}


def _quantity(number: str) -> Resource:
    return {"value": number and f"{_DECIMAL}{number}"}


def medication(code: str, name: str, identifier: str) -> Resource:
    """Return a Medication, to which orders and doses refer."""
    return {"id": identifier, "code": {"coding": [{"system": _RXNORM, "code": code}], "text": name}}


def order(row: Row, drug: str) -> Resource:
    """Return a MedicationRequest."""
    amount = {"doseQuantity": _amount(row)}
    bounds = {"start": row["started_at"], "end": row["ended_at"]}
    return {
        "id": row["medication_id"],
        "meta": {"lastUpdated": row["updated_at"]},
        "status": row["status"],
        "intent": "order",
        "medicationReference": {"reference": f"Medication/{drug}"},
        "subject": _subject(row),
        "encounter": {"reference": f"Encounter/{row['encounter_id']}"},
        "authoredOn": row["started_at"],
        "dosageInstruction": [
            {
                "timing": {"repeat": {"boundsPeriod": bounds}},
                "route": {"text": row["route"]},
                "doseAndRate": [amount],
            }
        ],
    }


def dose(row: Row, drug: str) -> Resource:
    """Return a MedicationAdministration."""
    is_span = bool(row["ended_at"])
    period = {"start": row["started_at"], "end": row["ended_at"]} if is_span else {}
    return {
        "id": row["medication_id"],
        "meta": {"lastUpdated": row["updated_at"]},
        "status": _GIVEN[row["status"]],
        "medicationReference": {"reference": f"Medication/{drug}"},
        "subject": _subject(row),
        "context": {"reference": f"Encounter/{row['encounter_id']}"},
        "effectiveDateTime": "" if is_span else row["started_at"],
        "effectivePeriod": period,
        "dosage": {"route": {"text": row["route"]}, "dose": _amount(row)},
    }


def _amount(row: Row) -> Resource:
    return {**_quantity(row["dose"].replace(",", "")), "unit": row["dose_unit"]}


def _subject(row: Row) -> Resource:
    return {"reference": f"Patient/{row['patient_id']}"}
