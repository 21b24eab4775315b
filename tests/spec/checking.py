"""Whether a night answers a case: its expected values against lists, assessments and doses."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from tests.oracle.night import Night, judge
from tests.spec.worked_cases import AS_OF, PATIENT, ZONE, Case

FIGURE_TOLERANCE: Final = 0.000001


def by_oracle(case: Case) -> Night:
    """The case as the oracle judges it."""
    tables = {name: [dict(row) for row in rows] for name, rows in case.tables.items()}
    return judge(tables, AS_OF, ZONE, json.loads(case.policy) if case.policy else None)


def check(case: Case, night: Night) -> None:
    """Every expected key holds."""
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
        case "could_be_severe":
            assert (PATIENT in night.could_be_severe) is value
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
            case "meq":  # the oracle knows that of sulfate alone
                _check_value(dose.get("meq", dose["meq_by_iv_or_im"]), value)
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
