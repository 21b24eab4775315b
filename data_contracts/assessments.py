"""The published judgement: one row a patient with a counted magnesium result."""

from typing import Final

import polars as pl

from data_contracts import vocabulary as words
from data_contracts.columns import Column, Table

_T: Final = words.Instant
_B: Final = pl.Boolean
_F: Final = pl.Float64

ASSESSMENTS: Final = Table(
    "assessments",
    "One row a night and patient with a counted magnesium result in the 400 days before as_of",
    (
        Column("night", "local date of the night", pl.Date, is_nullable=False),
        Column("as_of", "instant the night speaks for, UTC", _T, is_nullable=False),
        Column("patient_id", "the person, source prefix included", is_nullable=False),
        Column("source", "feed that sent the index result"),
        Column("observation_id", "the sender's id of the index result"),
        Column("collected_at", "collection of the index, UTC", _T, is_nullable=False),
        Column("reported_value", "the index as the laboratory printed it"),
        Column("reported_unit", "unit as the laboratory printed it"),
        Column("comparator", "<, <=, > or >=; null for a plain value"),
        Column("magnesium_mg_dl", "the index in mg/dL, 6 decimals", _F, is_nullable=False),
        Column("severity", "severe, low, target_met, high or undetermined", words.Severity),
        Column("is_provisional", "the index is not final yet", _B),
        Column("is_critical_high", "lower bound at or above the critical limit", _B),
        Column("is_in_scope", "18 or older on the collection day, or age unknown", _B),
        Column("age_years", "whole years on the local day of as_of", pl.Int16),
        Column("sex", "male, female, other; null when unknown"),
        Column("renal_status", "severe_impairment, adequate or unknown", words.RenalStatus),
        Column("renal_method", "how the estimate was made", words.RenalMethod),
        Column("renal_estimate_ml_min", "mL/min, 6 decimals", _F),
        Column("is_creatinine_unstable", "KDIGO rise or ratio", _B),
        Column("is_cardiac", "a cardiac condition is active", _B),
        Column("parenteral_after_index_at", "start of the last IV or IM dose after the index", _T),
        Column("supplement_started_at", "first magnesium after the index", _T),
        Column("episode_started_at", "first low result of the open episode", _T),
        Column("recheck_rule", "the rule that owes the next level", words.RecheckRule),
        Column("recheck_opens_on", "first local day for the sample", pl.Date),
        Column("recheck_due_on", "last local day for the sample", pl.Date),
        Column("recheck_status", "scheduled, due, overdue, expired", words.RecheckStatus),
        Column("potassium_mmol_l", "newest potassium near the index", _F),
        Column("calcium_mg_dl", "newest total calcium near the index, as reported", _F),
        Column("femg_percent", "fractional excretion of magnesium", _F),
        Column("femg_finding", "what it says, where it may be read", pl.Enum(words.FEMG_FINDINGS)),
        Column("reasons", "codes, sorted", pl.List(pl.String)),
        Column("is_on_iv_replacement", "stands on that list", _B, is_nullable=False),
        Column("is_on_recheck", "stands on that list", _B, is_nullable=False),
        Column("is_on_review", "stands on that list", _B, is_nullable=False),
        Column("is_on_work_up", "would stand on that list", _B, is_nullable=False),
        Column("is_on_high_watch", "would stand on that list", _B, is_nullable=False),
        Column("policy_id", "name and hash of the policy that decided", is_nullable=False),
    ),
)
