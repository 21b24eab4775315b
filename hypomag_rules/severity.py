"""Severity bands of a magnesium result (S1, S2, S10, S11)."""

import polars as pl

from data_contracts.vocabulary import Severity
from hypomag_rules.policy_sections import Magnesium
from hypomag_rules.rungs import Ladder, Rung, Step


def lower_bound() -> pl.Expr:
    """The lower end of what a result may be, -inf where only an upper limit was printed."""
    return (
        pl.when(pl.col("magnitude").is_null())
        .then(None)
        .when(pl.col("comparator").is_in(["<", "<="]))
        .then(float("-inf"))
        .otherwise(pl.col("magnitude"))
    )


def upper_bound() -> pl.Expr:
    """The upper end of what a result may be, inf where only a lower limit was printed."""
    return (
        pl.when(pl.col("magnitude").is_null())
        .then(None)
        .when(pl.col("comparator").is_in([">", ">="]))
        .then(float("inf"))
        .otherwise(pl.col("magnitude"))
    )


def is_within(limit: float, *, inclusive: bool = True) -> pl.Expr:
    """Whether the whole interval lies at or below (inclusive) or below a limit."""
    upper = pl.col("upper")
    is_open = pl.col("comparator") == "<"
    touches = (upper == limit) & (pl.lit(inclusive) | is_open)
    return (upper < limit) | touches


def is_beyond(limit: float, *, inclusive: bool = False) -> pl.Expr:
    """Whether the whole interval lies above (or at, when inclusive) a limit."""
    lower = pl.col("lower")
    is_open = pl.col("comparator") == ">"
    touches = (lower == limit) & (pl.lit(inclusive) | is_open)
    return (lower > limit) | touches


def severity_ladder(bands: Magnesium) -> Ladder:
    """The bands from below; a result whose interval reaches over a limit is in none of them."""
    includes = bands.severe_includes_limit
    is_number = pl.col("magnitude").is_not_nan()
    is_severe = is_within(bands.severe_limit, inclusive=includes)
    is_above_severe = is_beyond(bands.severe_limit, inclusive=not includes)
    to_severe, from_severe = ("at or below", "above") if includes else ("below", "at or above")
    severe_keys = ("magnesium.severe_limit", "magnesium.severe_includes_limit")
    return Ladder(
        "severity",
        (
            _step("severe", f"{to_severe} the severe limit", is_severe, severe_keys, "S1, S2"),
            _step(
                "low",
                f"{from_severe} the severe limit and at or below the target",
                is_above_severe & is_within(bands.target),
                (*severe_keys, "magnesium.target"),
                "S1, S2, S10",
            ),
            _step(
                "target_met",
                "above the target and at or below the upper limit",
                is_beyond(bands.target) & is_within(bands.upper_limit),
                ("magnesium.target", "magnesium.upper_limit"),
                "S10, S11",
            ),
            _step(
                "high",
                "above the upper limit",
                is_beyond(bands.upper_limit),
                ("magnesium.upper_limit",),
                "S11",
            ),
            _step("undetermined", "a printed bound that reaches over a limit", pl.lit(value=True)),
        ),
        gate=(Rung("the result is a number", is_number, ("magnitude",)),),
    )


def _step(
    gives: str, says: str, holds: pl.Expr, keys: tuple[str, ...] = (), statement: str = "local"
) -> Step:
    return Step(gives, Rung(says, holds, ("magnitude", "comparator"), keys, statement))


def severity(bands: Magnesium) -> pl.Expr:
    """The band that holds the whole interval; `undetermined` when none does, null without one."""
    return severity_ladder(bands).first().cast(Severity).alias("severity")


def is_critical_high(bands: Magnesium) -> pl.Expr:
    """Whether the lower bound reaches the critical limit (local; signs of excess, S11)."""
    return (pl.col("lower") >= bands.critical_high).alias("is_critical_high")
