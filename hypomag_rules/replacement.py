"""Who needs IV replacement (S1, S2): severe, in scope, alive, untreated, recent."""

from typing import Final

import polars as pl

from hypomag_rules.clock import days_between, hours
from hypomag_rules.policy import Policy
from hypomag_rules.rungs import ALIVE, HAS_INDEX, IN_SCOPE, Rung, all_hold


def replacement_rungs(policy: Policy) -> tuple[Rung, ...]:
    """Severe index within the last hours that count, and no sufficient IV or IM dose after it."""
    return (*_UNTREATED, _recent(policy))


def is_on_iv_replacement(policy: Policy) -> pl.Expr:
    """Whether every rung of the IV list holds."""
    return all_hold(replacement_rungs(policy))


def is_severe_untreated(policy: Policy) -> pl.Expr:
    """Severe, not sufficiently treated and too old for the IV list."""
    return all_hold(_UNTREATED) & ~_recent(policy).holds


_UNTREATED: Final = (
    HAS_INDEX,
    Rung(
        "the index is severe",
        pl.col("severity") == "severe",
        ("severity", "magnesium_mg_dl", "comparator"),
        ("magnesium.severe_limit", "magnesium.severe_includes_limit"),
        "S1, S2",
    ),
    IN_SCOPE,
    ALIVE,
    Rung(
        "no sufficient IV or IM dose ends after it",
        ~pl.col("is_sufficient"),
        ("parenteral_grams", "has_unweighed_dose", "parenteral_after_index_at"),
        ("treatment.sufficient_grams",),
        "S3",
    ),
)


def _recent(policy: Policy) -> Rung:
    age = pl.col("as_of") - pl.col("collected_at")
    return Rung(
        "drawn within the hours that count",
        age <= hours(policy.replacement.iv_hours),
        ("collected_at", "as_of"),
        ("replacement.iv_hours",),
    )


def im_upper_limit_grams(policy: Policy, zone: str) -> pl.Expr:
    """S4 in grams: only with adequate, stable kidneys and a recent weight; capped (US label)."""
    limits = policy.replacement
    is_safe = (pl.col("renal_status") == "adequate") & ~pl.col("is_creatinine_unstable")
    is_recent = days_between(pl.col("weight_at"), pl.col("as_of"), zone) <= limits.weight_days
    grams = pl.min_horizontal(
        pl.col("weight_kg") * limits.im_grams_per_kg, pl.lit(float(limits.im_cap_grams))
    )
    return pl.when(is_safe & is_recent & pl.col("weight_comparator").is_null()).then(grams)
