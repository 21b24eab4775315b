"""The sheet that goes back: the rows that do not count as they were sent, each with its reason."""

import hashlib
from datetime import date, datetime
from pathlib import Path
from typing import Final

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from data_contracts.vocabulary import ANSWER_REFUSALS
from flows.answering.dropped import FOLDER, RETURNED
from flows.answering.sheets import Sheet
from flows.errors import ConfigurationError
from flows.inbox import Dropped
from flows.lasting import sync

_SAFE: Final = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
_FOLDER_MODE: Final = 0o770
_MODE: Final = 0o660
_CREATED: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - a sheet knows no zone, and no run
_REASON_WIDTH: Final = 48
_WIDTH: Final = 14
_LONGEST: Final = 32_767
_FIRST_YEAR: Final = 1900
_STEM: Final = 60


def return_rows(
    home: Path, file: Dropped, sha256: str, sheet: Sheet, refused: pl.DataFrame
) -> Path:
    """Write the refused rows (`at`, `row`, `reason`, `detail`) for their sender; once a file.

    Raises `ConfigurationError` when the folder cannot be written.
    """
    folder = home / FOLDER / RETURNED
    stem = Path(file.name).stem[:_STEM]
    path = folder / f"{stem}-{sha256[:8]}.xlsx"
    beside = folder / f".{hashlib.sha256(path.name.encode()).hexdigest()[:16]}.part"
    try:
        folder.mkdir(exist_ok=True)
        folder.chmod(_FOLDER_MODE)
        _write(beside, sheet, refused)
        beside.chmod(_MODE)
        sync(beside)
        beside.replace(path)
        sync(folder)
    except OSError as error:
        message = f"{FOLDER}/{RETURNED}/ cannot be written ({error.strerror}); free or mend it"
        raise ConfigurationError(message) from None
    return path


def _write(path: Path, sheet: Sheet, refused: pl.DataFrame) -> None:
    with xlsxwriter.Workbook(path, _SAFE) as book:
        book.set_properties({"title": "Answers that do not count", "created": _CREATED})
        strong, wrapped = (book.add_format({"bold": True}), book.add_format({"text_wrap": True}))
        day = book.add_format({"num_format": "d mmm yyyy"})
        instant = book.add_format({"num_format": "d mmm yyyy hh:mm"})
        page = book.add_worksheet("Do not count")
        for at, title in enumerate(("Why it does not count", "Row as sent", *sheet.header)):
            _write_cell(page, (0, at), title, strong, strong)
        told = refused.select("at", "row", "reason", "detail").rows()
        for line, (at, number, reason, detail) in enumerate(told, 1):
            words = " ".join(filter(None, (ANSWER_REFUSALS[reason], detail)))
            page.write_string(line, 0, words, wrapped)
            page.write_number(line, 1, number)
            for column, cell in enumerate(sheet.rows[at].as_sent, 2):
                _write_cell(page, (line, column), cell, day, instant)
        page.set_column(0, 0, _REASON_WIDTH)
        page.set_column(1, len(sheet.header) + 1, _WIDTH)
        page.freeze_panes(1, 2)


def _write_cell(
    page: Worksheet, at: tuple[int, int], cell: object, day: Format, instant: Format
) -> None:
    """A cell with the type it was sent with, so that a mended row still has its token's facts."""
    match cell:
        case None | "":
            return
        case bool():
            page.write_boolean(*at, cell)
        case int() | float():
            page.write_number(*at, cell)
        case datetime() if cell.year >= _FIRST_YEAR:
            page.write_datetime(*at, cell, instant)
        case date() if cell.year >= _FIRST_YEAR:
            page.write_datetime(*at, cell, day)
        case _:
            page.write_string(*at, str(cell)[:_LONGEST])
