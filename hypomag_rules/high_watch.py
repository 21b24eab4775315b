"""Who may carry too much magnesium (S11, S17, S21)."""

import polars as pl

from hypomag_rules.clock import days_between
from hypomag_rules.doses import Drugs
from hypomag_rules.policy import Policy
from hypomag_rules.rungs import ALIVE, HAS_INDEX, IN_SCOPE, Rung, all_hold, any_limb


def with_high_watch(moments: pl.DataFrame, drugs: Drugs, policy: Policy, zone: str) -> pl.DataFrame:
    """Adds `has_magnesium_on_board` and `is_on_high_watch`."""
    limits = policy.high_watch
    on_board = _on_board(drugs, limits.dosed_days, zone)
    frame = moments.join(on_board, on="moment", how="left", maintain_order="left").with_columns(
        pl.col("has_magnesium_on_board").fill_null(value=False)
    )
    rungs = high_watch_rungs(policy, zone)
    return frame.with_columns(is_on_high_watch=all_hold(rungs))


def high_watch_rungs(policy: Policy, zone: str) -> tuple[Rung, ...]:
    """A high index that nobody expects, or magnesium on board with failing kidneys (S11, S21)."""
    limits = policy.high_watch
    age_days = days_between(pl.col("collected_at"), pl.col("as_of"), zone)
    creatinine_age = days_between(pl.col("plain_creatinine_at"), pl.col("as_of"), zone)
    impaired = pl.col("renal_status") == "severe_impairment"
    unstable = pl.col("is_creatinine_unstable")
    is_pressing = (
        pl.col("is_critical_high") | impaired | unstable | pl.col("has_magnesium_on_board")
    )
    in_window = (
        pl.when(is_pressing)
        .then(age_days <= limits.index_days)
        .otherwise(age_days <= limits.mild_index_days)
    )
    is_expected = (
        pl.col("is_obstetric_dated")
        & (pl.col("lower") < limits.obstetric_high)
        & ~impaired
        & ~unstable
    )
    kidneys = ("renal_status", "is_creatinine_unstable")
    high = (
        Rung(
            "the index is high",
            pl.col("severity") == "high",
            ("severity",),
            ("magnesium.upper_limit",),
            "S11",
        ),
        Rung(
            "it is recent: for longer when critical, or when the magnesium may stay",
            in_window,
            ("collected_at", "as_of", "is_critical_high", *kidneys, "has_magnesium_on_board"),
            ("high_watch.index_days", "high_watch.mild_index_days"),
        ),
        Rung(
            "it is not what treatment in pregnancy aims at",
            ~is_expected,
            ("is_obstetric_dated", "magnesium_mg_dl", "comparator", *kidneys),
            ("high_watch.obstetric_high",),
        ),
    )
    loading = (
        Rung(
            "magnesium on board: a dose or an oral order in the last days",
            pl.col("has_magnesium_on_board"),
            ("has_magnesium_on_board",),
            ("high_watch.dosed_days",),
            "S21",
        ),
        Rung(
            "kidneys that do not clear it: severely impaired, or lately unstable",
            impaired | (unstable & (creatinine_age <= limits.creatinine_days)),
            (*kidneys, "plain_creatinine_at", "as_of"),
            ("high_watch.creatinine_days",),
            "S17",
        ),
    )
    either = "a high index that nobody expects, or magnesium on board that is not cleared"
    return (HAS_INDEX, IN_SCOPE, ALIVE, any_limb(either, high, loading))


def _on_board(drugs: Drugs, days: int, zone: str) -> pl.DataFrame:
    """A magnesium dose that ended, or an oral order that was active, in the last days."""
    recent = days_between(pl.col("dose_ended_at"), pl.col("as_of"), zone) <= days
    dosed = drugs.doses.filter(recent).select("moment")
    is_over = pl.col("status_word").is_in(["stopped", "completed"])
    ended = (
        pl.when(pl.col("is_end_known"))
        .then(pl.col("ended_time"))
        .when(is_over)
        .then(pl.col("started_time"))
        .otherwise(pl.col("as_of"))
    )
    was_active = days_between(ended, pl.col("as_of"), zone) <= days
    ordered = drugs.orders.filter(pl.col("route_folded") == "oral", was_active).select("moment")
    return (
        pl.concat([dosed, ordered]).unique().with_columns(has_magnesium_on_board=pl.lit(value=True))
    )
