"""The cells of a workbook that wait for an answer; all others are locked."""

from datetime import date
from typing import Final

from xlsxwriter.worksheet import Worksheet

from data_contracts.vocabulary import ANSWERS
from flows.exports.columns import Shown

HOW_TO_ANSWER: Final = (
    "To answer: choose an Answer; for a snooze give the date in Until; your name in By; why in "
    "Note. Save, and drop this workbook into dispositions/. All else is locked."
)
# What a reader may do with a sheet whose facts are locked; a click takes the lock off.
_ALLOWED: Final = {
    "autofilter": True,
    "sort": True,
    "format_columns": True,
    "format_rows": True,
    "objects": True,
    "scenarios": True,
}


def lock_facts(sheet: Worksheet) -> None:
    """Lock the sheet without a password, but for the cells whose format says otherwise."""
    sheet.protect("", _ALLOWED)


def set_choices(
    sheet: Worksheet, columns: tuple[Shown, ...], rows: tuple[int, int], night: date
) -> None:
    """The drop-down of answers, and the dates that a snooze may have."""
    first, last = rows
    at = {shown.name: column for column, shown in enumerate(columns)}
    choice = {
        "validate": "list",
        "source": [answer.replace("_", " ") for answer in ANSWERS],
        "error_message": "Choose one of the answers.",
    }
    later = {
        "validate": "date",
        "criteria": ">",
        "value": night,
        "error_message": "A date after the night of this list, like 2026-11-30.",
    }
    sheet.data_validation(first, at["answer"], last, at["answer"], choice)
    sheet.data_validation(first, at["until"], last, at["until"], later)
