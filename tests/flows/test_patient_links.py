"""Patients are merged: what came under the old number is the new one's, until it is taken back."""

from datetime import timedelta
from typing import Final

import pytest

from tests.oracle.drawn_texts import AS_OF
from tests.oracle.night import Night
from tests.product import Tables, judge_nights

ZONE: Final = "Europe/London"
Row = dict[str, str]

# Hours before the night. A result is `number value@hours`, then words: its id, its status.
MERGED: Final = """
results                      | doses  | links                    | severe | listed | meaning
A 1.0@20                     |        |                          | A      | A      | no link
A 1.0@20                     |        | A>B@9                    | B      | B      | old alone
A 1.0@20; B 1.9@10           |        |                          | A      | A      | two persons
A 1.0@20; B 1.9@10           |        | A>B@9                    |        |        | better since
A 1.9@10; B 1.0@20           |        | A>B@9                    |        |        | better as old
A 1.9@20; B 1.0@10           |        | A>B@9                    | B      | B      | worse since
A 1.0@10; B 1.9@20           |        | A>B@9                    | B      | B      | better before
A 1.0@20; B 1.9@10           |        | A>B@-1                   | A      | A      | linked later
A 1.0@20; B 1.9@10           |        | A>B@9 withdrawn@5        | A      | A      | undone
A 1.0@20; B 1.9@10           |        | A>B@9 withdrawn@-1       |        |        | to be taken back
A 1.0@20; C 1.9@10           |        | A>B@9; B>C@8             |        |        | three in a row
A 1.0@20; C 1.9@10           |        | A>B@9; B>C@8 withdrawn@5 | B      | B      | half undone
A 1.0@20; B 1.1@15; C 1.9@10 |        | A>C@9; B>C@8             |        |        | three are one
A 1.0@20; B 1.9@10           |        | A>B@9; B>A@8             |        |        | a circle
A 1.0@20                     | B 2@10 |                          | A      | A      | another's dose
A 1.0@20                     | B 2@10 | A>B@9                    | B      |        | dosed as new
B 1.0@20                     | A 2@10 | A>B@9                    | B      |        | dosed as old
A 1.0@20 R1; B 1.9@20 R1 C   |        | A>B@9                    |        |        | corrected
A 1.0@20 R1; B 1.9@20 R1 C   |        |                          | A      | A      | another's fix
A 1.0@20 R1; B 1.0@20 R1 W   |        | A>B@9                    |        |        | withdrawn
A 1.9@20 R1; B 1.0@20 R1 C   |        | A>B@9                    | B      | B      | now severe
A 1.0@20 R1; B 1.9@20 R2     |        | A>B@9                    | B      | B      | lower of a tie
"""
# Of linked numbers a correction may have lost its code: nobody knows the value any more.
STRAYS: Final = """
results                                | links | severe | review
A 1.0@20 R1; A 1.9@20 R1 C code=       |       |        | A
A 1.0@20 R1; B 1.9@20 R1 C code=       |       | A      |
A 1.0@20 R1; B 1.9@20 R1 C code=       | A>B@9 |        | B
A 1.0@20 R1; A 1.9@20 R1 C code=XX     |       |        |
A 1.0@20 R1; B 1.9@20 R1 C code=XX     | A>B@9 |        |
A 1.0@20 R1; B 1.9@19 R2 C code=       | A>B@9 | B      |
"""


def hours_ago(hours: float) -> str:
    return (AS_OF - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def items(cell: str) -> list[list[str]]:
    return [item.split() for item in cell.split(";") if item.strip()]


def result(at: int, words: list[str]) -> Row:
    """A serum magnesium; a correction or withdrawal was reported an hour after the draw."""
    number, told, *more = words
    value, _, hours = told.partition("@")
    row = {"observation_id": f"O{at}", "patient_id": number, "code": "19123-9", "value": value}
    row |= {"unit": "mg/dL", "status": "F", "collected_at": hours_ago(float(hours))}
    for word in more:
        if "=" in word:
            column, _, cell = word.partition("=")
            row[column] = cell
        elif len(word) == 1:
            row |= {"status": word, "reported_at": hours_ago(float(hours) - 1)}
        else:
            row["observation_id"] = word
    return row


def dose(at: int, words: list[str]) -> Row:
    number, told = words
    grams, _, hours = told.partition("@")
    row = {"medication_id": f"M{at}", "patient_id": number, "kind": "administration"}
    row |= {"name": "magnesium sulfate", "route": "IV", "dose": grams, "dose_unit": "g"}
    return row | {"started_at": hours_ago(float(hours)), "status": "given"}


def link(words: list[str]) -> Row:
    """A link `old>new@hours`, then when it was `withdrawn@hours`."""
    who, _, linked = words[0].partition("@")
    old, _, new = who.partition(">")
    row = {"old_patient_id": old, "new_patient_id": new, "linked_at": hours_ago(float(linked))}
    for word in words[1:]:
        column, _, hours = word.partition("@")
        row[f"{column}_at"] = hours_ago(float(hours))
    return row


def tables_of(results: str, doses: str, links: str) -> Tables:
    tables = {
        "observations": [result(at, words) for at, words in enumerate(items(results))],
        "medications": [dose(at, words) for at, words in enumerate(items(doses))],
        "patient_links": [link(words) for words in items(links)],
    }
    return {name: rows for name, rows in tables.items() if rows}


def lines(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()[1:]]


def severe(night: Night) -> list[str]:
    return [who for who, told in night.assessments.items() if told["severity"] == "severe"]


@pytest.fixture(scope="module")
def merged() -> dict[str, Night]:
    told = lines(MERGED)
    nights = judge_nights([tables_of(*cells[:3]) for cells in told], AS_OF, ZONE)
    return {cells[5]: night for cells, night in zip(told, nights, strict=True)}


@pytest.mark.parametrize("cells", lines(MERGED), ids=lambda cells: cells[5])
def test_linked_numbers_are_one_person(cells: list[str], merged: dict[str, Night]) -> None:
    night = merged[cells[5]]
    assert severe(night) == cells[3].split()
    assert night.lists["iv_replacement"] == cells[4].split()


def test_a_correction_under_another_number_may_lose_its_code() -> None:
    told = lines(STRAYS)
    nights = judge_nights([tables_of(cells[0], "", cells[1]) for cells in told], AS_OF, ZONE)
    for night, cells in zip(nights, told, strict=True):
        assert [*map(" ".join, (severe(night), night.lists["review"]))] == cells[2:], cells
