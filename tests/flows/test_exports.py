"""What leaves the house: CSV, workbook and page, read back with real readers."""

import base64
import csv
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from data_contracts.vocabulary import REASONS, RECHECK_RULES, RENAL_METHODS, WORKLISTS
from flows.exports import report, worklist_csv, worklist_xlsx
from flows.exports.edition import Edition
from flows.exports.words import renal_words
from flows.publication import read_edition
from flows.stages import assess, ingest, opened
from hypomag_rules.index_words import drawn_words
from hypomag_rules.policy import load, with_values
from tests.home import Home

AS_OF: Final = datetime(2026, 7, 21, 1, 0, tzinfo=UTC)  # 02:00 in London
MAGNESIUM: Final = {"code": "19123-9", "unit": "mg/dL", "status": "F"}
HOSTILE: Final = {"P1": "=1+1", "P2": "<script>alert(1)</script>", "P3": "@SUM(A1)\r\nx"}
DRAWN: Final = "2026-07-20T05:10:00Z"


def _quiet(_: str) -> None:
    """Say nothing."""


def _result(patient: str, value: str, at: str = DRAWN, **more: str) -> dict[str, str]:
    own = {"observation_id": f"{patient}-{at}-{value}", "patient_id": patient, "value": value}
    return MAGNESIUM | own | {"collected_at": at} | more


def _edition(folder: Path, tables: Mapping[str, list[dict[str, str]]]) -> Edition:
    home = Home(folder)
    for table, rows in tables.items():
        home.drop(table, list(rows))
    night = home.night(AS_OF)
    ingest(night, _quiet)
    assess(night, _quiet)
    with opened(night) as store:
        return read_edition(store, night)


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    """A night with hostile names, both units, dialysis, a discharge and a text nobody can judge."""
    people = {"P1": "female", "P2": "male", "P3": "male", "P4": "female", "P5": "male"}
    stay = {"care_setting": "inpatient", "started_at": "2026-07-10T08:00:00Z"}
    return _edition(
        tmp_path_factory.mktemp("home"),
        {
            "observations": [
                _result("P1", "1.0"),
                _result("P1", "1.4", "2026-07-18T05:10:00Z"),
                _result("P2", "0.43", code="2601-3", unit="mmol/L"),
                _result("P3", "1.1"),
                _result("P4", "1.4", "2026-07-10T05:10:00Z"),
                _result("P5", "HEMOLYZED"),
                _result("P9", "2.0"),
                *(
                    _result(patient, "1.0", code="2160-0") | {"observation_id": f"C{patient}"}
                    for patient in people
                ),
            ],
            "patients": [
                {
                    "patient_id": patient,
                    "birth_date": "1950-02-01",
                    "sex": sex,
                    "name": HOSTILE.get(patient, f"Name of {patient}"),
                    "mrn": f"M{patient}",
                }
                for patient, sex in (people | {"P9": "male"}).items()
            ],
            "conditions": [{"patient_id": "P3", "code": "Z99.2", "code_system": "ICD-10-CM"}],
            "encounters": [
                stay | {"encounter_id": "E1", "patient_id": "P1", "ward": "7B"},
                stay
                | {"encounter_id": "E4", "patient_id": "P4", "ward": "7B"}
                | {"ended_at": "2026-07-12T08:00:00Z"},
            ],
            "medications": [
                {
                    "medication_id": "M1",
                    "patient_id": "P9",
                    "kind": "administration",
                    "name": "paracetamol",
                    "started_at": "2026-07-20T22:45:00Z",
                    "status": "given",
                }
            ],
        },
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Edition:
    """A night in which nobody is to be listed."""
    results = [_result("P1", "2.0")]
    return _edition(tmp_path_factory.mktemp("empty"), {"observations": results})


def _csv(edition: Edition, worklist: str, folder: Path) -> list[dict[str, str]]:
    path = folder / f"{worklist}.csv"
    worklist_csv.write(edition, worklist, path)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _sheet(edition: Edition, worklist: str, folder: Path) -> Worksheet:
    path = folder / f"{worklist}.xlsx"
    worklist_xlsx.write(edition, worklist, path)
    sheet = openpyxl.load_workbook(path).active
    assert isinstance(sheet, Worksheet)
    return sheet


def _header_row(sheet: Worksheet) -> int:
    first = [cell.value for (cell,) in sheet.iter_rows(max_col=1)]
    return first.index("#") + 1


def _foot_and_head(sheet: Worksheet) -> set[str]:
    bands = (sheet.oddFooter, sheet.oddHeader)
    parts = [part for band in bands if band for part in (band.left, band.center, band.right)]
    return {str(part.text) for part in parts if part}


def _column(sheet: Worksheet, title: str) -> list[Any]:
    header = _header_row(sheet)
    at = next(cell.column for cell in sheet[header] if cell.value == title)
    return [sheet.cell(row, at).value for row in range(header + 1, sheet.max_row + 1)]


IV_COLUMNS: Final = """rank life ward name mrn patient_id birth_date age sex
magnesium_as_reported magnesium_mg_dl collected_at collected_at_local hours_ago is_provisional
previous_as_reported previous_at previous_at_local magnesium_given_since treatment_known_until
treatment_known_until_local has_parenteral_order renal renal_estimate_ml_min renal_method
creatinine_mg_dl creatinine_at creatinine_at_local potassium_mmol_l potassium_at
potassium_at_local calcium_judged calcium_basis calcium_at calcium_at_local weight_kg weight_at
weight_at_local reasons why guidance first_listed_on nights_listed answered answer until by note
item_id token"""


def test_the_csv_has_the_columns_in_reading_order(edition: Edition, tmp_path: Path) -> None:
    """Other people's programs rely on the names; people read from left to right."""
    rows = _csv(edition, "iv_replacement", tmp_path)
    assert list(rows[0]) == IV_COLUMNS.split()
    for worklist in WORKLISTS:
        path = tmp_path / f"{worklist}.csv"
        worklist_csv.write(edition, worklist, path)
        names = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        assert names[:9] == IV_COLUMNS.split()[:9]
        assert names[-12:] == IV_COLUMNS.split()[-12:]


def test_ranks_run_from_one_and_figures_are_as_short_as_exact(
    edition: Edition, tmp_path: Path
) -> None:
    """A float of 1.0999999999999999 is a 1.1 that somebody reported."""
    rows = _csv(edition, "iv_replacement", tmp_path)
    assert [row["rank"] for row in rows] == ["1", "2", "3"]
    found = {row["patient_id"]: row["magnesium_mg_dl"] for row in rows}
    assert found == {"P1": "1", "P2": "1.045115", "P3": "1.1"}


def test_an_instant_stands_in_utc_and_beside_it_local(edition: Edition, tmp_path: Path) -> None:
    """Programs want the one, people the other; in summer they differ."""
    row = _csv(edition, "iv_replacement", tmp_path)[0]
    assert row["collected_at"] == "2026-07-20T05:10:00Z"
    assert row["collected_at_local"] == "2026-07-20T06:10:00+01:00"


def test_text_that_a_sheet_would_run_is_quoted_and_negative_numbers_are_not(
    edition: Edition, tmp_path: Path
) -> None:
    """A name is a name, whatever it begins with; -3 days past due is a number."""
    names = {row["patient_id"]: row["name"] for row in _csv(edition, "iv_replacement", tmp_path)}
    assert names == {"P1": "'=1+1", "P2": HOSTILE["P2"], "P3": "'@SUM(A1)\r\nx"}
    assert _csv(edition, "recheck", tmp_path)[0]["days_past_due"] == "-3"


def test_refused_rows_are_written_as_sent(edition: Edition, tmp_path: Path) -> None:
    """Whoever mends a feed needs file, row, reason and the row itself."""
    hostile = edition.quarantine.with_columns(patient_id=pl.lit("+44"))
    path = tmp_path / "quarantine.csv"
    worklist_csv.write_quarantine(replace(edition, quarantine=hostile), path)
    with path.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["reason"] == "value_not_numeric"
    assert row["patient_id"] == "'+44"
    assert '"value":"HEMOLYZED"' in row["raw"]


def test_an_empty_night_still_writes_headers_and_says_how_much_was_read(
    empty: Edition, tmp_path: Path
) -> None:
    """An empty file and a missing one look alike to a nurse; a header and a count do not."""
    page = report.page(empty)
    assert page.count("0 listed of 1 result read") == len(WORKLISTS)
    for worklist in WORKLISTS:
        assert _csv(empty, worklist, tmp_path) == []
        header = (tmp_path / f"{worklist}.csv").read_text(encoding="utf-8")
        assert header.startswith("rank,life,ward,")
        sheet = _sheet(empty, worklist, tmp_path)
        assert _column(sheet, "#") == ["0 listed of 1 result read"]


def test_the_workbook_keeps_text_as_text(edition: Edition, tmp_path: Path) -> None:
    """No formula, no link: what a patient is called cannot run."""
    sheet = _sheet(edition, "iv_replacement", tmp_path)
    assert sorted(_column(sheet, "Name"))[:2] == sorted([HOSTILE["P1"], HOSTILE["P2"]])
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds
    assert not sheet._hyperlinks  # type: ignore[attr-defined]  # noqa: SLF001 - openpyxl shows them nowhere else


def test_the_workbook_is_laid_out_to_be_printed_and_worked_in(
    edition: Edition, tmp_path: Path
) -> None:
    """The header stays, on the screen and on each sheet of paper; the page is one list wide."""
    for worklist in WORKLISTS:
        sheet = _sheet(edition, worklist, tmp_path)
        header = _header_row(sheet)
        assert sheet.freeze_panes == f"E{header + 1}"
        assert sheet.print_title_rows == f"${header}:${header}"
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.sheet_properties.pageSetUpPr is not None
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.page_setup.fitToHeight == 0
        assert str(sheet.auto_filter.ref).startswith(f"A{header}:")
        assert "advice for a clinician's review; not an order" in _foot_and_head(sheet)
        assert "As of Tue 21 Jul 02:00" in _foot_and_head(sheet)
    assert sheet.title == "High watch"


def test_facts_are_locked_and_answers_are_chosen(edition: Edition, tmp_path: Path) -> None:
    """Nobody edits a fact by a slip; filters and widths still work; there is no password."""
    for worklist in WORKLISTS:
        sheet = _sheet(edition, worklist, tmp_path)
        header = _header_row(sheet)
        lock = sheet.protection
        assert (lock.sheet, lock.password) == (True, None)
        assert not any((lock.autoFilter, lock.formatColumns, lock.formatRows, lock.sort))
        free = {
            str(sheet.cell(header, cell.column or 0).value)
            for cell in sheet[header + 1]
            if not cell.protection.locked
        }
        listed = edition.listed(worklist).height
        assert free == ({"Answer", "Until", "By", "Note"} if listed else set())
        choice, day = sheet.data_validations.dataValidation
        assert (choice.type, day.type, day.operator) == ("list", "date", "greaterThan")
        assert "not indicated" in str(choice.formula1)


def test_times_in_the_workbook_are_real_and_local(edition: Edition, tmp_path: Path) -> None:
    """A sheet can sort and filter them; 05:10 UTC was 06:10 on the ward."""
    sheet = _sheet(edition, "iv_replacement", tmp_path)
    assert _column(sheet, "Drawn")[0] == datetime(2026, 7, 20, 6, 10)  # noqa: DTZ001 - a sheet knows no zone
    assert _column(sheet, "Born")[0] == datetime(1950, 2, 1)  # noqa: DTZ001 - a sheet knows no zone


def test_the_same_edition_gives_the_same_bytes(edition: Edition, tmp_path: Path) -> None:
    """The same night again changes nothing, so a difference means something."""
    for worklist in WORKLISTS:
        first, second = tmp_path / "first.xlsx", tmp_path / "second.xlsx"
        worklist_xlsx.write(edition, worklist, first)
        worklist_xlsx.write(edition, worklist, second)
        assert first.read_bytes() == second.read_bytes()
    assert report.page(edition) == report.page(edition)


class _Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_nothing_on_the_page_runs_or_is_fetched(edition: Edition) -> None:
    """The page is opened on ward computers: its own policy lets in one style sheet, by hash."""
    page = report.page(edition)
    tags = _Tags()
    tags.feed(page)
    names = {tag for tag, _ in tags.seen}
    assert not names & {"script", "link", "img", "iframe", "object", "form", "a", "base"}
    assert not any({"src", "href", "style", "onclick"} & set(found) for _, found in tags.seen)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    style = page.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(str(found["content"]) for _, found in tags.seen if "http-equiv" in found)
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")


def test_the_page_says_first_what_makes_the_lists_untrue(edition: Edition) -> None:
    """A reader in a hurry must meet the doubt before the list."""
    refused = edition.files.head(1).with_columns(
        file=pl.lit("<b>.csv"), problem=pl.lit("no header")
    )
    page = report.page(
        replace(edition, files=pl.concat([edition.files, refused]), is_zone_default=True)
    )
    steps = [
        "canonical / &lt;b&gt;.csv (no header)",
        "Doses known only to Mon 20 Jul 23:45",
        "days and times are in UTC",
        "As of Tue 21 Jul 02:00. Doses and results after this are not here: check the chart.",
        "3 severe without a sufficient IV or IM dose: 3 new, lowest 1.0 mg/dL",
        "<table",
        "Severe, no sufficient IV or IM dose seen: clinician to review",
    ]
    found = [page.index(step) for step in steps]
    assert found == sorted(found)


def test_the_page_names_nobody_who_is_not_listed(edition: Edition) -> None:
    """P9 was read and judged, and concerns nobody tonight."""
    page = report.page(edition)
    assert "P9" not in page
    assert "Name of P4" in page


def test_paper_speaks_words_and_never_codes(edition: Edition, tmp_path: Path) -> None:
    """A code on paper is a riddle."""
    codes = [*REASONS, "severe_impairment", "target_met", *RECHECK_RULES[:2], *RENAL_METHODS[1:3]]
    printed = [report.page(edition)] + [
        str(cell.value)
        for worklist in WORKLISTS
        for row in _sheet(edition, worklist, tmp_path).iter_rows()
        for cell in row
        if cell.value is not None
    ]
    for code in codes:
        assert not [text for text in printed if re.search(rf"\b{code}\b", text)]
    assert "left 12 Jul (7B)" in printed[0]
    assert "no potassium since 19 Jul 06:10" in printed[0]
    assert "window opens Fri 24 Jul" in printed[0] or "window open, sample by" in printed[0]


def test_severe_renal_impairment_shows_no_figures(edition: Edition, tmp_path: Path) -> None:
    """S17, S21: who cannot clear magnesium gets caution first and no dose to copy."""
    found = {
        row["patient_id"]: row["guidance"] for row in _csv(edition, "iv_replacement", tmp_path)
    }
    assert found["P3"].startswith("Severe renal impairment: reduce the dose")
    assert not re.search(r"\d", found["P3"])
    assert found["P2"].startswith("1–2 g magnesium sulfate IV over 15 min")
    for text in found.values():
        assert text.endswith("Clinician to confirm symptoms and indication.")
        assert ".." not in text


def test_printed_thresholds_follow_the_policy(edition: Edition) -> None:
    """A hospital that moves a limit must not read the old one."""
    own = load("[magnesium]\ntarget = 1.6\n[renal]\nsevere_below = 25\n")
    page = report.page(replace(edition, policy=own))
    assert "Continue until above 1.6 mg/dL." in page
    assert "(below 25 mL/min or on dialysis)" in page


DRAWN_CASES: Final = [
    # as sent, unit, comparator, mg/dL, severity, printed
    ("1.0", "mg/dL", None, 1.0, "severe", "1.0 mg/dL (severe: 1.2 or below)"),
    (" .8 L", "MG/DL", None, 0.8, "severe", "0.8 mg/dL (severe: 1.2 or below)"),
    ("<0.5", "mg/dL", "<", 0.5, "severe", "<0.5 mg/dL (severe: 1.2 or below)"),
    ("1.1", "mg/dL", None, 1.0999999999999999, "severe", "1.1 mg/dL (severe: 1.2 or below)"),
    (
        "0.43 LL",
        "mmol/L",
        None,
        1.045115,
        "severe",
        "0.43 mmol/L (1.05 mg/dL; severe: 1.2 mg/dL or below)",
    ),
    (
        "0.494",
        "mmol/L",
        None,
        1.200667,
        "low",
        "0.494 mmol/L (1.200667 mg/dL; low: 1.5 mg/dL or below)",
    ),
    ("1,4", "mg/dL", None, 1.4, "low", "1,4 mg/dL (1.4 mg/dL; low: 1.5 mg/dL or below)"),
    ("2.0", "mg/dL", None, 2.0, "target_met", "2.0 mg/dL (above 1.5 target)"),
]


@pytest.mark.parametrize(("sent", "unit", "sign", "mg_dl", "severity", "printed"), DRAWN_CASES)
def test_the_result_is_printed_as_the_laboratory_reported_it(
    sent: str, unit: str, sign: str | None, mg_dl: float, severity: str, printed: str
) -> None:
    """A nurse compares the list with the printed result; the unit shown must be that one."""
    row = pl.DataFrame(
        {
            "reported_value": [sent],
            "reported_unit": [unit],
            "comparator": [sign],
            "magnesium_mg_dl": [mg_dl],
            "severity": [severity],
            "collected_at": [datetime(2026, 11, 20, 6, 10)],  # noqa: DTZ001 - instants are naive UTC
        },
        schema_overrides={"comparator": pl.String},
    )
    said = row.select(drawn_words(load(), "Europe/London")).item()
    assert said == f"Magnesium {printed}, drawn Fri 20 Nov 06:10"


RENAL_CASES: Final = [
    (43.9, "adequate", "cockcroft_gault", False, "CrCl 43, not below 20"),
    (19.99, "severe_impairment", "cockcroft_gault", False, "CrCl 19, below 20: severe impairment"),
    (43.0, "adequate", "egfr", True, "eGFR 43, not below 20, creatinine changing"),
    (None, "severe_impairment", "dialysis", False, "on dialysis or end-stage"),
    (None, "unknown", None, False, "unknown"),
]


@pytest.mark.parametrize(("estimate", "status", "method", "changing", "printed"), RENAL_CASES)
def test_an_estimate_is_never_rounded_across_its_limit(
    edition: Edition,
    estimate: float | None,
    status: str,
    method: str | None,
    *,
    changing: bool,
    printed: str,
) -> None:
    """19.99 is below 20, and `20, below 20` would read as a mistake."""
    row = pl.DataFrame(
        {
            "renal_estimate_ml_min": [estimate],
            "renal_status": [status],
            "renal_method": [method],
            "is_creatinine_unstable": [changing],
        },
        schema_overrides={"renal_estimate_ml_min": pl.Float64, "renal_method": pl.String},
    )
    assert row.select(renal_words(edition)).item() == printed


def test_a_small_dose_is_named_with_what_would_suffice(tmp_path: Path) -> None:
    """`Less than 1 g` would be a guess; the sum and the policy's own limit are facts."""
    dose = {
        "medication_id": "M1",
        "patient_id": "P1",
        "kind": "administration",
        "name": "magnesium sulfate",
        "route": "iv",
        "dose": "500",
        "dose_unit": "mg",
        "started_at": "2026-07-20T20:00:00Z",
        "status": "given",
    }
    found = _edition(tmp_path, {"observations": [_result("P1", "0.9")], "medications": [dose]})
    assert found.listed("iv_replacement").get_column("why").item() == (
        "Magnesium 0.9 mg/dL (severe: 1.2 or below), drawn Mon 20 Jul 06:10; only 0.5 g of IV or "
        "IM magnesium charted up to Mon 21:00 (sufficient: 0.95 g or more)."
    )


def test_without_any_administration_the_sentence_says_that_treatment_is_unknown(
    tmp_path: Path,
) -> None:
    """`None charted` is a claim that only a feed of administrations can make."""
    found = _edition(tmp_path, {"observations": [_result("P1", "0.9")]})
    row = found.listed("iv_replacement").to_dicts()[0]
    assert row["why"].endswith("; treatment since then unknown: no administrations received.")
    assert row["magnesium_given_since"] == "unknown"
    page = report.page(found)
    assert "No doses were ever received: what was given is unknown." in page
    assert "For 1 listed patient no doses since the sample were received" in page


def test_limits_that_exclude_themselves_read_so() -> None:
    """`1.2 or below` would be false where the hospital takes below 1.2."""
    row = pl.DataFrame(
        {
            "reported_value": ["1.1"],
            "reported_unit": ["mg/dL"],
            "comparator": pl.Series([None], dtype=pl.String),
            "magnesium_mg_dl": [1.1],
            "severity": ["severe"],
            "collected_at": [datetime(2026, 11, 20, 6, 10)],  # noqa: DTZ001 - instants are naive UTC
        }
    )
    policy = with_values({"severe_includes_limit": False})
    assert "(severe: below 1.2)" in row.select(drawn_words(policy, "UTC")).item()


def test_who_has_no_stay_on_record_is_not_said_to_have_left(tmp_path: Path) -> None:
    found = _edition(
        tmp_path,
        {"observations": [_result("P1", "1.0"), _result("P2", "1.4", "2026-07-01T05:10:00Z")]},
    )
    page = " ".join(report.page(found).split())
    assert "No stay on record" in page
    assert "Not in hospital" not in page
    assert "<b>0</b> discharged, <b>1</b> without a stay on record" in page
