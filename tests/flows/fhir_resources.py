"""Resources of FHIR R4, checked by its models, and what their reader makes of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fhir.resources.R4B import get_fhir_model_class

from flows.errors import FileRefusedError
from flows.profile import Profile, parse_profile
from flows.schema import CANONICAL
from flows.sources import fhir
from flows.sources.extract import StagedDelivery

Json = dict[str, Any]
UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
MAGNESIUM = {"coding": [{"system": LOINC, "code": "19123-9", "display": "Magnesium"}]}


def profile(text: str = "") -> Profile:
    return parse_profile("ours", f'layout = "fhir"\n{text}', "UTC", "profile")


def quantity(value: float, unit: str, **more: str) -> Json:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit, **more}


def observation(**more: Any) -> Json:  # noqa: ANN401 - any element may be put or replaced
    """A magnesium result; an element given as null is left out."""
    whole = {
        "resourceType": "Observation",
        "id": "o1",
        "meta": {"lastUpdated": "2026-11-20T08:00:00Z"},
        "status": "final",
        "code": MAGNESIUM,
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-11-20T06:10:00+01:00",
        "issued": "2026-11-20T07:00:00+01:00",
        "valueQuantity": quantity(1.1, "mg/dL"),
    }
    return {name: part for name, part in (whole | more).items() if part is not None}


def encounter(**more: Any) -> Json:  # noqa: ANN401 - any element may be put or replaced
    return {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "in-progress",
        "class": {"code": "IMP"},
        "subject": {"reference": "Patient/p1"},
        "period": {"start": "2026-11-18T09:00:00Z"},
        **more,
    }


def condition(code: Json, clinical: str | None = None, verified: str = "confirmed") -> Json:
    sent: Json = {
        "resourceType": "Condition",
        "code": code,
        "subject": {"reference": "Patient/p1"},
        "verificationStatus": {"coding": [{"code": verified}]},
        "recordedDate": "2026-11-01",
    }
    return sent | ({"clinicalStatus": {"coding": [{"code": clinical}]}} if clinical else {})


def request(**more: Any) -> Json:  # noqa: ANN401 - any element may be put or replaced
    return {
        "resourceType": "MedicationRequest",
        "id": "r1",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {
            "coding": [{"code": "MG2"}, {"system": RXNORM, "code": "6585", "display": "Mg"}],
            "text": "Magnesium sulfate 2 g",
        },
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-11-20T07:00:00Z",
        **more,
    }


def administration(**more: Any) -> Json:  # noqa: ANN401 - any element may be put or replaced
    return {
        "resourceType": "MedicationAdministration",
        "id": "a1",
        "status": "completed",
        "medicationReference": {"reference": "#drug", "display": "magnesium"},
        "subject": {"reference": "Patient/p1"},
        "effectivePeriod": {"start": "2026-11-20T09:00:00Z", "end": "2026-11-20T10:00:00Z"},
        **more,
    }


def text_of(resource: Json) -> str:
    """A resource as a line, after the models of FHIR R4 found nothing wrong with it."""
    line = json.dumps(resource, ensure_ascii=False)
    get_fhir_model_class(resource["resourceType"]).model_validate_json(line)
    return line


def rows_of(
    tmp_path: Path, table: str, *lines: str | Json, name: str = "", toml: str = ""
) -> pl.DataFrame:
    """What the lines of a file become; resources are checked first, texts go as they are."""
    told = [line if isinstance(line, str) else text_of(line) for line in lines]
    path = tmp_path / "copy.ndjson"
    path.write_text("\n".join(told) + "\n", encoding="utf-8")
    kind = str(json.loads(told[0]).get("resourceType")) if not name else ""
    staged = StagedDelivery(table, name or f"{kind}.ndjson", path, {})
    frames = list(fhir.read(staged, profile(toml)).frames)
    empty = pl.DataFrame(schema=dict.fromkeys(CANONICAL[table].names, pl.String))
    return pl.concat([empty, *frames])


def cells(rows: pl.DataFrame, at: int = 0) -> Mapping[str, str]:
    """The cells of a row that are not blank."""
    return {name: cell for name, cell in rows.row(at, named=True).items() if cell is not None}


def refusal(tmp_path: Path, *lines: str | Json, table: str = "observations") -> str:
    """What is said of a file that is refused."""
    with pytest.raises(FileRefusedError) as refused:
        rows_of(tmp_path, table, *lines, name=f"{table}.ndjson")
    return str(refused.value)
