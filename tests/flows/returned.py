"""A ward that answers: published lists opened by real readers, filled in and saved again."""

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet

from flows.night import Night
from flows.stages import Ingested, assess, ingest, publish
from tests.home import Home

FIRST: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
Answers = Mapping[str, Mapping[str, Any]]


def result(
    patient: str, value: str, at: str = "2026-11-20T10:00:00Z", **more: str
) -> dict[str, str]:
    """A final serum magnesium in mg/dL."""
    own = {"observation_id": f"{patient}-{at}", "patient_id": patient, "value": value}
    return {"code": "19123-9", "unit": "mg/dL", "status": "F", "collected_at": at} | own | more


def person(patient: str) -> dict[str, str]:
    """Somebody whose number begins with zeros."""
    return {
        "patient_id": patient,
        "name": f"Name of {patient}",
        "mrn": f"00{patient[-2:]}",
        "birth_date": "1950-02-01",
        "sex": "female",
    }


def publish_night(night: Night) -> Ingested:
    """All stages, in silence."""
    ingested = ingest(night, lambda _: None)
    assess(night, lambda _: None)
    publish(night, lambda _: None)
    return ingested


def workbook(home: Home, worklist: str) -> Path:
    """The newest published workbook of a list."""
    return home.path / "published" / "current" / "worklists" / f"{worklist}.xlsx"


def dispositions(home: Home) -> Path:
    """The folder into which sheets are dropped."""
    folder = home.path / "dispositions"
    folder.mkdir(exist_ok=True)
    return folder


def opened_list(path: Path) -> tuple[openpyxl.Workbook, Worksheet, int, dict[str, int]]:
    """A workbook with its sheet, the row of its header and its columns by title."""
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    header = [cell.value for (cell,) in sheet.iter_rows(max_col=1)].index("#") + 1
    return book, sheet, header, {str(cell.value): at for at, cell in enumerate(sheet[header], 1)}


def fill_in(path: Path, answers: Answers, to: Path) -> None:
    """Write cells by patient and title, and save the workbook elsewhere."""
    book, sheet, header, at = opened_list(path)
    rows = {
        str(sheet.cell(row, at["Patient"]).value): row
        for row in range(header + 1, sheet.max_row + 1)
    }
    for patient, cells in answers.items():
        for title, value in cells.items():
            sheet.cell(rows[patient], at[title]).value = value
    book.save(to)


def copy_row(path: Path, patient: str, cells: Mapping[str, Any]) -> None:
    """Append a copy of a patient's row, with other cells."""
    book, sheet, header, at = opened_list(path)
    found = next(
        row
        for row in range(header + 1, sheet.max_row + 1)
        if sheet.cell(row, at["Patient"]).value == patient
    )
    sheet.append([cell.value for cell in sheet[found]])
    for title, value in cells.items():
        sheet.cell(sheet.max_row, at[title]).value = value
    book.save(path)


def fill_in_csv(
    path: Path, answers: Answers, to: Path, separator: str = ",", mark: str = ""
) -> None:
    """The same in a CSV, by the names of its columns."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row.update(answers.get(row["patient_id"], {}))
    with to.open("w", encoding="utf-8", newline="") as file:
        file.write(mark)
        writer = csv.DictWriter(file, list(rows[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)


def returned_rows(home: Home) -> list[Sequence[Any]]:
    """The rows of every sheet that goes back, header left out."""
    return [
        row
        for path in sorted((home.path / "dispositions" / "returned").glob("*.xlsx"))
        for row in list(opened(path).iter_rows(values_only=True))[1:]
    ]


def opened(path: Path) -> Worksheet:
    """The sheet of a workbook that goes back."""
    sheet = openpyxl.load_workbook(path).active
    assert isinstance(sheet, Worksheet)
    return sheet
