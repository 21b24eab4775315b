"""The product and the oracle keep every promise of the rule tables."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Final

import pytest

from tests.oracle.night import Night
from tests.product import judge_nights
from tests.spec.checking import by_oracle, check
from tests.spec.promises import promises
from tests.spec.worked_cases import AS_OF, ZONE, Case

PROMISES: Final = promises()


@pytest.mark.parametrize("case", PROMISES, ids=lambda case: case.name)
def test_the_product_keeps_the_promise(case: Case) -> None:
    check(case, _kept(case.policy)[case.name])


@pytest.mark.parametrize("case", PROMISES, ids=lambda case: case.name)
def test_the_oracle_keeps_the_promise(case: Case) -> None:
    check(case, by_oracle(case))


@cache
def _kept(policy: str) -> Mapping[str, Night]:
    """All promises under one policy, judged together and apart from each other."""
    cases = [case for case in PROMISES if case.policy == policy]
    changed = json.loads(policy) if policy else None
    nights = judge_nights([case.tables for case in cases], AS_OF, ZONE, changed)
    return dict(zip([case.name for case in cases], nights, strict=True))


def test_no_promise_is_made_twice() -> None:
    names = [case.name for case in PROMISES]
    assert len(names) == len(set(names))
