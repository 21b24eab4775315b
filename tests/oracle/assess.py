"""One patient's assessment: every rule in the order the sections stand."""

from dataclasses import dataclass, field
from decimal import Decimal

from .chart import Chart
from .companions import Companions, companions_of
from .conditions import is_cardiac, is_obstetric, needs_iv_caution
from .counted import index_of
from .episodes import Episode, episode_to_confirm, episodes_of, open_episode
from .high_watch import is_watched
from .policy import Policy
from .recheck import Recheck, Standing, recheck_of
from .renal import Renal, renal_function, renal_reasons
from .review import Finding, findings_of
from .severity import LOW, SEVERE, is_critical_high, severity_of
from .times import Moment
from .treatment import Treatment, treatment_reasons, treatment_since
from .versions import Result
from .work_up import Femg, femg_of, is_persistent


@dataclass
class Assessment:
    """Everything decided for a patient with an index."""

    chart: Chart
    index: Result
    severity: str
    is_in_scope: bool
    age: int | None
    renal: Renal
    treatment: Treatment
    episode: Episode | None
    companions: Companions
    is_cardiac: bool
    recheck: Recheck | None = None
    is_on_iv_replacement: bool = False
    is_on_work_up: bool = False
    is_on_high_watch: bool = False
    femg: Femg | None = None
    reasons: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Judged:
    """A patient's assessment, None without an index, and what is on review."""

    chart: Chart
    assessment: Assessment | None
    findings: list[Finding]


def judge_patient(chart: Chart, moment: Moment, policy: Policy) -> Judged:
    """Apply sections 2 to 9 to one chart."""
    index = index_of(chart.magnesium, moment, policy)
    age_at_index = chart.age_on(moment.local_day(index.collected_at)) if index else None
    is_child = age_at_index is not None and age_at_index < policy.adult_age
    assessment: Assessment | None = None
    if index is not None:
        assessment = _assessed(chart, index, moment, policy, is_child=is_child)
        if is_child:
            assessment.reasons.add("UNDER_18")
        if age_at_index is None:
            assessment.reasons.add("AGE_UNKNOWN")
    findings: list[Finding] = []
    if not chart.person.is_dead:
        findings = findings_of(chart, index, moment, policy, is_child=is_child)
    if assessment is not None:
        assessment.reasons |= {finding.reason for finding in findings}
    return Judged(chart, assessment, findings)


def _assessed(
    chart: Chart, index: Result, moment: Moment, policy: Policy, *, is_child: bool
) -> Assessment:
    severity = severity_of(index.interval, policy)
    is_judged_low = severity in {SEVERE, LOW}
    episodes = episodes_of(chart.magnesium, policy)
    made = Assessment(
        chart=chart,
        index=index,
        severity=severity,
        is_in_scope=not is_child,
        age=chart.age_on(moment.night),
        renal=renal_function(chart, moment, policy),
        treatment=treatment_since(index, chart, moment, policy),
        episode=open_episode(episodes),
        companions=(
            companions_of(index, chart, moment, policy)
            if is_judged_low
            else Companions(None, None, None, set())
        ),
        is_cardiac=is_cardiac(chart.conditions),
    )
    made.reasons |= _always(made, moment, policy)
    made.reasons |= renal_reasons(made.renal, policy)
    made.reasons |= made.companions.reasons
    made.reasons |= treatment_reasons(severity, index, chart, made.treatment)
    if severity == SEVERE and needs_iv_caution(chart.conditions):
        made.reasons.add("IV_CAUTION")
    is_listable = made.is_in_scope and not chart.person.is_dead
    to_confirm: Episode | None = None
    if is_listable:
        to_confirm = episode_to_confirm(index, episodes, chart.parenteral_doses, policy)
        _list(made, moment, policy, is_confirm=to_confirm is not None)
    episode_treated = made.episode if is_judged_low else to_confirm
    if episode_treated is not None and not made.treatment.is_on_oral_magnesium:
        start = episode_treated.start.collected_at
        if any(dose.ended_at > start for dose in chart.parenteral_doses):
            made.reasons.add("ORAL_MAINTENANCE_NOT_STARTED")
    return made


def _always(made: Assessment, moment: Moment, policy: Policy) -> set[str]:
    """Return the reasons that every assessed patient can have."""
    said = {
        "PROVISIONAL": made.index.is_provisional,
        "HAEMOLYSED": made.index.is_haemolysed,
        "OBSTETRIC": is_obstetric(made.chart.conditions, moment, policy.obstetric_days),
        "CRITICAL_HIGH": is_critical_high(made.index.interval, policy),
    }
    return {reason for reason, is_so in said.items() if is_so}


def _list(made: Assessment, moment: Moment, policy: Policy, *, is_confirm: bool) -> None:
    """Put a living patient in scope on the lists of sections 6, 7 and 9."""
    index, chart = made.index, made.chart
    is_untreated = made.severity == SEVERE and not made.treatment.is_sufficient
    is_recent = moment.is_within_hours(index.collected_at, policy.iv_hours)
    made.is_on_iv_replacement = is_untreated and is_recent
    if is_untreated and not is_recent:
        made.reasons.add("SEVERE_UNTREATED")
    if is_confirm:
        made.reasons.add("TARGET_MET_SOON_AFTER_DOSE")
    if made.severity in {SEVERE, LOW} and (made.age or 0) >= policy.elderly_age:
        made.reasons.add("ELDERLY")
    standing = Standing(
        index=index,
        severity=made.severity,
        treatment=made.treatment,
        renal=made.renal,
        is_cardiac=made.is_cardiac,
        is_confirm=is_confirm,
        companion_reasons=made.companions.reasons,
    )
    made.recheck = recheck_of(standing, moment, policy)
    made.is_on_work_up = is_persistent(made.episode, index, moment, policy)
    if made.is_on_work_up and made.episode is not None:
        made.femg = femg_of(chart, made.episode, made.renal, policy)
        if made.femg is None:
            made.reasons.add("FEMG_NEEDED")
    made.is_on_high_watch = is_watched(index, chart, made.renal, moment, policy)


def as_float(figure: Decimal | None) -> float | None:
    """Return a figure as it is published, rounded to 6 decimals."""
    return None if figure is None else round(float(figure), 6)
