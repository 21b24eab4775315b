"""Orders and doses of FHIR R4 become canonical rows, with the drug they refer to."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from flows.errors import FileRefusedError
from flows.sources import fhir
from flows.sources.extract import StagedDelivery
from flows.stages import assess, ingest
from flows.tonight import tonight_path
from tests.flows.fhir_resources import (
    UCUM,
    Json,
    administration,
    cells,
    observation,
    profile,
    quantity,
    request,
    rows_of,
    text_of,
)
from tests.home import Home


def test_an_order_ends_where_its_bounds_end(tmp_path: Path) -> None:
    bounds = {"start": "2026-11-20T08:00:00Z", "end": "2026-11-21T08:00:00Z"}
    amounts = {"doseQuantity": quantity(2, "g"), "rateQuantity": quantity(1.50, "g/h")}
    dosage = {
        "timing": {"repeat": {"boundsPeriod": bounds}},
        "route": {"coding": [{"display": "Intravenous", "code": "47625008"}]},
        "doseAndRate": [amounts],
    }
    sent = request(encounter={"reference": "Encounter/e1"}, dosageInstruction=[dosage])
    rows = rows_of(tmp_path, "medications", sent, request(id="r2"))
    assert cells(rows) == {
        "medication_id": "r1",
        "patient_id": "p1",
        "encounter_id": "e1",
        "order_id": "r1",
        "kind": "order",
        "code": "6585",
        "code_system": "RxNorm",
        "name": "Magnesium sulfate 2 g",
        "route": "Intravenous",
        "dose": "2",
        "dose_unit": "g",
        "rate": "1.5",
        "rate_unit": "g/h",
        "started_at": bounds["start"],
        "ended_at": bounds["end"],
        "status": "active",
    }
    assert rows.select("started_at", "ended_at").row(1) == ("2026-11-20T07:00:00Z", None)


def test_statuses_of_orders_and_what_must_not_be_given(tmp_path: Path) -> None:
    words = ("on-hold", "entered-in-error", "completed", "draft")
    sent = [*(request(status=word) for word in words), request(doNotPerform=True)]
    rows = rows_of(tmp_path, "medications", *sent)
    expected = ["held", "cancelled", "completed", "draft", "cancelled"]
    assert rows.get_column("status").to_list() == expected


def test_a_dose_takes_its_drug_from_a_contained_medication(tmp_path: Path) -> None:
    coding = {"system": "http://www.whocc.no/atc", "code": "B05XA05", "display": "Mg sulfate"}
    drug = {"resourceType": "Medication", "id": "drug", "code": {"coding": [coding]}}
    sent = administration(
        contained=[drug],
        context={"reference": "Encounter/e1"},
        request={"reference": "MedicationRequest/r1"},
        dosage={"route": {"text": "IV"}, "dose": {"value": 2, "code": "g", "system": UCUM}},
    )
    rows = rows_of(tmp_path, "medications", sent, administration(id="a2"))
    assert cells(rows) == {
        "medication_id": "a1",
        "patient_id": "p1",
        "encounter_id": "e1",
        "order_id": "r1",
        "kind": "administration",
        "code": "B05XA05",
        "code_system": "ATC",
        "name": "Mg sulfate",
        "route": "IV",
        "dose": "2",
        "dose_unit": "g",
        "started_at": "2026-11-20T09:00:00Z",
        "ended_at": "2026-11-20T10:00:00Z",
        "status": "given",
    }
    assert rows.select("code", "code_system", "name").row(1) == (None, None, "magnesium")


def medication(identifier: str, name: str, updated: str = "2026-11-20T08:00:00Z") -> Json:
    return {
        "resourceType": "Medication",
        "id": identifier,
        "meta": {"lastUpdated": updated},
        "code": {"text": name} if name else None,
    }


def referring(reference: str | None, **more: Any) -> Json:  # noqa: ANN401 - any element
    """A dose whose drug is a reference without a display."""
    told = {"reference": reference} if reference else {"identifier": {"value": "7"}}
    return administration(medicationReference=told, **more)


def drugs_of(tmp_path: Path, files: list[list[str | Json]], *lines: Json) -> list[tuple[str, ...]]:
    """Kind and name of doses with these files of Medications beside them."""
    lookups = {}
    for number, sent in enumerate(files, 1):
        path = tmp_path / f"beside-{number}.ndjson"
        told = [line if isinstance(line, str) else json.dumps(line) for line in sent]
        path.write_text("\n".join(told), encoding="utf-8")
        lookups[f"Medication file {number}"] = path
    path = tmp_path / "copy.ndjson"
    path.write_text("\n".join(map(text_of, lines)), encoding="utf-8")
    staged = StagedDelivery("medications", "MedicationAdministration.ndjson", path, lookups)
    return pl.concat(fhir.read(staged, profile()).frames).select("kind", "name").rows()


def test_a_dose_takes_its_drug_from_the_newest_medication_of_the_files(tmp_path: Path) -> None:
    files: list[list[str | Json]] = [
        [medication("m1", "Magnesium sulfate"), medication("m2", "Furosemide")],
        [medication("m1", "Placebo", "2026-11-19T08:00:00Z"), medication("m1", "", "2026-11-21")],
    ]
    sent = [referring("Medication/m1"), referring("https://a.example/Medication/m2/_history/1")]
    expected = [("administration", "Magnesium sulfate"), ("administration", "Furosemide")]
    assert drugs_of(tmp_path, files, *sent) == expected
    assert drugs_of(tmp_path, files[::-1], *sent) == expected


def test_a_dose_that_names_no_drug_is_of_no_known_kind(tmp_path: Path) -> None:
    """As a dose of anything else it would say that no magnesium was given."""
    sent = [
        referring("Medication/other"),
        referring("#absent"),
        referring(None),
        referring("Medication/m1", id="a2"),
        administration(),
    ]
    unknown = ("administration of an unknown drug", None)
    assert drugs_of(tmp_path, [[medication("m1", "Magnesium oxide")]], *sent) == [
        *[unknown] * 3,
        ("administration", "Magnesium oxide"),
        ("administration", "magnesium"),
    ]


def test_references_without_any_file_of_medications_refuse_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError, match=r"^line 2: refers to a Medication .* put Medicat"):
        drugs_of(tmp_path, [], administration(), referring("Medication/m1"))


def test_a_broken_file_of_medications_refuses_what_refers_to_it(tmp_path: Path) -> None:
    files: list[list[str | Json]] = [[medication("m1", "x")], [medication("m2", "y"), "{"]]
    with pytest.raises(
        FileRefusedError, match=r"^Medication file 2 of those beside it: line 2: is"
    ):
        drugs_of(tmp_path, files, referring("Medication/m1"))
    assert drugs_of(tmp_path, files, administration()) == [("administration", "magnesium")]


def test_a_night_knows_a_dose_once_the_medications_are_there(tmp_path: Path) -> None:
    """Refused until then, a file is read again; what no Medication names is put aside."""
    home = Home(tmp_path)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "ours.toml").write_text('layout = "fhir"\n', encoding="utf-8")
    drop = home.inbox / "ours"
    drop.mkdir()
    result = observation(effectiveDateTime="2026-11-20T06:10:00Z", issued="2026-11-20T07:00:00Z")
    dosage = {"route": {"text": "IV"}, "dose": {"value": 2, "unit": "g"}}
    doses = [referring("Medication/m1", dosage=dosage), referring("Medication/m2", id="a2")]
    (drop / "Observation.ndjson").write_text(text_of(result), encoding="utf-8")
    path = drop / "MedicationAdministration.ndjson"
    path.write_text("\n".join(map(text_of, doses)), encoding="utf-8")
    first, night = (home.night(datetime(2026, 11, day, 2, tzinfo=UTC)) for day in (21, 22))
    assert ingest(first, lambda _: None).refused == 1
    drugs = drop / "Medication.ndjson"
    drugs.write_text(json.dumps(medication("m1", "Magnesium sulfate 2 g")), encoding="utf-8")
    assert ingest(night, lambda _: None).refused == 0
    assess(night, lambda _: None)
    with duckdb.connect(str(tonight_path(night)), read_only=True) as database:
        given = database.execute("SELECT medication_id, route, grams FROM doses").fetchall()
        aside = database.execute("SELECT reason, raw FROM quarantine").fetchall()
    assert given == [("a1", "iv", 2.0)]
    assert [reason for reason, _ in aside] == ["word_not_known"]
    assert "administration of an unknown drug" in aside[0][1]


def test_statuses_of_doses(tmp_path: Path) -> None:
    """What is unknown stays so, and never counts as given."""
    words = {
        "in-progress": "given",
        "stopped": "partial",
        "not-done": "not_given",
        "entered-in-error": "not_given",
        "on-hold": "held",
        "unknown": "unknown",
    }
    rows = rows_of(tmp_path, "medications", *(administration(status=word) for word in words))
    assert rows.get_column("status").to_list() == list(words.values())
