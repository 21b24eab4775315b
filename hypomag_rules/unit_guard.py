"""The unit guard (rules section 12): a night's results that look like those of another unit."""

from typing import Final

import polars as pl

from hypomag_rules.policy_sections import Guard

GUARDED: Final = ("magnesium", "creatinine")
_FEED: Final = ("source", "analyte")
_DECIMALS: Final = 6


def shifted(received: pl.DataFrame, guard: Guard) -> pl.DataFrame:
    """The feeds and analytes whose median of this night is a unit's factor off that of before.

    From counted values (`source`, `analyte`, `is_tonight`, `magnitude` in the canonical unit,
    `results` of that value): one row (`source`, `analyte`, `results`, `median`, `median_before`)
    for each that is to be held. Without enough results on either side nothing is.
    """
    side = (*_FEED, "is_tonight")
    medians = (
        received.sort("magnitude")
        .with_columns(upto=pl.col("results").cum_sum().over(side))
        .group_by(side)
        .agg(pl.col("results").sum(), median=_median())
        .filter(pl.col("results") >= guard.min_results)
    )
    tonight = medians.filter("is_tonight").drop("is_tonight")
    before = medians.filter(~pl.col("is_tonight")).select(*_FEED, median_before="median")
    return tonight.join(before, on=_FEED).filter(times_apart() >= guard.factor).sort(_FEED)


def times_apart() -> pl.Expr:
    """How many times the greater of `median` and `median_before` is the smaller, 6 decimals."""
    both = ("median", "median_before")
    return (pl.max_horizontal(both) / pl.min_horizontal(both)).round(_DECIMALS)


def _median() -> pl.Expr:
    """The median of values in order, each as often as `results` says; `upto` counts them."""
    total, value = pl.col("results").sum(), pl.col("magnitude")
    reached = 2 * pl.col("upto")
    return (value.filter(reached >= total).min() + value.filter(reached > total).min()) / 2
