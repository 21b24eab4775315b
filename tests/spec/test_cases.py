"""The product answers the worked cases of the specification, section by section."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.product import Night, judge_night, judge_nights
from tests.spec.checking import check
from tests.spec.worked_cases import AS_OF, ZONE, Case, worked_cases

CASES: Final = worked_cases()
EVERY_TENTH: Final = CASES[::10]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_worked_case_is_answered_as_expected(case: Case) -> None:
    """Every expected key holds: the specification in the words of its authors."""
    check(case, _answers(case.policy)[case.name])


@pytest.mark.parametrize("case", EVERY_TENTH, ids=lambda case: case.name)
def test_a_home_of_files_answers_like_a_store_in_memory(case: Case, tmp_path: Path) -> None:
    """What the fast tests judge together is what a night alone in its home judges."""
    alone = judge_night(case.tables, AS_OF, ZONE, tmp_path, _policy(case.policy))
    check(case, alone)
    assert alone == _answers(case.policy)[case.name]


@cache
def _answers(policy: str) -> Mapping[str, Night]:
    """All cases under one policy, judged together and apart from each other."""
    cases = [case for case in CASES if case.policy == policy]
    nights = judge_nights([case.tables for case in cases], AS_OF, ZONE, _policy(policy))
    return dict(zip([case.name for case in cases], nights, strict=True))


def _policy(text: str) -> dict[str, object] | None:
    return json.loads(text) if text else None
