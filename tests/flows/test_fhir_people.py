"""Patients, encounters and conditions of FHIR R4 become canonical rows."""

from pathlib import Path

from tests.flows.fhir_resources import cells, condition, encounter, observation, rows_of


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
