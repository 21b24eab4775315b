"""When the next level is owed (S9, S18), and by which rule."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import RecheckRule, RecheckStatus
from hypomag_rules.clock import hours, local_day
from hypomag_rules.policy import Policy
from hypomag_rules.policy_sections import Recheck
from hypomag_rules.rungs import ALIVE, IN_SCOPE, Rung, all_hold

_PARENTERAL: Final = ("iv", "im")


def with_confirm(moments: pl.DataFrame, doses: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Adds `is_to_confirm`: a target met during or soon after a dose, ending a severe episode.

    Only for living patients in scope, as all of rechecking.
    """
    window = hours(policy.recheck.confirm_hours)
    candidates = moments.filter("ended_severe", "is_alive", "is_in_scope").select(
        "moment", index_at="collected_at"
    )
    near = (
        doses.filter(pl.col("route").is_in(_PARENTERAL))
        .join(candidates, on="moment")
        .filter(
            pl.col("started_time") <= pl.col("index_at"),
            pl.col("dose_ended_at") + window >= pl.col("index_at"),
        )
    )
    flags = near.select("moment").unique().with_columns(is_to_confirm=pl.lit(value=True))
    return moments.join(flags, on="moment", how="left", maintain_order="left").with_columns(
        pl.col("is_to_confirm").fill_null(value=False)
    )


def with_recheck(moments: pl.DataFrame, policy: Policy, zone: str) -> pl.DataFrame:
    """Adds `recheck_rule`, `recheck_opens_on`, `recheck_due_on`, `recheck_status`, `days_past_due`.

    Only for living patients in scope whose index is severe, low, or to be confirmed.
    """
    rungs = _rungs(policy.recheck)
    is_owed = (
        pl.col("is_in_scope")
        & pl.col("is_alive")
        & (pl.col("severity").is_in(["severe", "low"]) | pl.col("is_to_confirm"))
    )
    dated = moments.with_columns(
        pl.when(is_owed & applies)
        .then(local_day(anchor, zone) + pl.duration(days=due))
        .alias(f"due_{name}")
        for name, (applies, anchor, _, due) in rungs.items()
    )
    earliest = pl.min_horizontal(*(f"due_{name}" for name in rungs))
    rule = pl.coalesce(
        *(
            pl.when(pl.col(f"due_{name}") == pl.col("recheck_due_on")).then(pl.lit(name))
            for name in rungs
        )
    )
    window = pl.coalesce(
        *(
            pl.when(pl.col("recheck_rule") == name).then(due - opens)
            for name, (_, _, opens, due) in rungs.items()
        )
    )
    past_due = (local_day(pl.col("as_of"), zone) - pl.col("recheck_due_on")).dt.total_days()
    return (
        dated.with_columns(recheck_due_on=earliest)
        .with_columns(recheck_rule=rule.cast(RecheckRule))
        .with_columns(window_days=window, days_past_due=past_due)
        .with_columns(
            recheck_opens_on=pl.col("recheck_due_on") - pl.duration(days=pl.col("window_days"))
        )
        .with_columns(recheck_status=_status(policy.recheck, zone))
        .drop(f"due_{name}" for name in rungs)
    )


def _rungs(days: Recheck) -> dict[str, tuple[pl.Expr, pl.Expr, int, int]]:
    """Each rule: when it applies, its anchor, opening and due day; in order of precedence."""
    is_severe = pl.col("severity") == "severe"
    is_low = pl.col("severity") == "low"
    is_short = is_severe | is_low
    index_at = pl.col("collected_at")
    anchor = pl.coalesce("supplement_started_at", "collected_at")
    first_dose = pl.max_horizontal("parenteral_from", "collected_at")
    was_dosed = pl.col("parenteral_after_index_at").is_not_null() & (
        ~is_severe | pl.col("is_sufficient")
    )
    companion = (
        pl.col("is_potassium_low") | pl.col("is_calcium_low") | pl.col("is_on_cardiac_glycoside")
    )
    impaired = pl.col("renal_status") == "severe_impairment"
    untreated = is_severe & ~pl.col("is_sufficient")
    return {
        "severe_untreated": (untreated, index_at, 0, days.severe_untreated_days),
        "after_parenteral": (was_dosed, first_dose, 0, days.after_parenteral_days),
        "companion": (is_low & companion, index_at, 0, days.companion_days),
        "cardiac": (is_short & pl.col("is_cardiac"), anchor, 0, days.cardiac_days),
        "renal": (is_short & impaired, anchor, 0, days.renal_days),
        "standard": (is_short, anchor, days.standard_opens_days, days.standard_days),
        "confirm": (
            pl.col("is_to_confirm"),
            index_at,
            days.confirm_opens_days,
            days.confirm_days,
        ),
    }


def _status(days: Recheck, zone: str) -> pl.Expr:
    """By the local day of `as_of`: expired, overdue, due, scheduled; null when none is owed."""
    lapse = (
        pl.when(pl.col("severity") == "severe")
        .then(days.expires_severe_days)
        .when(pl.col("severity") == "low")
        .then(days.expires_low_days)
        .when(pl.col("severity") == "target_met")
        .then(days.expires_confirm_days)
        .otherwise(None)
    )
    today = local_day(pl.col("as_of"), zone)
    return (
        pl.when(pl.col("recheck_due_on").is_null())
        .then(None)
        .when(pl.col("days_past_due") > lapse)
        .then(pl.lit("expired"))
        .when(pl.col("days_past_due") > 0)
        .then(pl.lit("overdue"))
        .when(today >= pl.col("recheck_opens_on"))
        .then(pl.lit("due"))
        .when(today < pl.col("recheck_opens_on"))
        .then(pl.lit("scheduled"))
        .otherwise(None)
        .cast(RecheckStatus)
    )


def recheck_rungs(policy: Policy, zone: str) -> tuple[Rung, ...]:
    """A level is owed and the window for it is open or opens soon; the IV list comes first."""
    soon = (pl.col("recheck_opens_on") - local_day(pl.col("as_of"), zone)).dt.total_days()
    status = pl.col("recheck_status")
    opens_soon = (status == "scheduled") & (soon <= policy.recheck.upcoming_days)
    return (
        IN_SCOPE,
        ALIVE,
        Rung(
            "a level is owed: severe, low, or on target only soon after a dose",
            pl.col("recheck_rule").is_not_null(),
            ("severity", "is_to_confirm", "recheck_rule", "recheck_due_on"),
            ("magnesium.target", "recheck.confirm_hours"),
            "S9, S18",
        ),
        Rung(
            "not on the IV list, which asks for more",
            ~pl.col("is_on_iv_replacement"),
            ("is_on_iv_replacement",),
        ),
        Rung(
            "the window for the sample is open, passed or opens soon, and has not run out",
            status.is_in(["overdue", "due"]) | opens_soon,
            ("recheck_status", "recheck_opens_on", "recheck_due_on", "days_past_due"),
            (
                *("recheck.upcoming_days", "recheck.expires_severe_days"),
                *("recheck.expires_low_days", "recheck.expires_confirm_days"),
            ),
            "S9",
        ),
    )


def recheck_section(policy: Policy, zone: str) -> pl.Expr:
    """overdue, due or upcoming; null for who is not on the recheck list."""
    sections = {"overdue": "overdue", "due": "due", "scheduled": "upcoming"}
    status = pl.col("recheck_status").cast(pl.String)
    return pl.when(all_hold(recheck_rungs(policy, zone))).then(
        status.replace_strict(sections, default=None)
    )
