"""Answers that come back on the lists: each row counts or has its reason, nothing else is lost."""

import stat
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import openpyxl
import polars as pl
import pytest

from data_contracts.vocabulary import ANSWER_REFUSALS
from flows.answering.checking import judged_rows
from flows.stages import assess, ingest, opened, publish
from tests.flows.returned import (
    FIRST,
    copy_row,
    dispositions,
    fill_in,
    fill_in_csv,
    opened_list,
    person,
    publish_night,
    result,
    returned_rows,
    workbook,
)
from tests.home import Home

PATIENTS: Final = [f"CANARY-{number:02}" for number in range(1, 21)]
LATER: Final = FIRST + timedelta(days=2)


def _nurse(answer: str, until: object = None, note: str | None = "seen on round") -> dict[str, Any]:
    return {"Answer": answer, "Until": until, "By": "A. Nurse", "Note": note}


FAULTS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "CANARY-03": (_nurse("done") | {"Token": None}, "token_missing"),
    "CANARY-04": (
        _nurse("done") | {"Token": "0123456789abcdef-20261121-" + "0" * 24},
        "not_ours",
    ),
    "CANARY-05": (_nurse("done") | {"MRN": "0500"}, "facts_edited"),
    "CANARY-06": (_nurse("done"), "answered_twice"),
    "CANARY-07": (_nurse("done"), "stale"),
    "CANARY-08": (_nurse("not indicated"), "stale"),
    "CANARY-09": (_nurse("") | {"By": None}, "answer_missing"),
    "CANARY-10": (_nurse("maybe"), "answer_unknown"),
    "CANARY-11": (_nurse("snooze"), "until_missing"),
    "CANARY-12": (_nurse("snooze", "soon"), "until_not_readable"),
    "CANARY-13": (_nurse("snooze", date(2026, 11, 23)), "until_passed"),
    "CANARY-14": (_nurse("done", date(2026, 11, 30)), "until_without_snooze"),
    "CANARY-15": (_nurse("done") | {"By": " "}, "by_missing"),
    "CANARY-16": (_nurse("declined", note=None), "note_missing"),
    "CANARY-18": (_nurse('="done"'), "answer_unknown"),
}
GOOD: Final = {
    "CANARY-01": _nurse("done", note=None),
    "CANARY-02": _nurse(" Not-Indicated "),
    "CANARY-17": _nurse("Snooze", date(2026, 11, 24)),
    "CANARY-20": _nurse("acknowledged", note="=1+1 is no formula of ours"),
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Twenty patients with severe hypomagnesaemia, one night published."""
    home = Home(tmp_path)
    home.drop("observations", [result(patient, "1.0") for patient in PATIENTS])
    home.drop("patients", [person(patient) for patient in PATIENTS])
    publish_night(home.night(FIRST))
    return home


def _drop(home: Home, name: str = "answers.xlsx") -> Path:
    path = dispositions(home) / name
    filled = GOOD | {patient: cells for patient, (cells, _) in FAULTS.items()}
    fill_in(workbook(home, "iv_replacement"), filled, path)
    copy_row(path, "CANARY-06", _nurse("declined"))
    copy_row(path, "CANARY-17", {})
    return path


def _move_on(home: Home) -> None:
    """A second night: one patient is treated by now, of another a lower result came."""
    later = [
        result("CANARY-07", "1.9", "2026-11-21T10:00:00Z"),
        result("CANARY-08", "0.9", "2026-11-21T10:00:00Z"),
    ]
    home.drop("observations", later, "observations_2.csv")
    publish_night(home.night(FIRST + timedelta(days=1)))


def _kept(home: Home) -> pl.DataFrame:
    with opened(home.night(LATER)) as store:
        return store.frame("SELECT * FROM dispositions ORDER BY disposition_id")


def test_each_faulty_row_has_its_reason_and_nothing_else_is_lost(home: Home) -> None:
    """One sheet with every fault there is: the good answers count, the others go back in words."""
    sheet = _drop(home)
    before = sheet.read_bytes()
    _move_on_without(home, sheet)
    said: list[str] = []
    ingested = ingest(home.night(LATER), said.append)
    assert {reason for _, reason in FAULTS.values()} == set(ANSWER_REFUSALS)
    assert dict(_kept(home).select("patient_id", "answer").rows()) == {
        "CANARY-01": "done",
        "CANARY-02": "not_indicated",
        "CANARY-17": "snooze",
        "CANARY-20": "acknowledged",
    }
    found = Counter((str(row[7]), _reason(str(row[0]))) for row in returned_rows(home))
    expected = Counter((patient, reason) for patient, (_, reason) in FAULTS.items())
    assert found == expected + Counter({("CANARY-06", "answered_twice"): 1})
    assert ingested[3:] == (4, len(FAULTS) + 1, 0)
    with opened(home.night(LATER)) as store:
        counts = store.rows("SELECT rows, blank, counted, known, refused FROM sheets")
    assert counts == [(22, 1, 4, 1, 16)]
    assert not [line for line in said if "CANARY" in line or "Nurse" in line]
    assert sheet.read_bytes() == before


def _move_on_without(home: Home, sheet: Path) -> None:
    """The second night runs before the ward drops its sheet."""
    aside = sheet.rename(home.path / sheet.name)
    _move_on(home)
    aside.rename(sheet)


def _reason(words: str) -> str:
    return next(code for code, told in ANSWER_REFUSALS.items() if words.startswith(told))


@pytest.mark.long
def test_the_words_say_which_fact_was_edited_and_how_the_list_moved_on(home: Home) -> None:
    _move_on_without(home, _drop(home))
    ingest(home.night(LATER), lambda _: None)
    words = {str(row[7]): str(row[0]) for row in returned_rows(home)}
    assert words["CANARY-05"].endswith("Changed: MRN.")
    assert words["CANARY-07"].endswith("It is no longer on the list.")
    assert words["CANARY-08"].endswith("Its result, severity or patient numbers are others now.")


@pytest.mark.long
def test_a_mended_row_may_come_back_on_the_sheet_that_went_back(home: Home) -> None:
    """Nobody has to find the row again in the list."""
    answers = {"CANARY-01": _nurse("declined", note=None)}
    fill_in(workbook(home, "iv_replacement"), answers, dispositions(home) / "a.xlsx")
    ingest(home.night(LATER), lambda _: None)
    (back,) = (dispositions(home) / "returned").iterdir()
    assert stat.S_IMODE(back.stat().st_mode) == 0o660
    assert stat.S_IMODE(back.parent.stat().st_mode) == 0o770
    book = openpyxl.load_workbook(back)
    sheet = book.active
    assert sheet is not None
    titles = [cell.value for cell in sheet[1]]
    sheet.cell(2, titles.index("Note") + 1).value = "palliative care"
    book.save(dispositions(home) / "mended.xlsx")
    ingest(home.night(LATER), lambda _: None)
    assert _kept(home).select("patient_id", "answer", "note").rows() == [
        ("CANARY-01", "declined", "palliative care")
    ]


@pytest.mark.long
def test_a_sheet_is_read_once_and_an_answer_counts_once(home: Home) -> None:
    """The same sheet twice, saved again by another program, under another name."""
    answers = {"CANARY-01": _nurse("done")}
    source, folder = workbook(home, "iv_replacement"), dispositions(home)
    fill_in(source, answers, folder / "a.xlsx")
    for _ in range(2):
        ingest(home.night(LATER), lambda _: None)
    fill_in(source, answers | {"CANARY-02": _nurse("done")}, folder / "b.xlsx")
    ingest(home.night(LATER), lambda _: None)
    assert _kept(home).get_column("patient_id").to_list() == ["CANARY-01", "CANARY-02"]
    with opened(home.night(LATER)) as store:
        assert store.rows("SELECT name, counted, known FROM sheets ORDER BY sheet_id") == [
            ("a.xlsx", 1, 0),
            ("b.xlsx", 1, 1),
        ]


@pytest.mark.parametrize(("separator", "mark"), [(",", ""), (";", "\ufeff"), ("\t", "")])
@pytest.mark.long
def test_a_csv_is_read_as_a_workbook_is(home: Home, separator: str, mark: str) -> None:
    answers = {
        "CANARY-01": {"answer": "snooze", "until": "2026-12-01", "by": "B", "note": "later"},
        "CANARY-02": {"answer": "done", "by": "B", "mrn": "2"},
    }
    source = workbook(home, "iv_replacement").with_suffix(".csv")
    fill_in_csv(source, answers, dispositions(home) / "a.csv", separator, mark)
    ingest(home.night(LATER), lambda _: None)
    kept = _kept(home).select("patient_id", "answer", "until", "answered_by", "note").rows()
    assert kept == [("CANARY-01", "snooze", date(2026, 12, 1), "B", "later")]
    ((words, *_),) = returned_rows(home)
    assert words.endswith("Changed: mrn.")


@pytest.mark.long
def test_columns_may_be_moved_and_rows_taken_away(home: Home) -> None:
    """A ward sorts, hides and cuts as it likes; a fact that is gone cannot be vouched for."""
    book, sheet, header, at = opened_list(workbook(home, "iv_replacement"))
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=header)]
    for title, value in _nurse("done").items():
        rows[1][at[title] - 1] = value
    for name, cut in (("moved.xlsx", 0), ("cut.xlsx", at["Why"])):
        book = openpyxl.Workbook()
        page = book.create_sheet("Mine", 0)
        for row in rows[:5]:
            kept = [cell for place, cell in enumerate(row, 1) if place != cut]
            page.append(kept[::-1])
        book.save(dispositions(home) / name)
    ingest(home.night(LATER), lambda _: None)
    assert _kept(home).height == 1
    with opened(home.night(LATER)) as store:
        counts = store.rows("SELECT name, rows, counted, refused FROM sheets ORDER BY name")
    assert counts == [("cut.xlsx", 4, 0, 1), ("moved.xlsx", 4, 1, 0)]
    ((words, *_),) = returned_rows(home)
    assert words.endswith("Columns taken away: Why.")


@pytest.mark.long
def test_a_sheet_of_another_home_is_refused(home: Home, tmp_path: Path) -> None:
    """The same patients, the same night, another hospital's name."""
    other = Home(tmp_path / "other")
    other.drop("observations", [result(patient, "1.0") for patient in PATIENTS])
    night = other.night(FIRST)
    settings = type(night.settings)(hospital="Elsewhere", timezone="UTC", quiet_seconds=0)
    publish_night(type(night)(other.path, other.inbox, FIRST, FIRST, settings, night.policy))
    answers = {"CANARY-01": _nurse("done")}
    fill_in(workbook(other, "iv_replacement"), answers, dispositions(home) / "a.xlsx")
    ingest(home.night(LATER), lambda _: None)
    assert _kept(home).is_empty()
    ((words, *_),) = returned_rows(home)
    assert _reason(words) == "not_ours"


@pytest.mark.long
def test_a_night_published_again_with_another_result_takes_no_old_answer(home: Home) -> None:
    """Whoever answered saw 1.0; the sheet must not hide the 0.7 that came since."""
    aside = home.path / "a.xlsx"
    fill_in(workbook(home, "iv_replacement"), {"CANARY-01": _nurse("not indicated")}, aside)
    home.drop("observations", [result("CANARY-01", "0.7")], "observations_2.csv")
    publish_night(home.night(FIRST))
    aside.rename(dispositions(home) / "a.xlsx")
    ingest(home.night(LATER), lambda _: None)
    ((words, *_),) = returned_rows(home)
    assert words.endswith("Its result, severity or patient numbers are others now.")
    assert _kept(home).is_empty()


@pytest.mark.long
def test_a_run_that_is_killed_while_reading_counts_nothing_by_halves(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sheet and answers stand together or not at all; the next run reads it anew."""
    _drop(home)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("flows.answering.reading._keep", stop)
        with pytest.raises(KeyboardInterrupt):
            ingest(home.night(LATER), lambda _: None)
    with opened(home.night(LATER)) as store:
        assert store.rows("SELECT count(*) FROM sheets") == [(0,)]
        assert store.rows("SELECT count(*) FROM dispositions") == [(0,)]
    ingest(home.night(LATER), lambda _: None)
    assert _kept(home).height > 0


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("CANARY SMITH", "has two columns with the same title; take the added one away"),
        ("Note", "has two columns titled Note; take the added one away"),
    ],
)
@pytest.mark.long
def test_of_titles_only_our_own_are_named(home: Home, title: str, said: str) -> None:
    """Somebody may title a column with a patient; logs and report say what is ours."""
    book, sheet, header, _ = opened_list(workbook(home, "iv_replacement"))
    for column in range(2):
        sheet.cell(header, sheet.max_column + 1 + column).value = title
    book.save(dispositions(home) / "a.xlsx")
    lines: list[str] = []
    night = home.night(LATER)
    ingest(night, lines.append)
    with opened(night) as store:
        assert store.rows("SELECT problem FROM sheets") == [(said,)]
    assert f"refused: a.xlsx ({said})" in [line.replace("dispositions/", "") for line in lines]
    assert not [line for line in lines if "CANARY" in line]


@pytest.mark.long
def test_what_nobody_foresaw_refuses_one_sheet_and_not_the_others(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the failure the kind and the place are told; its text may quote a row."""
    source, folder = workbook(home, "iv_replacement"), dispositions(home)
    fill_in(source, {"CANARY-01": _nurse("done")}, folder / "a.xlsx")
    fill_in(source, {"CANARY-02": _nurse("done")}, folder / "b.xlsx")
    judged = judged_rows

    def fail_once(*given: Any) -> pl.DataFrame:  # noqa: ANN401 - whatever it is asked
        monkeypatch.setattr("flows.answering.reading.judged_rows", judged)
        message = f"CANARY in row {len(given)}"
        raise ValueError(message)

    monkeypatch.setattr("flows.answering.reading.judged_rows", fail_once)
    lines: list[str] = []
    ingested = ingest(home.night(LATER), lines.append)
    assert ingested[3:] == (1, 0, 1)
    (refused,) = [line for line in lines if line.startswith("refused")]
    assert "unexpected ValueError at test_returned_sheets.py:" in refused
    assert not [line for line in lines if "CANARY" in line]
    assert ingest(home.night(LATER), lines.append)[3:5] == (2, 0), "it is tried again"


@pytest.mark.long
def test_the_same_night_again_changes_no_byte(home: Home) -> None:
    """Answers hide and are worded from what is stored, never from when a night ran."""
    answers = {"CANARY-01": _nurse("declined"), "CANARY-02": _nurse("done")}
    fill_in(workbook(home, "iv_replacement"), answers, dispositions(home) / "a.xlsx")
    night = home.night(FIRST + timedelta(days=1))
    written = []
    for _ in range(2):
        ingest(night, lambda _: None)
        assess(night, lambda _: None)
        folder = publish(night, lambda _: None).folder
        written.append(
            {
                path.relative_to(folder): path.read_bytes()
                for path in folder.rglob("*")
                if path.is_file() and path.suffix != ".duckdb"
            }
        )
    assert written[0] == written[1]
    page = written[0][Path("report.html")].decode()
    assert "<b>1</b> hidden by answers of the care teams, <b>1</b> of them severe" in page
    assert "Hidden by answers: 1" in page
    _, sheet, header, at = opened_list(workbook(home, "iv_replacement"))
    assert "1 patient is hidden by an answer" in str(sheet.cell(3, 1).value)
    listed = [sheet.cell(row, at["Patient"]).value for row in range(header + 1, sheet.max_row + 1)]
    assert "CANARY-01" not in listed
    assert [sheet.cell(row, 1).value for row in range(header + 1, sheet.max_row + 1)] == list(
        range(1, 20)
    )
