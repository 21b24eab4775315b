"""What changed since the last published night: who went away and why, who is worse, who is new."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import polars as pl
import xlsxwriter

from data_contracts.vocabulary import GONE, WORKLISTS
from flows.exports.caveats import as_of_sentence
from flows.exports.edition import Edition
from flows.exports.words import LISTS, ward_words

_SAFE: Final = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
_TITLES: Final = {
    "change": "What",
    "worklist": "List",
    "ward": "Ward",
    "name": "Name",
    "mrn": "MRN",
    "patient_id": "Patient",
    "was": "What was published",
    "now": "What is true now",
    "first_listed_on": "First listed",
    "nights_listed": "Nights",
    "item_id": "Item ID",
}
_WIDTHS: Final = {
    "change": 18,
    "worklist": 13,
    "ward": 12,
    "name": 18,
    "mrn": 11,
    "patient_id": 10,
    "was": 48,
    "now": 48,
    "first_listed_on": 12,
    "nights_listed": 7,
    "item_id": 18,
}
_CELL: Final = {"text_wrap": True, "valign": "top", "border": 1, "border_color": "#999999"}
_POINTS_A_LINE: Final = 15.0
_LONGEST: Final = 32_767  # characters in a cell; longer text would be left out without a word
_FILLED: Final = 1.15  # lines to one that is full, words wrapped
_MARGIN: Final = 0.4  # inches
_SHORT: Final = {
    "retracted": "retracted",
    "deceased": "died",
    "dismissed": "hidden by an answer",
    "treated": "treated",
    "resolved": "resolved",
    "rechecked": "measured again",
    "expired": "too old",
}
# What undid something published is read first.
_ORDER: Final = ("retracted", *(reason for reason in GONE if reason != "retracted"))
_WORDS: Final = {
    name: word if name == "dismissed" else f"gone: {word}" for name, word in _SHORT.items()
}


@lru_cache(maxsize=1)  # the three forms of the sheet say the same
def changes(edition: Edition) -> pl.DataFrame:
    """One row a change, under the names of `_TITLES`: retracted first, the new ones last.

    `gone_because` is null of an item that is new or changed.
    """
    gone = edition.changes.with_columns(pl.col("gone_because", "worklist").cast(pl.String))
    come = edition.items.with_columns(pl.col("life", "worklist").cast(pl.String)).filter(
        pl.col("life") != "carried", pl.lit(edition.previous_night is not None)
    )
    listed = pl.lit("Listed since ") + pl.col("first_listed_on").dt.strftime("%a %-d %b")
    is_changed = pl.col("life") == "changed"
    by_list = _place("worklist", WORKLISTS)
    left = gone.sort(_place("gone_because", _ORDER), by_list, "patient_id").select(
        *_SHARED, "was", "now", "gone_because", change=pl.col("gone_because").replace(_WORDS)
    )
    came = come.sort(~is_changed, by_list, "rank").select(
        *_SHARED,
        was=pl.when(is_changed).then(listed),
        now="why",
        gone_because=pl.lit(None, pl.String),
        change=pl.col("life").replace("changed", "changed: look again"),
    )
    return (
        pl.concat([left, came])
        .with_columns(ward=ward_words(edition.zone))
        .select(*_TITLES, "gone_because")
    )


_SHARED: Final = (
    "worklist",
    "ward",
    "last_ward",
    "left_at",
    "is_in_hospital",
    "name",
    "mrn",
    "patient_id",
    "first_listed_on",
    "nights_listed",
    "item_id",
)


def _place(column: str, order: tuple[str, ...]) -> pl.Expr:
    places = {word: at for at, word in enumerate(order)}
    return pl.col(column).replace_strict(places, return_dtype=pl.Int8)


def title(edition: Edition) -> str:
    """`Changes since the night of 20 Nov 2026`, or that there was none before."""
    if edition.previous_night is None:
        return "Changes: this is the first night, every item is new"
    return f"Changes since the night of {edition.previous_night.strftime('%-d %b %Y')}"


def write_xlsx(edition: Edition, path: Path) -> None:
    """The changes as a workbook to read and to print."""
    spoken = changes(edition).with_columns(pl.col("worklist").replace(LISTS))
    rows = spoken.select(*_TITLES).with_columns(pl.col(pl.String).str.slice(0, _LONGEST))
    lines = [title(edition), *edition.banner, as_of_sentence(edition)]
    top = len(lines)
    with xlsxwriter.Workbook(path, _SAFE) as book:
        book.set_properties({"title": lines[0], "created": edition.as_of, "author": "hypomag"})
        sheet = book.add_worksheet("Changes")
        bold, head = book.add_format({"bold": True}), book.add_format(_CELL | {"bold": True})
        cell, day = (book.add_format(_CELL | more) for more in ({}, {"num_format": "d mmm yyyy"}))
        for at, line in enumerate(lines):
            sheet.write_string(at, 0, line, bold)
        for at, (name, word) in enumerate(_TITLES.items()):
            sheet.set_column(at, at, _WIDTHS[name])
            sheet.write_string(top, at, word, head)
            is_day = rows.schema[name] == pl.Date
            sheet.write_column(top + 1, at, rows.get_column(name), day if is_day else cell)
        for at, height in enumerate(_heights(rows), top + 1):
            sheet.set_row(at, height)
        sheet.autofilter(top, 0, top + max(rows.height, 1), len(_TITLES) - 1)
        sheet.freeze_panes(top + 1, 0)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(top)
        sheet.set_margins(_MARGIN, _MARGIN)
        sheet.set_footer("&RPage &P of &N")


def _heights(rows: pl.DataFrame) -> pl.Series:
    """The height of each row in points: not every program measures wrapped text."""
    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    lines = (pl.col(name).str.len_chars() / _WIDTHS[name] * _FILLED for name in texts)
    tallest = pl.max_horizontal(1, *(count.ceil() for count in lines))
    return rows.select(tallest * _POINTS_A_LINE).to_series()


def summary(edition: Edition) -> dict[str, Any]:
    """For the report: how many came, went and why; who went."""
    rows = changes(edition)
    gone = rows.filter(pl.col("gone_because").is_not_null())
    spoken = gone.with_columns(pl.col("worklist").replace(LISTS))
    life = pl.col("life").cast(pl.String)
    new = edition.items.filter(life == "new")
    return {
        "title": title(edition),
        "new": new.height,
        "new_on": _counted(new, "worklist", {name: LISTS[name] for name in WORKLISTS}),
        "changed": edition.items.filter(life == "changed").height,
        "reasons": _counted(gone, "gone_because", {name: _SHORT[name] for name in _ORDER}),
        "retracted": spoken.filter(pl.col("gone_because") == "retracted").to_dicts(),
        "gone": spoken.to_dicts(),
    }


def _counted(rows: pl.DataFrame, column: str, words: Mapping[str, str]) -> str:
    """`2 retracted, 1 treated`, in the order of the words."""
    counts = dict(rows.group_by(pl.col(column).cast(pl.String)).len().iter_rows())
    return ", ".join(f"{counts[name]} {word}" for name, word in words.items() if name in counts)
