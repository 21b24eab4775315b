"""The oracle answers the worked cases of the specification ."""

import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from .night import Night, judge

CASES = Path(__file__).parent.parent / "spec" / "cases.csv"
AS_OF = datetime(2026, 11, 21, 2, tzinfo=UTC)
FIGURE_TOLERANCE = 0.000001
PATIENT = "P1"


def _cases() -> list[dict[str, str]]:
    with CASES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _as_written(value: object) -> object:
    """Return a value as the cases write it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    return value


def _lists(night: Night) -> set[str]:
    listed = {
        name for name, patients in night.lists.items() if name != "recheck" and PATIENT in patients
    }
    if PATIENT in night.lists["recheck"]:
        listed.add(f"recheck/{night.sections[PATIENT]}")
    return listed


def _reasons(night: Night) -> set[str]:
    reasons = set(night.review_reasons.get(PATIENT, []))
    assessed = night.assessments.get(PATIENT)
    if assessed is not None:
        stated = assessed["reasons"]
        assert isinstance(stated, list)
        reasons |= set(stated)
    return reasons


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case["case"])
def test_the_oracle_gives_the_expected_answer(case: dict[str, str]) -> None:
    """Every key of `expected` holds: the oracle may judge the product only if it agrees."""
    policy: dict[str, object] | None = json.loads(case["policy"]) if case["policy"] else None
    night = judge(json.loads(case["given"]), AS_OF, "Europe/London", policy)
    expected: dict[str, Any] = json.loads(case["expected"])
    for key, value in expected.items():
        _check(night, key, value)


def _check(night: Night, key: str, value: Any) -> None:  # noqa: ANN401 - JSON holds anything
    match key:
        case "lists":
            assert _lists(night) == set(value)
        case "reasons_include":
            assert set(value) <= _reasons(night)
        case "reasons_exclude":
            assert not set(value) & _reasons(night)
        case "order":
            assert {name: night.lists[name] for name in value} == value
        case "quarantine":
            assert {reason for _, _, reason in night.quarantine} == ({value} if value else set())
        case "assessed":
            assert (PATIENT in night.assessments) is value
        case "dose":
            _check_dose(night.doses[value["medication_id"]], value)
        case _:
            _check_value(night.assessments[PATIENT][key], value)


def _check_dose(dose: dict[str, Any], expected: dict[str, Any]) -> None:
    for key, value in expected.items():
        match key:
            case "findings_include":
                assert set(value) <= set(dose["findings"])
            case "findings_exclude":
                assert not set(value) & set(dose["findings"])
            case "meq":
                _check_value(dose["meq_by_iv_or_im"], value)
            case "medication_id":
                continue
            case _:
                _check_value(dose[key], value)


def _check_value(found: object, value: Any) -> None:  # noqa: ANN401 - JSON holds anything
    if isinstance(value, float | int) and not isinstance(value, bool):
        assert _as_written(found) == pytest.approx(value, abs=FIGURE_TOLERANCE)
    else:
        assert _as_written(found) == value
