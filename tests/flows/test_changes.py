"""Why an item is gone: two nights of a row of patients, each with one thing that happened."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest

from flows.night import Night
from flows.stages import assess, ingest, publish
from hypomag_rules.policy import with_values
from tests.home import Home

FIRST: Final = datetime(2026, 11, 20, 2, tzinfo=UTC)
SECOND: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
# `value@day[-hour][/status]` in November, at 6 unless said; a `dose` is IV in g, `oral` in mg.
PROMISES: Final = """
patient   | first night         | since then            | list    | because   | now
withdrawn | 1.0@19              | same W@20             | iv      | retracted | no other
older     | 1.4@11 1.0@19       | same W@20             | iv      | retracted | is Magnesium 1.4
corrected | 1.0@19              | same 1.9@20           | iv      | retracted | ted: Magnesium 1.9
milder    | 1.0@19              | same 1.4@20           | iv      | retracted | ted: Magnesium 1.4
finalised | 1.1@19/P            | same 1.8@20           | iv      | retracted | ted: Magnesium 1.8
altered   | 1.0@19              | same 1.1@20           | -       | -         |
treated   | 1.0@19              | dose 2@20             | iv      | treated   | Given: IV 2 g
a little  | 1.0@19              | dose 0.5@20           | -       | -         |
late      | 1.0@19              | dose 2@19-10          | iv      | treated   | after the list of
both      | 1.0@19              | dose 2@20 same W@20   | iv      | retracted | Result withdrawn
not much  | 1.0@19              | same 1.1@20 dose 2@20 | iv      | treated   | Given: IV 2 g
no figure | 1.0@19              | same HEM@20           | iv      | retracted | Now reads “HEM”
undosed   | 1.0@19 dose 2@19-10 | undose 2@19-10        | recheck | retracted | The dose of Thu 19
unneeded  | 1.4@19 dose 2@19-10 | undose 2@19-10        | recheck | retracted | The dose of Thu 19
and met   | 1.0@19              | dose 2@20 1.8@20-20   | iv      | treated   | then Magnesium 1.8
died      | 1.0@19              | death@20              | iv      | deceased  | Fri 20 Nov
died too  | 1.0@19              | death@20 same W@20    | iv      | deceased  | Died
met       | 1.0@19              | 1.8@20                | iv      | resolved  | Magnesium 1.8 mg
still low | 1.0@19              | 1.4@20                | iv      | rechecked | Magnesium 1.4 mg
unclear   | 1.0@19              | <1.5@20               | -       | -         |
too long  | 1.0@17              |                       | iv      | expired   | Past 72 h
a child   | 1.0@19              | born 2012@20          | iv      | retracted | Under age
due       | 1.4@10              | 1.9@20                | recheck | resolved  | Magnesium 1.9
due again | 1.4@10              | 1.45@20               | recheck | rechecked | Magnesium 1.45
worse     | 1.4@10              | 1.0@20                | recheck | rechecked | IV and work-up
unsaid    | 1.4@10              | same W@20             | recheck | retracted | Result withdrawn
supplied  | 1.4@15              | oral 400@20           | recheck | treated   | started Fri 20 Nov
potassium | 1.4@19 K 3.0@19     | K 4.2@20              | recheck | resolved  | No level owed
unread    | HEMOLYSED@19        | same 1.9@20           | review  | retracted | ted: Magnesium 1.9
taken off | HEMOLYSED@19        | same W@20             | review  | retracted | Result withdrawn
redrawn   | HEMOLYSED@19        | 1.9@20                | review  | resolved  | Magnesium 1.9
and low   | HEMOLYSED@19        | 1.4@20                | review  | rechecked | Magnesium 1.4
high      | 3.0@19              | 2.0@20                | watch   | resolved  | Magnesium 2.0
high once | 3.0@17              |                       | watch   | expired   | No recent high
"""
Row = dict[str, Any]


def _promised() -> list[tuple[str, ...]]:
    lines = PROMISES.strip().splitlines()[1:]
    return [tuple(cell.strip() for cell in line.split("|")) for line in lines]


@pytest.fixture(scope="module")
def changes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, ...]]]:
    """What the second night says is gone, by patient; both nights hold everybody."""
    home = Home(tmp_path_factory.mktemp("changes"))
    told: dict[str, list[Row]] = {"observations": [], "patients": [], "medications": []}
    for patient, first, *_ in _promised():
        _tell(told, patient, first.split(), {})
    told["medications"].append(_dose("somebody else", "paracetamol", "oral", "1000", "20-01"))
    _drop(home, told, "1")
    _run(home.night(FIRST))
    later: dict[str, list[Row]] = {"observations": [], "patients": [], "medications": []}
    for patient, first, then, *_ in _promised():
        _tell(later, patient, then.split(), {"known": first.split()[-1]})
    later["medications"].append(_dose("somebody else", "paracetamol", "oral", "1000", "21-01"))
    _drop(home, later, "2")
    _run(home.night(SECOND))
    return _changes(home)


@pytest.mark.parametrize("promise", _promised(), ids=[row[0] for row in _promised()])
def test_an_item_is_gone_because_of_the_first_thing_that_holds(
    promise: tuple[str, ...], changes: dict[str, list[tuple[str, ...]]]
) -> None:
    patient, _, _, short, gone_because, now = promise
    worklist = {"iv": "iv_replacement", "watch": "high_watch"}.get(short, short)
    found = [row for row in changes.get(patient, []) if row[0] == worklist]
    if worklist == "-":
        assert changes.get(patient, []) == []
        return
    assert [row[1] for row in found] == [gone_because]
    assert now in found[0][2]


@pytest.mark.long
def test_another_policy_takes_back_what_it_does_not_list(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.drop("observations", [_result("P", "1.1", "19-06", "1")])
    _run(home.night(FIRST))
    _run(home.night(SECOND, policy=with_values({"severe_limit": 1.0})))
    ((worklist, gone_because, now),) = _changes(home)["P"]
    assert (worklist, gone_because) == ("iv_replacement", "retracted")
    assert "not listed: Magnesium 1.1" in now


@pytest.mark.long
def test_another_policy_takes_nothing_back_that_a_dose_or_time_took_off(tmp_path: Path) -> None:
    home = Home(tmp_path)
    results = [_result("D", "1.0", "19-06", "1"), _result("T", "1.0", "17-06", "1")]
    home.drop("observations", results)
    _run(home.night(FIRST))
    home.drop("medications", [_dose("D", "magnesium sulfate", "iv", "2", "20-08")])
    _run(home.night(SECOND, policy=with_values({"im_cap_grams": 15})))
    found = _changes(home)
    assert [row[1] for row in found["D"]] == ["treated"]
    assert [row[1] for row in found["T"]] == ["expired"]


LINKS: Final = """
what         | first   | second  | gone | because   | now
merged       |         | A>B     | A    | retracted | One person with number B
merged twice |         | A>B B>C | A    | retracted | One person with number C
parted       | A>B     | A<B     | B    | retracted | with number A
of a chain   | A>B B>C | A<B     | C    | retracted | with number A
overruled    | A>B     | A>C     | B    | retracted | with number A
died         |         | A>D     | A    | deceased  | Died Fri 20 Nov 06:00
"""


def _of_links() -> list[list[str]]:
    lines = LINKS.strip().splitlines()[1:]
    return [[cell.strip() for cell in line.split("|")] for line in lines]


@pytest.mark.parametrize("row", _of_links(), ids=[row[0] for row in _of_links()])
@pytest.mark.long
def test_numbers_that_are_joined_or_parted_say_so(row: list[str], tmp_path: Path) -> None:
    """Only A has a severe result; B, C and D have one on target."""
    _, first, second, gone, gone_because, now = row
    home = Home(tmp_path)
    results = [_result(number, "1.9", "10-06", "1") for number in "BCD"]
    home.drop("observations", [_result("A", "1.0", "19-06", "1"), *results])
    _link(home, first, "19-07", "1")
    _run(home.night(FIRST))
    _link(home, second, "20-07", "2")
    home.drop("patients", [_person("D", "20-08") | {"died_at": _at("20-06")}])
    _run(home.night(SECOND))
    found = [change for change in _changes(home)[gone] if change[0] == "iv_replacement"]
    assert [change[1] for change in found] == [gone_because]
    assert now in found[0][2]


def _link(home: Home, told: str, at: str, number: str) -> None:
    """`A>B`: A is one person with B; `A<B`: no longer."""
    rows = []
    for word in told.split():
        is_over = "<" in word
        old, new = word.split("<" if is_over else ">")
        row = {"old_patient_id": old, "new_patient_id": new, "updated_at": _at(at)}
        over = {"linked_at": _at("19-07"), "withdrawn_at": _at(at)}
        rows.append(row | (over if is_over else {"linked_at": _at(at)}))
    if rows:
        home.drop("patient_links", rows, f"patient_links_{number}.csv")


@pytest.mark.long
def test_when_nobody_is_left_to_judge_the_item_is_still_missed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.drop("observations", [_result("P", "1.1", "19-06", "1")])
    _run(home.night(FIRST))
    _run(home.night(datetime(2028, 3, 1, 2, tzinfo=UTC)))
    assert [row[:2] for row in _changes(home)["P"]] == [("iv_replacement", "expired")]


_TAKEN_BACK: Final[dict[str, Row]] = {
    "dose": {},
    "undose": {"status": "not_given", "updated_at": "2026-11-20T09:00:00Z"},
}


def _tell(
    told: dict[str, list[Row]], patient: str, words: Iterable[str], of: dict[str, str]
) -> None:
    """Turn the words of a cell into canonical rows; `same` is a version of the known result."""
    prefix = ""
    for number, word in enumerate(words):
        if "@" not in word:
            prefix = word
            continue
        value, at = word.split("@")
        match prefix:
            case "K":
                told["observations"].append(
                    _result(patient, value, at, f"K{at}", "2823-3", "mmol/L")
                )
            case "dose" | "undose":
                row = _dose(patient, "magnesium sulfate", "iv", value, at)
                told["medications"].append(row | _TAKEN_BACK[prefix])
            case "oral":
                told["medications"].append(_dose(patient, "magnesium oxide", "oral", value, at))
            case "same":
                drawn = of["known"].split("@")[1].split("/")[0]
                row = _result(patient, "" if value == "W" else value, drawn, drawn)
                status = "W" if value == "W" else "C"
                told["observations"].append(row | {"status": status, "reported_at": _at(at)})
            case "born":
                told["patients"].append(_person(patient, at) | {"birth_date": f"{value}-01-01"})
            case _ if value == "death":
                told["patients"].append(_person(patient, at) | {"died_at": _at(at)})
            case _:
                told["observations"].append(_result(patient, value, at, at))
                if number == 0 and not of:
                    told["patients"].append(_person(patient, "01-00"))
        prefix = ""


def _at(text: str) -> str:
    day, _, hour = text.partition("-")
    return f"2026-11-{day}T{hour or '06'}:00:00Z"


def _person(patient: str, at: str) -> Row:
    return {"patient_id": patient, "birth_date": "1970-01-01", "updated_at": _at(at)}


def _result(
    patient: str, value: str, at: str, number: str, code: str = "19123-9", unit: str = "mg/dL"
) -> Row:
    day, _, status = at.partition("/")
    return {
        "observation_id": f"{patient} {number.partition('/')[0]}",
        "patient_id": patient,
        "code": code,
        "value": value,
        "unit": unit,
        "status": status or "F",
        "collected_at": _at(day),
        "reported_at": _at(day),
    }


def _dose(patient: str, name: str, route: str, dose: str, at: str) -> Row:
    return {
        "medication_id": f"{patient} {name} {at}",
        "patient_id": patient,
        "kind": "administration",
        "name": name,
        "route": route,
        "dose": dose,
        "dose_unit": "g" if route == "iv" else "mg",
        "started_at": _at(at),
        "ended_at": _at(at),
        "status": "given",
    }


def _drop(home: Home, told: dict[str, list[Row]], number: str) -> None:
    for table, rows in told.items():
        if rows:
            home.drop(table, rows, f"{table}_{number}.csv")


def _run(night: Night) -> None:
    for stage in (ingest, assess, publish):
        stage(night, lambda _said: None)


def _changes(home: Home) -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    with duckdb.connect(str(home.path / "published" / "hypomag.duckdb"), read_only=True) as base:
        rows = base.execute(
            "SELECT patient_id, worklist, gone_because, now FROM worklist_changes"
        ).fetchall()
    for patient, *rest in rows:
        found.setdefault(patient, []).append(tuple(rest))
    return found
