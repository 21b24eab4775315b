"""The product and its dull twin give the same night, column by column and list by list."""

from tests.agreement import differences
from tests.drawing import AS_OF, ZONE, Drawn, hold_on_every_night
from tests.oracle.night import judge
from tests.product import judge_nights


def test_the_product_judges_as_the_oracle_does() -> None:
    """Two programs from one page of rules agree, or one of them read it wrong."""
    hold_on_every_night(_disagreements)


def _disagreements(nights: list[Drawn]) -> list[list[str]]:
    judged = judge_nights(nights, AS_OF, ZONE)
    return [
        differences(found, judge(tables, AS_OF, ZONE))
        for tables, found in zip(nights, judged, strict=True)
    ]
