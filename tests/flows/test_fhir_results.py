"""Results of FHIR R4 become the canonical rows that a laboratory would send."""

import json
from pathlib import Path

import pytest
from fhir.resources.R4B import get_fhir_model_class

from benchmarks.resources_fhir import write_observations
from flows.sources import fhir
from flows.sources.extract import StagedDelivery
from tests.flows.fhir_resources import (
    LOINC,
    MAGNESIUM,
    cells,
    observation,
    profile,
    quantity,
    rows_of,
    text_of,
)


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
