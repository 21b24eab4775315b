"""A token survives every program that keeps the facts, and no program that changes one."""

import os
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.vocabulary import WORKLISTS
from flows.answering.sheets import read_sheet
from flows.exports.columns import COLUMNS
from flows.exports.tokens import facts_mark, plain_text, plain_texts, token_of
from tests.drawing import EXAMPLES
from tests.home import Home

pytestmark = pytest.mark.long

_TIMES: Final = st.datetimes(datetime(1901, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001 - naive UTC


def _sound_rows(path: Path, worklist: str) -> list[bool]:
    sheet = read_sheet(path)
    sound = []
    for row in sheet.rows:
        token = token_of(sheet.answers_of(row)["token"])
        assert token is not None
        titles = sheet.fact_titles(worklist).values()
        sound.append(facts_mark(token.item_id, map(row.text, titles)) == token.facts)
    return sound


@pytest.mark.parametrize("worklist", WORKLISTS)
def test_every_published_row_reads_back_with_its_token(
    home: Home, worklist: str, tmp_path: Path
) -> None:
    """The workbook as written and as saved again, and the CSV: no fact is edited by itself."""
    source = home.path / "published" / "current" / "worklists" / f"{worklist}.xlsx"
    saved = tmp_path / "saved.xlsx"
    openpyxl.load_workbook(source).save(saved)
    for path in (source, saved, source.with_suffix(".csv")):
        sound = _sound_rows(path, worklist)
        assert sound
        assert all(sound), path.name


def test_no_two_columns_of_a_list_share_a_title() -> None:
    """A returned sheet is read by its titles."""
    for columns in COLUMNS.values():
        titles = [shown.title for shown in columns]
        assert len(titles) == len(set(titles))


_CELLS: Final = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="0123456789.-_x \r\n\t\x07", max_size=10),
    st.integers(-(10**9), 10**9),
    st.integers(-(10**12), 10**12).map(lambda millionths: millionths / 10**6),
    st.dates(date(1, 1, 1)),
    st.datetimes(datetime(1901, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001 - naive UTC
        lambda instant: instant.replace(microsecond=0)
    ),
    st.none(),
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="HYPOMAG_EXAMPLES" not in os.environ,
    database=None,
)
@given(_CELLS)
def test_a_cell_is_one_text_before_it_is_printed_and_after_it_was_read(cell: Any) -> None:  # noqa: ANN401 - a cell holds anything
    """Written by columns, read cell by cell: both must fold a value alike."""
    printed = plain_texts(pl.DataFrame({"cell": [cell]})).item()
    assert plain_text(cell) == printed


@given(_TIMES)
def test_a_time_may_come_back_a_part_of_a_second_off(instant: datetime) -> None:
    """A sheet counts days in floats."""
    whole = instant.replace(microsecond=0)
    for off in (-400, 0, 400):
        assert plain_text(whole + timedelta(milliseconds=off)) == plain_text(whole)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("007", "7"),
        ("P1", "p1"),
        (1.0, 1.000001),
        (date(2026, 11, 20), date(2026, 11, 21)),
        ("Ann Lee", "AnnLee"),
        (12345678901234567890, 12345678901234567891),
    ],
)
def test_what_means_something_else_is_another_text(one: object, other: object) -> None:
    """Zeros in front of a number are another patient."""
    assert plain_text(one) != plain_text(other)
