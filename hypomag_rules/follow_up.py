"""When the next level is owed (S9, S18), and by which rule."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import RecheckRule, RecheckStatus
from hypomag_rules.clock import hours, local_day
from hypomag_rules.policy import Policy
from hypomag_rules.recheck_rules import OWED, rules, status_ladder
from hypomag_rules.rungs import ALIVE, HAS_INDEX, IN_SCOPE, Ladder, Rung, Step, all_hold

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
    owed = {rule.name: rule.due_on(zone) for rule in rules(policy.recheck)}
    windows = {rule.name: rule.due - rule.opens for rule in rules(policy.recheck)}
    earliest = pl.min_horizontal(*(f"due_{name}" for name in owed))
    chosen = pl.coalesce(
        *(
            pl.when(pl.col(f"due_{name}") == pl.col("recheck_due_on")).then(pl.lit(name))
            for name in owed
        )
    )
    window = pl.coalesce(
        *(
            pl.when(pl.col("recheck_rule") == name).then(pl.lit(days))
            for name, days in windows.items()
        )
    )
    past_due = (local_day(pl.col("as_of"), zone) - pl.col("recheck_due_on")).dt.total_days()
    return (
        moments.with_columns(**{f"due_{name}": due for name, due in owed.items()})
        .with_columns(recheck_due_on=earliest)
        .with_columns(recheck_rule=chosen.cast(RecheckRule))
        .with_columns(window_days=window, days_past_due=past_due)
        .with_columns(
            recheck_opens_on=pl.col("recheck_due_on") - pl.duration(days=pl.col("window_days"))
        )
        .with_columns(recheck_status=status_ladder(zone, policy.recheck).first())
        .with_columns(pl.col("recheck_status").cast(RecheckStatus))
        .drop(f"due_{name}" for name in owed)
    )


def recheck_ladders(policy: Policy, zone: str) -> tuple[Ladder, Ladder]:
    """Which rule owes the next level (S9, S12, S17, S18), and where tonight lies in its window."""
    steps = tuple(Step(rule.name, rule.rung, rule.due_on(zone)) for rule in rules(policy.recheck))
    picks = "the earliest day, then the first named, of those that hold"
    return (
        Ladder("recheck_rule", steps, gate=OWED, picks=picks),
        status_ladder(zone, policy.recheck),
    )


def recheck_rungs(policy: Policy, zone: str) -> tuple[Rung, ...]:
    """A level is owed and the window for it is open or opens soon; the IV list comes first."""
    soon = (pl.col("recheck_opens_on") - local_day(pl.col("as_of"), zone)).dt.total_days()
    status = pl.col("recheck_status")
    opens_soon = (status == "scheduled") & (soon <= policy.recheck.upcoming_days)
    return (
        HAS_INDEX,
        IN_SCOPE,
        ALIVE,
        Rung(
            "a level is owed: severe, low, or on target only soon after a dose",
            pl.col("recheck_rule").is_not_null(),
            ("recheck_rule", "recheck_due_on"),
            (),
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
            ("recheck_status", "recheck_opens_on", "as_of"),
            ("recheck.upcoming_days",),
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
