"""Persistent low magnesium: the fractional excretion of magnesium and what it says (S25-S28)."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import FEMG_FINDINGS
from hypomag_rules.clock import days_between, hours
from hypomag_rules.definitions import FILTERED_SHARE_MAGNESIUM
from hypomag_rules.policy import Policy

_DECIMALS: Final = 6
_PARENTERAL: Final = ("iv", "im")


def with_work_up(
    moments: pl.DataFrame, results: pl.DataFrame, doses: pl.DataFrame, policy: Policy, zone: str
) -> pl.DataFrame:
    """Adds `is_on_work_up`, `femg_percent`, `femg_finding`; null for patients not on the list."""
    age_days = days_between(pl.col("collected_at"), pl.col("as_of"), zone)
    is_listed = (
        pl.col("is_in_scope")
        & pl.col("is_alive")
        & pl.col("episode_started_at").is_not_null()
        & (age_days <= policy.work_up.index_days)
        & (pl.col("episode_span_days") >= policy.work_up.persistent_days)
    ).fill_null(value=False)
    frame = moments.with_columns(is_on_work_up=is_listed)
    listed = frame.filter("is_on_work_up")
    ratios = _femg(listed, results, doses, policy)
    return frame.join(ratios, on="moment", how="left", maintain_order="left")


def _femg(
    listed: pl.DataFrame, results: pl.DataFrame, doses: pl.DataFrame, policy: Policy
) -> pl.DataFrame:
    urine = _urine_pairs(listed, results)
    pair_hours = hours(policy.work_up.femg_pair_hours)
    for analyte in ("magnesium", "creatinine"):
        urine = urine.join(_nearest(urine, results, analyte, pair_hours), on="moment", how="left")
    touching = _touching(urine, doses, pair_hours)
    percent = (
        100
        * (pl.col("urine_magnesium") * pl.col("serum_creatinine"))
        / (FILTERED_SHARE_MAGNESIUM * pl.col("serum_magnesium") * pl.col("urine_creatinine"))
    ).round(_DECIMALS)
    is_normal = (pl.col("renal_status") == "adequate") & (
        pl.col("renal_estimate_ml_min") >= policy.work_up.femg_min_clearance
    )
    return (
        urine.join(listed.select("moment", "renal_status", "renal_estimate_ml_min"), on="moment")
        .join(touching, on="moment", how="left")
        .with_columns(femg_percent=percent)
        .select(
            "moment",
            "femg_percent",
            femg_finding=_finding(is_normal, policy.work_up.femg_limit),
        )
    )


def _finding(is_normal: pl.Expr, limit: float) -> pl.Expr:
    percent = pl.col("femg_percent")
    is_sound = is_normal.fill_null(value=False) & pl.col("is_touched").is_null()
    return (
        pl.when(percent.is_null())
        .then(None)
        .when(~is_sound)
        .then(pl.lit("not_interpretable"))
        .when(percent > limit)
        .then(pl.lit("renal_wasting"))
        .when(percent < limit)
        .then(pl.lit("gastrointestinal_loss"))
        .when(percent == limit)
        .then(pl.lit("indeterminate"))
        .otherwise(None)
        .cast(pl.Enum(FEMG_FINDINGS))
    )


def _urine_pairs(listed: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
    """The newest instant of the episode with urine magnesium and creatinine."""
    own = results.join(listed.select("moment", "episode_started_at"), on="moment")
    own = own.filter(pl.col("collected_time") >= pl.col("episode_started_at"))
    sides = [
        own.filter(pl.col("analyte") == analyte).select(
            "moment", urine_at="collected_time", **{analyte: _plain()}
        )
        for analyte in ("urine_magnesium", "urine_creatinine")
    ]
    return (
        sides[0]
        .join(sides[1], on=["moment", "urine_at"])
        .sort("urine_at", maintain_order=True)
        .unique("moment", keep="last", maintain_order=True)
    )


def _nearest(
    urine: pl.DataFrame, results: pl.DataFrame, analyte: str, within: pl.Expr
) -> pl.DataFrame:
    """The counted serum value nearest to the urine; at a tie the earlier."""
    apart = (pl.col("collected_time") - pl.col("urine_at")).abs()
    return (
        results.filter(pl.col("analyte") == analyte)
        .join(urine.select("moment", "urine_at"), on="moment")
        .filter(apart <= within)
        .sort(apart, "collected_time", maintain_order=True)
        .unique("moment", keep="first", maintain_order=True)
        .select("moment", _plain().alias(f"serum_{analyte}"))
    )


def _plain() -> pl.Expr:
    """A value that may enter the formula, null for the bound that a comparator makes of it.

    It is not passed over for an older or a farther one: those belong to another state.
    """
    return pl.when(pl.col("comparator").is_null()).then(pl.col("magnitude"))


def _touching(urine: pl.DataFrame, doses: pl.DataFrame, before: pl.Expr) -> pl.DataFrame:
    """Moments where a parenteral dose touches the hours before the urine."""
    return (
        doses.filter(pl.col("route").is_in(_PARENTERAL))
        .join(urine.select("moment", "urine_at"), on="moment")
        .filter(
            pl.col("started_time") <= pl.col("urine_at"),
            pl.col("dose_ended_at") >= pl.col("urine_at") - before,
        )
        .select("moment")
        .unique()
        .with_columns(is_touched=pl.lit(value=True))
    )
