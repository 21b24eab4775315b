"""The unit guard as a table: what a feed sent before, what it sends tonight, what is held."""

from typing import Final

import polars as pl
import pytest

from hypomag_rules.policy import load
from hypomag_rules.policy_values import PolicyError
from hypomag_rules.unit_guard import shifted

# Values of a feed and analyte as `number x value`, in mg/dL; then the number held, or none.
WORKED: Final = """
| before                 | tonight                | held | why                                  |
|------------------------|------------------------|------|--------------------------------------|
| 30 x 1.9               | 30 x 0.8               | 30   | mmol/L read as mg/dL                 |
| 30 x 1.9               | 30 x 4.6               | 30   | and the other way round              |
| 30 x 1.9               | 29 x 0.8               | none | too few tonight                      |
| 29 x 1.9               | 30 x 0.8               | none | too few before                       |
|                        | 400 x 0.8              | none | a first load has no history          |
| 400 x 1.9              |                        | none | nothing came tonight                 |
| 30 x 2.0               | 30 x 3.4               | 30   | exactly 1.7 times above              |
| 30 x 3.4               | 30 x 2.0               | 30   | exactly 1.7 times below              |
| 30 x 1.9               | 30 x 3.23              | 30   | 1.7 times, whatever floats make of it|
| 30 x 2.0               | 30 x 3.399             | none | just under, above                    |
| 30 x 3.399             | 30 x 2.0               | none | just under, below                    |
| 40 x 1.9, 39 x 0.8     | 39 x 1.9, 40 x 0.8     | 79   | the median speaks, not the mean      |
| 40 x 1.9, 40 x 0.8     | 40 x 2.1, 40 x 0.9     | none | of an even number the middle of two  |
| 20 x 1.0, 20 x 3.0     | 20 x 1.0, 20 x 5.8     | 40   | 2.0 before, 3.4 tonight              |
| 15 x 1.0, 15 x 2.0     | 30 x 2.55              | 30   | 1.5 before, not 2.0                  |
"""
POLICY: Final = load()


def _values(cell: str, *, is_tonight: bool, feed: tuple[str, str]) -> list[dict[str, object]]:
    rows = []
    for part in filter(None, cell.split(", ")):
        results, value = part.split(" x ")
        rows.append(
            {
                "source": feed[0],
                "analyte": feed[1],
                "is_tonight": is_tonight,
                "magnitude": float(value),
                "results": int(results),
            }
        )
    return rows


def _received(*feeds: tuple[str, str, str, str]) -> pl.DataFrame:
    rows = [
        row
        for source, analyte, before, tonight in feeds
        for cell, is_tonight in ((tonight, True), (before, False))
        for row in _values(cell, is_tonight=is_tonight, feed=(source, analyte))
    ]
    return pl.DataFrame(rows)


def _rows() -> list[list[str]]:
    lines = WORKED.strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(("before", "tonight", "held", "why"), _rows())
def test_a_median_a_unit_apart_is_held(before: str, tonight: str, held: str, why: str) -> None:
    found = shifted(_received(("lab", "magnesium", before, tonight)), POLICY.guard)
    assert found.get_column("results").to_list() == ([] if held == "none" else [int(held)]), why


def test_each_feed_and_analyte_is_judged_by_itself() -> None:
    found = shifted(
        _received(
            ("east", "magnesium", "30 x 1.9", "30 x 0.8"),
            ("east", "creatinine", "30 x 1.0", "30 x 1.1"),
            ("west", "magnesium", "30 x 0.8", "30 x 0.8"),
            ("west", "creatinine", "40 x 1.0", "35 x 88.4"),
        ),
        POLICY.guard,
    )
    assert found.rows() == [
        ("east", "magnesium", 30, 0.8, 1.9),
        ("west", "creatinine", 35, 88.4, 1.0),
    ]


@pytest.mark.parametrize("nonsense", ["factor = 1", "min_results = 0"])
def test_a_guard_that_holds_every_night_is_refused(nonsense: str) -> None:
    with pytest.raises(PolicyError, match="would hold every night"):
        load(f"[guard]\n{nonsense}\n")
