"""The review list: what could not be judged, and who is out of scope (section 9)."""

from dataclasses import dataclass
from datetime import datetime

from .analytes import MAGNESIUM, analyte_of
from .chart import Chart
from .observations import WITHDRAWN, Version
from .policy import Policy
from .severity import (
    SEVERE,
    TARGET_MET,
    UNDETERMINED,
    is_critical_high,
    severity_of,
)
from .times import Moment
from .values import printed_numbers
from .versions import WITHDRAWAL_TIME_UNKNOWN, Observation, Result, is_withdrawn


@dataclass(frozen=True)
class Finding:
    """One thing about a patient that a person has to look at."""

    reason: str
    time: datetime
    could_be_severe: bool = False
    is_critical_child: bool = False


def findings_of(
    chart: Chart, index: Result | None, moment: Moment, policy: Policy, *, is_child: bool
) -> list[Finding]:
    """Return what puts a living patient on review, each within its days."""
    findings = _unjudged(chart, moment, policy)
    findings += _undetermined(chart, index, policy)
    if index is not None and is_child:
        severity = severity_of(index.interval, policy)
        if severity != TARGET_MET:
            findings.append(
                Finding(
                    "UNDER_18",
                    index.collected_at,
                    could_be_severe=severity == SEVERE,
                    is_critical_child=is_critical_high(index.interval, policy),
                )
            )
    return [one for one in findings if moment.days_since(one.time) <= policy.review_days]


def _unjudged(chart: Chart, moment: Moment, policy: Policy) -> list[Finding]:
    findings: list[Finding] = []
    for observation in chart.observations:
        if not _is_magnesium(observation, policy):
            continue
        for _ in observation.untimed_withdrawals:
            could = any(_could_be_severe(one, policy) for one in observation.remaining)
            reason = WITHDRAWAL_TIME_UNKNOWN.upper()
            findings.append(Finding(reason, moment.as_of, could_be_severe=could))
        if observation.result is None:
            findings += _refused_rows(observation, moment, policy)
    newest = chart.magnesium[-1].collected_at if chart.magnesium else None
    return [one for one in findings if newest is None or newest < one.time]


def _refused_rows(observation: Observation, moment: Moment, policy: Policy) -> list[Finding]:
    withdrawals = [one for one in observation.versions if one.kind == WITHDRAWN]
    return [
        Finding(
            row.reason.upper(),
            _time(row, moment),
            could_be_severe=_could_be_severe(row, policy),
        )
        for row in observation.versions
        if row.reason and not is_withdrawn(row, withdrawals)
    ]


def _is_magnesium(observation: Observation, policy: Policy) -> bool:
    """Say whether any version is magnesium: one that lost its code still speaks of it."""
    return any(
        analyte_of(version.cells["code"].strip(), policy) == MAGNESIUM
        for version in observation.versions
    )


def _time(row: Version, moment: Moment) -> datetime:
    if row.reason == "collected_in_future":
        return row.reported_at or moment.as_of
    return row.collected_at or row.reported_at or moment.as_of


def _could_be_severe(row: Version, policy: Policy) -> bool:
    return any(number <= policy.severe_limit for number in printed_numbers(row.cells["value"]))


def _undetermined(chart: Chart, index: Result | None, policy: Policy) -> list[Finding]:
    return [
        Finding(
            "UNDETERMINED",
            result.collected_at,
            could_be_severe=(
                result.interval.low is None or result.interval.low <= policy.severe_limit
            ),
        )
        for result in chart.magnesium
        if severity_of(result.interval, policy) == UNDETERMINED
        and (index is None or result is index or result.collected_at > index.collected_at)
    ]
