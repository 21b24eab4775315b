"""Who needs IV replacement (S1, S2): severe, in scope, alive, untreated, recent."""

import polars as pl

from hypomag_rules.clock import hours
from hypomag_rules.policy import Policy


def is_on_iv_replacement(policy: Policy) -> pl.Expr:
    """Severe index within the last hours that count, and no sufficient IV or IM dose after it."""
    age = pl.col("as_of") - pl.col("collected_at")
    return (_is_untreated() & (age <= hours(policy.replacement.iv_hours))).fill_null(value=False)


def is_severe_untreated(policy: Policy) -> pl.Expr:
    """Severe, not sufficiently treated and too old for the IV list."""
    age = pl.col("as_of") - pl.col("collected_at")
    return (_is_untreated() & (age > hours(policy.replacement.iv_hours))).fill_null(value=False)


def _is_untreated() -> pl.Expr:
    return (
        (pl.col("severity") == "severe")
        & pl.col("is_in_scope")
        & pl.col("is_alive")
        & ~pl.col("is_sufficient")
    )


def im_upper_limit_grams(policy: Policy) -> pl.Expr:
    """S4 in grams: only with adequate, stable kidneys and a recent weight; capped (US label)."""
    limits = policy.replacement
    is_safe = (pl.col("renal_status") == "adequate") & ~pl.col("is_creatinine_unstable")
    is_recent = (pl.col("as_of") - pl.col("weight_at")) <= hours(24 * limits.weight_days)
    grams = pl.min_horizontal(
        pl.col("weight_kg") * limits.im_grams_per_kg, pl.lit(float(limits.im_cap_grams))
    )
    return pl.when(is_safe & is_recent & pl.col("weight_comparator").is_null()).then(grams)
