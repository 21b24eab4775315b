"""One night by the rules of sections 1 to 10, over single rows: the product's dull twin."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from . import lists
from .assess import Assessment, as_float, judge_patient
from .audit import audit
from .chart import charts_of
from .links import persons_of
from .observations import Version, read_observations
from .policy import Policy, policy_with
from .renal import im_upper_limit
from .severity import is_critical_high
from .tables import CONDITIONS, ENCOUNTERS, MEDICATIONS, PATIENTS, Row, read_table
from .times import Moment
from .versions import observations_of

SOURCE = "canonical"


@dataclass(frozen=True)
class Night:
    """What a night publishes: assessments by patient, ordered lists, refused rows."""

    assessments: dict[str, dict[str, object]]
    lists: dict[str, list[str]]
    sections: dict[str, str]
    review_reasons: dict[str, list[str]]
    could_be_severe: set[str]
    quarantine: list[tuple[str, int, str]]
    doses: dict[str, dict[str, object]]


def judge(
    tables: dict[str, list[dict[str, str]]],
    as_of: datetime,
    zone: str,
    policy: dict[str, object] | None = None,
) -> Night:
    """Judge canonical rows as text, all received for this night; `as_of` is aware UTC."""
    moment = Moment(as_of, ZoneInfo(zone))
    numbers = policy_with(policy)
    persons = persons_of(tables.get("patient_links", []), moment)
    versions = [
        replace(version, cells=_of_person(version.cells, persons))
        for version in read_observations(tables.get("observations", []), moment, numbers)
    ]
    others = {
        table: [
            replace(row, cells=_of_person(row.cells, persons))
            for row in read_table(table, tables.get(table, []), moment)
        ]
        for table in (PATIENTS, ENCOUNTERS, CONDITIONS, MEDICATIONS)
    }
    charts = charts_of(observations_of(versions, moment), others, moment, numbers)
    judged = [judge_patient(chart, moment, numbers) for chart in charts]
    assessments = [one.assessment for one in judged if one.assessment is not None]
    sections = lists.recheck_sections(assessments, moment, numbers)
    return Night(
        assessments={
            one.chart.patient_id: _columns(
                one.assessment,
                moment,
                numbers,
                is_on_recheck=one.chart.patient_id in sections,
                is_on_review=bool(one.findings),
            )
            for one in judged
            if one.assessment is not None
        },
        lists={
            "iv_replacement": lists.iv_replacement(assessments),
            "recheck": list(sections),
            "review": lists.review(judged),
            "work_up": lists.work_up(assessments),
            "high_watch": lists.high_watch(assessments, numbers),
        },
        sections=sections,
        review_reasons={
            one.chart.patient_id: sorted({finding.reason for finding in one.findings})
            for one in judged
            if one.findings
        },
        could_be_severe={
            one.chart.patient_id
            for one in judged
            if any(finding.could_be_severe for finding in one.findings)
        },
        quarantine=_quarantine(versions, others),
        doses=audit(versions, others, moment, numbers),
    )


def _of_person(cells: Mapping[str, str], persons: Mapping[str, str]) -> dict[str, str]:
    """Return a row's cells under the number of the person; its text stays as it was sent."""
    number = cells["patient_id"]
    return {**cells, "patient_id": persons.get(number.strip(), number)}


def _quarantine(
    versions: list[Version], others: Mapping[str, list[Row]]
) -> list[tuple[str, int, str]]:
    refused = [("observations", one.row_index, one.reason) for one in versions if one.reason]
    for table, rows in others.items():
        refused += [(table, row.row_index, row.reason) for row in rows if row.reason]
    return refused


def _columns(
    made: Assessment,
    moment: Moment,
    policy: Policy,
    *,
    is_on_recheck: bool,
    is_on_review: bool,
) -> dict[str, object]:
    """Return the columns of `assessments`, but for the policy's hash, and what items add."""
    index, recheck, femg = made.index, made.recheck, made.femg
    return {
        "night": moment.night,
        "as_of": moment.as_of,
        "patient_id": made.chart.patient_id,
        "source": SOURCE,
        "observation_id": index.observation_id or None,
        "collected_at": index.collected_at,
        "reported_value": index.reported_value,
        "reported_unit": index.reported_unit,
        "comparator": index.comparator,
        "magnesium_mg_dl": as_float(index.figure),
        "severity": made.severity,
        "is_provisional": index.is_provisional,
        "is_critical_high": is_critical_high(index.interval, policy),
        "is_in_scope": made.is_in_scope,
        "age_years": made.age,
        "sex": made.chart.person.sex,
        "renal_status": made.renal.status,
        "renal_method": made.renal.method,
        "renal_estimate_ml_min": as_float(made.renal.estimate),
        "is_creatinine_unstable": made.renal.is_unstable,
        "is_cardiac": made.is_cardiac,
        "parenteral_after_index_at": made.treatment.last_parenteral_at,
        "supplement_started_at": made.treatment.supplement_started_at,
        "episode_started_at": made.episode.start.collected_at if made.episode else None,
        "recheck_rule": recheck.rule if recheck else None,
        "recheck_opens_on": recheck.opens_on if recheck else None,
        "recheck_due_on": recheck.due_on if recheck else None,
        "recheck_status": recheck.status if recheck else None,
        "potassium_mmol_l": as_float(made.companions.potassium),
        "calcium_mg_dl": as_float(made.companions.total_calcium),
        "calcium_judged": as_float(made.companions.judged_calcium),
        "femg_percent": as_float(femg.percent) if femg else None,
        "femg_finding": femg.finding if femg else None,
        "reasons": sorted(made.reasons),
        "im_upper_limit_grams": as_float(im_upper_limit(made.chart, made.renal, moment, policy)),
        "is_on_iv_replacement": made.is_on_iv_replacement,
        "is_on_recheck": is_on_recheck,
        "is_on_review": is_on_review,
        "is_on_work_up": made.is_on_work_up,
        "is_on_high_watch": made.is_on_high_watch,
    }
