"""Answers over nights: what is hidden, what comes back and how, and what is published of it."""

import os
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from flows.explaining import explain, in_words
from flows.night import Night
from flows.replaying import replay
from flows.stages import assess, opened
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

pytestmark = pytest.mark.long

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
    day = FIRST + timedelta(days=1)
    then = replace(home.night(day), received_at=FIRST + timedelta(days=3), received_by=day)
    assess(then, lambda _: None)
    assert "P-01" in _items(then)


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


def test_an_older_result_of_another_value_does_not_undo_an_answer(home: Home) -> None:
    """What was answered is the index; the level of three weeks ago was seen then."""
    older = [result("P-01", "1.8", "2026-11-01T10:00:00Z"), result("P-02", "1.0", _LAST_YEAR)]
    home.drop("observations", older, "observations_2.csv")
    publish_night(home.night(FIRST))
    _answer(home, P_01={"Answer": "not indicated"}, P_02={"Answer": "declined"})
    assert set(_items(_after(home, 1))) == {"P-03", "P-04"}


_LAST_YEAR: Final = "2025-11-01T10:00:00Z"


def test_an_answer_falls_with_the_result_that_it_was_given_on(home: Home) -> None:
    """Withdrawn, corrected upwards, or drawn at another time: the patient is on the list still."""
    older = [result(patient, "1.2", "2026-11-20T08:00:00Z") for patient in PATIENTS]
    home.drop("observations", older, "observations_2.csv")
    publish_night(home.night(FIRST))
    declined: dict[str, Any] = {"Answer": "declined"}
    _answer(home, P_01=declined, P_02=declined, P_03=declined, P_04=declined)
    assert not _items(_after(home, 1))
    reported = "2026-11-22T08:00:00Z"
    mended = [
        result("P-01", "", status="W", reported_at=reported),
        result("P-02", "1.1", status="C", reported_at=reported),
        result("P-03", "1.0", status="C", reported_at=reported)
        | {"collected_at": "2026-11-20T09:00:00Z"},
    ]
    home.drop("observations", mended, "observations_3.csv")
    lives = {patient: life for patient, (_, life, _) in _items(_after(home, 2)).items()}
    assert lives == dict.fromkeys(PATIENTS[:3], "changed")
    _assert_replays(home)


def _link(old: str, new: str, **more: str) -> dict[str, str]:
    linked = "2026-11-01T08:00:00Z"
    return {"old_patient_id": old, "new_patient_id": new, "linked_at": linked, **more}


def _assert_replays(home: Home) -> None:
    for days in range(3):
        day = (FIRST + timedelta(days=days)).date()
        found = replay(home.night(FIRST + timedelta(days=9)), day, lambda _: None)
        assert found.is_identical, (day, found.files, found.grounds)


def test_a_link_brings_back_who_was_hidden_as_somebody_less(home: Home) -> None:
    """P-02 showed an unanswered severe result; made one with P-01 it must not vanish with them."""
    lower = result("P-01", "0.9", "2026-11-20T18:00:00Z")
    home.drop("observations", [lower], "observations_2.csv")
    publish_night(home.night(FIRST))
    _answer(home, P_01={"Answer": "not indicated"})
    assert set(_items(_after(home, 1))) == {"P-02", "P-03", "P-04"}
    home.drop("patient_links", [_link("P-02", "P-01")])
    items = _items(_after(home, 2))
    assert set(items) == {"P-01", "P-03", "P-04"}
    assert items["P-01"][1] == "changed"
    _assert_replays(home)


def test_a_link_taken_back_brings_back_whom_it_hid(home: Home) -> None:
    """The answer was given on two persons; each has a result of its own again."""
    home.drop("patient_links", [_link("P-02", "P-01")])
    publish_night(home.night(FIRST))
    _answer(home, P_01={"Answer": "not indicated"})
    assert set(_items(_after(home, 1))) == {"P-03", "P-04"}
    undone = "2026-11-22T08:00:00Z"
    withdrawn = _link("P-02", "P-01", withdrawn_at=undone, updated_at=undone)
    home.drop("patient_links", [withdrawn], "patient_links_2.csv")
    items = _items(_after(home, 2))
    assert (items["P-01"][1], items["P-02"][1:]) == ("changed", ("new", None))
    _assert_replays(home)


def test_a_sheet_of_before_a_link_hides_nobody_after_it(home: Home) -> None:
    """Link and answer come in one night: whoever answered saw one of the two numbers."""
    home.drop("patient_links", [_link("P-02", "P-01")])
    _answer(home, P_01={"Answer": "not indicated"})
    assert set(_items(_after(home, 1))) == {"P-01", "P-03", "P-04"}
    # By now the list says who is meant: the old sheet is stale, the new one counts.
    fill_in(
        home.path / "published" / "nights" / "2026-11-21" / "worklists" / "iv_replacement.xlsx",
        {"P-01": BY | {"Answer": "declined"}},
        dispositions(home) / "old.xlsx",
    )
    assert "P-01" in _items(_after(home, 1))
    newest = {"P-01": BY | {"Answer": "declined"}}
    fill_in(workbook(home, "iv_replacement"), newest, dispositions(home) / "new.xlsx")
    assert "P-01" not in _items(_after(home, 2))


def test_another_row_on_review_brings_the_item_back(home: Home) -> None:
    """The newest row was withdrawn: the one below it was never the one that was answered."""
    rows = [
        result("P-09", "clotted", "2026-11-19T10:00:00Z"),
        result("P-09", "lost", "2026-11-20T10:00:00Z"),
    ]
    home.drop("observations", rows, "observations_2.csv")
    publish_night(home.night(FIRST))
    told = {"P-09": BY | {"Answer": "not indicated"}}
    fill_in(workbook(home, "review"), told, dispositions(home) / "review.xlsx")
    assert not _on_review(_after(home, 1))
    gone = result("P-09", "", status="W", reported_at="2026-11-22T08:00:00Z")
    home.drop("observations", [gone], "observations_3.csv")
    assert _on_review(_after(home, 2)) == [("P-09", "changed")]


def _on_review(night: Night) -> list[tuple[object, ...]]:
    with opened(night) as store:
        store.run(f"ATTACH '{tonight_path(night)}' AS looked (READ_ONLY)")
        return store.rows(
            "SELECT patient_id, life FROM looked.worklist_items "
            "WHERE night = ? AND worklist = 'review'",
            [night.date],
        )


@pytest.mark.parametrize(("seconds", "is_hidden"), [(-60, True), (0, False), (60, False)])
def test_of_two_sheets_the_one_written_later_speaks(
    home: Home, seconds: int, *, is_hidden: bool
) -> None:
    """Whatever their names; where nobody can say which was later the patient is shown."""
    source, folder = workbook(home, "iv_replacement"), dispositions(home)
    first, second = folder / "z.xlsx", folder / "a.xlsx"
    fill_in(source, {"P-01": BY | {"Answer": "declined"}}, first)
    fill_in(source, {"P-01": BY | {"Answer": "acknowledged"}}, second)
    written = first.stat().st_mtime_ns
    later = written + seconds * 10**9
    os.utime(second, ns=(later, later))
    night = _after(home, 1)
    assert ("P-01" not in _items(night)) == is_hidden
    # The same again on another day: nothing new is said.
    first.rename(folder / "b.xlsx")
    assert ("P-01" not in _items(_after(home, 2))) == is_hidden


def test_an_answer_said_again_after_another_one_takes_that_back(home: Home) -> None:
    """Acknowledged, declined by a colleague, acknowledged again on the sheet that still hangs."""
    last_stood, folder = workbook(home, "iv_replacement").resolve(), dispositions(home)
    acknowledged = {"P-01": {"Answer": "acknowledged", "By": "A. Nurse"}}
    declined = {"P-01": BY | {"Answer": "declined", "By": "B. Nurse"}}
    fill_in(last_stood, acknowledged, folder / "1.xlsx")
    publish_night(home.night(FIRST + timedelta(hours=3)))
    fill_in(last_stood, declined, folder / "2.xlsx")
    assert "P-01" not in _items(_after(home, 1))
    fill_in(last_stood, acknowledged | {"P-02": BY | {"Answer": "done"}}, folder / "3.xlsx")
    assert _items(_after(home, 2))["P-01"][1:] == ("changed", "acknowledged by A. Nurse, 23 Nov")
    fill_in(last_stood, declined | {"P-03": BY | {"Answer": "done"}}, folder / "4.xlsx")
    assert "P-01" in _items(_after(home, 2)), "saved again it takes nothing back"
