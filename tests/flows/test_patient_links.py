"""Patients are merged: what came under the old number is the new one's, until it is taken back."""

from datetime import timedelta
from typing import Final

import pytest

from tests.oracle.drawn_texts import AS_OF
from tests.oracle.night import Night
from tests.product import Tables, judge_nights

pytestmark = pytest.mark.long

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
A 1.0@20; B 1.9@10           |        | A>B@9 withdrawn@-1       |        |        | undone later
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


# Who gave what to whom, under one id (medications: M1), as it was written first and then.
MOVED: Final = """
first | then | links | treated | meaning
A     | A    |       | A       | never moved
A     | B    |       | B       | moved to a stranger
A     | B    | A>B@9 | B       | moved from the old number to the new
B     | A    | A>B@9 | B       | moved from the new number to the old
C     | A    | A>B@9 | B       | moved to the old number
A     | C    | A>B@9 | C       | moved away from the old number
B     | C    | A>B@9 | C       | moved away from the new number
"""


def test_a_dose_is_whose_person_its_newest_version_says() -> None:
    told = lines(MOVED)
    everybody = "A 1.0@20; B 1.0@20; C 1.0@20"
    nights = []
    for first, then, links, *_ in told:
        given = dose(1, ["?", "2@10"])
        versions = [given | {"patient_id": first, "updated_at": hours_ago(9)}]
        versions += [given | {"patient_id": then, "updated_at": hours_ago(8)}]
        nights.append({**tables_of(everybody, "", links), "medications": versions})
    for night, cells in zip(judge_nights(nights, AS_OF, ZONE), told, strict=True):
        treated = {
            who for who, row in night.assessments.items() if row["parenteral_after_index_at"]
        }
        assert treated == {cells[3]}, cells[4]
        assert [row["patient_id"] for row in night.doses.values()] == [cells[3]], cells[4]


def test_rows_of_one_order_and_start_are_one_dose_under_two_numbers() -> None:
    rows = [
        dose(1, ["A", "2@10"]) | {"order_id": "X"},
        dose(2, ["B", "50@10"]) | {"order_id": "X", "dose_unit": "mL"},
    ]
    told = [{**tables_of("A 1.0@20", "", links), "medications": rows} for links in ("", "A>B@9")]
    apart, linked = judge_nights(told, AS_OF, ZONE)
    assert len(apart.doses) == 2
    ((only,),) = [[*linked.doses.values()]]
    assert (only["grams"], only["volume_ml"]) == (2, 50)


# What each number's record says: birth date, sex, death, when it was written (hours before).
RECORDS: Final = """
old                     | new                    | age | sex    | alive | conflict
1950-01-01 female       | 1950-01-01 male        | 76  | male   | yes   | no
1950-01-01 female - @8  | 1950-01-01 male - @9   | 76  | female | yes   | no
1950-01-01 female - @8  | - - - @7               | 76  | female | yes   | no
1950-01-01 female       | 1960-01-01 female      | 66  | female | yes   | yes
1950-01-01 female @30 @8 | 1950-01-01 female - @7 | 76 | female | no    | no
"""


def record(number: str, cell: str) -> Row:
    words = [*cell.split(), "-", "-", "-"]
    row = {"patient_id": number}
    for column, word in zip(("birth_date", "sex"), words[:2], strict=True):
        row |= {} if word == "-" else {column: word}
    for column, word in (("died_at", words[2]), ("updated_at", words[3])):
        row |= {} if word == "-" else {column: hours_ago(float(word[1:]))}
    return row


def test_who_a_person_is_comes_from_the_newest_record_of_any_number() -> None:
    told = lines(RECORDS)
    nights = [
        {
            **tables_of("A 1.0@20", "", "A>B@9"),
            "patients": [record("A", cells[0]), record("B", cells[1])],
        }
        for cells in told
    ]
    for night, cells in zip(judge_nights(nights, AS_OF, ZONE), told, strict=True):
        (row,) = night.assessments.values()
        assert [str(row["age_years"]), row["sex"]] == cells[2:4], cells
        assert (night.lists["iv_replacement"] == ["B"]) == (cells[4] == "yes"), cells
        assert ("PATIENT_CONFLICT" in str(row["reasons"])) == (cells[5] == "yes"), cells


def test_a_stay_and_a_diagnosis_under_any_number_are_the_persons() -> None:
    stay = {"encounter_id": "E", "patient_id": "A", "care_setting": "inpatient", "ward": "W"}
    stay |= {"started_at": hours_ago(30)}
    heart = {"patient_id": "A", "code": "I50.9", "code_system": "ICD-10-CM"}
    over = heart | {"patient_id": "B", "status": "resolved", "recorded_at": hours_ago(3)}
    for rows, is_cardiac in (([heart], True), ([heart, over], False)):
        sent = {"encounters": [stay], "conditions": rows}
        (night,) = judge_nights([{**tables_of("B 1.0@20", "", "A>B@9"), **sent}], AS_OF, ZONE)
        assert night.assessments["B"]["is_cardiac"] == is_cardiac
