"""The three nights of `sample_data/three-nights`: the changes sheets tell them as a nurse would."""

import csv
from pathlib import Path
from typing import Final

import openpyxl
import pytest

from tests.flows.test_sample_nights import drop, home_with, lists_of, night

STORY: Final = {
    "2026-11-21": [
        (
            "gone: retracted",
            "T-03",
            (
                "Listed Fri 20 Nov: Magnesium 1.1 mg/dL (severe: 1.2 or below), drawn Thu 19 "
                "Nov 06:30; no IV or IM magnesium charted up to Thu 19:00."
            ),
            "Result withdrawn; no other magnesium counts.",
        ),
        (
            "gone: treated",
            "T-01",
            (
                "Listed Fri 20 Nov: Magnesium 1.0 mg/dL (severe: 1.2 or below), drawn Wed 18 "
                "Nov 20:00; no IV or IM magnesium charted up to Thu 19:00."
            ),
            (
                "Given: IV 2 g Thu 19 Nov 20:00, charted only after the list of Fri 20 Nov; "
                "then Magnesium 1.3 mg/dL (low: 1.5 or below), drawn Fri 20 Nov 22:30; now on "
                "the recheck list."
            ),
        ),
        (
            "gone: resolved",
            "T-04",
            (
                "Listed Fri 20 Nov: Printed result “HEMOLYZED”, drawn Thu 19 Nov 07:00: result "
                "is not a number."
            ),
            "Magnesium 1.8 mg/dL (above 1.5 target), drawn Fri 20 Nov 06:00.",
        ),
        (
            "gone: too old",
            "T-06",
            (
                "Listed Fri 20 Nov: Magnesium 1.1 mg/dL (severe: 1.2 or below), drawn Tue 17 "
                "Nov 04:00; no IV or IM magnesium charted up to Thu 19:00."
            ),
            "Past 72 h and no sufficient IV or IM dose seen; now on the recheck list.",
        ),
    ],
    "2026-11-22": [
        (
            "gone: retracted",
            "T-01",
            (
                "Listed Sat 21 Nov: Magnesium 1.3 mg/dL (low: 1.5 or below), drawn Fri 20 Nov "
                "22:30; low potassium, low calcium or a cardiac glycoside beside it; window "
                "open, sample by Mon 23 Nov."
            ),
            (
                "Corrected: Magnesium 1.8 mg/dL (above 1.5 target), drawn Fri 20 Nov 22:30, "
                "released Sat 21 Nov 09:00."
            ),
        ),
        (
            "gone: died",
            "T-02",
            (
                "Listed Fri 20 Nov to Sat 21 Nov: Magnesium 0.8 mg/dL (severe: 1.2 or below), "
                "drawn Thu 19 Nov 05:00; no IV or IM magnesium charted up to Fri 23:00."
            ),
            "Died Sat 21 Nov 13:40.",
        ),
        (
            "gone: treated",
            "T-05",
            (
                "Listed Fri 20 Nov to Sat 21 Nov: Magnesium 1.2 mg/dL (severe: 1.2 or below), "
                "drawn Thu 19 Nov 08:00; no IV or IM magnesium charted up to Fri 23:00."
            ),
            "Given: IV 2 g Sat 21 Nov 07:00; now on the recheck list.",
        ),
    ],
}


@pytest.fixture(autouse=True)
def _read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPOMAG_QUIET_SECONDS", "0")


def test_the_changes_sheets_tell_the_three_nights_as_a_nurse_would(tmp_path: Path) -> None:
    home = home_with(tmp_path, "three-nights/night-1")
    assert night(home, "2026-11-20T02:00:00Z").exit_code == 10
    assert lists_of(home) == {
        "iv_replacement": ["T-02", "T-01", "T-06", "T-03", "T-05"],
        "recheck": [],
        "review": ["T-04"],
    }
    assert _gone(home) == [], "the first night misses nobody"
    for number, (date, told) in enumerate(STORY.items(), 2):
        drop(home, f"three-nights/night-{number}")
        assert night(home, f"{date}T02:00:00Z").exit_code == 0
        assert _gone(home) == told
        assert _in_the_workbook(home)[: len(told)] == told
        page = (home / "published" / "current" / "report.html").read_text(encoding="utf-8")
        assert page.index("Changes since the night of") < page.index("<table")
        for _, _, was, now in told:
            assert was in page
            assert now in page


@pytest.mark.long
def test_who_comes_back_to_a_list_is_new_there_and_stands_on_the_sheet(tmp_path: Path) -> None:
    home = home_with(tmp_path, "three-nights/night-1")
    night(home, "2026-11-20T02:00:00Z")
    drop(home, "three-nights/night-2")
    night(home, "2026-11-21T02:00:00Z")
    new = [row for row in _sheet(home) if row["change"] == "new"]
    assert [(row["worklist"], row["patient_id"]) for row in new] == [
        ("recheck", "T-06"),
        ("recheck", "T-01"),
    ]


def _sheet(home: Path) -> list[dict[str, str]]:
    path = home / "published" / "current" / "worklists" / "changes.csv"
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def _gone(home: Path) -> list[tuple[str, ...]]:
    columns = ("change", "patient_id", "was", "now")
    return [tuple(row[name] for name in columns) for row in _sheet(home) if row["gone_because"]]


def _in_the_workbook(home: Path) -> list[tuple[object, ...]]:
    path = home / "published" / "current" / "worklists" / "changes.xlsx"
    rows = list(openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True))
    titles = next(at for at, row in enumerate(rows) if row[0] == "What")
    columns = [
        rows[titles].index(name)
        for name in ("What", "Patient", "What was published", "What is true now")
    ]
    return [tuple(row[at] for at in columns) for row in rows[titles + 1 :]]
