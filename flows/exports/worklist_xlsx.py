"""A list as a workbook to work in: words and real times, prints one page wide, same bytes."""

from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from flows.exports.answer_cells import HOW_TO_ANSWER, lock_facts, set_choices
from flows.exports.caveats import as_of_sentence, as_of_words, caveats, hidden_words
from flows.exports.columns import COLUMNS, Shown, facts_of, laid_out
from flows.exports.edition import Edition
from flows.exports.tokens import tokens
from flows.exports.words import LISTS, heading, listed_of_read, local
from hypomag_rules.guidance import shared_guidance

_SAFE: Final = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
_FONT: Final = {"font_name": "Calibri", "font_size": 11, "valign": "top"}
_CELL: Final = _FONT | {"text_wrap": True, "border": 1, "border_color": "#999999"}
_FORMATS: Final[dict[str, dict[str, object]]] = {
    "figure": {"num_format": "0.0#####", "align": "center"},
    "estimate": {"num_format": "0.0", "align": "center"},
    "whole": {"num_format": "0", "align": "center"},
    "instant": {"num_format": "d mmm hh:mm", "align": "left"},
    "old instant": {"num_format": "d mmm yyyy hh:mm", "align": "left"},
    "day": {"num_format": "d mmm yyyy", "align": "left"},
    "text": {},
    "flag": {},
    "blank": {"locked": False},
    "until": {"locked": False, "num_format": "d mmm yyyy", "align": "left"},
    "token": {"font_size": 8},
}
# Sections differ in print without colour too: their words say it, the shade repeats it.
_SHADES: Final[dict[str, dict[str, str]]] = {
    "overdue": {"bg_color": "#E0E0E0"},
    "due": {"bg_color": "#F3F3F3"},
    "upcoming": {},
    "main": {},
}
_POINTS_A_LINE: Final = 15.0
_HEADER_MAX: Final = 80
_MARGIN: Final = 0.4  # inches
_PAGE_MARGIN: Final = 0.75
_DECIMALS: Final = 6
_FIRST_YEAR: Final = 1900  # a sheet knows no earlier date
_LONGEST: Final = 32_767  # characters in a cell; longer text would be left out without a word
_REFUSED_NAMED: Final = 3
_FILLED: Final = 1.1  # characters to a unit of a column's width, words wrapped
_FEWEST_LINES: Final = 2
_HEADER_LINES: Final = 3
_PEOPLE: Final = ("rank", "life", "ward", "name")


def write(edition: Edition, worklist: str, path: Path) -> None:
    """One sheet: what the list is and is not, then the items under a frozen header."""
    with xlsxwriter.Workbook(path, _SAFE) as book:
        book.set_properties(
            {"title": heading(edition, worklist), "created": edition.as_of, "author": "hypomag"}
        )
        sheet = book.add_worksheet(LISTS[worklist])
        top = _write_top(book, sheet, edition, worklist)
        _write_items(book, sheet, edition, worklist, top)
        _set_columns(sheet, COLUMNS[worklist])
        _set_page(sheet, edition, top)
        lock_facts(sheet)


def _write_top(book: Workbook, sheet: Worksheet, edition: Edition, worklist: str) -> int:
    """The lines above the table; returns the row of the header."""
    plain = book.add_format(_FONT | {"text_wrap": True})
    strong = book.add_format(_FONT | {"text_wrap": True, "bold": True})
    title = book.add_format(_FONT | {"bold": True, "font_size": 14})
    place = f"{edition.hospital}. " if edition.hospital else ""
    lines: list[tuple[str, Format]] = [
        (heading(edition, worklist), title),
        *((line, strong) for line in edition.banner),
        (f"{place}{as_of_sentence(edition)}", strong),
        (
            " ".join(
                [
                    f"{listed_of_read(edition, worklist)}.",
                    *hidden_words(edition, worklist),
                    *caveats(edition, _REFUSED_NAMED),
                ]
            ),
            plain,
        ),
        (" ".join(shared_guidance(edition.policy, worklist)), plain),
        (HOW_TO_ANSWER, plain),
    ]
    columns = COLUMNS[worklist]
    width = sum(shown.width for shown in columns if not shown.is_detail)
    for row, (text, style) in enumerate(lines):
        sheet.merge_range(row, 0, row, len(columns) - 1, text, style)
        if style is not title:
            sheet.set_row(row, _POINTS_A_LINE * (1 + int(len(text) // width)))
    return len(lines)


def _write_items(
    book: Workbook, sheet: Worksheet, edition: Edition, worklist: str, top: int
) -> None:
    """The header and a row an item; a quiet list says how much was read."""
    columns = COLUMNS[worklist]
    header = book.add_format(_CELL | {"bold": True, "bg_color": "#E4E4E4", "bottom": 2})
    for at, shown in enumerate(columns):
        sheet.write_string(top, at, shown.title, header)
    styles = {
        (kind, section): book.add_format(_CELL | format_of | shade)
        for kind, format_of in _FORMATS.items()
        for section, shade in _SHADES.items()
    }
    sheet.set_row(top, _POINTS_A_LINE * _HEADER_LINES)
    kinds = [_format_name(shown) for shown in columns]
    rows = _rows(edition, worklist)
    for at, (section, lines, *cells) in enumerate(rows.iter_rows(), top + 1):
        sheet.set_row(at, _POINTS_A_LINE * lines)
        for column, (kind, shown, cell) in enumerate(zip(kinds, columns, cells, strict=True)):
            if cell is not None or not shown.is_detail:
                _write_cell(sheet, (at, column), cell, styles[kind, section])
    last = top + max(rows.height, 1)
    if rows.is_empty():
        sheet.write_string(top + 1, 0, listed_of_read(edition, worklist))
    sheet.autofilter(top, 0, last, len(columns) - 1)
    set_choices(sheet, columns, (top + 1, last), edition.night)


def _rows(edition: Edition, worklist: str) -> pl.DataFrame:
    """Section and height in lines, then the cells: local times, yes and no, text as text."""
    columns = COLUMNS[worklist]
    shade = edition.listed(worklist).get_column("section").cast(pl.String)
    listed = laid_out(edition, worklist, on_paper=True)
    cells = listed.select(_cell(shown, edition.zone).alias(shown.name) for shown in columns)
    facts = cells.select(shown.name for shown in facts_of(worklist))
    cells = cells.with_columns(tokens(edition, edition.listed(worklist), facts))
    # Not every program measures wrapped text when it opens a sheet.
    lines = (
        (pl.col(shown.name).str.len_chars() / (shown.width * _FILLED)).ceil().cast(pl.Int32)
        for shown in columns
        if cells.schema[shown.name] == pl.String and not shown.is_detail
    )
    return cells.select(
        pl.lit(shade).alias("_section"),
        pl.max_horizontal(*lines, _FEWEST_LINES).alias("_lines"),
        pl.all(),
    )


def _format_name(shown: Shown) -> str:
    if shown.paper:
        return "text"
    if shown.name == "until":
        return "until"
    return "old instant" if shown.kind == "instant" and shown.is_detail else shown.kind


def _cell(shown: Shown, zone: str) -> pl.Expr:
    column = pl.col(shown.name)
    if shown.kind == "instant":
        # A sheet keeps no smaller part of a time for certain.
        return local(column, zone).dt.replace_time_zone(None).dt.truncate("1s")
    if shown.kind == "flag":
        return pl.when(column).then(pl.lit("yes")).when(~column).then(pl.lit("no"))
    if shown.kind in {"figure", "estimate"} and not shown.paper:
        return column.round(_DECIMALS)
    if shown.kind == "text":
        return column.str.head(_LONGEST)
    return column


def _write_cell(sheet: Worksheet, at: tuple[int, int], cell: object, style: Format) -> None:
    match cell:
        case None:
            sheet.write_blank(*at, None, style)
        case str():
            sheet.write_string(*at, cell, style)
        case date() if cell.year < _FIRST_YEAR:
            sheet.write_string(*at, cell.isoformat(), style)
        case date():
            sheet.write_datetime(*at, cell, style)
        case int() | float():
            sheet.write_number(*at, cell, style)


def _set_columns(sheet: Worksheet, columns: tuple[Shown, ...]) -> None:
    """Widths; details are folded into groups that a click opens, and do not print."""
    for at, shown in enumerate(columns):
        options = {"level": 1, "hidden": True} if shown.is_detail else {}
        sheet.set_column(at, at, shown.width, None, options)
    for at, (shown, before) in enumerate(zip(columns[1:], columns, strict=False), 1):
        if before.is_detail and not shown.is_detail:
            sheet.set_column(at, at, shown.width, None, {"collapsed": True})


def _set_page(sheet: Worksheet, edition: Edition, top: int) -> None:
    """Landscape, one page wide, the header on every page, what this is in the foot."""
    hospital = edition.hospital[:_HEADER_MAX].replace("&", "&&")
    foot = edition.policy.texts["page_foot"][:_HEADER_MAX].replace("&", "&&")
    sheet.freeze_panes(top + 1, len(_PEOPLE))
    sheet.repeat_rows(top)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(_MARGIN, _MARGIN, _PAGE_MARGIN, _PAGE_MARGIN)
    sheet.set_header(f"&L{hospital}&C&A&RAs of {as_of_words(edition)}")
    sheet.set_footer(f"&L{foot}&RPage &P of &N")
