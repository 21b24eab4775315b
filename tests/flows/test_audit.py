"""The administration audit as quality teams get it: the table, the month's sheet, the report."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import openpyxl
import pytest

from flows.stages import assess, ingest, publish
from tests.home import Home

AS_OF: Final = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
SULFATE: Final = {
    "patient_id": "P1",
    "kind": "administration",
    "code": "6585",
    "code_system": "RxNorm",
    "name": "magnesium sulfate",
    "route": "IV",
    "dose": "2",
    "dose_unit": "g",
    "volume_ml": "50",
    "started_at": "2026-11-20T18:00:00Z",
    "ended_at": "2026-11-20T18:10:00Z",
    "status": "given",
}
OXIDE: Final = {
    "patient_id": "P2",
    "kind": "administration",
    "name": "magnesium oxide 400 mg tablet",
    "route": "PO",
    "dose": "400",
    "dose_unit": "mg",
    "started_at": "2026-11-19T07:00:00Z",
    "status": "given",
}


def _night(home: Home, as_of: datetime = AS_OF) -> Path:
    night = home.night(as_of)
    ingest(night, _quiet)
    assess(night, _quiet)
    return publish(night, _quiet).folder


def _quiet(_: str) -> None:
    """Say nothing."""


def _doses(folder: Path) -> dict[str, dict[str, Any]]:
    with duckdb.connect(str(folder / "hypomag.duckdb"), read_only=True) as database:
        found = database.execute("SELECT * FROM doses")
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return {row["medication_id"]: row for row in rows}


def _sheets(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {sheet.title: list(sheet.values) for sheet in openpyxl.load_workbook(path).worksheets}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dose too fast, one that only says mL, one of the month before, and tablets."""
    home = Home(tmp_path_factory.mktemp("home"))
    home.drop(
        "medications",
        [
            SULFATE | {"medication_id": "FAST"},
            SULFATE
            | {"medication_id": "VOLUME", "patient_id": "P3", "dose": "50", "dose_unit": "mL"}
            | {"ended_at": "2026-11-20T19:00:00Z", "volume_ml": ""},
            SULFATE
            | {"medication_id": "EARLIER", "patient_id": "P4", "ended_at": ""}
            | {"started_at": "2026-10-31T23:30:00Z"},
            SULFATE
            | {"medication_id": "BAG1", "patient_id": "P6", "dose": "50", "dose_unit": "mL"}
            | {"order_id": "R1", "name": "magnesium sulfate in glucose"},
            SULFATE | {"medication_id": "BAG2", "patient_id": "P6", "order_id": "R1"},
            OXIDE | {"medication_id": "T1"},
            OXIDE | {"medication_id": "T2", "started_at": "2026-11-19T20:00:00Z"},
            OXIDE | {"medication_id": "T3", "dose": "1 tab", "dose_unit": "mg"},
            OXIDE | {"medication_id": "T4", "patient_id": "P5", "dose": "1 tab"},
        ],
    )
    home.drop("observations", [])
    return _night(home)


def test_the_table_holds_every_dose_with_its_figures(folder: Path) -> None:
    """2 g in 10 min is 200 mg/min; nobody measured a level before."""
    dose = _doses(folder)["FAST"]
    assert (dose["grams"], dose["minutes"], dose["rate_mg_min"]) == (2, 10, 200)
    assert dose["findings"] == ["NO_RECENT_LEVEL", "RATE_OVER_150"]
    assert len(_doses(folder)) == 8


def test_rows_of_one_dose_are_named_by_the_first_and_measured_by_the_one_with_a_mass(
    folder: Path,
) -> None:
    dose = _doses(folder)["BAG1"]
    assert "BAG2" not in _doses(folder)
    assert (dose["product"], dose["dose_unit"]) == ("magnesium sulfate in glucose", "g")
    assert dose["grams"] == 2


def test_what_cannot_be_computed_says_what_is_missing(folder: Path) -> None:
    """Millilitres alone are no mass; without an end there is no rate."""
    doses = _doses(folder)
    assert doses["VOLUME"]["missing"] == ["mass"]
    assert doses["EARLIER"]["missing"] == ["end"]
    assert "NOT_COMPUTABLE" in doses["VOLUME"]["findings"]


def test_a_month_has_a_sheet_of_its_findings(folder: Path) -> None:
    """The doses of the night's local month, and what was found in words."""
    found = _sheets(folder / "audit" / "2026-11.xlsx")["Findings"]
    assert [row[-1] for row in found[1:]] == ["FAST", "VOLUME", "BAG1"]
    assert "faster than 150 mg/min" in found[1][10]
    assert len(list((folder / "audit").iterdir())) == 1


def test_the_first_week_of_a_month_writes_the_last_one_again(tmp_path: Path) -> None:
    """31 October 23:30 UTC is still October in London's winter; wards chart late."""
    home = Home(tmp_path)
    home.drop(
        "medications",
        [SULFATE | {"medication_id": "EARLIER", "started_at": "2026-10-31T23:30:00Z"}],
    )
    folder = _night(home, datetime(2026, 11, 7, 2, 0, tzinfo=UTC))
    assert [row[-1] for row in _sheets(folder / "audit/2026-10.xlsx")["Findings"]][1:] == [
        "EARLIER"
    ]
    assert len(_sheets(folder / "audit/2026-11.xlsx")["Findings"]) == 1  # the header alone


def test_the_sheet_counts_by_feed_what_could_not_be_computed(folder: Path) -> None:
    counts = {what: doses for _, what, doses in _sheets(folder / "audit/2026-11.xlsx")["Counts"]}
    assert counts["of them by IV or IM"] == 3
    assert counts["missing: mass"] == 1
    assert "missing: mass" in (folder / "report.html").read_text("utf-8")


def test_tablets_are_added_up_a_day_in_their_own_unit(folder: Path) -> None:
    """400 mg of the oxide hold 241.2 mg of magnesium; a dose nobody can read is told apart."""
    header, row, unread = _sheets(folder / "audit/2026-11.xlsx")["By mouth a day"]
    found = dict(zip(header, row, strict=True))
    assert (found["Patient"], found["Given"], found["Unit as sent"]) == ("P2", 800, "mg")
    assert (found["Doses"], found["Doses without a figure"]) == (3, 1)
    assert found["Elemental mg"] is None
    assert dict(zip(header, unread, strict=True))["Given"] is None


def test_the_same_month_gives_the_same_bytes(tmp_path: Path) -> None:
    """A second run of the night changes no sheet."""
    home = Home(tmp_path)
    home.drop("medications", [SULFATE | {"medication_id": "FAST"}])
    first = (_night(home) / "audit" / "2026-11.xlsx").read_bytes()
    assert (_night(home) / "audit" / "2026-11.xlsx").read_bytes() == first


def test_a_level_drawn_as_a_dose_starts_was_known_and_one_drawn_after_was_not(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    drawn = {"P1": SULFATE["started_at"], "P2": "2026-11-20T18:00:01Z"}
    home.drop(
        "medications",
        [SULFATE | {"medication_id": patient, "patient_id": patient} for patient in drawn],
    )
    level = {"code": "19123-9", "value": "1.1", "unit": "mg/dL", "status": "F"}
    home.drop(
        "observations",
        [
            level | {"observation_id": patient, "patient_id": patient, "collected_at": at}
            for patient, at in drawn.items()
        ],
    )
    doses = _doses(_night(home))
    is_lacking = {name: "NO_RECENT_LEVEL" in dose["findings"] for name, dose in doses.items()}
    assert is_lacking == {"P1": False, "P2": True}


@pytest.mark.parametrize(
    ("dose", "finding"),
    [
        ({"dose": "3.00001", "ended_at": "2026-11-20T18:20:00Z"}, "RATE_OVER_150"),
        ({"dose": "10.00025", "ended_at": "2026-11-20T21:00:00Z"}, "CONCENTRATION_OVER_20"),
        ({"dose": "20.0005", "route": "IM"}, "IM_OVER_CEILING"),
    ],
)
def test_a_figure_half_way_past_its_limit_is_over_it(
    dose: dict[str, str], finding: str, tmp_path: Path
) -> None:
    """Halves go away from zero, as everywhere: 150.0005 mg/min is tested as 150.001."""
    home = Home(tmp_path)
    home.drop("medications", [SULFATE | {"medication_id": "M1"} | dose])
    weight = {"observation_id": "W", "patient_id": "P1", "code": "29463-7", "value": "80"}
    home.drop("observations", [weight | {"unit": "kg", "collected_at": "2026-11-19T02:00:00Z"}])
    assert finding in _doses(_night(home))["M1"]["findings"]


@pytest.mark.parametrize(
    ("column", "dose"),
    [("dose", "9" * 33), ("volume_ml", "9" * 400), ("volume_ml", "0." + "0" * 310 + "1")],
)
def test_a_scanned_code_in_a_dose_field_stops_no_night(
    column: str, dose: str, tmp_path: Path
) -> None:
    """A figure longer than any dose is no number; a volume of nothing is none."""
    home = Home(tmp_path)
    severe = {"observation_id": "O", "patient_id": "P1", "code": "19123-9", "value": "0.9"}
    drawn = {"unit": "mg/dL", "status": "F", "collected_at": "2026-11-20T10:00:00Z"}
    home.drop("observations", [severe | drawn])
    home.drop("medications", [SULFATE | {"medication_id": "M1", column: dose}])
    assert "NOT_COMPUTABLE" in _doses(_night(home))["M1"]["findings"]


def test_what_an_unknown_product_holds_is_unknown(tmp_path: Path) -> None:
    """By mouth only a product that the value set knows has milliequivalents."""
    home = Home(tmp_path)
    chelate = OXIDE | {"name": "magnesium chelate complex", "dose": "10", "dose_unit": "mEq"}
    known = OXIDE | {"medication_id": "M2", "dose": "10", "dose_unit": "mEq"}
    home.drop("medications", [chelate | {"medication_id": "M1"}, known])
    found = _doses(_night(home))
    assert (found["M1"]["meq"], found["M1"]["elemental_mg"]) == (None, None)
    assert (found["M2"]["meq"], found["M2"]["elemental_mg"]) == (10, 121.525)


def test_a_weight_that_comes_later_changes_a_dose_audited_before(tmp_path: Path) -> None:
    """The night after looks again at whom a row came for, and keeps the others."""
    home = Home(tmp_path)
    injected = SULFATE | {"route": "IM", "dose": "20.1", "ended_at": ""}
    home.drop("medications", [injected | {"medication_id": "M1"}, OXIDE | {"medication_id": "T1"}])
    assert _doses(_night(home))["M1"]["missing"] == ["weight"]
    weight = {"observation_id": "W", "patient_id": "P1", "code": "29463-7", "value": "80"}
    home.drop("observations", [weight | {"unit": "kg", "collected_at": "2026-11-19T02:00:00Z"}])
    later = _doses(_night(home, AS_OF + timedelta(days=1)))
    assert later["M1"]["missing"] == []
    assert "IM_OVER_CEILING" in later["M1"]["findings"]
    assert "T1" in later
