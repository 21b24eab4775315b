"""Cells out of a workbook that anybody may have saved: looked at before a reader trusts it."""

import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook

from flows.errors import FileRefusedError

Cells = list[list[object]]

_MOST_BYTES: Final = 256 << 20
_MOST_RATIO: Final = 200
_LEAST_BYTES: Final = 1 << 14
_MOST_ROWS: Final = 100_000
_MOST_COLUMNS: Final = 300
_CHUNK: Final = 1 << 18
_PLACE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_MEND: Final = "save the sheet as an Excel workbook (.xlsx) again"


def sheets_of(path: Path) -> list[Cells]:
    """The rows of each sheet from the first cell on; a formula is its text, never its result.

    Raises `FileRefusedError` for what is no workbook, is damaged or unpacks beyond reason.
    """
    try:
        parts = _inspected(path)
        with CalamineWorkbook.from_path(path) as book:
            return [
                _with_formulas(
                    [list(row) for row in book.get_sheet_by_name(name).to_python(False)],  # noqa: FBT003 - empty rows stay
                    parts[_part_of(name, parts)].formulas,
                )
                for name in book.sheet_names
            ]
    except (CalamineError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        kind = type(error).__name__
        message = f"is no workbook that can be read ({kind}); {_MEND}"
        raise FileRefusedError(message) from None
    except RuntimeError:
        message = f"is locked with a password; take it off and {_MEND}"
        raise FileRefusedError(message) from None


def _part_of(name: str, parts: Mapping[str, "_Part"]) -> str:
    """The part that holds a sheet; it must be one that was looked at."""
    book, links = (parts.get(at) for at in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"))
    found = book and links and links.targets.get(book.sheets.get(name, ""), "")
    part = found.removeprefix("/xl/").removeprefix("xl/") if found else ""
    if f"xl/{part}" not in parts:
        message = f"holds its sheets in a way that no spreadsheet program does; {_MEND}"
        raise FileRefusedError(message)
    return f"xl/{part}"


def _inspected(path: Path) -> dict[str, "_Part"]:
    """Unpack every part once, by its own checksum; returns those that are sound XML, by name."""
    budget = min(_MOST_BYTES, max(path.stat().st_size, _LEAST_BYTES) * _MOST_RATIO)
    sound: dict[str, _Part] = {}
    with zipfile.ZipFile(path) as packed:
        for entry in packed.infolist():
            part = _Part()
            with packed.open(entry) as unpacked:
                while chunk := unpacked.read(_CHUNK):
                    budget -= len(chunk)
                    if budget < 0:
                        message = f"unpacks to more than a sheet should; {_MEND}"
                        raise FileRefusedError(message)
                    part.feed(chunk)
            if part.is_sound:
                sound[entry.filename] = part
    return sound


class _Part:
    """What a part of a workbook names: sheets, links, formulas by row and column.

    A cell far off would have the reader lay out all between; it is refused where it holds anything.
    """

    def __init__(self) -> None:
        self.is_sound = True
        self.sheets: dict[str, str] = {}
        self.targets: dict[str, str] = {}
        self.formulas: dict[tuple[int, int], str] = {}
        self._at = (0, 0)
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EntityDeclHandler = self._declared

    def feed(self, chunk: bytes) -> None:
        """Read on, until it is clear that the part is no XML."""
        if not self.is_sound:
            return
        try:
            self._parser.Parse(chunk)
        except expat.ExpatError:
            self.is_sound = False

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(" ")[2]:
            case "c":
                self._at = _place(attributes.get("r", ""))
            case "v" | "is" | "f" as kind:
                if self._at[0] > _MOST_ROWS or self._at[1] > _MOST_COLUMNS:
                    message = f"has a cell beyond row {_MOST_ROWS}; clear it and {_MEND}"
                    raise FileRefusedError(message)
                if kind == "f":
                    self.formulas[self._at] = "="
                    self._parser.CharacterDataHandler = self._said
                    self._parser.EndElementHandler = self._end
            case "sheet":
                ids = [value for key, value in attributes.items() if key.endswith(" id")]
                self.sheets[attributes.get("name", "")] = "".join(ids)
            case "Relationship":
                self.targets[attributes.get("Id", "")] = attributes.get("Target", "")

    def _said(self, text: str) -> None:
        self.formulas[self._at] += text

    def _end(self, _name: str) -> None:
        self._parser.CharacterDataHandler = None
        self._parser.EndElementHandler = None

    def _declared(self, *_: object) -> None:
        message = f"declares entities, which no sheet needs; {_MEND}"
        raise FileRefusedError(message)


def _place(reference: str) -> tuple[int, int]:
    """Row and column, from 1, of a reference like `B7`."""
    found = _PLACE.fullmatch(reference)
    if not found:  # a cell of a chart, or one that only counts on from the last
        return 0, 0
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]), column


def _with_formulas(rows: Cells, formulas: Mapping[tuple[int, int], str]) -> Cells:
    """The cells with every formula in place of what it last came to."""
    for (row, column), text in formulas.items():
        if row and column:
            rows += [[] for _ in range(row - len(rows))]
            cells = rows[row - 1]
            cells += [""] * (column - len(cells))
            cells[column - 1] = text
    return rows
