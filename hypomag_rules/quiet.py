"""Patients about whom a night can repeat what the last one said, and what time alone changes.

Of a patient who is on no list and owed nothing, who got no new row and passed no limit named here,
every published column stays as it is. Whoever adds a rule that lets time speak for such a patient
adds its limit here; a test compares nights that repeat with nights that judge everybody.
"""

from typing import Final, NamedTuple

import polars as pl

from data_contracts.vocabulary import WORKLISTS
from hypomag_rules.policy import Policy

# What of an assessment tells whether it is quiet.
QUIET_COLUMNS: Final = (
    "severity",
    "recheck_rule",
    "recheck_status",
    "reasons",
    *(f"is_on_{name}" for name in WORKLISTS),
)


def is_quiet() -> pl.Expr:
    """Whether an assessment is of a patient on no list, of whom time alone can ask nothing more.

    At target or high without a recheck; or short, when the recheck ran out. Short before anything
    of the wards was delivered is not quiet: one dose of another patient can change that.
    """
    is_listed = pl.any_horizontal(f"is_on_{name}" for name in WORKLISTS)
    is_closed = pl.col("severity").is_in(["target_met", "high"]) & pl.col("recheck_rule").is_null()
    is_blind = pl.col("reasons").list.contains("TREATMENT_UNKNOWN")
    has_run_out = pl.col("severity").is_in(["severe", "low"]) & (
        pl.col("recheck_status") == "expired"
    )
    is_settled = is_closed | (has_run_out & ~is_blind)
    return is_settled.fill_null(value=False) & ~is_listed


class Limit(NamedTuple):
    """Rows of a table that begin or stop to count some time after a time of theirs.

    So many local days, or when `days` is null so many hours; of `analytes` where any are named.
    """

    table: str
    time: str
    days: int | None = None
    hours: float = 0
    analytes: tuple[str, ...] = ()


def limits(policy: Policy) -> tuple[Limit, ...]:
    """Every limit that a quiet patient's assessment can pass, new results and birthdays aside.

    The windows that are not here (72 h of the IV list, recheck, work-up, high watch, review) are
    counted from the index or a dose and only ever take somebody off a list: the policy refuses a
    mild high that is watched longer than a pressing one, which would put somebody on.
    """
    renal, companions = policy.renal, policy.companions
    kidneys = ("creatinine", "clearance", "egfr")
    drawn = {
        ("magnesium",): policy.assessment.days,
        kidneys: renal.creatinine_days,
        ("weight",): renal.weight_days,
        ("albumin",): companions.albumin_days,
    }
    known = (
        ("patients", ("died_time", "updated_time")),
        ("conditions", ("recorded_time", "resolved_time")),
        ("medications", ("started_time", "ended_time", "updated_time")),
    )
    return (
        *(Limit("observations", "collected_time", days, 0, of) for of, days in drawn.items()),
        *(Limit(table, time) for table, times in known for time in times),
        Limit("conditions", "recorded_time", days=companions.obstetric_days),
        Limit("medications", "started_time", hours=companions.active_hours),
        Limit("medications", "ended_time", hours=companions.active_hours),
    )
