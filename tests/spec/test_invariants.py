"""What no night may break, whatever the feeds send: the invariants of hard nights."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from flows.schema import CANONICAL
from tests.agreement import differences
from tests.drawing import AS_OF, ZONE, Drawn, judging, several_nights
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
    with_late_rows,
    without,
)

Randoms = st.randoms(use_true_random=False)

# "No administration delivered" speaks of the feed, and so of everybody in it.
_OF_THE_FEED: Final = {"TREATMENT_UNKNOWN", "SUPPLEMENT_NOT_STARTED"}
_SHOWN_UNIT: Final = {"reported_value", "reported_unit"}
_OPEN_LISTS: Final = ("iv_replacement", "recheck", "review")
_CLASSES: Final = ("low", "severe")
_SERUM_MAGNESIUM: Final = ("19123-9", "2601-3")
_GROWN_BEFORE: Final = "2007"
_LOWER: Final = (Decimal("0.999"), Decimal("0.5"), Decimal("0.1"), Decimal(0))


@judging
@given(several_nights(), Randoms)
def test_each_row_ends_in_exactly_one_class(nights: list[Drawn], random: Random) -> None:
    """Invariant 1: the four counts add up to what a plain reader counts, copies told apart."""
    told = [scattered(tables, random) for tables in nights]
    with read_together(told, AS_OF, ZONE) as (store, night, _):
        ledger = {
            str(name): [int(str(count)) for count in counts]
            for name, *counts in store.rows(
                "SELECT name, rows, accepted, superseded, quarantined, ignored FROM files"
            )
        }
        refused = Counter(
            table for tables in nights for table, _, _ in judge(tables, AS_OF, ZONE).quarantine
        )
        for table, contract in CANONICAL.items():
            known: set[tuple[str, ...]] = set()
            files = sorted(night.inbox.glob(f"{table}*.csv"))
            for file in files:
                with file.open(encoding="utf-8", newline="") as lines:
                    rows = [_known_cells(row, contract.names) for row in csv.DictReader(lines)]
                copies = len(rows) - len(set(rows) - known)
                known |= set(rows)
                read, accepted, superseded, quarantined, ignored = ledger.pop(file.name)
                assert (read, ignored) == (len(rows), copies)
                assert accepted + superseded + quarantined + ignored == read
                refused[table] -= quarantined
    assert not ledger
    assert not +refused


@judging
@given(several_nights(), Randoms)
def test_order_and_split_of_files_change_no_answer(nights: list[Drawn], random: Random) -> None:
    """Invariant 2: rows shuffled, tables split, files repeated and delivered in any order."""
    told = [scattered(tables, random) for tables in nights]
    judged = judge_deliveries([*(whole(tables) for tables in nights), *told], AS_OF, ZONE)
    for expected, found in _pairs(judged):
        assert differences(_unrefused(found), _unrefused(expected)) == []
        assert _refusals(found) == _refusals(expected)


@judging
@given(several_nights(), st.sampled_from(_LOWER))
def test_a_lower_magnesium_is_never_less_urgent(nights: list[Drawn], factor: Decimal) -> None:
    """Invariant 4: a lower index keeps class and lists; below the floor it goes to review."""
    before = judge_nights(nights, AS_OF, ZONE)
    planned = [
        (tables, night, patient, lower)
        for tables, night in zip(nights, before, strict=True)
        for patient, row in night.assessments.items()
        if row["severity"] in _CLASSES and _is_alive(tables, patient)
        if (lower := _with_lower_index(tables, row, factor)) is not None
    ]
    judged = judge_nights([lower for *_, lower in planned], AS_OF, ZONE)
    for (_, night, patient, _), after in zip(planned, judged, strict=True):
        if factor:
            _assert_at_least_as_urgent(night, after, patient)
        else:
            _assert_on_review(night, after, patient)


@judging
@given(several_nights())
def test_one_patient_changes_no_line_of_another(nights: list[Drawn]) -> None:
    """Invariant 5: without P2, and with P2 under a name behind all others, P1 and P3 stay."""
    variants = [
        *nights,
        *(without(tables, "P2") for tables in nights),
        *(renamed(tables, "P2", "Z9") for tables in nights),
    ]
    judged = judge_nights(variants, AS_OF, ZONE)
    third = len(nights)
    for at in range(third):
        alone, behind = judged[third + at], judged[2 * third + at]
        others = _others(judged[at])
        assert differences(_others(behind), others) == []
        assert differences(_regardless(_others(alone)), _regardless(others)) == []


@judging
@given(several_nights())
def test_the_same_value_in_another_unit_is_the_same_night(nights: list[Drawn]) -> None:
    """Invariant 6: exact decimals in another unit change only the unit that is shown."""
    before = judge_nights(nights, AS_OF, ZONE)
    told = [
        in_other_units(tables, night.quarantine)
        for tables, night in zip(nights, before, strict=True)
    ]
    for expected, found in zip(before, judge_nights(told, AS_OF, ZONE), strict=True):
        assert differences(_unshown(found), _unshown(expected)) == []


@judging
@given(several_nights(), Randoms)
def test_what_is_known_later_changes_nothing_now(nights: list[Drawn], random: Random) -> None:
    """Invariant 7: corrections, deaths and doses told after `as_of` are not there yet."""
    told = [with_late_rows(tables, random) for tables in nights]
    for expected, found in _pairs(judge_nights([*nights, *told], AS_OF, ZONE)):
        assert differences(_unrefused(found), _unrefused(expected)) == []


@judging
@given(several_nights())
def test_each_patient_stands_once_on_a_list(nights: list[Drawn]) -> None:
    """Invariant 9: nobody is listed twice; that the lists are right says the oracle."""
    for night in judge_nights(nights, AS_OF, ZONE):
        assert all(len(persons) == len(set(persons)) for persons in night.lists.values())
        assert not set(night.lists["iv_replacement"]) & set(night.lists["recheck"])


@judging
@given(
    several_nights(),
    st.sampled_from((1, 10, 71, 72, 73, 24 * 17, 24 * 30, 24 * 60)),
    st.sampled_from(("1.2", "1.0", "<0.9", "0.2 LL", "<=1.2")),
)
def test_a_planted_severe_result_is_on_a_list(
    nights: list[Drawn], hours: int, value: str
) -> None:
    """Invariant 10: a living patient's severe result without a newer answer is somewhere."""
    planted_at = AS_OF - timedelta(hours=hours)
    planted = [
        _with_planted(tables, planted_at, value)
        for tables in nights
        if _is_alive_and_grown(tables, "P1") and not _is_answered(tables, "P1", planted_at)
    ]
    for night in judge_nights(planted, AS_OF, ZONE):
        assert any("P1" in night.lists[name] for name in _OPEN_LISTS)


def _pairs(judged: list[Night]) -> Iterable[tuple[Night, Night]]:
    """Each night and its variation, told in the same order after all nights."""
    half = len(judged) // 2
    return zip(judged[:half], judged[half:], strict=True)


def _known_cells(row: Mapping[str, str], names: Iterable[str]) -> tuple[str, ...]:
    """A row as we know it: identifiers stripped, columns that nobody sent blank."""
    cells = {name: row.get(name) or "" for name in names}
    return tuple(cell.strip() if name.endswith("_id") else cell for name, cell in cells.items())


def _unrefused(night: Night) -> Night:
    return replace(night, quarantine=[])


def _refusals(night: Night) -> Counter[tuple[str, str]]:
    return Counter((table, reason) for table, _, reason in night.quarantine)


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
        quarantine=[],
    )


def _with_lower_index(
    tables: Drawn, index: Mapping[str, object], factor: Decimal
) -> Drawn | None:
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


def _assert_at_least_as_urgent(before: Night, after: Night, patient: str) -> None:
    was, now = before.assessments[patient], after.assessments[patient]
    if was["severity"] == "severe":
        kept = ("severity", "is_on_iv_replacement", "is_on_recheck", "is_on_review", "reasons")
        assert [now[name] for name in kept] == [was[name] for name in kept]
    assert now["severity"] in _CLASSES
    if any(patient in before.lists[name] for name in _OPEN_LISTS):
        assert any(patient in after.lists[name] for name in _OPEN_LISTS)


def _assert_on_review(before: Night, after: Night, patient: str) -> None:
    collected_at = before.assessments[patient]["collected_at"]
    assert isinstance(collected_at, datetime)
    is_answered = _time_of(after, patient) >= collected_at
    is_fresh = AS_OF - collected_at < timedelta(days=30)
    assert patient in after.lists["review"] or is_answered or not is_fresh


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
