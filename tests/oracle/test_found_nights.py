"""Each night that once told product and oracle apart is judged alike, and rightly."""

from datetime import UTC, datetime

import pytest

from tests.agreement import differences
from tests.drawing import AS_OF, ZONE
from tests.oracle.found_nights import FOUND
from tests.oracle.night import judge
from tests.product import judge_nights


@pytest.mark.parametrize("name", FOUND)
def test_a_found_night_stays_settled(name: str) -> None:
    """A counterexample that was argued once is not argued again."""
    found = FOUND[name]
    (night,) = judge_nights([found.tables], AS_OF, ZONE)
    said = {column: _as_written(night.assessments["P1"][column]) for column in found.expected}
    assert said == found.expected, found.reason
    assert differences(night, judge(found.tables, AS_OF, ZONE)) == []


def _as_written(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value
