"""Severity of a magnesium interval (section 3)."""

from .policy import Policy
from .values import Interval

SEVERE, LOW, TARGET_MET, HIGH, UNDETERMINED = (
    "severe",
    "low",
    "target_met",
    "high",
    "undetermined",
)


def severity_of(interval: Interval, policy: Policy) -> str:
    """Return the band that holds the whole interval, `undetermined` when none does."""
    includes = policy.severe_includes_limit
    bands = (
        (SEVERE, Interval(None, policy.severe_limit, high_closed=includes)),
        (LOW, Interval(policy.severe_limit, policy.target, low_closed=not includes)),
        (TARGET_MET, Interval(policy.target, policy.upper_limit, low_closed=False)),
        (HIGH, Interval(policy.upper_limit, None, low_closed=False)),
    )
    for name, band in bands:
        if interval.is_inside(band):
            return name
    return UNDETERMINED


def is_critical_high(interval: Interval, policy: Policy) -> bool:
    """Say whether the lower bound reaches the critical limit."""
    return interval.low is not None and interval.low >= policy.critical_high
