"""Potassium, calcium, interacting drugs, tube contamination (section 8, S12, S19, S20)."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from .analytes import ALBUMIN, CALCIUM, IONISED_CALCIUM, POTASSIUM
from .chart import Chart
from .drugs import CARDIAC_GLYCOSIDE, CNS_DEPRESSANT, POTASSIUM_SPARING
from .medications import is_on_class
from .policy import Policy
from .times import Moment
from .values import Interval, rounded
from .versions import Result


@dataclass(frozen=True)
class Companions:
    """What stands beside a severe or low index."""

    potassium: Decimal | None
    total_calcium: Decimal | None
    judged_calcium: Decimal | None
    reasons: set[str]


def companions_of(index: Result, chart: Chart, moment: Moment, policy: Policy) -> Companions:
    """Return the companion findings of a severe or low index."""
    potassium = _newest(POTASSIUM, index, chart, policy)
    total = _newest(CALCIUM, index, chart, policy)
    reasons = _potassium_reasons(potassium, policy)
    judged, said = _calcium(index, chart, moment, policy)
    reasons |= said
    for drug_class, reason in (
        (CARDIAC_GLYCOSIDE, "ON_CARDIAC_GLYCOSIDE"),
        (CNS_DEPRESSANT, "ON_CNS_DEPRESSANT"),
        (POTASSIUM_SPARING, "ON_POTASSIUM_SPARING_DIURETIC"),
    ):
        if is_on_class(chart.medications, drug_class, moment, policy):
            reasons.add(reason)
    if _is_suspect(index, chart, policy):
        reasons.add("SUSPECT_SAMPLE")
    return Companions(
        potassium=potassium.figure if potassium else None,
        total_calcium=total.figure if total else None,
        judged_calcium=judged,
        reasons=reasons,
    )


def _newest(analyte: str, index: Result, chart: Chart, policy: Policy) -> Result | None:
    start = index.collected_at - timedelta(hours=policy.window_hours)
    within = [one for one in chart.of(analyte) if one.collected_at >= start]
    return within[-1] if within else None


def _is_low(result: Result, limit: Decimal) -> bool:
    own = result.reference_low
    return result.interval.is_below(limit if own is None else own)


def _potassium_reasons(potassium: Result | None, policy: Policy) -> set[str]:
    if potassium is None:
        return {"CHECK_POTASSIUM"}
    return {"LOW_POTASSIUM"} if _is_low(potassium, policy.potassium_low) else set()


def _calcium(
    index: Result, chart: Chart, moment: Moment, policy: Policy
) -> tuple[Decimal | None, set[str]]:
    """Return the figure that was judged, and what is said of it."""
    total = _newest(CALCIUM, index, chart, policy)
    ionised = _newest(IONISED_CALCIUM, index, chart, policy)
    if ionised is not None and (total is None or ionised.collected_at >= total.collected_at):
        is_low = _is_low(ionised, policy.ionised_calcium_low)
        return ionised.figure, {"LOW_CALCIUM"} if is_low else set()
    if total is None:
        return None, {"CHECK_CALCIUM"}
    albumins = [
        one
        for one in chart.of(ALBUMIN)
        if moment.days_since(one.collected_at) <= policy.albumin_days
    ]
    if albumins:
        adjusted = _adjusted(total.interval, albumins[-1].interval)
        figure = rounded(total.figure + Decimal("0.8") * (4 - albumins[-1].figure))
        return figure, {"LOW_CALCIUM"} if adjusted.is_below(policy.calcium_low) else set()
    if _is_low(total, policy.calcium_low):
        return total.figure, {"LOW_CALCIUM", "CALCIUM_UNADJUSTED"}
    return total.figure, set()


def _adjusted(total: Interval, albumin: Interval) -> Interval:
    """Return total + 0.8 x (4 - albumin): the most albumin gives the least calcium."""

    def bound(calcium: Decimal | None, protein: Decimal | None) -> Decimal | None:
        if calcium is None or protein is None:
            return None
        return rounded(calcium + Decimal("0.8") * (4 - protein))

    return Interval(
        low=bound(total.low, albumin.high),
        high=bound(total.high, albumin.low),
        low_closed=total.low_closed and albumin.high_closed,
        high_closed=total.high_closed and albumin.low_closed,
    )


def _is_suspect(index: Result, chart: Chart, policy: Policy) -> bool:
    minutes = timedelta(minutes=policy.edta_minutes)

    def with_index(analyte: str) -> list[Result]:
        return [
            one
            for one in chart.of(analyte)
            if (index.specimen_id and one.specimen_id == index.specimen_id)
            or abs(one.collected_at - index.collected_at) <= minutes
        ]

    high_potassium = any(
        one.interval.is_at_least(policy.edta_potassium) for one in with_index(POTASSIUM)
    )
    low_calcium = any(one.interval.is_below(policy.edta_calcium) for one in with_index(CALCIUM))
    return high_potassium and low_calcium
