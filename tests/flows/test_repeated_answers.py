"""A night repeats what it need not judge again; judged again, it must say the same."""

from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final

import duckdb
import polars as pl
import pytest

from flows.night import Night
from flows.stages import assess, ingest, publish
from tests.drawing import AS_OF, ZONE, Drawn, drawn_nights
from tests.home import Home
from tests.product import Deliveries, drop_together
from tests.spec.variations import under_several_numbers

# When a home is judged, in days from `AS_OF`: files come in the first nights, limits pass later.
_DAYS: Final = (-9.0, -1.0, 0.0, 0.9, 2.0, 7.5, 14.0, 30.0, 60.5, 91.0)
_NIGHTS_WITH_FILES: Final = 3
_TOGETHER: Final = 150
_MAGNESIUM: Final = ("19123-9", "2601-3")
_FEWEST_REPEATED: Final = 150
_Telling = Callable[[dict[str, str]], dict[str, str]]


def as_drawn(row: dict[str, str]) -> dict[str, str]:
    return row


def at_target(row: dict[str, str]) -> dict[str, str]:
    """The row with a magnesium at target: what the patient has beside it then decides alone."""
    if row.get("code") not in _MAGNESIUM:
        return row
    return row | {"code": "19123-9", "value": "1.9", "unit": "mg/dL"}


@pytest.mark.long
@pytest.mark.parametrize(
    ("told", "is_linked"), [(as_drawn, False), (at_target, False), (at_target, True)]
)
def test_a_repeated_answer_is_the_one_that_judging_again_gives(
    told: _Telling, *, is_linked: bool, tmp_path: Path
) -> None:
    """With rows under several numbers of a person too, linked and parted between the nights."""
    remaining = iter(drawn_nights())
    repeated = 0
    while together := list(islice(remaining, _TOGETHER)):
        folder = tmp_path / f"{len(together)} from {repeated}"
        sent = [_under_several_numbers(tables) if is_linked else tables for tables in together]
        repeated += _repeated([_in_pieces(tables, told) for tables in sent], folder)
    assert repeated > _FEWEST_REPEATED


def _under_several_numbers(tables: Drawn) -> Drawn:
    told = under_several_numbers(tables, Random(repr(tables)))  # noqa: S311 - chance for tests
    return {table: [dict(row) for row in rows] for table, rows in told.items()}


def _repeated(nights: list[Deliveries], folder: Path) -> int:
    """Judge a home night after night, each one twice; how many answers were repeated."""
    folder.mkdir()
    home = Home(folder)
    drop_together(home, nights)
    waiting = _set_aside(home, folder / "later")
    repeated = 0
    for number, days in enumerate(_DAYS):
        for path in waiting.get(number, []):
            path.rename(home.inbox / path.name)
        night = home.night(AS_OF + timedelta(days=days), ZONE)
        ingest(night, lambda _: None)
        persons, judged = _assessed(night)
        found = _published(night)
        everybody, judged_again = _assessed(night)
        assert (persons, judged_again) == (everybody, everybody)
        for table, rows in _published(night).items():
            assert rows.equals(found[table]), f"{table} of night {number}"
        repeated += persons - judged
    return repeated


def _in_pieces(tables: Drawn, told: _Telling) -> Deliveries:
    """Each table in as many files as nights bring some, whatever the times in them."""
    return [
        (table, [told(row) for row in rows[at::_NIGHTS_WITH_FILES]])
        for table, rows in tables.items()
        for at in range(_NIGHTS_WITH_FILES)
    ]


def _set_aside(home: Home, folder: Path) -> dict[int, list[Path]]:
    """Take the files out of the inbox, their companions kept; the n-th of each table by n."""
    folder.mkdir()
    aside: dict[int, list[Path]] = {}
    for path in sorted(home.inbox.glob("*.csv")):
        number = int(path.stem.rpartition("_")[2])
        aside.setdefault(number, []).append(path.rename(folder / path.name))
    return aside


def _assessed(night: Night) -> tuple[int, int]:
    """Assess and publish; how many persons there were, and how many of them were judged."""
    said: list[str] = []
    persons = assess(night, said.append).persons
    publish(night, said.append)
    judged = (line for line in said if line.startswith("judging"))
    return persons, sum(int(line.split(": ")[1].split()[0]) for line in judged)


def _published(night: Night) -> dict[str, pl.DataFrame]:
    """What the night published of its patients, in an order of its own."""
    path = night.published / "hypomag.duckdb"
    with duckdb.connect(str(path), read_only=True) as database:
        return {
            "assessments": _rows(
                database, "SELECT * FROM assessments WHERE night = ? ORDER BY patient_id", night
            ),
            "worklist_items": _rows(
                database,
                "SELECT * FROM worklist_items WHERE night = ? ORDER BY worklist, rank",
                night,
            ),
            "doses": _rows(
                database,
                "SELECT * FROM doses WHERE ?::DATE IS NOT NULL ORDER BY patient_id, medication_id",
                night,
            ),
        }


def _rows(database: duckdb.DuckDBPyConnection, sql: str, night: Night) -> pl.DataFrame:
    relation = database.execute(sql, [night.date])
    names = [column[0] for column in relation.description]
    return pl.DataFrame(relation.fetchall(), schema=names, orient="row", infer_schema_length=None)
