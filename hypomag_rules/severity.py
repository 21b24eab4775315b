"""Severity bands of a magnesium result (S1, S2, S10, S11)."""

import polars as pl

from data_contracts.vocabulary import Severity
from hypomag_rules.policy_sections import Magnesium


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
    is_open = (pl.col("comparator") == "<").fill_null(value=False)
    touches = (upper == limit) & (pl.lit(inclusive) | is_open)
    return (upper < limit) | touches


def is_beyond(limit: float, *, inclusive: bool = False) -> pl.Expr:
    """Whether the whole interval lies above (or at, when inclusive) a limit."""
    lower = pl.col("lower")
    is_open = (pl.col("comparator") == ">").fill_null(value=False)
    touches = (lower == limit) & (pl.lit(inclusive) | is_open)
    return (lower > limit) | touches


def severity(bands: Magnesium) -> pl.Expr:
    """The band that holds the whole interval; `undetermined` when none does, null without one."""
    includes = bands.severe_includes_limit
    above_severe = is_beyond(bands.severe_limit, inclusive=not includes)
    label = (
        pl.when(pl.col("magnitude").is_null() | pl.col("magnitude").is_nan())
        .then(None)
        .when(is_within(bands.severe_limit, inclusive=includes))
        .then(pl.lit("severe"))
        .when(above_severe & is_within(bands.target))
        .then(pl.lit("low"))
        .when(is_beyond(bands.target) & is_within(bands.upper_limit))
        .then(pl.lit("target_met"))
        .when(is_beyond(bands.upper_limit))
        .then(pl.lit("high"))
        .otherwise(pl.lit("undetermined"))
    )
    return label.cast(Severity).alias("severity")


def is_critical_high(bands: Magnesium) -> pl.Expr:
    """Whether the lower bound reaches the critical limit (local; signs of excess, S11)."""
    return (pl.col("lower") >= bands.critical_high).fill_null(value=False).alias("is_critical_high")
