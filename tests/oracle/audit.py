"""Every magnesium dose held against how the guideline would give it (section 10)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from .analytes import WEIGHT
from .chart import Chart, chart_at_a_dose
from .medications import Dose, magnesium_doses, medication_of
from .observations import Version
from .policy import Policy
from .renal import SEVERE_IMPAIRMENT, renal_function
from .severity import HIGH, TARGET_MET, UNDETERMINED, severity_of
from .tables import MEDICATIONS, Row, standing_rows
from .times import Moment
from .values import rounded
from .versions import observations_of

_MEQ_PER_GRAM = Decimal("8.1146")
Audited = dict[str, object]


def audit(
    versions: list[Version], tables: Mapping[str, list[Row]], moment: Moment, policy: Policy
) -> dict[str, Audited]:
    """Return one row a dose of the last days, under its medication id."""
    by_patient: dict[str, list[Dose]] = {}
    rows = standing_rows(tables[MEDICATIONS], "medication_id", moment)
    for patient_id in {row.cells["patient_id"] for row in rows}:
        drugs = [
            drug
            for row in rows
            if row.cells["patient_id"] == patient_id
            if (drug := medication_of(row, moment)) is not None
        ]
        by_patient[patient_id] = magnesium_doses(drugs, moment)
    oldest = moment.as_of - timedelta(days=policy.assessment_days)
    return {
        dose.medication_id: _audited(
            dose, doses, _chart_at(patient_id, dose, versions, tables, moment, policy), policy
        )
        for patient_id, doses in by_patient.items()
        for dose in doses
        if dose.started_at >= oldest
    }


def _chart_at(
    patient_id: str,
    dose: Dose,
    versions: list[Version],
    tables: Mapping[str, list[Row]],
    moment: Moment,
    policy: Policy,
) -> tuple[Chart, Moment]:
    start = Moment(dose.started_at, moment.zone)
    known = observations_of(versions, start)
    return chart_at_a_dose(patient_id, known, tables, start, policy), start


def _audited(dose: Dose, doses: list[Dose], known: tuple[Chart, Moment], policy: Policy) -> Audited:
    chart, start = known
    findings: set[str] = set()
    missing: set[str] = set()
    match dose.route:
        case "iv":
            _judge_iv(dose, findings, missing, policy)
        case "im":
            _judge_im(dose, doses, known, policy, (findings, missing))
        case "other":
            findings.add("ROUTE_UNREAD")
    if dose.is_parenteral:
        findings |= _of_both(dose, doses, chart, start, policy)
    if missing:
        findings.add("NOT_COMPUTABLE")
    minutes = _minutes(dose)
    return {
        "patient_id": chart.patient_id,
        "route": dose.route,
        "started_at": dose.started_at,
        "ended_at": dose.ended_at if minutes is not None else None,
        "grams": _shown(dose.grams),
        "meq_by_iv_or_im": _meq(dose),
        "volume_ml": _shown(dose.millilitres),
        "minutes": _shown(minutes),
        "rate_mg_min": _shown(_rate(dose)),
        "concentration_percent": _shown(_concentration(dose)),
        "findings": sorted(findings),
        "missing": sorted(missing),
    }


def _judge_iv(dose: Dose, findings: set[str], missing: set[str], policy: Policy) -> None:
    rate, concentration = _rate(dose), _concentration(dose)
    if dose.grams is None:
        missing.add("mass")
    if _minutes(dose) is None:
        missing.add("end")
    if not dose.millilitres:
        missing.add("volume")
    if rate is not None and rounded(rate, 3) > policy.max_rate:
        findings.add("RATE_OVER_150")
    if concentration is not None and rounded(concentration, 3) > policy.max_concentration:
        findings.add("CONCENTRATION_OVER_20")


def _judge_im(
    dose: Dose,
    doses: list[Dose],
    known: tuple[Chart, Moment],
    policy: Policy,
    said: tuple[set[str], set[str]],
) -> None:
    findings, missing = said
    weight = _weight(*known, policy)
    window = timedelta(hours=policy.im_window_hours)
    given = [
        other.grams
        for other in doses
        if other.route == "im" and timedelta(0) <= dose.started_at - other.started_at <= window
    ]
    if None in given:
        missing.add("mass")
    if weight is None:
        missing.add("weight")
        return
    total = sum((grams for grams in given if grams is not None), Decimal(0))
    if rounded(total, 3) > rounded(weight * policy.im_ceiling / 1000, 3):
        findings.add("IM_OVER_CEILING")


def _shown(figure: Decimal | None) -> float | None:
    return None if figure is None else float(rounded(figure))


def _meq(dose: Dose) -> float | None:
    if not dose.is_parenteral or dose.grams is None:
        return None
    return _shown(dose.grams * _MEQ_PER_GRAM)


def _minutes(dose: Dose) -> Decimal | None:
    if dose.is_running or dose.ended_at <= dose.started_at:
        return None
    return Decimal(str((dose.ended_at - dose.started_at).total_seconds())) / 60


def _rate(dose: Dose) -> Decimal | None:
    minutes = _minutes(dose)
    return None if minutes is None or dose.grams is None else dose.grams * 1000 / minutes


def _concentration(dose: Dose) -> Decimal | None:
    if dose.grams is None or not dose.millilitres:
        return None
    return dose.grams / dose.millilitres * 100


def _weight(chart: Chart, start: Moment, policy: Policy) -> Decimal | None:
    recent = [
        one
        for one in chart.of(WEIGHT)
        if start.days_since(one.collected_at) <= policy.renal_weight_days
    ]
    return recent[-1].figure if recent and recent[-1].comparator is None else None


def _of_both(
    dose: Dose, doses: list[Dose], chart: Chart, start: Moment, policy: Policy
) -> set[str]:
    """Return what IV and IM doses share: kidneys, the level before, and a second charting."""
    findings: set[str] = set()
    is_impaired = renal_function(chart, start, policy).status == SEVERE_IMPAIRMENT
    if is_impaired and dose.grams is not None and rounded(dose.grams, 3) >= policy.renal_full_dose:
        findings.add("FULL_DOSE_IN_RENAL_IMPAIRMENT")
    levels = [
        severity
        for one in chart.magnesium
        if start.is_within_hours(one.collected_at, policy.level_hours)
        if (severity := severity_of(one.interval, policy)) != UNDETERMINED
    ]
    if not levels:
        findings.add("NO_RECENT_LEVEL")
    elif levels[-1] in {TARGET_MET, HIGH}:
        findings.add("ABOVE_TARGET_BEFORE_DOSE")
    if any(_is_the_same(dose, other, policy) for other in doses):
        findings.add("POSSIBLE_DUPLICATE")
    return findings


def _is_the_same(dose: Dose, other: Dose, policy: Policy) -> bool:
    if other is dose or other.route != dose.route or other.grams is None or dose.grams is None:
        return False
    share = policy.duplicate_percent / 100 * max(dose.grams, other.grams)
    return (
        _apart(dose.started_at, other.started_at) <= timedelta(minutes=policy.duplicate_minutes)
        and abs(dose.grams - other.grams) <= share
    )


def _apart(one: datetime, other: datetime) -> timedelta:
    return abs(one - other)
