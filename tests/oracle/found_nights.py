"""Nights on which product and oracle once differed, each cut down to what it takes."""

from dataclasses import dataclass
from typing import Final

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Found:
    """A night of patient P1, why it was hard, and the columns that say it is right now."""

    reason: str
    tables: dict[str, Rows]
    expected: dict[str, object]


def _result(value: str, at: str = "2026-11-20T16:00:00Z", **other: str) -> dict[str, str]:
    usual = {
        "observation_id": "O1",
        "patient_id": "P1",
        "code": "19123-9",
        "value": value,
        "unit": "mg/dL",
        "status": "F",
        "collected_at": at,
    }
    return usual | other


def _creatinine(value: str, at: str, name: str) -> dict[str, str]:
    return _result(value, at, code="2160-0", observation_id=name)


def _drug(kind: str, name: str, at: str, **other: str) -> dict[str, str]:
    usual = {
        "medication_id": "M1",
        "patient_id": "P1",
        "kind": kind,
        "name": name,
        "started_at": at,
        "status": "given" if kind == "administration" else "active",
    }
    return usual | other


def _stay(patient: str, ended: str) -> dict[str, str]:
    return {
        "encounter_id": f"E-{patient}",
        "patient_id": patient,
        "care_setting": "inpatient",
        "started_at": "2026-11-10T08:00:00Z",
        "ended_at": ended,
    }


_UNTIMED: Final = _result("1.0", "unknown", status="W")
_OXIDE: Final = "magnesium oxide"

FOUND: Final = {
    "a_value_is_the_float_of_its_text": Found(
        "polars divides a column by a constant with its reciprocal: 1.1 was 1.0999999999999999 "
        "as soon as a second row stood beside it",
        {"observations": [_result("1.1"), _result("2.7", patient_id="P2")]},
        {"magnesium_mg_dl": 1.1},
    ),
    "an_update_with_nothing_to_inherit_hides_nothing": Found(
        "ambiguous: a `U` without a value and without an earlier one is no result; read so that "
        "the severe provisional beside it stays visible",
        {
            "observations": [
                _result("1.2", status="S", reported_at="2026-11-20T20:00:00Z"),
                _result("", status="U", reported_at="2026-11-20T18:00:00Z"),
            ]
        },
        {"severity": "severe", "is_provisional": True, "is_on_iv_replacement": True},
    ),
    "an_update_stands_by_the_value_it_inherits": Found(
        "at equal times the lower upper bound stands: that of the value inherited, not of the "
        "blank cell",
        {
            "observations": [
                _result("1.1", status="P"),
                _result("", status="U"),
                _result("", status="F", specimen_id="S1"),
            ]
        },
        {"magnesium_mg_dl": 1.1, "is_provisional": False},
    ),
    "a_refused_version_does_not_win_a_tie": Found(
        "out of range, a 0 has no bound that could be the lower one: the severe result stands",
        {
            "observations": [
                _result("1.0"),
                _result("0", reported_at="2026-11-20T16:00:00Z"),
            ]
        },
        {"severity": "severe", "is_on_iv_replacement": True, "is_on_review": False},
    ),
    "an_undated_withdrawal_is_news_of_tonight": Found(
        "the withdrawal has no time of its own, so it is on review from the night that read it, "
        "however old the result and whatever came after",
        {
            "observations": [
                _result("1.0", "2026-08-22T02:00:00Z"),
                _UNTIMED,
                _result("1.9", "2026-11-19T02:00:00Z", observation_id="O2"),
            ]
        },
        {
            "is_on_review": True,
            "reasons": ["AGE_UNKNOWN", "RENAL_UNKNOWN", "WITHDRAWAL_TIME_UNKNOWN"],
        },
    ),
    "an_undated_withdrawal_of_an_empty_update_is_reported": Found(
        "nothing could stand anyway, but somebody withdrew something and nobody knows when",
        {
            "observations": [
                _result("1.9", observation_id="O2"),
                _UNTIMED,
                _result("", "", status="U"),
            ]
        },
        {"is_on_review": True},
    ),
    "a_version_that_lost_its_code_is_still_magnesium": Found(
        "decided: the row without a code contests a magnesium, so it is on review like one; "
        "else a severe result would vanish",
        {
            "observations": [
                _result("1.9", "2026-11-18T02:00:00Z", observation_id="O2"),
                _result("1.4"),
                _result("0.9", code="", reported_at="2026-11-20T20:00:00Z"),
            ]
        },
        {"is_on_review": True, "magnesium_mg_dl": 1.9},
    ),
    "of_two_results_of_one_instant_the_one_without_id_counts": Found(
        "equal bounds: the smaller id as text, and a blank one is the smallest",
        {"observations": [_result("1.4"), _result("14", observation_id="", unit="mg/L")]},
        {"observation_id": None, "reported_value": "14"},
    ),
    "a_dose_yet_to_start_replaces_nothing": Found(
        "a version that starts after as_of is not known, so the older one speaks",
        {
            "observations": [_result("1.1", "2026-11-17T02:00:00Z")],
            "medications": [
                _drug("administration", _OXIDE, "2026-11-17T03:00:00Z", route="PO"),
                _drug("order", _OXIDE, "2026-11-25T10:00:00Z", route="PO"),
            ],
        },
        {"supplement_started_at": "2026-11-17T03:00:00Z"},
    ),
    "an_order_that_became_another_drug_is_no_supplement": Found(
        "versions were filtered by drug before they were ordered: the older one, still called "
        "magnesium, came back",
        {
            "observations": [_result("1.1", "2026-11-16T02:00:00Z")],
            "medications": [
                _drug("order", _OXIDE, "2026-11-18T02:00:00Z", route="PO"),
                _drug(
                    "order",
                    "esomeprazole magnesium 40 mg",
                    "2026-11-18T02:00:00Z",
                    updated_at="2026-11-18T03:00:00Z",
                ),
            ],
        },
        {"supplement_started_at": None},
    ),
    "an_administration_since_replaced_was_delivered_all_the_same": Found(
        "TREATMENT_UNKNOWN speaks of how far the feed is known, and the replaced row came by it",
        {
            "observations": [_result("1.4", "2026-11-16T02:00:00Z")],
            "medications": [
                _drug("administration", "paracetamol", "2026-11-20T01:00:00Z"),
                _drug(
                    "administration",
                    "paracetamol",
                    "2026-11-15T01:00:00Z",
                    updated_at="2026-11-20T05:00:00Z",
                ),
            ],
        },
        {
            "reasons": [
                "AGE_UNKNOWN",
                "CHECK_CALCIUM",
                "CHECK_POTASSIUM",
                "RENAL_UNKNOWN",
                "SUPPLEMENT_NOT_STARTED",
            ]
        },
    ),
    "an_undetermined_index_leaves_the_episode_open": Found(
        "an undetermined result ends nothing, even as the only one left in the 400 days",
        {
            "observations": [
                _result("1.4", "2025-10-14T02:00:00Z"),
                _result(">1", "2025-10-17T02:00:00Z", observation_id="O2"),
            ]
        },
        {"severity": "undetermined", "episode_started_at": "2025-10-14T02:00:00Z"},
    ),
    "a_clearance_measured_in_urine_is_no_conflict": Found(
        "a clearance is an estimate, not a blood analyte; refusing it hid severe impairment",
        {
            "observations": [
                _result("1.4"),
                _result("15", code="2164-2", unit="mL/min", specimen="urine", observation_id="O2"),
            ]
        },
        {"renal_status": "severe_impairment", "renal_method": "reported_clearance"},
    ),
    "a_bound_does_not_hide_the_rise_before_it": Found(
        "`>5` is used in no formula: the newest plain creatinine is the one that rose",
        {
            "observations": [
                _result("1.4"),
                _creatinine("1.0", "2026-11-17T10:00:00Z", "O2"),
                _creatinine("4.5", "2026-11-18T09:00:00Z", "O3"),
                _creatinine(">5", "2026-11-19T10:00:00Z", "O4"),
            ]
        },
        {"is_creatinine_unstable": True},
    ),
    "nobody_confirms_the_target_of_the_dead": Found(
        "section 7 speaks of the living in scope: no reason to recheck, no tablets to start",
        {
            "observations": [
                _result("1.0", "2026-11-08T12:00:00Z"),
                _result("1.9", "2026-11-20T23:00:00Z", observation_id="O2"),
            ],
            "patients": [{"patient_id": "P1", "died_at": "2026-11-21T00:30:00Z"}],
            "medications": [
                _drug("administration", "magnesium sulfate", "2026-11-20T20:00:00Z", route="IV")
            ],
        },
        {"reasons": ["AGE_UNKNOWN", "RENAL_UNKNOWN"], "recheck_rule": None},
    ),
    "a_bound_beside_the_urine_is_not_passed_over": Found(
        "ambiguous: the nearest creatinine is a bound, so there is no percentage; a farther one "
        "belongs to another state of the kidney",
        {
            "observations": [
                _result("1.4", "2026-11-11T02:00:00Z"),
                _result("1.3", "2026-11-18T02:00:00Z", observation_id="O2"),
                _result("5", "2026-11-17T02:00:00Z", code="19124-7", observation_id="O3"),
                _result("100", "2026-11-17T02:00:00Z", code="2161-8", observation_id="O4"),
                _creatinine(">5", "2026-11-17T03:00:00Z", "O5"),
                _creatinine("1.3", "2026-11-18T02:00:00Z", "O6"),
            ]
        },
        {"is_on_work_up": True, "femg_percent": None},
    ),
    "the_newest_of_several_puts_a_patient_on_review_first": Found(
        "of two refused rows the newer one ranks a patient before one whose row lies between",
        {
            "observations": [
                _result("1.9", "2026-10-01T08:00:00Z"),
                _result("2.5", "2026-11-01T08:00:00Z", unit="", observation_id="O2"),
                _result("2.5", "2026-11-20T08:00:00Z", unit="", observation_id="O3"),
                _result("2.5", "2026-11-10T08:00:00Z", unit="", patient_id="P0"),
            ]
        },
        {"is_on_review": True},
    ),
    "who_lies_in_hospital_is_rechecked_first": Found(
        "one lies there, one left at the very instant of the night, one never came",
        {
            "observations": [
                _result("1.4", "2026-11-12T08:00:00Z", patient_id=patient, observation_id=patient)
                for patient in ("P0", "P1", "P2")
            ],
            "encounters": [
                _stay("P1", ""),
                _stay("P0", "2026-11-21T02:00:00Z"),
            ],
        },
        {"is_on_recheck": True, "recheck_status": "due"},
    ),
    "nobody_is_old_whose_age_nobody_knows": Found(
        "S23 speaks of the elderly: 65 today is, an unknown age is not",
        {
            "observations": [
                _result("1.4", "2026-11-12T08:00:00Z", patient_id=patient, observation_id=patient)
                for patient in ("P0", "P1", "P2", "P3")
            ],
            "patients": [
                {"patient_id": "P0", "birth_date": "1990-01-01"},
                {"patient_id": "P2", "birth_date": "1961-11-22"},
                {"patient_id": "P3", "birth_date": "1961-11-21"},
            ],
        },
        {"is_on_recheck": True, "recheck_status": "due"},
    ),
    "the_very_high_of_the_young_are_looked_at_first": Found(
        "then the newest, then the number; a critical adult beside a refused row is none of them",
        {
            "observations": [
                _result("4.5", "2026-11-18T08:00:00Z"),
                _result("1.4", "2026-11-20T12:00:00Z", patient_id="P0"),
                _result("1.4", "2026-11-20T12:00:00Z", patient_id="P3"),
                _result("4.5", "2026-11-19T08:00:00Z", patient_id="P2"),
                _result(
                    "3.0", "2026-11-20T10:00:00Z", patient_id="P2", observation_id="O2", unit=""
                ),
            ],
            "patients": [
                {"patient_id": patient, "birth_date": "2015-01-01"}
                for patient in ("P0", "P1", "P3")
            ],
        },
        {"is_on_review": True},
    ),
    "days_past_due_weigh_by_the_length_of_the_window": Found(
        "section 7: two days after a window of three come before three after one of seven",
        {
            "observations": [
                _result("1.4", "2026-11-16T08:00:00Z"),
                _result(
                    "3.0", "2026-11-16T08:00:00Z", code="2823-3", unit="mmol/L", observation_id="K"
                ),
                _result("1.4", "2026-11-04T08:00:00Z", patient_id="P0"),
            ]
        },
        {"is_on_recheck": True, "recheck_rule": "companion", "recheck_status": "overdue"},
    ),
}
