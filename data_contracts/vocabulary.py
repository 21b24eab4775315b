"""Closed word lists, each in clinical or reading order."""

import csv
from importlib.resources import files
from typing import Final

import polars as pl

SEVERITIES: Final = ("severe", "low", "target_met", "high", "undetermined")
RENAL_STATUSES: Final = ("severe_impairment", "adequate", "unknown")
RENAL_METHODS: Final = ("dialysis", "reported_clearance", "cockcroft_gault", "egfr")
RECHECK_RULES: Final = (
    "severe_untreated",
    "after_parenteral",
    "companion",
    "cardiac",
    "renal",
    "standard",
    "confirm",
)
RECHECK_STATUSES: Final = ("scheduled", "due", "overdue", "expired")
FEMG_FINDINGS: Final = (
    "renal_wasting",
    "gastrointestinal_loss",
    "indeterminate",
    "not_interpretable",
)
WORKLISTS: Final = ("iv_replacement", "recheck", "review", "work_up", "high_watch")
SECTIONS: Final = ("main", "overdue", "due", "upcoming")
LIVES: Final = ("new", "carried", "changed")
# What took an item off its list, in the order in which they are asked.
GONE: Final = (
    "deceased",
    "retracted",
    "dismissed",
    "treated",
    "resolved",
    "rechecked",
    "expired",
)
STATUS_KINDS: Final = ("final", "provisional", "none", "withdrawn")
ROUTES: Final = ("iv", "im", "oral", "other")
SEXES: Final = ("male", "female", "other")
CARE_SETTINGS: Final = ("inpatient", "observation", "emergency", "outpatient")
IN_HOSPITAL: Final = ("inpatient", "observation", "emergency")
CODE_SYSTEMS: Final = ("ICD-10-CM", "ICD-9-CM")
MEDICATION_KINDS: Final = ("order", "administration")
CONDITION_STATUSES: Final = ("active", "resolved", "refuted", "family_history")
MEDICATION_STATUSES: Final = (
    "given",
    "partial",
    "not_given",
    "held",
    "refused",
    "cancelled",
    "active",
    "completed",
    "stopped",
)
# What became of a link of two numbers: only an applied one makes them one person.
APPLIED: Final = "applied"
WITHDRAWN: Final = "withdrawn"
LINK_STATES: Final = (APPLIED, "overruled", "refused", WITHDRAWN)
OUTCOMES: Final = ("accepted", "superseded", "quarantined", "ignored")

# What a layout finds wrong with a row before it can be read as one.
LAYOUT_REASONS: Final = ("message_not_readable",)
OBSERVATION_REASONS: Final = (
    *LAYOUT_REASONS,
    "patient_id_missing",
    "code_missing",
    "status_unknown",
    "time_not_readable",
    "time_does_not_exist",
    "collected_at_missing",
    "collected_in_future",
    "specimen_conflict",
    "value_not_numeric",
    "unit_missing",
    "unit_not_allowed",
    "unit_contradicts_code",
    "value_out_of_range",
)
# Of a row that could be judged, while the unit guard holds it.
HELD: Final = "unit_shift_suspected"
OTHER_REASONS: Final = (
    "patient_id_missing",
    "id_missing",
    "time_not_readable",
    "time_does_not_exist",
    "started_at_missing",
    "word_not_known",
)

# What a night's readers are told beside its lists, in the order in which they are told.
FEED_NOTICES: Final = ("feed_absent", "feed_late", "feed_small")
LINK_NOTICE: Final = "links_refused"
RECEIVED_NOTICE: Final = "received_by"
BANNER_NOTICES: Final = (RECEIVED_NOTICE, *FEED_NOTICES, LINK_NOTICE)
REJUDGED_NOTICE: Final = "judged_again"
NOTICES: Final = (*BANNER_NOTICES, REJUDGED_NOTICE)

# What a care team may answer to an item, in the order of the drop-down; the last needs a date.
ANSWERS: Final = ("acknowledged", "done", "not_indicated", "declined", "transferred", "snooze")
# These hide until a result brings the item back, a snooze until its date at the latest.
HIDING_ANSWERS: Final = ("not_indicated", "declined", "transferred")
SNOOZE: Final = "snooze"
# Why a row of a returned sheet does not count, in words for its sender; the first that applies.
ANSWER_REFUSALS: Final[dict[str, str]] = {
    "token_missing": "The token of this row is blank or damaged: answer on a fresh copy of "
    "the list.",
    "not_ours": "No list published here has this item on this night, or another site wrote it: "
    "send it to where it came from.",
    "facts_edited": "Facts of this row differ from what was published: answer on a fresh copy of "
    "the list, and tell the laboratory or the ward where a fact is wrong.",
    "answered_twice": "This sheet answers the item twice, and not alike: keep one of the rows.",
    "stale": "The list has moved on since this sheet: answer on the newest list, if it is still "
    "needed.",
    "answer_missing": "Until, By or Note is filled in, but there is no answer: choose one.",
    "answer_unknown": "The answer is none of those in the drop-down: choose one of them, as a word "
    "and not as a formula.",
    "until_missing": "A snooze needs a date in Until.",
    "until_not_readable": "The date in Until cannot be read: write it like 2026-11-30.",
    "until_passed": "The date in Until is not in the future: give a later one.",
    "until_without_snooze": "Only a snooze has a date: clear Until, or choose snooze.",
    "by_missing": "Nobody is named in By: say who answers.",
    "note_missing": "An answer that hides a patient needs its reason in Note.",
}

# Reasons of a listed patient, in the order in which they are printed.
REASONS: Final = (
    "SUSPECT_SAMPLE",
    "RENAL_IMPAIRED",
    "RENAL_UNKNOWN",
    "RENAL_REDUCED",
    "RENAL_UNSTABLE",
    "RENAL_FROM_EGFR",
    "IV_CAUTION",
    "SEVERE_UNTREATED",
    "PARENTERAL_BELOW_1_G",
    "MAGNESIUM_ROUTE_UNREAD",
    "ORDER_WITHOUT_ADMINISTRATION",
    "TREATMENT_UNKNOWN",
    "LOW_POTASSIUM",
    "LOW_CALCIUM",
    "CALCIUM_UNADJUSTED",
    "ON_CARDIAC_GLYCOSIDE",
    "PROVISIONAL",
    "HAEMOLYSED",
    "CRITICAL_HIGH",
    "OBSTETRIC",
    "ELDERLY",
    "AGE_UNKNOWN",
    "UNDER_18",
    "PATIENT_CONFLICT",
    "TARGET_MET_SOON_AFTER_DOSE",
    "SUPPLEMENT_NOT_STARTED",
    "ORAL_MAINTENANCE_NOT_STARTED",
    "FEMG_NEEDED",
    "ON_POTASSIUM_SPARING_DIURETIC",
    "UNDETERMINED",
    "WITHDRAWAL_TIME_UNKNOWN",
    HELD.upper(),
    *(reason.upper() for reason in OBSERVATION_REASONS),
    "CHECK_POTASSIUM",
    "CHECK_CALCIUM",
    "ON_CNS_DEPRESSANT",
)

Severity: Final = pl.Enum(SEVERITIES)
RenalStatus: Final = pl.Enum(RENAL_STATUSES)
RenalMethod: Final = pl.Enum(RENAL_METHODS)
RecheckRule: Final = pl.Enum(RECHECK_RULES)
RecheckStatus: Final = pl.Enum(RECHECK_STATUSES)
Answer: Final = pl.Enum(ANSWERS)
Instant: Final = pl.Datetime("us")  # always UTC; the zone is an argument where days matter


def value_set(name: str) -> pl.DataFrame:
    """One shipped value set (`codes/NAME.csv`) as a frame of text; blank cells are null."""
    text = files("data_contracts").joinpath("codes", f"{name}.csv").read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines())
    return pl.DataFrame(
        {name: [row[at] or None for row in rows] for at, name in enumerate(header)},
        schema=dict.fromkeys(header, pl.String),
    )
