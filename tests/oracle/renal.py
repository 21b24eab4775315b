"""Renal function at `as_of` (section 4, S17)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from .analytes import CLEARANCE, CREATININE, EGFR, HEIGHT, WEIGHT
from .chart import Chart
from .conditions import is_on_dialysis
from .policy import Policy
from .times import Moment
from .values import rounded
from .versions import Result

SEVERE_IMPAIRMENT, ADEQUATE, UNKNOWN = "severe_impairment", "adequate", "unknown"
FORMULA_ADULT_AGE = 18


@dataclass(frozen=True)
class Renal:
    """The answer of section 4; the estimate in mL/min."""

    status: str
    method: str | None
    estimate: Decimal | None
    unstable_since: datetime | None

    @property
    def is_unstable(self) -> bool:
        """Say whether creatinine rose as KDIGO means it."""
        return self.unstable_since is not None


def renal_function(chart: Chart, moment: Moment, policy: Policy) -> Renal:
    """Return the first step of section 4 that applies."""
    unstable_since = _unstable_since(chart, moment, policy)
    if is_on_dialysis(chart.conditions):
        return Renal(SEVERE_IMPAIRMENT, "dialysis", None, unstable_since)
    steps = (
        ("reported_clearance", _reported(chart, CLEARANCE, moment, policy)),
        ("cockcroft_gault", _cockcroft_gault(chart, moment, policy)),
        ("egfr", _reported(chart, EGFR, moment, policy)),
        ("egfr", _ckd_epi(chart, moment, policy)),
    )
    for method, estimate in steps:
        if estimate is not None:
            is_severe = estimate.is_severe
            status = SEVERE_IMPAIRMENT if is_severe else ADEQUATE
            return Renal(status, method, estimate.figure, unstable_since)
    return Renal(UNKNOWN, None, None, unstable_since)


@dataclass(frozen=True)
class _Estimate:
    figure: Decimal
    is_severe: bool


def _newest(results: list[Result], moment: Moment, days: int) -> Result | None:
    recent = [one for one in results if moment.days_since(one.collected_at) <= days]
    return recent[-1] if recent else None


def _plain(result: Result | None) -> Decimal | None:
    if result is None or result.comparator is not None:
        return None
    return result.figure


def _reported(chart: Chart, analyte: str, moment: Moment, policy: Policy) -> _Estimate | None:
    days = policy.renal_creatinine_days
    reported = _newest(chart.of(analyte), moment, days)
    creatinine = _newest(chart.of(CREATININE), moment, days)
    if reported is None:
        return None
    if creatinine is not None and reported.collected_at < creatinine.collected_at:
        return None
    if reported.interval.is_below(policy.severe_below):
        return _Estimate(reported.figure, is_severe=True)
    if reported.interval.is_at_least(policy.severe_below):
        return _Estimate(reported.figure, is_severe=False)
    return None


def _computed(figure: Decimal, policy: Policy) -> _Estimate:
    figure = rounded(figure)
    return _Estimate(figure, is_severe=figure < policy.severe_below)


def _adult_and_creatinine(
    chart: Chart, moment: Moment, policy: Policy
) -> tuple[int, Decimal] | None:
    age = chart.age_on(moment.night)
    newest = _newest(chart.of(CREATININE), moment, policy.renal_creatinine_days)
    creatinine = _plain(newest)
    if age is None or age < FORMULA_ADULT_AGE or creatinine is None:
        return None
    return age, creatinine


def _cockcroft_gault(chart: Chart, moment: Moment, policy: Policy) -> _Estimate | None:
    known = _adult_and_creatinine(chart, moment, policy)
    actual = _plain(_newest(chart.of(WEIGHT), moment, policy.renal_weight_days))
    if known is None or actual is None:
        return None
    heights = chart.of(HEIGHT)
    height = _plain(heights[-1]) if heights else None
    return _computed(cockcroft_gault(*known, actual, height, chart.person.sex, policy), policy)


def cockcroft_gault(
    age: int,
    creatinine: Decimal,
    actual: Decimal,
    height: Decimal | None,
    sex: str | None,
    policy: Policy,
) -> Decimal:
    """Return the clearance in mL/min, of unknown sex the lower one."""
    weight = _dosing_weight(actual, height, sex, policy)
    clearance = (140 - age) * weight / (72 * creatinine)
    # of both sexes the female figure is the lower
    return clearance if sex == "male" else clearance * Decimal("0.85")


def _dosing_weight(
    actual: Decimal, height: Decimal | None, sex: str | None, policy: Policy
) -> Decimal:
    if height is None or height < policy.ideal_weight_from_height:
        return actual
    devine = Decimal(50) if sex == "male" else Decimal("45.5")
    ideal = devine + Decimal("2.3") * (height / Decimal("2.54") - 60)
    if actual <= ideal:
        return actual
    body_mass_index = rounded(actual / (height / 100) ** 2)
    if body_mass_index >= policy.adjusted_weight_from_bmi:
        return ideal + policy.adjusted_weight_factor * (actual - ideal)
    return ideal


def _ckd_epi(chart: Chart, moment: Moment, policy: Policy) -> _Estimate | None:
    known = _adult_and_creatinine(chart, moment, policy)
    if known is None:
        return None
    return _computed(lower_ckd_epi(*known, chart.person.sex), policy)


def lower_ckd_epi(age: int, creatinine: Decimal, sex: str | None) -> Decimal:
    """Return CKD-EPI 2021 in mL/min/1.73 m², of unknown sex the lower one."""
    female = _ckd_epi_2021(age, creatinine, Decimal("0.7"), Decimal("-0.241")) * Decimal("1.012")
    male = _ckd_epi_2021(age, creatinine, Decimal("0.9"), Decimal("-0.302"))
    by_sex = {"female": female, "male": male}
    return by_sex.get(sex or "", min(female, male))


def _ckd_epi_2021(age: int, creatinine: Decimal, kappa: Decimal, alpha: Decimal) -> Decimal:
    ratio = creatinine / kappa
    low, high = min(ratio, Decimal(1)), max(ratio, Decimal(1))
    return 142 * low**alpha * high ** Decimal("-1.2") * Decimal("0.9938") ** age


def _unstable_since(chart: Chart, moment: Moment, policy: Policy) -> datetime | None:
    """Return the newest plain creatinine's time when it rose enough, else None."""
    plain = [one for one in chart.of(CREATININE) if one.comparator is None]
    newest = _newest(plain, moment, policy.renal_creatinine_days)
    if newest is None:
        return None

    def lowest(hours: int) -> Decimal | None:
        start = newest.collected_at - timedelta(hours=hours)
        before = [one for one in plain if start <= one.collected_at < newest.collected_at]
        return min((one.figure for one in before), default=None)

    rise_from = lowest(policy.unstable_rise_hours)
    ratio_from = lowest(policy.unstable_ratio_hours)
    rose = rise_from is not None and (rounded(newest.figure - rise_from, 3) >= policy.unstable_rise)
    grew = ratio_from is not None and (
        rounded(newest.figure / ratio_from, 3) >= policy.unstable_ratio
    )
    return newest.collected_at if rose or grew else None


def im_upper_limit(chart: Chart, renal: Renal, moment: Moment, policy: Policy) -> Decimal | None:
    """Return S4 in grams: of adequate, stable kidneys and a weight at most so many days old."""
    if renal.status != ADEQUATE or renal.is_unstable:
        return None
    newest = _newest(chart.of(WEIGHT), moment, policy.renal_weight_days)
    weight = _plain(newest)
    if newest is None or weight is None:
        return None
    if moment.days_since(newest.collected_at) > policy.im_weight_days:
        return None
    return min(policy.im_grams_per_kg * weight, policy.im_cap_grams)


def renal_reasons(renal: Renal, policy: Policy) -> set[str]:
    """Return the reasons that section 4 gives every assessed patient."""
    reasons: set[str] = set()
    if renal.status == SEVERE_IMPAIRMENT:
        reasons.add("RENAL_IMPAIRED")
    if renal.status == UNKNOWN:
        reasons.add("RENAL_UNKNOWN")
    if renal.status == ADEQUATE and (renal.estimate or Decimal(0)) < policy.reduced_below:
        reasons.add("RENAL_REDUCED")
    if renal.method == "egfr":
        reasons.add("RENAL_FROM_EGFR")
    if renal.is_unstable:
        reasons.add("RENAL_UNSTABLE")
    return reasons
