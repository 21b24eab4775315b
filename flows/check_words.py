"""A dry run told on a terminal: counts and the feed's own vocabulary, no patient."""

from collections.abc import Iterator
from typing import Final

from flows.check_queries import Answer
from flows.checking import Checked
from flows.drafting.text import amount
from flows.errors import ExitCode

_MOST: Final = 40
_EXITS: Final = {
    ExitCode.CLEAN: "all is read",
    ExitCode.ROWS_TO_SEE: "read; some rows or words need a look",
    ExitCode.FILE_REFUSED: "a file would be refused",
}


def in_words(checked: Checked) -> str:
    """The answers as a page of text."""
    parts = (
        _files(checked),
        _codes(checked),
        _units(checked),
        _unread(checked),
        _reasons(checked),
        _undated(checked),
    )
    lines = [line for part in parts for line in part]
    code = checked.exit_code
    lines.append(f"exit {int(code)}: {_EXITS[code]}; nothing was stored")
    return "\n".join(map(_plain, lines))


def _plain(line: str) -> str:
    """A line whose words cannot move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else "?" for sign in line)


def _files(checked: Checked) -> Iterator[str]:
    for file in checked.files:
        if file["problem"]:
            yield f"refused: {file['file']}: {file['problem']}"
            continue
        yield (
            f"{file['file']}: {amount(_count(file, 'rows'), 'row')} of {file['table']}: "
            f"{file['accepted']} accepted, {file['superseded']} superseded, "
            f"{file['quarantined']} put aside, {file['ignored']} copies"
        )
        if file["unknown_columns"]:
            yield f"  columns not read: {file['unknown_columns']}"
    if not any(file["table"] == "observations" for file in checked.files):
        yield "no results: none of these files was read as observations"
    for name in checked.passed_over:
        yield f"{name}: holds nothing that a rule reads"
    for name in checked.left_alone:
        yield (
            f"refused: {name}: a night would not look at it; drop a regular file, no link, with "
            "the ending of the profile's layout"
        )


def _codes(checked: Checked) -> Iterator[str]:
    mapped = [code for code in checked.codes if code["analyte"]]
    others = [code for code in checked.codes if not code["analyte"]]
    if mapped:
        yield f"codes read: {amount(_sum(mapped), 'result')}"
    for code in mapped:
        via = "" if code["code"] == code["loinc"] else f" as {code['loinc']}"
        yield f"  {code['results']:>9}  {code['code']}{via}: {_spaced(code['analyte'])}"
    if others:
        yield f"codes that no rule reads: {amount(_sum(others), 'result')}"
    for code in others[:_MOST]:
        hidden = amount(_count(code, "codes"), "code")
        named = code["code"] or f"{hidden} of few patients: not shown"
        hint = (
            "  <- looks like magnesium: map it in [codes]" if code["looks_like_magnesium"] else ""
        )
        yield f"  {code['results']:>9}  {named}{hint}"
    if len(others) > _MOST:
        yield f"  … and {len(others) - _MOST} more codes; all of them with --json"


def _units(checked: Checked) -> Iterator[str]:
    if checked.units:
        yield "units of the codes read"
    for unit in checked.units:
        named = "units of few patients: not shown" if unit["unit"] is None else unit["unit"]
        if unit["reason"] == "unit_missing":
            named = "blank"
        fault = f"  <- put aside: {unit['reason']}" if unit["reason"] else ""
        yield f"  {unit['results']:>9}  {_spaced(unit['analyte'])}: {named}{fault}"


def _unread(checked: Checked) -> Iterator[str]:
    if checked.unread:
        yield "cells that were sent and not understood"
    for cell in checked.unread:
        word = "not shown" if cell["word"] is None else f"'{cell['word']}'"
        yield f"  {cell['rows']:>9}  {cell['table']}.{cell['column']} {word}: {cell['means']}"


def _reasons(checked: Checked) -> Iterator[str]:
    if checked.reasons:
        yield "rows that would be put aside (data row 1 is the line after the header)"
    for reason in checked.reasons:
        yield (
            f"  {reason['rows']:>9}  {reason['table']}: {reason['reason']}, first in data row "
            f"{reason['first_row']} of {reason['file']}"
        )


def _undated(checked: Checked) -> Iterator[str]:
    for table in checked.undated:
        yield (
            f"{table['table']}: no row says when it was written (updated_at): of versions with one "
            f"id the greater row text decides ({table['several']} ids have several so far); map "
            "updated_at, or give daily files a snapshot"
        )


def _sum(answer: Answer) -> int:
    return sum(_count(row, "results") for row in answer)


def _count(row: dict[str, object], name: str) -> int:
    return int(str(row[name]))


def _spaced(word: object) -> str:
    return str(word).replace("_", " ")
