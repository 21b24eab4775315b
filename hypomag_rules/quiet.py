"""Patients about whom a night can repeat what the last one said, and what time alone changes.

Of a patient at target who is on no list, who got no new row and passed no limit named here, every
published column stays as it is. Whoever adds a rule that lets time speak for such a patient adds
its limit here; a test compares nights that repeat with nights that judge everybody.
"""

from typing import Final, NamedTuple

import polars as pl

from hypomag_rules.policy import Policy

_LISTS: Final = ("iv_replacement", "recheck", "review", "work_up", "high_watch")
# What of an assessment tells whether it is quiet.
QUIET_COLUMNS: Final = ("severity", "recheck_rule", *(f"is_on_{name}" for name in _LISTS))


def is_quiet() -> pl.Expr:
    """Whether an assessment is of a patient at target, on no list, with no recheck owed."""
    is_listed = pl.any_horizontal(f"is_on_{name}" for name in _LISTS)
    is_at_target = (pl.col("severity") == "target_met").fill_null(value=False)
    return is_at_target & pl.col("recheck_rule").is_null() & ~is_listed


class Limit(NamedTuple):
    """Rows of a table that stop counting so many local days after their time.

    `analytes` names those of observations that matter; none for other tables.
    """

    table: str
    time: str
    days: int
    analytes: tuple[str, ...] = ()


def limits(policy: Policy) -> tuple[Limit, ...]:
    """Every limit in days that a quiet patient's assessment can pass."""
    renal = policy.renal
    kidneys = ("creatinine", "clearance", "egfr")
    return (
        Limit("observations", "collected_time", policy.assessment.days, ("magnesium",)),
        Limit("observations", "collected_time", renal.creatinine_days, kidneys),
        Limit("observations", "collected_time", renal.weight_days, ("weight",)),
        Limit("conditions", "recorded_time", policy.companions.obstetric_days),
    )


# Times at which a row of a table becomes known, begins, ends or is over; and whose birthday it is.
OWN_TIMES: Final = {
    "patients": ("died_time", "updated_time"),
    "conditions": ("recorded_time", "resolved_time"),
    "medications": ("started_time", "ended_time", "updated_time"),
}
BORN: Final = "born_on"
