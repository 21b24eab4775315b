"""Rows of patients, stays, diagnoses and drugs: what is wrong with each, what a drug row is."""

from collections.abc import Callable
from typing import Final

import polars as pl
import pytest

from flows.profile import parse_profile
from flows.schema import CANONICAL
from hypomag_rules.records import (
    judge_conditions,
    judge_encounters,
    judge_medications,
    judge_patient_links,
    judge_patients,
)
from hypomag_rules.source_reading import SourceReading

Judge = Callable[[pl.DataFrame, SourceReading], pl.DataFrame]
JUDGES: Final[dict[str, Judge]] = {
    "patients": judge_patients,
    "encounters": judge_encounters,
    "conditions": judge_conditions,
    "medications": judge_medications,
    "patient_links": judge_patient_links,
}
SOUND: Final = {
    "patients": {"patient_id": "P", "birth_date": "1950-01-01"},
    "encounters": {
        "encounter_id": "E",
        "patient_id": "P",
        "care_setting": "inpatient",
        "started_at": "2026-11-20T10:00:00Z",
    },
    "conditions": {"patient_id": "P", "code": "I50.9", "code_system": "ICD-10-CM"},
    "medications": {
        "medication_id": "M",
        "patient_id": "P",
        "kind": "administration",
        "name": "magnesium sulfate",
        "started_at": "2026-11-20T10:00:00Z",
    },
    "patient_links": {
        "old_patient_id": "P",
        "new_patient_id": "Q",
        "linked_at": "2026-11-20T10:00:00Z",
    },
}
REASONS: Final = """
table         | changed                                    | reason
patients      |                                            |
patients      | patient_id=                                | patient_id_missing
patients      | birth_date=unknown                         |
patients      | died_at=yesterday                          | time_not_readable
patients      | updated_at=yesterday                       | time_not_readable
patients      | died_at=2026-03-29T01:30:00                | time_does_not_exist
patients      | died_at=2026-03-29T01:30:00 updated_at=now | time_not_readable
encounters    |                                            |
encounters    | patient_id= encounter_id=                  | patient_id_missing
encounters    | encounter_id= started_at=                  | id_missing
encounters    | started_at=                                | started_at_missing
encounters    | ended_at=soon                              | time_not_readable
encounters    | ended_at=2026-03-29T01:30:00               | time_does_not_exist
encounters    | care_setting=                              | word_not_known
encounters    | care_setting=hotel                         | word_not_known
encounters    | care_setting=INPATIENT                     |
conditions    |                                            |
conditions    | code=                                      | id_missing
conditions    | code_system=SNOMED                         | word_not_known
conditions    | code_system=icd-10-cm                      |
conditions    | recorded_at=once                           | time_not_readable
conditions    | resolved_at=2026-03-29T01:30:00            | time_does_not_exist
medications   |                                            |
medications   | medication_id=                             | id_missing
medications   | kind=wish                                  | word_not_known
medications   | kind=wish started_at=                      | started_at_missing
medications   | ended_at=later                             | time_not_readable
medications   | updated_at=2026-03-29T01:30:00             | time_does_not_exist
patient_links |                                            |
patient_links | old_patient_id=                            | patient_id_missing
patient_links | new_patient_id= linked_at=                 | patient_id_missing
patient_links | new_patient_id=P                           |
patient_links | linked_at=                                 | started_at_missing
patient_links | linked_at= withdrawn_at=soon               | time_not_readable
patient_links | updated_at=2026-03-29T01:30:00             | time_does_not_exist
"""
DRUGS: Final = """
comma | changed                                       | class     | from | grams  | mL   | is_zero
no    |                                               | magnesium | name | -      | -    | no
no    | code=B05XA05 code_system=ATC name=infusion    | magnesium | code | -      | -    | no
no    | code=B05XA05 code_system=ATC                  | magnesium | code | -      | -    | no
no    | name=aspirin                                  | -         | -    | -      | -    | no
no    | dose=2 dose_unit=g                            | magnesium | name | 2.0    | -    | no
no    | dose=0 dose_unit=g                            | magnesium | name | 0.0    | -    | yes
no    | dose=some dose_unit=g                         | magnesium | name | -      | -    | no
no    | dose=1,000 dose_unit=mg                       | magnesium | name | 1.0    | -    | no
no    | dose=1,5 dose_unit=g                          | magnesium | name | -      | -    | no
yes   | dose=1,5 dose_unit=g                          | magnesium | name | 1.5    | -    | no
yes   | dose=0,500 dose_unit=g                        | magnesium | name | 0.5    | -    | no
no    | dose=2 dose_unit=g volume_ml=50               | magnesium | name | 2.0    | 50.0 | no
no    | dose=20 dose_unit=mL volume_ml=50             | magnesium | name | -      | 50.0 | no
no    | dose=20 dose_unit=mL                          | magnesium | name | -      | 20.0 | no
yes   | dose=2 dose_unit=g volume_ml=12,5             | magnesium | name | 2.0    | 12.5 | no
"""


def _table(text: str) -> list[tuple[str, ...]]:
    lines = text.strip().splitlines()[1:]
    return [tuple(cell.strip() for cell in line.split("|")) for line in lines]


def _reading(comma: str = "no") -> SourceReading:
    text = "decimal_comma = true" if comma == "yes" else ""
    words = """
        [words.care_setting]
        "ward" = "inpatient"
        [words.condition_status]
        "gone" = "resolved"
    """
    return parse_profile("feed", text + words, "Europe/London", "a test").reading


def _row(table: str, changed: str) -> pl.DataFrame:
    cells = SOUND[table] | dict(pair.split("=") for pair in changed.split())
    names = CANONICAL[table].names
    return pl.DataFrame(
        {name: [cells.get(name) or None] for name in names}, schema=dict.fromkeys(names, pl.String)
    )


@pytest.mark.parametrize(("table", "changed", "reason"), _table(REASONS))
def test_a_row_says_the_first_thing_that_is_wrong_with_it(
    table: str, changed: str, reason: str
) -> None:
    judged = JUDGES[table](_row(table, changed), _reading())
    assert judged.item(0, "reason") == (reason or None)


@pytest.mark.parametrize(
    ("comma", "changed", "drug_class", "class_from", "grams", "millilitres", "is_zero"),
    _table(DRUGS),
)
def test_a_drug_row_is_read_as_it_is_charted(  # noqa: PLR0913, PLR0917 - a table row has that many cells
    comma: str,
    changed: str,
    drug_class: str,
    class_from: str,
    grams: str,
    millilitres: str,
    is_zero: str,
) -> None:
    found = judge_medications(_row("medications", changed), _reading(comma)).row(0, named=True)
    told = (drug_class, class_from, grams, millilitres)
    columns = ("drug_class", "class_from", "grams", "millilitres")
    assert [str(found[name]) for name in columns] == [
        "None" if cell == "-" else cell for cell in told
    ]
    assert found["is_dose_zero"] == (is_zero == "yes")


def test_a_feed_has_words_of_its_own_for_each_column() -> None:
    stay = judge_encounters(_row("encounters", "care_setting=ward"), _reading())
    assert stay.item(0, "care_setting_word") == "inpatient"
    diagnosis = judge_conditions(_row("conditions", "status=gone"), _reading())
    assert diagnosis.item(0, "status_word") == "resolved"
