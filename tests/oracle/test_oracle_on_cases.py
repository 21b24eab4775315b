"""The oracle answers the worked cases of the specification."""

import pytest

from tests.spec.checking import by_oracle, check
from tests.spec.worked_cases import Case, worked_cases


@pytest.mark.parametrize("case", worked_cases(), ids=lambda case: case.name)
def test_the_oracle_gives_the_expected_answer(case: Case) -> None:
    """Every key of `expected` holds: the oracle may judge the product only if it agrees."""
    check(case, by_oracle(case))
