"""What an item is called against the night before: new, carried or changed, and since when."""

from datetime import date
from typing import Final

import polars as pl
import pytest

from hypomag_rules.worklists import with_life

LAST: Final = date(2026, 11, 20)
TONIGHT: Final = date(2026, 11, 21)
LIVES: Final = """
was                 | now                 | life
-                   | severe main         | new
severe main         | severe main         | carried
low main            | severe main         | changed
severe main         | low main            | carried
target_met due      | low due             | changed
low due             | low due             | carried
low due             | low overdue         | changed
low overdue         | low overdue         | carried
low upcoming        | low due             | carried
low upcoming        | low overdue         | carried
low due             | low upcoming        | carried
high main           | high main           | carried
"""


def _rows() -> list[tuple[str, ...]]:
    lines = LIVES.strip().splitlines()[1:]
    return [tuple(cell.strip() for cell in line.split("|")) for line in lines]


def _item(told: str) -> dict[str, object]:
    severity, section = told.split()
    return {"worklist": "recheck", "severity": severity, "section": section}


@pytest.mark.parametrize(("was", "now", "life"), _rows())
def test_the_life_of_an_item_follows_from_the_night_before(was: str, now: str, life: str) -> None:
    known = {"patient_id": "P", "item_id": "I", "first_listed_on": LAST, "nights_listed": 2}
    previous = [] if was == "-" else [_item(was) | known]
    schema = {
        **dict.fromkeys(("worklist", "patient_id", "item_id"), pl.String),
        "first_listed_on": pl.Date,
        "nights_listed": pl.Int32,
        **dict.fromkeys(("severity", "section"), pl.String),
    }
    lived = with_life(
        pl.DataFrame([_item(now) | {"person_id": "P"}]),
        pl.DataFrame(previous, schema=schema),
        TONIGHT,
    ).row(0, named=True)
    assert lived["life"] == life
    assert lived["nights_listed"] == (1 if was == "-" else 3)
    assert lived["first_listed_on"] == (TONIGHT if was == "-" else LAST)
    assert (lived["item_id"] == "I") == (was != "-")
