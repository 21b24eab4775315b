"""HL7 v2 messages say whose a result is, and where that patient lies."""

from pathlib import Path
from typing import Final

import pytest

from tests.flows.hl7v2_messages import (
    MSH,
    OBR,
    OBX,
    PID,
    PV1,
    WHOLE,
    column,
    only,
    replaced,
    rows_of,
    text_of,
)

AUTHORITIES: Final = '[identifiers]\npatient = "HOSP"\nmrn = "BAND"\n'


@pytest.mark.parametrize(
    ("sent", "toml", "patient", "mrn"),
    [
        ("P1^^^HOSP^MR", "", "P1", "P1"),
        ("P1", "", "P1", None),
        ("P1~~", "", "P1", None),
        ("P1^^^HOSP^MR~N1^^^NATION^NH", "", None, "P1"),
        ("N1^^^NATION^NH~P1^^^HOSP^PI~B1^^^BAND", AUTHORITIES, "P1", "B1"),
        ("N1^^^NATION^NH~P1^^^&HOSP&DNS~B1^^^X^MR", AUTHORITIES, "P1", "B1"),
        ("N1^^^NATION^NH", AUTHORITIES, None, None),
        # A visit's number of the same authority is not the patient's.
        ("A1^^^HOSP^AN~P1^^^HOSP^MR", AUTHORITIES, "P1", "P1"),
        ("A1^^^HOSP^MR~P1^^^HOSP^MR", AUTHORITIES, None, "A1"),
        ("P1^^^HOSP^MR~P1^^^HOSP^PI", AUTHORITIES, "P1", "P1"),
        ("", AUTHORITIES, None, None),
    ],
)
def test_the_patient_is_the_number_that_the_profiles_authority_gave(
    sent: str, toml: str, patient: str | None, mrn: str | None, tmp_path: Path
) -> None:
    segments = (MSH, replaced(PID, 3, sent), OBR, OBX)
    assert only(tmp_path, "patient_id", *segments, toml=toml) == patient
    persons = rows_of(tmp_path, text_of(*segments), "patients", toml)
    assert persons.select("patient_id", "mrn").rows() == [(patient, mrn)]


def test_two_patients_of_one_message_keep_their_own(tmp_path: Path) -> None:
    second = PID.replace("P1^", "P2^"), OBR.replace("FL1", "FL2"), OBX.replace("1.10", "0.9")
    rows = rows_of(tmp_path, text_of(*WHOLE, *second))
    names = ("patient_id", "encounter_id", "specimen_id", "observation_id", "value")
    assert rows.select(names).rows() == [
        ("P1", "V1", "FS1", "FL1/19123-9", "1.10"),
        ("P2", None, None, "FL2/19123-9", "0.9"),
    ]


def test_a_person_is_kept_once_until_something_changes(tmp_path: Path) -> None:
    def said(at: str, ward: str, name: str) -> str:
        whole = text_of(*WHOLE).replace("20261120070000+0100", at)
        return whole.replace("|7B^", f"|{ward}^").replace("Anna", name)

    text = "".join(
        said(f"202611200{hour}", ward, name)
        for hour, ward, name in (
            ("1", "7B", "Anna"),
            ("4", "7B", "Anna"),
            ("2", "7B", "Anna"),
            ("3", "7B", "Anna"),
            ("5", "ICU", "Anna"),
            ("6", "ICU", "Anne"),
        )
    )
    persons = rows_of(tmp_path, text, "patients").select("name", "updated_at").rows()
    assert persons == [
        ("Testmere, Anna", "2026-11-20T01:00:00"),
        ("Testmere, Anna", "2026-11-20T05:00:00"),
        ("Testmere, Anne", "2026-11-20T06:00:00"),
    ]
    stays = rows_of(tmp_path, text, "encounters").select("ward", "updated_at").rows()
    assert stays == [
        ("7B", "2026-11-20T01:00:00"),
        ("7B", "2026-11-20T04:00:00"),
        ("ICU", "2026-11-20T05:00:00"),
        ("ICU", "2026-11-20T06:00:00"),
    ]


@pytest.mark.parametrize(
    ("died", "is_dead", "expected"),
    [
        ("202611200530", "Y", "2026-11-20T05:30:00"),
        ("", "Y", "2026-11-20T07:00:00+01:00"),
        ("", "N", None),
        ('""', "", None),
    ],
)
def test_a_death_without_a_time_is_known_since_the_message(
    died: str, is_dead: str, expected: str | None, tmp_path: Path
) -> None:
    person = replaced(replaced(PID, 29, died), 30, is_dead)
    rows = rows_of(tmp_path, text_of(MSH, person, OBR, OBX), "patients")
    assert column(rows, "died_at") == [expected]


@pytest.mark.parametrize(
    ("sent", "toml", "expected"),
    [
        ("E", "", "emergency"),
        ("O", "", "outpatient"),
        ("N", "", "N"),
        ("O", '[words.care_setting]\nO = "observation"\n', "O"),
    ],
)
def test_the_class_of_a_visit_is_worded_unless_the_profile_words_it(
    sent: str, toml: str, expected: str, tmp_path: Path
) -> None:
    text = text_of(MSH, PID, replaced(PV1, 2, sent))
    assert column(rows_of(tmp_path, text, "encounters", toml), "care_setting") == [expected]


def test_a_visit_without_number_or_start_is_no_encounter(tmp_path: Path) -> None:
    text = text_of(MSH, PID, replaced(PV1, 19, "")) + text_of(MSH, PID, replaced(PV1, 44, ""))
    assert rows_of(tmp_path, text, "encounters").height == 0
