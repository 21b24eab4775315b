"""The two slow lists as a care team gets them: what stands in the CSV, the sheet and the page."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import openpyxl
import pytest

from flows.exports import report, worklist_csv, worklist_xlsx
from flows.exports.edition import Edition
from flows.publication import read_edition
from flows.stages import assess, ingest, opened
from tests.home import Home

AS_OF: Final = datetime(2026, 7, 21, 1, 0, tzinfo=UTC)  # 02:00 in London
FIRST: Final = "2026-07-01T08:00:00Z"
NEWEST: Final = "2026-07-20T08:00:00Z"
URINE: Final = "2026-07-20T10:00:00Z"
CODES: Final = {
    "magnesium": ("19123-9", "mg/dL"),
    "creatinine": ("2160-0", "mg/dL"),
    "clearance": ("35591-7", "mL/min"),
    "urine magnesium": ("19124-7", "mg/dL"),
    "urine creatinine": ("2161-8", "mg/dL"),
    "urine calcium": ("17862-4", "mg/dL"),
}


def _result(patient: str, what: str, value: str, at: str) -> dict[str, str]:
    code, unit = CODES[what]
    return {
        "observation_id": f"{patient} {what} {at}",
        "patient_id": patient,
        "code": code,
        "value": value,
        "unit": unit,
        "status": "F",
        "collected_at": at,
    }


def _persistent(patient: str, clearance: str, urine: str) -> list[dict[str, str]]:
    """Low on two days far apart, and a urine with its serum beside it."""
    return [
        _result(patient, "magnesium", "1.4", FIRST),
        _result(patient, "magnesium", "1.2", NEWEST),
        _result(patient, "creatinine", "1.0", NEWEST),
        _result(patient, "clearance", clearance, NEWEST),
        _result(patient, "urine magnesium", urine, URINE),
        _result(patient, "urine creatinine", "100", URINE),
        _result(patient, "urine calcium", "12", URINE),
    ]


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    """Three that stay low, three with too much or at risk of it."""
    home = Home(tmp_path_factory.mktemp("home"))
    home.drop(
        "observations",
        [
            *_persistent("W1", "90", "5"),
            *_persistent("W2", "40", "5"),
            *_persistent("W3", "90", "1")[:4],
            _result("H1", "magnesium", "3.1", NEWEST),
            _result("H2", "magnesium", "5.5", NEWEST),
            _result("H3", "magnesium", "2.0", NEWEST),
        ],
    )
    home.drop("conditions", [{"patient_id": "H3", "code": "Z99.2", "code_system": "ICD-10-CM"}])
    dose = {"kind": "administration", "name": "magnesium oxide", "route": "PO", "status": "given"}
    home.drop(
        "medications",
        [
            dose
            | {"medication_id": "M1", "patient_id": "H3", "started_at": "2026-07-19T20:00:00Z"}
            | {"dose": "400", "dose_unit": "mg"},
            dose
            | {"medication_id": "M2", "patient_id": "H3", "started_at": "2026-07-18T20:00:00Z"}
            | {"kind": "order", "status": "active", "dose": "", "dose_unit": ""},
        ],
    )
    night = home.night(AS_OF)
    ingest(night, _quiet)
    assess(night, _quiet)
    with opened(night) as store:
        return read_edition(store, night)


def _quiet(_: str) -> None:
    """Say nothing."""


def _csv(edition: Edition, worklist: str, folder: Path) -> dict[str, dict[str, str]]:
    path = folder / f"{worklist}.csv"
    worklist_csv.write(edition, worklist, path)
    with path.open(encoding="utf-8", newline="") as file:
        return {row["patient_id"]: row for row in csv.DictReader(file)}


def test_work_up_says_what_the_urine_suggests(edition: Edition, tmp_path: Path) -> None:
    """5 x 1.0 over 0.7 x 1.2 x 100 is 5.95 %: renal wasting, with the values it came from."""
    row = _csv(edition, "work_up", tmp_path)["W1"]
    assert row["femg_percent"] == "5.952381"
    assert row["femg_finding"] == "suggests renal wasting"
    assert "2 severe or low results since Wed 1 Jul; FEMg 5.95 %, suggests renal" in row["why"]
    assert (row["episode_lows"], row["episode_lowest_mg_dl"]) == ("2", "1.2")
    assert (row["urine_magnesium_mg_dl"], row["serum_magnesium_mg_dl"]) == ("5", "1.2")
    assert row["urine_calcium_creatinine"] == "0.12"
    assert row["femg_obstacles"] == row["femg_missing"] == ""


def test_work_up_says_why_a_figure_cannot_be_read(edition: Edition, tmp_path: Path) -> None:
    """The percentage stands there, and beside it what forbids to interpret it."""
    row = _csv(edition, "work_up", tmp_path)["W2"]
    assert row["femg_percent"] == "5.952381"
    assert row["femg_finding"] == "not interpretable"
    assert row["femg_obstacles"] == "kidneys not known to be normal (60 mL/min or more)"


def test_work_up_says_what_is_missing(edition: Edition, tmp_path: Path) -> None:
    """Without a urine it is the urine that is asked for, not the serum that lies there."""
    row = _csv(edition, "work_up", tmp_path)["W3"]
    assert row["femg_percent"] == ""
    assert row["femg_missing"] == "urine magnesium;urine creatinine"
    assert "persistent: urine magnesium and creatinine needed" in row["reasons"]
    assert row["why"].endswith("missing: urine magnesium, urine creatinine.")


def test_high_watch_begins_with_the_critical(edition: Edition, tmp_path: Path) -> None:
    """Critical first, then the higher; who has magnesium on board with bad kidneys comes too."""
    rows = _csv(edition, "high_watch", tmp_path)
    assert list(rows) == ["H2", "H1", "H3"]
    assert [row["is_critical_high"] for row in rows.values()] == ["true", "false", "false"]
    assert "critically high" in rows["H2"]["why"]


def test_high_watch_names_the_magnesium_on_board(edition: Edition, tmp_path: Path) -> None:
    """What was given, what still runs, and why it matters for this patient."""
    row = _csv(edition, "high_watch", tmp_path)["H3"]
    assert row["last_dose_product"] == "magnesium oxide"
    assert row["last_dose_at"] == "2026-07-19T20:00:00Z"
    assert row["active_magnesium_orders"] == "magnesium oxide oral since Sat 18 Jul 21:00"
    assert "magnesium given or ordered in the last 7 days; severe renal impairment" in row["why"]
    assert "Severe renal impairment: magnesium rises fast, monitor more often." in row["guidance"]


def test_both_lists_are_sheets_and_stand_on_the_page(edition: Edition, tmp_path: Path) -> None:
    """The same rows in the workbook and on the page, under headings that say what they are."""
    for worklist, patients in (("work_up", 3), ("high_watch", 3)):
        path = tmp_path / f"{worklist}.xlsx"
        worklist_xlsx.write(edition, worklist, path)
        (sheet,) = openpyxl.load_workbook(path).worksheets
        first = [row[0] for row in sheet.values]
        assert len(first) - first.index("#") - 1 == patients
    page = report.page(edition)
    assert "Low magnesium that persists: look for the cause" in page
    assert "<b>3</b> persistently low, to work up; <b>3</b> to watch for too much magnesium" in page
