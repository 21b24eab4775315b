"""The orders of the worklists (sections 6, 7 and 9)."""

from datetime import datetime
from decimal import Decimal

from .assess import Assessment, Judged
from .policy import Policy
from .recheck import SECTIONS, Recheck
from .review import Finding
from .severity import LOW, SEVERE, TARGET_MET, is_critical_high
from .times import Moment

_UNBOUNDED = Decimal("Infinity")


def iv_replacement(assessments: list[Assessment]) -> list[str]:
    """Return the IV list: upper bound, collection, patient."""

    def order(one: Assessment) -> tuple[Decimal, datetime, str]:
        high = one.index.interval.high
        return (
            _UNBOUNDED if high is None else high,
            one.index.collected_at,
            one.chart.patient_id,
        )

    listed = [one for one in assessments if one.is_on_iv_replacement]
    return [one.chart.patient_id for one in sorted(listed, key=order)]


def recheck_sections(
    assessments: list[Assessment], moment: Moment, policy: Policy
) -> dict[str, str]:
    """Return the recheck list in order, each patient with the section."""

    def order(listed: tuple[Assessment, Recheck, str]) -> tuple[object, ...]:
        one, recheck, section = listed
        return (
            SECTIONS.index(section),
            "SEVERE_UNTREATED" not in one.reasons,
            not one.chart.is_in_hospital,
            (SEVERE, LOW, TARGET_MET).index(one.severity),
            -recheck.share_past_due(moment, policy),
            (one.age or 0) < policy.elderly_age,
            one.chart.patient_id,
        )

    listed = [
        (one, one.recheck, section)
        for one in assessments
        if one.recheck is not None
        and (section := one.recheck.section(moment, policy)) is not None
        and not one.is_on_iv_replacement
    ]
    return {one.chart.patient_id: section for one, _, section in sorted(listed, key=order)}


def work_up(assessments: list[Assessment]) -> list[str]:
    """Return the work-up list by patient."""
    return sorted(one.chart.patient_id for one in assessments if one.is_on_work_up)


def high_watch(assessments: list[Assessment], policy: Policy) -> list[str]:
    """Return the high watch: critical first, then the higher lower bound, then patient."""

    def order(one: Assessment) -> tuple[bool, Decimal, str]:
        low = one.index.interval.low
        return (
            not is_critical_high(one.index.interval, policy),
            _UNBOUNDED if low is None else -low,
            one.chart.patient_id,
        )

    listed = [one for one in assessments if one.is_on_high_watch]
    return [one.chart.patient_id for one in sorted(listed, key=order)]


def review(judged: list[Judged]) -> list[str]:
    """Return the review list: could be severe, critical children, newest first, patient."""

    def group(findings: list[Finding]) -> int:
        if any(finding.could_be_severe for finding in findings):
            return 0
        return 1 if any(finding.is_critical_child for finding in findings) else 2

    def order(one: Judged) -> tuple[int, float, str]:
        newest = max(finding.time for finding in one.findings)
        return (group(one.findings), -newest.timestamp(), one.chart.patient_id)

    listed = [one for one in judged if one.findings]
    return [one.chart.patient_id for one in sorted(listed, key=order)]
