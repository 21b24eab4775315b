"""A returned sheet as rows under the names of our columns, wherever somebody moved them."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flows.answering.workbooks import Cells, sheets_of
from flows.errors import FileRefusedError
from flows.exports.columns import COLUMNS, facts_of
from flows.exports.tokens import plain_text
from flows.exports.worklist_csv import column_names

ANSWER_CELLS: Final = ("answer", "until", "by", "note")
_NEEDED: Final = ("token", *ANSWER_CELLS)
_SEPARATORS: Final = ",;\t"
_SHOWN: Final = tuple({shown.name: shown for shown in COLUMNS["review"]}[name] for name in _NEEDED)
_TITLES: Final = {
    title
    for columns in COLUMNS.values()
    for shown in columns
    for title in (shown.title, *column_names(shown))
}


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row below the header: its number in the sheet from 1, and its cells by their titles."""

    number: int
    cells: Mapping[str, object]
    as_sent: tuple[object, ...]

    def text(self, title: str) -> str:
        """A cell as plain text; blank for an empty cell and for a column that is not there."""
        return plain_text(self.cells.get(title))


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that has a token column; `is_paper` where its titles are those of a workbook."""

    header: tuple[object, ...]
    rows: tuple[SheetRow, ...]
    is_paper: bool

    def answers_of(self, row: SheetRow) -> dict[str, str]:
        """The token and the four cells of an answer as plain text, by their names."""
        return {
            shown.name: row.text(shown.title if self.is_paper else shown.name) for shown in _SHOWN
        }

    def fact_titles(self, worklist: str) -> dict[str, str]:
        """The titles that the facts of that list were published under, by name in their order."""
        facts = facts_of(worklist)
        if self.is_paper:
            return {shown.name: shown.title for shown in facts}
        return {name: name for shown in facts for name in column_names(shown)}


def read_sheet(path: Path) -> Sheet:
    """The one list in a staged file.

    Raises `FileRefusedError` where it cannot be read, holds no list or more than one.
    """
    if path.suffix == ".csv":
        found = [sheet for cells in _csv_cells(path) if (sheet := _sheet(cells))][:1]
    else:
        found = [sheet for cells in sheets_of(path) if (sheet := _sheet(cells))]
    match found:
        case [sheet]:
            return sheet
        case []:
            message = (
                "has no row of titles with Token, Answer, Until, By and Note; send back the list "
                "itself, with its columns"
            )
        case _:
            message = "holds more than one list; send each in a workbook of its own"
    raise FileRefusedError(message)


def _sheet(cells: Cells) -> Sheet | None:
    for at, row in enumerate(cells):
        titles = [plain_text(cell) for cell in row]
        for is_paper in (True, False):
            if {shown.title if is_paper else shown.name for shown in _SHOWN} <= set(titles):
                _refuse_doubled(titles)
                return Sheet(tuple(row), _rows(cells, at, titles), is_paper)
    return None


def _refuse_doubled(titles: list[str]) -> None:
    """Only our own titles are named: whoever adds a column may title it with a patient."""
    doubled = {title for title in titles if title and titles.count(title) > 1}
    if doubled:
        ours = sorted(doubled & _TITLES)
        which = f"titled {', '.join(ours)[:80]}" if ours else "with the same title"
        message = f"has two columns {which}; take the added one away"
        raise FileRefusedError(message)


def _rows(cells: Cells, header: int, titles: list[str]) -> tuple[SheetRow, ...]:
    """The rows below the header that hold anything."""
    return tuple(
        SheetRow(number, dict(zip(titles, row, strict=False)), tuple(row))
        for number, row in enumerate(cells[header + 1 :], header + 2)
        if any(map(plain_text, row))
    )


def _csv_cells(path: Path) -> Iterator[Cells]:
    """The cells of a CSV in UTF-8, by each separator that it may have."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        for separator in _SEPARATORS:
            yield list(map(list, csv.reader(io.StringIO(text, newline=""), delimiter=separator)))
    except (UnicodeDecodeError, csv.Error) as error:
        kind = type(error).__name__
        message = f"is no CSV in UTF-8 ({kind}); save it as CSV UTF-8, or send the workbook"
        raise FileRefusedError(message) from None
