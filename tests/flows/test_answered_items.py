"""Answers over nights: what is hidden, what comes back and how, and what is published of it."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from flows.explaining import explain, in_words
from flows.night import Night
from flows.stages import assess, opened, publish
from flows.tonight import tonight_path
from tests.flows.returned import (
    FIRST,
    dispositions,
    fill_in,
    person,
    publish_night,
    result,
    workbook,
)
from tests.home import Home

PATIENTS: Final = ("P-01", "P-02", "P-03", "P-04")
BY: Final = {"By": "A. Nurse", "Note": "palliative care"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Four patients with severe hypomagnesaemia of the day before, one night published."""
    home = Home(tmp_path)
    home.drop("observations", [result(patient, "1.0") for patient in PATIENTS])
    home.drop("patients", [person(patient) for patient in PATIENTS])
    publish_night(home.night(FIRST))
    return home


def _answer(home: Home, **answers: dict[str, Any]) -> None:
    told = {patient.replace("_", "-"): BY | cells for patient, cells in answers.items()}
    fill_in(workbook(home, "iv_replacement"), told, dispositions(home) / f"{len(told)}.xlsx")


def _after(home: Home, days: int) -> Night:
    night = home.night(FIRST + timedelta(days=days))
    publish_night(night)
    return night


def _items(night: Night) -> dict[str, tuple[int, str, str | None]]:
    """Rank, life and answer by patient, of tonight's IV list."""
    with opened(night) as store:
        store.run(f"ATTACH '{tonight_path(night)}' AS looked (READ_ONLY)")
        rows = store.rows(
            "SELECT patient_id, rank, life, answered FROM looked.worklist_items "
            "WHERE night = ? AND worklist = 'iv_replacement' ORDER BY rank",
            [night.date],
        )
    return {str(row[0]): (int(str(row[1])), str(row[2]), row[3]) for row in rows}  # type: ignore[misc]


def _remembered(night: Night) -> pl.DataFrame:
    with opened(night) as store:
        return store.frame(
            "SELECT night, patient_id, item_id, is_hidden, nights_listed, first_listed_on, rank "
            "FROM run_items JOIN runs USING (run_id) WHERE worklist = 'iv_replacement' "
            "ORDER BY night, rank"
        )


def test_a_hidden_item_keeps_its_place_in_memory_and_the_others_close_up(home: Home) -> None:
    """The list has no gap, the item no second life: it is the same stay all along."""
    _answer(home, P_01={"Answer": "declined"}, P_03={"Answer": "acknowledged"})
    night = _after(home, 1)
    assert _items(night) == {
        "P-02": (1, "carried", None),
        "P-03": (2, "carried", "acknowledged by A. Nurse, 22 Nov: palliative care"),
        "P-04": (3, "carried", None),
    }
    (before, after) = _remembered(night).filter(patient_id="P-01").rows(named=True)
    assert (before["is_hidden"], after["is_hidden"]) == (False, True)
    assert before["item_id"] == after["item_id"]
    assert (after["nights_listed"], after["first_listed_on"]) == (2, date(2026, 11, 21))


def test_a_severe_result_brings_the_item_back_as_changed(home: Home) -> None:
    """Higher than what was declined, and still severe: who declined must see that it is back."""
    _answer(home, P_01={"Answer": "declined"})
    assert "P-01" not in _items(_after(home, 1))
    newer = result("P-01", "1.2", "2026-11-22T10:00:00Z")
    home.drop("observations", [newer], "observations_2.csv")
    night = _after(home, 2)
    _rank, life, answered = _items(night)["P-01"]
    assert (life, answered) == ("changed", "declined by A. Nurse, 22 Nov: palliative care")
    assert _remembered(night).filter(patient_id="P-01")["nights_listed"].to_list() == [1, 2, 3]
    assert _items(_after(home, 3))["P-01"][1] == "carried"


def test_a_snooze_ends_on_its_day(home: Home) -> None:
    _answer(home, P_02={"Answer": "snooze", "Until": date(2026, 11, 23)})
    assert "P-02" not in _items(_after(home, 1))
    assert _items(_after(home, 2))["P-02"][1] == "changed"


def test_an_answer_is_taken_back_on_the_list_on_which_the_patient_last_stood(home: Home) -> None:
    """A hidden item is on no newer sheet, and what it rests on is still the same."""
    last_stood = workbook(home, "iv_replacement").resolve()
    _answer(home, P_01={"Answer": "declined"})
    assert "P-01" not in _items(_after(home, 1))
    taken_back = {"P-01": {"Answer": "acknowledged", "By": "B. Nurse"}}
    fill_in(last_stood, taken_back, dispositions(home) / "back.xlsx")
    assert _items(_after(home, 2))["P-01"][1:] == ("changed", "acknowledged by B. Nurse, 23 Nov")


def test_a_new_stay_on_the_list_is_nobodys_old_answer(home: Home) -> None:
    """Declined, then treated and off the list; low again is a new item."""
    _answer(home, P_01={"Answer": "declined"})
    _after(home, 1)
    home.drop("observations", [result("P-01", "2.0", "2026-11-22T09:00:00Z")], "observations_2.csv")
    assert "P-01" not in _items(_after(home, 2))
    home.drop("observations", [result("P-01", "1.1", "2026-11-23T09:00:00Z")], "observations_3.csv")
    assert _items(_after(home, 3))["P-01"][1:] == ("new", None)


def test_an_answer_received_later_changes_no_night_before_it(home: Home) -> None:
    """A night that is run again as it was received knows no later answer."""
    _answer(home, P_01={"Answer": "declined"})
    _after(home, 2)
    then = FIRST + timedelta(days=1)
    night = replace(home.night(then), received_at=FIRST + timedelta(days=3), received_by=then)
    for stage in (assess, publish):
        stage(night, lambda _: None)
    assert "P-01" in _items(night)


def test_all_answers_are_published_with_whether_they_hide(home: Home) -> None:
    _answer(home, P_01={"Answer": "declined"})
    _after(home, 1)
    book = workbook(home, "iv_replacement")
    assert book.exists()
    _answer(home, P_02={"Answer": "done"}, P_03={"Answer": "not indicated"})
    night = _after(home, 2)
    with opened(night) as store:
        store.run(f"ATTACH '{tonight_path(night)}' AS looked (READ_ONLY)")
        told = store.rows(
            "SELECT received_at, night, patient_id, answer, answered_by, note, hides_item "
            "FROM looked.dispositions ORDER BY received_at, patient_id"
        )
    first, second = (datetime(2026, 11, day, 2) for day in (22, 23))  # noqa: DTZ001 - naive UTC
    said = ("A. Nurse", "palliative care")
    assert told == [
        (first, date(2026, 11, 21), "P-01", "declined", *said, True),
        (second, date(2026, 11, 22), "P-02", "done", *said, False),
        (second, date(2026, 11, 22), "P-03", "not_indicated", *said, True),
    ]


def test_explaining_says_which_answer_hides_a_patient(home: Home) -> None:
    _answer(home, P_01={"Answer": "not indicated"})
    night = _after(home, 1)
    with opened(night) as store:
        told = explain(store, night, "P-01")
        other = explain(store, night, "P-02")
    assert told is not None
    assert other is not None
    assert told["lists"]["iv_replacement"]["is_on"], "the rules still list the patient"
    assert list(told["hidden"]) == ["iv_replacement"]
    said = "hidden on the last lists by an answer: not indicated by A. Nurse, 22 Nov"
    assert said in in_words(told)
    assert other["hidden"] == {}
