"""What no night may break, whatever the feeds send: the invariants of hard nights."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from flows.schema import CANONICAL
from tests.agreement import differences
from tests.drawing import AS_OF, ZONE, Drawn, hold_on_every_night
from tests.oracle.night import judge
from tests.oracle.times import read_time
from tests.product import (
    Night,
    judge_deliveries,
    judge_nights,
    read_together,
    whole,
)
from tests.spec.variations import (
    in_other_units,
    lowered,
    renamed,
    scattered,
    under_several_numbers,
    with_late_rows,
    without,
)

# "No administration delivered" speaks of the feed, and so of everybody in it.
_OF_THE_FEED: Final = {"TREATMENT_UNKNOWN", "SUPPLEMENT_NOT_STARTED"}
_SHOWN_UNIT: Final = {"reported_value", "reported_unit"}
_OPEN_LISTS: Final = ("iv_replacement", "recheck", "review")
_CLASSES: Final = ("low", "severe")
_SERUM_MAGNESIUM: Final = ("19123-9", "2601-3")
_GROWN_BEFORE: Final = "2007"


def test_each_row_ends_in_exactly_one_class() -> None:
    """Invariant 1: the four counts add up to what a plain reader counts, copies told apart."""
    hold_on_every_night(_miscounts)


def _miscounts(nights: list[Drawn]) -> list[list[str]]:
    """What differs between the ledger and a plain count, told of the nights as a whole."""
    told = [scattered(tables, _random(tables)) for tables in nights]
    refused = Counter(
        table for tables in nights for table, _, _ in judge(tables, AS_OF, ZONE).quarantine
    )
    faults: list[str] = []
    with read_together(told, AS_OF, ZONE) as (store, night, _):
        ledger = store.rows(
            "SELECT name, table_name, rows, ignored, quarantined, accepted + superseded FROM files "
            "ORDER BY name"
        )
        known: set[tuple[str, ...]] = set()
        for name, table, *counts in ledger:
            rows = _read_plainly(night.inbox / str(name), str(table))
            copies = len(rows) - len(set(rows) - known)
            known |= set(rows)
            read, ignored, quarantined, kept = (int(str(count)) for count in counts)
            refused[str(table)] -= quarantined
            if (read, ignored) != (len(rows), copies) or kept + quarantined + ignored != read:
                faults.append(f"{name}: {counts}, counted {len(rows)} rows and {copies} copies")
        unread = {path.name for path in night.inbox.glob("*.csv")} - {name for name, *_ in ledger}
    faults += [f"unread: {name}" for name in sorted(unread)]
    faults += [f"{table}: {count} refusals differ" for table, count in refused.items() if count]
    return [faults for _ in nights]


def _read_plainly(path: Path, table: str) -> list[tuple[str, ...]]:
    """Rows as we know them: table first, identifiers stripped, columns that nobody sent blank."""
    names = CANONICAL[table].names
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            (table, *(_known_cell(name, row.get(name) or "") for name in names))
            for row in csv.DictReader(lines)
        ]


def _known_cell(name: str, cell: str) -> str:
    return cell.strip() if name.endswith("_id") else cell


def test_linked_numbers_are_judged_as_the_oracle_judges_one() -> None:
    """Rows under several numbers, some of them linked, versions of one result among them."""
    hold_on_every_night(_disagreements_over_links)


def _disagreements_over_links(nights: list[Drawn]) -> list[list[str]]:
    told = [_under_several_numbers(tables) for tables in nights]
    judged = judge_nights(told, AS_OF, ZONE)
    return [
        differences(found, judge(tables, AS_OF, ZONE))
        for tables, found in zip(told, judged, strict=True)
    ]


def _under_several_numbers(tables: Drawn) -> Drawn:
    told = under_several_numbers(tables, _random(tables))
    return {table: [dict(row) for row in rows] for table, rows in told.items()}


def test_a_link_moves_all_that_came_under_the_old_number() -> None:
    """All rows of a patient under an old number and a link are all rows under the new one."""
    hold_on_every_night(_changes_by_a_link)


def _changes_by_a_link(nights: list[Drawn]) -> list[list[str]]:
    link = {"old_patient_id": "P1", "new_patient_id": "P0", "linked_at": "2026-11-01"}
    linked = [{**tables, "patient_links": [link]} for tables in nights]
    moved = [renamed(tables, "P1", "P0") for tables in nights]
    judged = judge_nights([*moved, *linked], AS_OF, ZONE)
    return [differences(found, expected) for expected, found in _pairs(judged)]


def test_order_and_split_of_files_change_no_answer() -> None:
    """Invariant 2: rows shuffled, tables split, a file repeated, delivered in any order."""
    hold_on_every_night(_changes_by_scattering)


def _changes_by_scattering(nights: list[Drawn]) -> list[list[str]]:
    told = [scattered(tables, _random(tables)) for tables in nights]
    judged = judge_deliveries([*(whole(tables) for tables in nights), *told], AS_OF, ZONE)
    return [
        differences(_without_rows(found), _without_rows(expected))
        for expected, found in _pairs(judged)
    ]


@pytest.mark.parametrize(
    "factor",
    [
        "0.999",
        *(pytest.param(factor, marks=pytest.mark.long) for factor in ("0.5", "0.1")),
    ],
)
def test_a_lower_magnesium_is_never_less_urgent(factor: str) -> None:
    """Invariant 4: a lower severe or low index keeps its class, its flags and a list."""
    hold_on_every_night(lambda nights: _changes_by_lowering(nights, Decimal(factor), _less_urgent))


@pytest.mark.long
def test_an_impossibly_low_magnesium_goes_to_review() -> None:
    """Invariant 4: below the hard floor it is not judged, but it does not vanish."""
    hold_on_every_night(lambda nights: _changes_by_lowering(nights, Decimal(0), _vanished))


def _changes_by_lowering(
    nights: list[Drawn], factor: Decimal, compare: Callable[[Night, Night, str], list[str]]
) -> list[list[str]]:
    before = judge_nights(nights, AS_OF, ZONE)
    planned = [
        (at, patient, lower)
        for at, tables in enumerate(nights)
        for patient, row in before[at].assessments.items()
        if row["severity"] in _CLASSES and _is_alive(tables, patient)
        if (lower := _with_lower_index(tables, row, factor)) is not None
    ]
    judged = judge_nights([lower for _, _, lower in planned], AS_OF, ZONE)
    faults: list[list[str]] = [[] for _ in nights]
    for (at, patient, _), after in zip(planned, judged, strict=True):
        faults[at] += compare(before[at], after, patient)
    return faults


def test_one_patient_changes_no_line_of_another() -> None:
    """Invariant 5: without P2, and with P2 under a name behind all others, the others stay."""
    hold_on_every_night(_changes_by_another)


def _changes_by_another(nights: list[Drawn]) -> list[list[str]]:
    variants = [
        *nights,
        *(renamed(tables, "P2", "Z9") for tables in nights),
        *(without(tables, "P2") for tables in nights),
    ]
    judged = [_others(night) for night in judge_nights(variants, AS_OF, ZONE)]
    size = len(nights)
    return [
        differences(behind, own) + differences(_regardless(alone), _regardless(own))
        for own, behind, alone in zip(
            judged[:size], judged[size : 2 * size], judged[2 * size :], strict=True
        )
    ]


@pytest.mark.long
def test_the_same_value_in_another_unit_is_the_same_night() -> None:
    """Invariant 6: exact decimals in another unit change only the unit that is shown."""
    hold_on_every_night(_changes_by_unit)


def _changes_by_unit(nights: list[Drawn]) -> list[list[str]]:
    before = judge_nights(nights, AS_OF, ZONE)
    told = [
        in_other_units(tables, night.quarantine)
        for tables, night in zip(nights, before, strict=True)
    ]
    after = judge_nights(told, AS_OF, ZONE)
    return [
        differences(_unshown(found), _unshown(expected))
        for expected, found in zip(before, after, strict=True)
    ]


def test_what_is_known_later_changes_nothing_now() -> None:
    """Invariant 7: corrections, deaths and doses told after `as_of` are not there yet."""
    hold_on_every_night(_changes_by_the_future)


def _changes_by_the_future(nights: list[Drawn]) -> list[list[str]]:
    told = [with_late_rows(tables, _random(tables)) for tables in nights]
    return [
        differences(replace(found, quarantine=[]), replace(expected, quarantine=[]))
        for expected, found in _pairs(judge_nights([*nights, *told], AS_OF, ZONE))
    ]


def test_each_patient_stands_once_on_a_list() -> None:
    """Invariant 9: nobody is listed twice; that the lists are right says the oracle."""
    hold_on_every_night(
        lambda nights: [_listed_twice(night) for night in judge_nights(nights, AS_OF, ZONE)]
    )


def _listed_twice(night: Night) -> list[str]:
    both = set(night.lists["iv_replacement"]) & set(night.lists["recheck"])
    twice = [
        f"{name}: {persons}"
        for name, persons in night.lists.items()
        if len(persons) != len(set(persons))
    ]
    return [*twice, *(f"on IV and recheck: {one}" for one in both)]


@pytest.mark.parametrize(
    ("hours", "value"),
    [
        (1, "1.2"),
        (24 * 17, "0.2 LL"),
        *(
            pytest.param(*planted, marks=pytest.mark.long)
            for planted in [(71, "<0.9"), (73, "1.0"), (24 * 30, "1.1"), (1440, "<=1.2")]
        ),
    ],
)
def test_a_planted_severe_result_is_on_a_list(hours: int, value: str) -> None:
    """Invariant 10: a living patient's severe result without a newer answer is somewhere."""
    hold_on_every_night(lambda nights: _lost(nights, AS_OF - timedelta(hours=hours), value))


def _lost(nights: list[Drawn], planted_at: datetime, value: str) -> list[list[str]]:
    judged = judge_nights(
        [_with_planted(tables, planted_at, value) for tables in nights], AS_OF, ZONE
    )
    return [
        []
        if _is_listed(night, "P1")
        or not _is_alive_and_grown(tables, "P1")
        or _is_answered(tables, "P1", planted_at)
        else [f"P1 is on no list: {night.lists}"]
        for tables, night in zip(nights, judged, strict=True)
    ]


def _random(tables: Drawn) -> Random:
    """The same chance for the same night, whichever nights stand beside it."""
    return Random(repr(tables))  # noqa: S311 - chance for tests


def _pairs(judged: list[Night]) -> Iterable[tuple[Night, Night]]:
    """Each night and its variation, told in the same order after all nights."""
    half = len(judged) // 2
    return zip(judged[:half], judged[half:], strict=True)


def _without_rows(night: Night) -> Night:
    """The night with refusals by table and reason: row numbers differ between files."""
    return replace(night, quarantine=[(table, 0, reason) for table, _, reason in night.quarantine])


def _with_columns(night: Night, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Night:
    assessments = {patient: change(row) for patient, row in night.assessments.items()}
    return replace(night, assessments=assessments, quarantine=[])


def _unshown(night: Night) -> Night:
    return _with_columns(
        night,
        lambda row: {name: value for name, value in row.items() if name not in _SHOWN_UNIT},
    )


def _regardless(night: Night) -> Night:
    return _with_columns(
        night, lambda row: row | {"reasons": sorted(set(row["reasons"]) - _OF_THE_FEED)}
    )


def _others(night: Night) -> Night:
    """The night without the lines of P2, under either name."""
    names = {"P2", "Z9"}
    return Night(
        assessments={one: row for one, row in night.assessments.items() if one not in names},
        lists={
            name: [one for one in persons if one not in names]
            for name, persons in night.lists.items()
        },
        sections={one: section for one, section in night.sections.items() if one not in names},
        review_reasons={
            one: reasons for one, reasons in night.review_reasons.items() if one not in names
        },
        could_be_severe=night.could_be_severe - names,
        quarantine=[],
        doses={id_: dose for id_, dose in night.doses.items() if dose["patient_id"] not in names},
    )


def _with_lower_index(tables: Drawn, index: Mapping[str, object], factor: Decimal) -> Drawn | None:
    """The night with the index printed lower wherever it was sent."""
    value = lowered(str(index["reported_value"]), factor)
    if value is None:
        return None
    told = [
        {**row, "value": value}
        if row["patient_id"] == index["patient_id"]
        and row["value"] == index["reported_value"]
        and row["unit"] == index["reported_unit"]
        and row.get("observation_id", "") == (index["observation_id"] or "")
        else row
        for row in tables["observations"]
    ]
    return {**tables, "observations": told}


def _less_urgent(before: Night, after: Night, patient: str) -> list[str]:
    was, now = before.assessments[patient], after.assessments.get(patient, {})
    kept = ("severity", "is_on_iv_replacement", "is_on_recheck", "is_on_review", "reasons")
    faults = []
    if now.get("severity") not in _CLASSES[_CLASSES.index(str(was["severity"])) :]:
        faults.append(f"{patient} class: {now.get('severity')} after {was['severity']}")
    if was["severity"] == "severe":
        faults += [
            f"{patient} {name}: {now.get(name)} after {was[name]}"
            for name in kept
            if now.get(name) != was[name]
        ]
    if _is_listed(before, patient) and not _is_listed(after, patient):
        faults.append(f"{patient} vanished: {after.lists}")
    return faults


def _vanished(before: Night, after: Night, patient: str) -> list[str]:
    collected_at = _time_of(before, patient)
    is_answered = _time_of(after, patient) >= collected_at
    is_fresh = AS_OF - collected_at < timedelta(days=30)
    if patient in after.lists["review"] or is_answered or not is_fresh:
        return []
    return [f"{patient} vanished: {after.lists}"]


def _is_listed(night: Night, patient: str) -> bool:
    return any(patient in night.lists[name] for name in _OPEN_LISTS)


def _time_of(night: Night, patient: str) -> datetime:
    found = night.assessments.get(patient, {}).get("collected_at")
    return found if isinstance(found, datetime) else datetime.min.replace(tzinfo=UTC)


def _is_alive(tables: Drawn, patient: str) -> bool:
    return not any(
        row.get("died_at") for row in tables.get("patients", []) if row["patient_id"] == patient
    )


def _is_alive_and_grown(tables: Drawn, patient: str) -> bool:
    births = [
        row["birth_date"] for row in tables.get("patients", []) if row["patient_id"] == patient
    ]
    return _is_alive(tables, patient) and all(birth < _GROWN_BEFORE for birth in births)


def _is_answered(tables: Drawn, patient: str, since: datetime) -> bool:
    """Whether another serum magnesium of the patient was collected since then."""
    times = [
        read_time(row["collected_at"], ZoneInfo(ZONE)).instant
        for row in tables.get("observations", [])
        if row["patient_id"] == patient and row["code"] in _SERUM_MAGNESIUM
    ]
    return any(time is not None and time >= since for time in times)


def _with_planted(tables: Drawn, collected_at: datetime, value: str) -> Drawn:
    rows = tables.get("observations", [])
    planted = {
        "observation_id": "PLANTED",
        "patient_id": "P1",
        "code": "19123-9",
        "value": value,
        "unit": "mg/dL",
        "collected_at": collected_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if any("status" in row for row in rows):
        planted["status"] = "F"
    return {**tables, "observations": [*rows, planted]}
