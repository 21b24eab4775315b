"""Files of FHIR R4 are known by their name, read whole or refused by line."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.errors import FileRefusedError
from flows.inbox import Dropped
from flows.night import Night
from flows.settings import Settings
from flows.sources import fhir, fhir_ndjson
from flows.sources.extract import StagedDelivery
from flows.stages import ingest, opened
from hypomag_rules.policy import load
from tests.flows.fhir_resources import (
    MAGNESIUM,
    Json,
    administration,
    condition,
    encounter,
    observation,
    profile,
    quantity,
    refusal,
    request,
    rows_of,
    text_of,
)


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
