"""Who is watched for too much magnesium (section 9, S11, S17, S21)."""

from datetime import timedelta

from .chart import Chart
from .conditions import is_obstetric
from .drugs import MAGNESIUM_DRUG
from .medications import Medication
from .policy import Policy
from .renal import SEVERE_IMPAIRMENT, Renal
from .severity import HIGH, is_critical_high, severity_of
from .times import Moment
from .versions import Result

_NEVER_ACTIVE = {"cancelled", "held", "refused"}
_ENDED = {"stopped", "completed"}


def is_watched(index: Result, chart: Chart, renal: Renal, moment: Moment, policy: Policy) -> bool:
    """Say whether a living patient in scope is on high watch."""
    on_board = has_magnesium_on_board(chart, moment, policy)
    is_impaired = renal.status == SEVERE_IMPAIRMENT
    if severity_of(index.interval, policy) == HIGH:
        is_risky = (
            is_critical_high(index.interval, policy) or is_impaired or renal.is_unstable or on_board
        )
        days = policy.high_watch_index_days if is_risky else policy.mild_index_days
        is_recent = moment.days_since(index.collected_at) <= days
        if is_recent and not _is_expected(index, chart, renal, moment, policy):
            return True
    is_newly_unstable = (
        renal.unstable_since is not None
        and moment.days_since(renal.unstable_since) <= policy.high_watch_creatinine_days
    )
    return on_board and (is_impaired or is_newly_unstable)


def _is_expected(index: Result, chart: Chart, renal: Renal, moment: Moment, policy: Policy) -> bool:
    """Say whether a high level is that of treated pre-eclampsia with good kidneys."""
    low = index.interval.low
    return (
        is_obstetric(chart.conditions, moment, policy.obstetric_days, only_dated=True)
        and low is not None
        and low < policy.obstetric_high
        and renal.status != SEVERE_IMPAIRMENT
        and not renal.is_unstable
    )


def has_magnesium_on_board(chart: Chart, moment: Moment, policy: Policy) -> bool:
    """Say whether a magnesium dose ended, or an oral order ran, in the last days."""
    return any(
        moment.days_since(dose.ended_at) <= policy.dosed_days for dose in chart.doses
    ) or any(_ran_lately(order, moment, policy) for order in chart.medications)


def _ran_lately(order: Medication, moment: Moment, policy: Policy) -> bool:
    is_oral_magnesium = (
        order.is_order and order.drug_class == MAGNESIUM_DRUG and order.route == "oral"
    )
    if not is_oral_magnesium or order.status in _NEVER_ACTIVE:
        return False
    ended_at = order.ended_at
    if ended_at is None and order.status in _ENDED:
        ended_at = order.started_at  # ended at a time nobody wrote
    if ended_at is None:
        return True
    first_day = moment.night - timedelta(days=policy.dosed_days)
    return moment.local_day(ended_at) >= first_day
