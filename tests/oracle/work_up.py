"""The work-up list and the fractional excretion of magnesium (section 9, S25-S28)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from .analytes import CREATININE, MAGNESIUM, URINE_CREATININE, URINE_MAGNESIUM
from .chart import Chart
from .episodes import Episode
from .policy import Policy
from .renal import ADEQUATE, Renal
from .times import Moment
from .values import rounded
from .versions import Result


@dataclass(frozen=True)
class Femg:
    """The fractional excretion in percent and what it suggests."""

    percent: Decimal
    finding: str


def is_persistent(episode: Episode | None, index: Result, moment: Moment, policy: Policy) -> bool:
    """Say whether an open episode has low results on days far enough apart."""
    if episode is None or moment.days_since(index.collected_at) > policy.work_up_index_days:
        return False
    days = [moment.local_day(one.collected_at) for one in episode.results]
    return (max(days) - min(days)).days >= policy.persistent_days


def femg_of(chart: Chart, episode: Episode, renal: Renal, policy: Policy) -> Femg | None:
    """Return the excretion from the newest urine of the episode, None without a complete set."""
    urine = _newest_urine(chart, episode)
    if urine is None:
        return None
    urine_magnesium, urine_creatinine = urine
    at = urine_magnesium.collected_at
    serum_magnesium = _nearest(chart.of(MAGNESIUM), at, policy)
    serum_creatinine = _nearest(chart.of(CREATININE), at, policy)
    if serum_magnesium is None or serum_creatinine is None:
        return None
    four = (urine_magnesium, urine_creatinine, serum_magnesium, serum_creatinine)
    if any(one.comparator is not None for one in four):
        return None
    percent = rounded(
        100
        * (urine_magnesium.figure * serum_creatinine.figure)
        / (Decimal("0.7") * serum_magnesium.figure * urine_creatinine.figure)
    )
    return Femg(percent, _finding(percent, at, chart, renal, policy))


def _newest_urine(chart: Chart, episode: Episode) -> tuple[Result, Result] | None:
    creatinine_at = {one.collected_at: one for one in chart.of(URINE_CREATININE)}
    pairs = [
        (one, creatinine_at[one.collected_at])
        for one in chart.of(URINE_MAGNESIUM)
        if one.collected_at in creatinine_at and one.collected_at >= episode.start.collected_at
    ]
    return pairs[-1] if pairs else None


def _nearest(results: list[Result], at: datetime, policy: Policy) -> Result | None:
    reach = timedelta(hours=policy.femg_pair_hours)
    near = [one for one in results if abs(one.collected_at - at) <= reach]
    # Oldest first, and min keeps the first: a tie goes to the earlier.
    return min(near, key=lambda one: abs(one.collected_at - at), default=None)


def _finding(percent: Decimal, at: datetime, chart: Chart, renal: Renal, policy: Policy) -> str:
    has_normal_kidneys = (
        renal.status == ADEQUATE
        and renal.estimate is not None
        and renal.estimate >= policy.femg_min_clearance
    )
    day_before = at - timedelta(hours=policy.femg_pair_hours)
    was_dosed = any(
        dose.started_at <= at and dose.ended_at >= day_before for dose in chart.parenteral_doses
    )
    if not has_normal_kidneys or was_dosed:
        return "not_interpretable"
    if percent > policy.femg_limit:
        return "renal_wasting"
    return "gastrointestinal_loss" if percent < policy.femg_limit else "indeterminate"
