"""The product and its dull twin give the same night, column by column and list by list."""

from hypothesis import given

from tests.agreement import differences
from tests.drawing import AS_OF, ZONE, Drawn, judging, several_nights
from tests.oracle.night import judge
from tests.product import judge_nights


@judging
@given(several_nights())
def test_the_product_judges_as_the_oracle_does(nights: list[Drawn]) -> None:
    """Two programs from one page of rules agree, or one of them read it wrong."""
    for tables, found in zip(nights, judge_nights(nights, AS_OF, ZONE), strict=True):
        assert differences(found, judge(tables, AS_OF, ZONE)) == []
