"""FHIR R4 resources become the canonical rows that a hospital would send."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from fhir.resources.R4B import get_fhir_model_class

from benchmarks.resources_fhir import write_observations
from flows.errors import FileRefusedError
from flows.inbox import Dropped
from flows.night import Night
from flows.profile import Profile, parse_profile
from flows.schema import CANONICAL
from flows.settings import Settings
from flows.sources import fhir, fhir_ndjson
from flows.sources.extract import StagedDelivery
from flows.stages import assess, ingest, opened
from flows.tonight import tonight_path
from hypomag_rules.policy import load
from tests.home import Home

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


def test_a_laboratory_result_becomes_a_row(tmp_path: Path) -> None:
    sent = observation(
        code={"coding": [{"system": "urn:ours", "code": "MG"}, *MAGNESIUM["coding"]], "text": "Mg"},
        encounter={"reference": "Encounter/e1"},
        specimen={"reference": "https://lab.example/fhir/Specimen/s1", "display": "Serum"},
        referenceRange=[{"low": quantity(1.6, "mg/dL"), "high": quantity(2.6, "mg/dL")}],
    )
    assert cells(rows_of(tmp_path, "observations", sent)) == {
        "observation_id": "o1",
        "patient_id": "p1",
        "encounter_id": "e1",
        "specimen_id": "s1",
        "code": "19123-9",
        "name": "Mg",
        "value": "1.1",
        "unit": "mg/dL",
        "specimen": "Serum",
        "status": "final",
        "collected_at": "2026-11-20T06:10:00+01:00",
        "reported_at": "2026-11-20T07:00:00+01:00",
        "reference_low": "1.6",
        "reference_high": "2.6",
    }


@pytest.mark.parametrize(
    "sent", ["1.10", "0.49", "1e2", "1.2345678901234567", "-0.0", "0.10000000000000000001", "7"]
)
def test_a_decimal_keeps_its_digits(tmp_path: Path, sent: str) -> None:
    line = text_of(observation()).replace('"value": 1.1,', f'"value" : {sent} ,')
    assert sent in line
    assert rows_of(tmp_path, "observations", line).item(0, "value") == sent


def test_a_comparator_stands_before_its_number(tmp_path: Path) -> None:
    below = observation(valueQuantity=quantity(0.5, "mg/dL", comparator="<"))
    assert rows_of(tmp_path, "observations", below).item(0, "value") == "<0.5"


def test_a_panel_gives_a_row_a_component_and_none_of_its_own(tmp_path: Path) -> None:
    potassium = {"coding": [{"system": LOINC, "code": "2823-3"}], "text": "Potassium"}
    parts = [
        {"code": MAGNESIUM, "valueQuantity": quantity(1.1, "mg/dL")},
        {"code": potassium, "valueQuantity": quantity(3.4, "mmol/L")},
        {"code": MAGNESIUM, "valueQuantity": quantity(1.2, "mg/dL")},
    ]
    panel = observation(id="panel", valueQuantity=None, component=parts)
    rows = rows_of(tmp_path, "observations", panel, observation(id="o2"))
    columns = ("observation_id", "patient_id", "code", "value", "unit", "status")
    assert rows.select(columns).rows() == [
        ("panel/19123-9", "p1", "19123-9", "1.1", "mg/dL", "final"),
        ("panel/2823-3", "p1", "2823-3", "3.4", "mmol/L", "final"),
        ("panel/19123-9#2", "p1", "19123-9", "1.2", "mg/dL", "final"),
        ("o2", "p1", "19123-9", "1.1", "mg/dL", "final"),
    ]


def test_a_panel_with_a_value_of_its_own_keeps_it(tmp_path: Path) -> None:
    both = observation(component=[{"code": MAGNESIUM, "valueQuantity": quantity(2, "mg/dL")}])
    rows = rows_of(tmp_path, "observations", both)
    assert rows.get_column("observation_id").to_list() == ["o1", "o1/19123-9"]


def test_what_only_groups_others_gives_no_row(tmp_path: Path) -> None:
    group = observation(valueQuantity=None, hasMember=[{"reference": "Observation/o2"}])
    rows = rows_of(tmp_path, "observations", group, observation(id="o2"))
    assert rows.get_column("observation_id").to_list() == ["o2"]


def test_a_result_without_a_value_is_kept_with_the_reason(tmp_path: Path) -> None:
    """Dropped it would never be on review; read as a number it would be a result."""
    absent = observation(valueQuantity=None, dataAbsentReason={"text": "not performed"})
    counted = observation(valueQuantity=None, dataAbsentReason={"text": "1.1"})
    nothing = observation(valueQuantity=None)
    rows = rows_of(tmp_path, "observations", absent, counted, nothing)
    assert rows.get_column("value").to_list() == ["not performed", "absent: 1.1", None]


def test_a_value_of_another_type_keeps_its_text(tmp_path: Path) -> None:
    group = {"hasMember": [{"reference": "Observation/o2"}], "valueQuantity": None}
    sent = [
        observation(valueQuantity=None, valueString="HEMOLYZED"),
        observation(valueQuantity=None, valueCodeableConcept={"coding": [{"display": "Trace"}]}),
        observation(**group, valueInteger=7),
        observation(**group, valueBoolean=False),
        observation(**group, valueRatio={"numerator": {"value": 1}, "denominator": {"value": 8}}),
        observation(**group, valuePeriod={"start": "2026-11-20"}),
    ]
    rows = rows_of(tmp_path, "observations", *sent)
    assert rows.get_column("value").to_list() == ["HEMOLYZED", "Trace", "7", "false", "1:8", None]


def test_entered_in_error_passes_as_sent(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "observations", observation(status="entered-in-error"))
    assert rows.item(0, "status") == "entered-in-error"


@pytest.mark.parametrize(
    ("reference", "patient"),
    [
        ("Patient/p-7", "p-7"),
        ("Patient/p-7/_history/3", "p-7"),
        ("https://ehr.example/fhir/R4/Patient/p-7", "p-7"),
        ("urn:uuid:0b6f7a3e-0000-4000-8000-000000000007", "0b6f7a3e-0000-4000-8000-000000000007"),
        ("Device/p-7", None),
        ("Patient?identifier=urn:mrn|7", None),
        ("#p-7", None),
    ],
)
def test_a_reference_gives_the_id_of_a_patient_alone(
    tmp_path: Path, reference: str, patient: str | None
) -> None:
    line = json.dumps(observation(subject={"reference": reference}))
    assert rows_of(tmp_path, "observations", line).item(0, "patient_id") == patient


def test_a_unit_that_its_code_contradicts_is_neither(tmp_path: Path) -> None:
    """1.1 mmol/L is 2.67 mg/dL: whichever were taken, a patient could be missed."""
    torn = observation(valueQuantity={**quantity(1.1, "mg/dL"), "unit": "mmol/L"})
    assert rows_of(tmp_path, "observations", torn).item(0, "unit") == "mg/dL | mmol/L"
    for field, unit in (("code", "mg/dL"), ("text", "mmol/L")):
        rows = rows_of(tmp_path, "observations", torn, toml=f'unit_from = "{field}"\n')
        assert rows.item(0, "unit") == unit


def test_a_code_of_another_system_is_no_unit(tmp_path: Path) -> None:
    local = {"value": 1.1, "unit": "mg/dL", "system": "urn:ours", "code": "U17"}
    rows = rows_of(tmp_path, "observations", observation(valueQuantity=local))
    assert rows.item(0, "unit") == "mg/dL"


def test_times_are_those_of_the_sample_and_of_the_release(tmp_path: Path) -> None:
    spans = {"effectiveDateTime": None, "issued": None}
    period = observation(**spans, effectivePeriod={"start": "2026-11-20T06:00:00Z"})
    instant = observation(**spans, effectiveInstant="2026-11-20T06:05:00Z")
    rows = rows_of(tmp_path, "observations", period, instant)
    assert rows.select("collected_at", "reported_at").rows() == [
        ("2026-11-20T06:00:00Z", "2026-11-20T08:00:00Z"),
        ("2026-11-20T06:05:00Z", "2026-11-20T08:00:00Z"),
    ]


def test_a_contained_specimen_tells_type_number_and_haemolysis(tmp_path: Path) -> None:
    """What else is contained has other types under the same names, and is not looked at."""
    laboratory = {"resourceType": "Organization", "id": "org", "type": [{"text": "laboratory"}]}
    tube = {
        "resourceType": "Specimen",
        "id": "tube",
        "accessionIdentifier": {"value": "A-0001"},
        "type": {"coding": [{"code": "SER"}]},
        "condition": [{"coding": [{"code": "CLOT"}]}, {"coding": [{"code": "HEM"}]}],
    }
    tubed = observation(contained=[laboratory, tube], specimen={"reference": "#tube"})
    rows = rows_of(tmp_path, "observations", observation(id="o0"), tubed)
    told = rows.select("observation_id", "specimen_id", "specimen", "is_haemolysed").rows()
    assert told == [("o0", None, None, None), ("o1", "A-0001", "serum", "true")]


def test_an_identifier_of_the_profile_is_the_patient_in_results_and_register(
    tmp_path: Path,
) -> None:
    toml = '[identifiers]\npatient = "urn:hospital"\n'
    own = {"system": "urn:hospital", "value": "0007"}
    named = observation(subject={"reference": "Patient/p1", "identifier": own})
    rows = rows_of(tmp_path, "observations", named, observation(), toml=toml)
    assert rows.get_column("patient_id").to_list() == ["0007", "p1"]
    patient = {"resourceType": "Patient", "id": "p1", "identifier": [own]}
    assert rows_of(tmp_path, "patients", patient, toml=toml).item(0, "patient_id") == "0007"


def test_a_patient_has_an_official_name_a_number_and_a_death(tmp_path: Path) -> None:
    updated = {"lastUpdated": "2026-11-19T10:00:00Z"}
    record = {"coding": [{"code": "MR"}]}
    sent = {
        "resourceType": "Patient",
        "id": "p1",
        "meta": updated,
        "identifier": [
            {"system": "urn:tax", "value": "T1"},
            {"type": record, "system": "urn:ours", "value": "M-1"},
        ],
        "name": [
            {"use": "nickname", "text": "Testy"},
            {"use": "official", "family": "Testmere", "given": ["Una", "Zwei"]},
        ],
        "gender": "female",
        "birthDate": "1950-02-03",
        "deceasedDateTime": "2026-11-18T01:00:00Z",
    }
    dead = {"resourceType": "Patient", "id": "p2", "meta": updated, "deceasedBoolean": True}
    alive = {"resourceType": "Patient", "id": "p3", "meta": updated, "deceasedBoolean": False}
    rows = rows_of(tmp_path, "patients", sent, dead, alive)
    assert cells(rows) == {
        "patient_id": "p1",
        "birth_date": "1950-02-03",
        "sex": "female",
        "mrn": "M-1",
        "name": "Testmere, Una Zwei",
        "died_at": "2026-11-18T01:00:00Z",
        "updated_at": "2026-11-19T10:00:00Z",
    }
    assert rows.get_column("died_at").to_list()[1:] == ["2026-11-19T10:00:00Z", None]
    own = rows_of(tmp_path, "patients", sent, toml='[identifiers]\nmrn = "urn:tax"\n')
    assert own.item(0, "mrn") == "T1"


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


def test_an_encounter_lies_where_no_end_is_known(tmp_path: Path) -> None:
    place = {"location": {"display": "Ward 1"}, "period": {"start": "2026-11-18T09:00:00Z"}}
    left = {"location": {"display": "Ward 2"}, "period": {"end": "2026-11-19T09:00:00Z"}}
    sent = encounter(
        location=[place, left],
        serviceType={"coding": [{"display": "Cardiology"}]},
        serviceProvider={"display": "Invented General"},
    )
    assert cells(rows_of(tmp_path, "encounters", sent)) == {
        "encounter_id": "e1",
        "patient_id": "p1",
        "care_setting": "inpatient",
        "facility": "Invented General",
        "ward": "Ward 1",
        "care_team": "Cardiology",
        "started_at": "2026-11-18T09:00:00Z",
    }
    gone = encounter(location=[left, {**left, "location": {"display": "Ward 3"}}])
    assert rows_of(tmp_path, "encounters", gone).item(0, "ward") == "Ward 3"


def test_a_cancelled_encounter_is_never_a_stay(tmp_path: Path) -> None:
    void = [encounter(status=word) for word in ("cancelled", "entered-in-error")]
    rows = rows_of(tmp_path, "encounters", *void)
    assert set(rows.get_column("ended_at")) == {"2026-11-18T09:00:00Z"}


def test_care_settings_are_translated_unless_the_profile_words_them(tmp_path: Path) -> None:
    codes = ("AMB", "EMER", "OBSENC", "SS", "PRENC")
    sent = [encounter(**{"class": {"code": code}}) for code in codes]
    expected = ["outpatient", "emergency", "observation", "outpatient", "PRENC"]
    assert rows_of(tmp_path, "encounters", *sent).get_column("care_setting").to_list() == expected
    own = '[words.care_setting]\nOBSENC = "inpatient"\n'
    assert rows_of(tmp_path, "encounters", *sent, toml=own).item(2, "care_setting") == "OBSENC"


def condition(code: Json, clinical: str | None = None, verified: str = "confirmed") -> Json:
    sent: Json = {
        "resourceType": "Condition",
        "code": code,
        "subject": {"reference": "Patient/p1"},
        "verificationStatus": {"coding": [{"code": verified}]},
        "recordedDate": "2026-11-01",
    }
    return sent | ({"clinicalStatus": {"coding": [{"code": clinical}]}} if clinical else {})


def test_a_condition_is_read_by_its_icd_code_and_course(tmp_path: Path) -> None:
    icd10 = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "N18.6"}
    icd9 = {"system": "http://hl7.org/fhir/sid/icd-9-cm", "code": "585.6"}
    snomed = {"system": "http://snomed.info/sct", "code": "46177005"}
    sent = [
        condition({"coding": [snomed, icd10]}, "active"),
        condition({"coding": [icd9]}, "remission"),
        condition({"coding": [snomed]}, "recurrence"),
        condition({"coding": [icd10]}, None, "entered-in-error"),
    ]
    rows = rows_of(tmp_path, "conditions", *sent)
    assert rows.select("code", "code_system", "status").rows() == [
        ("N18.6", "ICD-10-CM", "active"),
        ("585.6", "ICD-9-CM", "resolved"),
        ("46177005", "http://snomed.info/sct", "active"),
        ("N18.6", "ICD-10-CM", "refuted"),
    ]


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


def dropped(name: str) -> Dropped:
    return Dropped("ours", Path(name), name, 1, 1, 1, "")


def test_a_file_is_known_by_the_start_of_its_name_or_a_pattern() -> None:
    names = (
        "Observation.000.ndjson",
        "patients_2026-11-20.ndjson.gz",
        "MedicationRequest-1.ndjson",
        "medicationadministration.ndjson",
        "lab_results.ndjson",
        "ObservationDefinition.ndjson",
        "Medication.ndjson",
        "Specimen.ndjson",
        "Results.ndjson",
    )
    own = profile('[tables.observations]\nfiles = "lab_*"\n')
    found = fhir.deliveries([dropped(name) for name in names], own)
    lookups = {name for one in found for name in one.lookups}
    assert (lookups, [len(one.lookups) for one in found]) == (
        {"Medication file 1"},
        [0, 0, 1, 1, 0, 0],
    )
    assert [(delivery.file.relative, delivery.table) for delivery in found] == [
        ("Observation.000.ndjson", "observations"),
        ("patients_2026-11-20.ndjson.gz", "patients"),
        ("MedicationRequest-1.ndjson", "medications"),
        ("medicationadministration.ndjson", "medications"),
        ("lab_results.ndjson", "observations"),
        ("Results.ndjson", None),
    ]


def test_a_file_of_medications_is_known_by_its_first_line(tmp_path: Path) -> None:
    for sent, kind in ((administration(), "administration"), (request(), "order")):
        rows = rows_of(tmp_path, "medications", sent, name="medications.ndjson")
        assert rows.item(0, "kind") == kind


def test_blank_lines_crlf_and_a_byte_order_mark_are_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "copy.ndjson"
    lines = [text_of(observation(id=name)) for name in ("o1", "o2")]
    path.write_bytes(f"\ufeff{lines[0]}\r\n\r\n  \n{lines[1]}".encode())
    staged = StagedDelivery("observations", "Observation.ndjson", path, {})
    (frame,) = fhir.read(staged, profile()).frames
    assert frame.get_column("observation_id").to_list() == ["o1", "o2"]


def test_a_file_of_blank_lines_has_no_rows(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "observations", "", name="Observation.ndjson").is_empty()


def test_a_line_that_is_cut_is_refused_by_its_number(tmp_path: Path) -> None:
    whole = text_of(observation())
    told = refusal(tmp_path, whole, "", whole[:-40])
    assert told.startswith("line 3: is not one whole JSON object")
    assert "send the file again" in told


@pytest.mark.parametrize(
    "broken",
    [
        ['{"resourceType":"Observation","component":[{}', "{}]}"],
        ['{"resourceType":"Observation"},{"resourceType":"Observation"}'],
        ["[]"],
        ["null"],
        ['{"resourceType":"Observation","x":' + "[" * 5000 + "]" * 5000 + "}"],
        ['{"resourceType":"Observation","x":01}'],
        ['{"resourceType":"Observation","x":NaN}'],
        ['{"resourceType":"Observation","x":1e400}'],
    ],
)
def test_what_is_no_line_of_one_object_is_refused(tmp_path: Path, broken: list[str]) -> None:
    """The parser joins lines: what two halves or two wholes make up must not pass."""
    assert refusal(tmp_path, observation(), *broken).startswith("line 2: ")


def test_halves_and_doubles_that_add_up_are_refused(tmp_path: Path) -> None:
    halves = ['{"resourceType":"Observation","component":[{}', "{}]}"]
    double = '{"resourceType":"Observation"},{"resourceType":"Observation"}'
    assert refusal(tmp_path, *halves, double).startswith("line 1: ")


@pytest.mark.parametrize(
    ("whole", "twice", "key"),
    [
        ('"status": "final"', '"status": "final", "status": "cancelled"', "'status'"),
        ('"value": 1.1', '"value": 1.1, "unit": "g", "value": 9.9', "'value'"),
        ('"reference": "Patient/p1"', '"reference": "P/1", "reference": "P/2"', "'reference'"),
        ('"final"', '"final", "x": {"Testmere": 1, "Testmere": 2}', "a key that is not read"),
    ],
)
def test_a_key_twice_in_one_object_is_refused_by_line_and_key(
    tmp_path: Path, whole: str, twice: str, key: str
) -> None:
    """A parser takes one of the two without a word."""
    sound = text_of(observation())
    torn = sound.replace(whole, twice)
    assert torn != sound
    assert refusal(tmp_path, sound, sound, torn).startswith(f"line 3: {key} stands twice")


def test_the_keys_of_a_panel_recur_in_its_components(tmp_path: Path) -> None:
    part = {"code": MAGNESIUM, "valueQuantity": quantity(1.1, "mg/dL")}
    panel = text_of(observation(component=[part, part]))
    torn = panel.replace('"unit": "mg/dL"', '"unit": "mg/dL", "unit": "mmol/L"')
    assert len(rows_of(tmp_path, "observations", panel)) == 3
    assert refusal(tmp_path, panel, torn).startswith("line 2: 'unit' stands twice")


def test_a_line_of_another_resource_is_refused(tmp_path: Path) -> None:
    other = {"resourceType": "Patient", "id": "p1"}
    assert refusal(tmp_path, observation(), other).startswith("line 2: holds no Observation")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"valueQuantity": {"value": "1.1"}},
            "'valueQuantity.value' is text where FHIR R4 has a n",
        ),
        ({"valueQuantity": "1.1 mg/dL"}, "'valueQuantity' is text where FHIR R4 has an object"),
        ({"valueQuantity": {"value": True}}, "'valueQuantity.value' is true or false where"),
        ({"status": 5}, "'status' is a number where FHIR R4 has text"),
        ({"issued": False}, "'issued' is true or false where FHIR R4 has text"),
        ({"id": {"value": "o1"}}, "'id' is an object where FHIR R4 has text"),
        ({"code": [MAGNESIUM]}, "'code' is a list where FHIR R4 has an object"),
        ({"component": {}}, "'component' is an object where FHIR R4 has a list"),
        ({"code": {"coding": [{"code": 19123}]}}, "'code.coding.code' is a number where"),
    ],
)
def test_a_wrong_type_is_refused_by_line_and_element(
    tmp_path: Path, wrong: Json, said: str
) -> None:
    """Null it would be a result without value, unit or patient that nobody sees."""
    torn = json.dumps(observation(**wrong))
    assert refusal(tmp_path, observation(), torn).startswith(f"line 2: {said}")


def test_a_wrong_type_within_a_contained_specimen_is_refused(tmp_path: Path) -> None:
    tube = {"resourceType": "Specimen", "id": "tube", "type": "serum"}
    torn = json.dumps(observation(contained=[tube], specimen={"reference": "#tube"}))
    told = refusal(tmp_path, observation(), torn)
    assert told.startswith("line 2: 'contained.type' is text where FHIR R4 has an object")


def test_texts_that_look_like_structure_are_texts(tmp_path: Path) -> None:
    tricky = 'a:","b": 1, "status": "x\\'
    note = [{"text": tricky}, {"text": '"value": 5'}]
    extra = {"given": ["ends in a colon:", "b"]}
    sound = observation(code=MAGNESIUM | {"text": tricky}, note=note)
    line = text_of(sound)[:-1] + ', "x": ' + json.dumps(extra) + "}"
    rows = rows_of(tmp_path, "observations", line)
    assert rows.select("name", "value").row(0) == (tricky, "1.1")


@pytest.mark.parametrize("content", [b"\xff\xfe{\x00}\x00", b'{"a":"\x00"}', b'{"a":"\xe9"}'])
def test_another_encoding_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "copy.ndjson"
    path.write_bytes(content)
    staged = StagedDelivery("observations", "Observation.ndjson", path, {})
    with pytest.raises(FileRefusedError, match=r"line 1: .*UTF-8"):
        list(fhir.read(staged, profile()).frames)


def test_a_refusal_quotes_nothing_of_a_patient(tmp_path: Path) -> None:
    secret = observation(id="SECRET", subject={"reference": "Patient/SECRET"}, valueString="SECRET")
    sound = json.dumps(secret)
    for torn in (
        sound[:-30],
        sound.replace('"status"', '"SECRET": 1, "SECRET": 2, "status"'),
        sound.replace('"final"', '["SECRET"]'),
        sound.replace('"resourceType": "Observation"', '"resourceType": "SECRET"'),
    ):
        assert torn != sound
        assert "SECRET" not in refusal(tmp_path, sound, torn)


def test_a_file_of_many_pieces_keeps_order_and_line_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fhir_ndjson, "_PIECE_BYTES", 700)
    monkeypatch.setattr(fhir_ndjson, "_HELD_BYTES", 5_000)
    sent = [observation(id=f"o{at}") for at in range(40)]
    rows = rows_of(tmp_path, "observations", *sent)
    assert rows.get_column("observation_id").to_list() == [f"o{at}" for at in range(40)]
    assert refusal(tmp_path, *sent, "{", *sent).startswith("line 41: ")


def test_the_resources_of_the_benchmark_are_sound_and_read_as_written(tmp_path: Path) -> None:
    path = tmp_path / "Observation.ndjson"
    write_observations(path, 400, seed=3)
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in lines:
        get_fhir_model_class("Observation").model_validate_json(line)
    (rows,) = fhir.read(StagedDelivery("observations", path.name, path, {}), profile()).frames
    sent = [json.loads(line, parse_float=str, parse_int=str) for line in lines]
    told = [(one["id"], one["valueQuantity"]["value"], one["issued"]) for one in sent]
    assert rows.select("observation_id", "value", "reported_at").rows() == told


def test_a_night_reads_a_drop_and_withdraws_what_was_in_error(tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / "ours"
    folder.mkdir(parents=True)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "ours.toml").write_text('layout = "fhir"\n', encoding="utf-8")
    torn = {**quantity(1.1, "mg/dL"), "unit": "mmol/L"}
    drop = {
        "Observation": [
            observation(),
            observation(id="o2"),
            observation(id="o2", status="entered-in-error", issued="2026-11-20T09:00:00Z"),
            observation(id="o3", valueQuantity=torn),
        ],
        "Patient": [{"resourceType": "Patient", "id": "p1", "birthDate": "1950-02-03"}],
        "Encounter": [encounter()],
        "Condition": [
            condition({"coding": [{"system": "http://snomed.info/sct", "code": "46177005"}]})
        ],
        "MedicationRequest": [request()],
        "MedicationAdministration": [administration()],
        "Practitioner": [{"resourceType": "Practitioner", "id": "d1"}],
    }
    for kind, sent in drop.items():
        lines = "".join(text_of(one) + "\n" for one in sent)
        (folder / f"{kind}.ndjson").write_text(lines, encoding="utf-8")
    as_of = datetime(2026, 11, 21, 2, tzinfo=UTC)
    settings = Settings(timezone="Europe/London", quiet_seconds=0)
    night = Night(tmp_path, tmp_path / "inbox", as_of, as_of, settings, load())
    ingested = ingest(night, lambda _: None)
    assert (ingested.files, ingested.refused, ingested.rows) == (6, 0, 9)
    with opened(night) as store:
        reasons = store.rows(
            "SELECT observation_id, status_kind, reason FROM observation_versions "
            "JOIN wordings USING (wording_id) ORDER BY row"
        )
        classes = store.rows("SELECT kind_word, drug_class FROM medication_versions ORDER BY 1")
    assert reasons == [
        ("o1", "final", None),
        ("o2", "final", None),
        ("o2", "withdrawn", None),
        ("o3", "final", "unit_not_allowed"),
    ]
    assert classes == [("administration", "magnesium"), ("order", "magnesium")]
