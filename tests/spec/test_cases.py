"""The product answers the worked cases of the specification, section by section."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.product import Night, judge_night, judge_nights
from tests.spec.worked_cases import AS_OF, PATIENT, ZONE, Case, worked_cases

CASES: Final = worked_cases()
FIGURE_TOLERANCE: Final = 0.000001
EVERY_TENTH: Final = CASES[::10]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_worked_case_is_answered_as_expected(case: Case) -> None:
    """Every expected key holds: the specification in the words of its authors."""
    _check(case, _answers(case.policy)[case.name])


@pytest.mark.parametrize("case", EVERY_TENTH, ids=lambda case: case.name)
def test_a_home_of_files_answers_like_a_store_in_memory(case: Case, tmp_path: Path) -> None:
    """What the fast tests judge together is what a night alone in its home judges."""
    alone = judge_night(case.tables, AS_OF, ZONE, tmp_path, _policy(case.policy))
    _check(case, alone)
    assert alone == _answers(case.policy)[case.name]


@cache
def _answers(policy: str) -> Mapping[str, Night]:
    """All cases under one policy, judged together and apart from each other."""
    cases = [case for case in CASES if case.policy == policy]
    nights = judge_nights([case.tables for case in cases], AS_OF, ZONE, _policy(policy))
    return dict(zip([case.name for case in cases], nights, strict=True))


def _policy(text: str) -> dict[str, object] | None:
    return json.loads(text) if text else None


def _check(case: Case, night: Night) -> None:
    for key, value in case.expected.items():
        _check_key(night, key, value)


def _check_key(night: Night, key: str, value: Any) -> None:  # noqa: ANN401 - JSON holds anything
    match key:
        case "lists":
            assert _lists(night) == sorted(value)
        case "reasons_include":
            assert set(value) <= _reasons(night)
        case "reasons_exclude":
            assert not set(value) & _reasons(night)
        case "order":
            assert {name: night.lists[name] for name in value} == value
        case "quarantine":
            assert [reason for _, _, reason in night.quarantine] == ([value] if value else [])
        case "assessed":
            assert (PATIENT in night.assessments) is value
        case "dose":
            _check_dose(night.doses[value["medication_id"]], value)
        case _:
            _check_value(night.assessments[PATIENT][key], value)


def _check_dose(dose: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for key, value in expected.items():
        match key:
            case "findings_include":
                assert set(value) <= set(dose["findings"])
            case "findings_exclude":
                assert not set(value) & set(dose["findings"])
            case "medication_id":
                continue
            case _:
                _check_value(dose[key], value)


def _check_value(found: object, value: Any) -> None:  # noqa: ANN401 - JSON holds anything
    is_figure = isinstance(value, float | int) and not isinstance(value, bool)
    wanted = pytest.approx(value, abs=FIGURE_TOLERANCE) if is_figure else value
    assert _as_written(found) == wanted


def _lists(night: Night) -> list[str]:
    listed = [name for name, persons in night.lists.items() if PATIENT in persons]
    return sorted(
        f"recheck/{night.sections[PATIENT]}" if name == "recheck" else name for name in listed
    )


def _reasons(night: Night) -> set[str]:
    """Reasons of the assessment, else of the review item alone."""
    found = night.assessments.get(PATIENT, {}).get("reasons", night.review_reasons.get(PATIENT, []))
    assert isinstance(found, list)
    return set(found)


def _as_written(value: object) -> object:
    """A value as the cases write it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else value
