"""Who is quiet: on no list, and of whom time alone can ask nothing more."""

from typing import Final

import polars as pl
import pytest

from data_contracts.vocabulary import WORKLISTS
from hypomag_rules.quiet import is_quiet

_SETTLED: Final[dict[str, object]] = {
    "severity": "target_met",
    "recheck_rule": None,
    "recheck_status": None,
    "reasons": [],
    **dict.fromkeys([f"is_on_{name}" for name in WORKLISTS], False),
}
_SCHEMA: Final = {
    "recheck_rule": pl.String(),
    "recheck_status": pl.String(),
    "reasons": pl.List(pl.String),
}
_RUN_OUT: Final[dict[str, object]] = {
    "severity": "low",
    "recheck_rule": "standard",
    "recheck_status": "expired",
}
_OTHERWISE: Final[dict[str, tuple[dict[str, object], bool]]] = {
    "on target, nothing owed": ({}, True),
    "high, nothing owed": ({"severity": "high"}, True),
    "low, taken off as too old": (_RUN_OUT, True),
    "severe, taken off as too old": (_RUN_OUT | {"severity": "severe"}, True),
    "low, window open": (_RUN_OUT | {"recheck_status": "due"}, False),
    "low, nothing said of a recheck": ({"severity": "low"}, False),
    "undetermined": ({"severity": "undetermined"}, False),
    "on target, a level still owed": ({"recheck_rule": "confirm"}, False),
    "too old, doses never delivered": (_RUN_OUT | {"reasons": ["TREATMENT_UNKNOWN"]}, False),
    **{f"on {name}": ({f"is_on_{name}": True}, False) for name in WORKLISTS},
    **{f"too old, on {name}": (_RUN_OUT | {f"is_on_{name}": True}, False) for name in WORKLISTS},
}


@pytest.mark.parametrize(("told", "expected"), _OTHERWISE.values(), ids=_OTHERWISE.keys())
def test_quiet_is_who_is_on_no_list_and_owed_nothing(
    told: dict[str, object], *, expected: bool
) -> None:
    assessment = pl.DataFrame([_SETTLED | told], schema_overrides=_SCHEMA)
    assert assessment.select(is_quiet()).item() is expected
