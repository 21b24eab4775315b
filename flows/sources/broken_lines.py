"""Which line of a CSV file is the broken one: read slowly, once something is known to be wrong."""

import csv
import re
from pathlib import Path
from typing import Final, NoReturn

from flows.errors import FileRefusedError

# What Python's reader says, without a word of the file, and what to do about it.
_SAID: Final = {
    "new-line character": "a CR stands alone; save it with LF or CRLF line ends",
    "unexpected end": "a quote opens and the file ends before it closes; close it, send the "
    "file again",
    "field larger": "a cell goes on for more than 131,072 characters from here; close its "
    "quote, or send shorter cells",
}
_OTHERWISE: Final = "a quote within a cell; write it twice and quote the cell, send the file again"


def refuse_broken_line(path: Path, width: int, separator: str) -> None:
    """Raise `FileRefusedError` for the first line that is not as wide as the header.

    Line by line, and only by the line ends that polars knows. A quoted cell over several lines may
    hold anything but the separators of a whole row: then two stray quotes hide the rows between.
    """
    start = 1
    with path.open(encoding="utf-8", newline="\n") as text:
        reader = csv.reader(text, delimiter=separator, strict=True)
        try:
            for fields in reader:
                if len(fields) not in {0, width}:
                    _refuse(
                        start,
                        f"{len(fields)} fields where the header has {width}; mend the line or the "
                        "export's quoting",
                    )
                if reader.line_num > start:
                    _refuse_hidden_rows(start, reader.line_num, fields, separator)
                start = reader.line_num + 1
        except csv.Error as error:
            _refuse(start, _worded(error))
        except UnicodeDecodeError:
            refuse_encoding(path)


def _worded(error: csv.Error) -> str:
    return next((way for said, way in _SAID.items() if said in str(error)), _OTHERWISE)


def _refuse_hidden_rows(start: int, end: int, fields: list[str], separator: str) -> None:
    for column, cell in enumerate(fields, 1):
        if "\n" in cell and 1 < len(fields) <= cell.count(separator) + 1:
            _refuse(
                start,
                f"column {column}: a quoted cell runs on to line {end} over the separators of "
                "whole rows; close its quote, or leave line breaks out of such cells",
            )


def refuse_stray_mark(path: Path, separator: str) -> NoReturn:
    """Raise `FileRefusedError` for what the slow reader takes and the fast one does not."""
    mark = re.escape(separator)
    within = re.compile(rf'[^"{mark}]"[^"{mark}\r\n]')
    with path.open(encoding="utf-8", newline="\n") as text:
        for number, line in enumerate(text, 1):
            if within.search(line) or '"' in re.sub(r'"[^"]*"', "", line):
                _refuse(number, _OTHERWISE)
            if "\r" in line.removesuffix("\n").removesuffix("\r"):
                _refuse(number, _SAID["new-line character"])
    message = "cannot be read as CSV in UTF-8; check quotes and encoding, send it again"
    raise FileRefusedError(message)


def refuse_nul(path: Path) -> NoReturn:
    """Raise `FileRefusedError` for a file that holds NUL bytes."""
    with path.open("rb") as raw:
        number = next((at for at, line in enumerate(raw, 1) if b"\0" in line), 1)
    _refuse(number, "holds NUL bytes; save the file as UTF-8 text")


def refuse_encoding(path: Path) -> NoReturn:
    """Raise `FileRefusedError` for a file that is not UTF-8."""
    with path.open("rb") as raw:
        for number, line in enumerate(raw, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                _refuse(number, f"byte {error.start + 1} is not UTF-8; save the file as UTF-8")
    message = "is not UTF-8; save the file as UTF-8"
    raise FileRefusedError(message)


def _refuse(line: int, fault: str) -> NoReturn:
    message = f"line {line}: {fault}"
    raise FileRefusedError(message)
