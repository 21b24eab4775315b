"""Which results count, one per instant and analyte, and the index (section 2)."""

from decimal import Decimal

from .analytes import CREATININE, MAGNESIUM
from .policy import Policy
from .severity import SEVERE, UNDETERMINED, is_critical_high, severity_of
from .times import Moment
from .versions import Result


def counted_results(results: list[Result], policy: Policy) -> list[Result]:
    """Return one patient's counted results of one analyte, oldest first, one per instant."""
    by_instant: dict[object, list[Result]] = {}
    for result in results:
        if _counts(result, policy):
            by_instant.setdefault(result.collected_at, []).append(result)
    chosen = [min(rivals, key=_preference) for rivals in by_instant.values()]
    return sorted(chosen, key=lambda result: result.collected_at)


def _counts(result: Result, policy: Policy) -> bool:
    if not result.is_provisional:
        return True
    return result.analyte == MAGNESIUM and (
        severity_of(result.interval, policy) == SEVERE or is_critical_high(result.interval, policy)
    )


def _preference(result: Result) -> tuple[Decimal, str, str]:
    high = result.interval.high
    bound = Decimal("Infinity") if high is None else high
    if result.analyte == CREATININE:
        bound = -bound
    return (bound, result.observation_id, result.row_text)


def index_of(magnesium: list[Result], moment: Moment, policy: Policy) -> Result | None:
    """Return the latest counted magnesium that has a severity, else the latest of all."""
    recent = [
        result
        for result in magnesium
        if moment.days_since(result.collected_at) <= policy.assessment_days
    ]
    determined = [
        result for result in recent if severity_of(result.interval, policy) != UNDETERMINED
    ]
    for candidates in (determined, recent):
        if candidates:
            return candidates[-1]
    return None
