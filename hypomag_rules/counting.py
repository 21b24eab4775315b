"""The results that count at a moment, one an instant and analyte, and the index among them."""

import polars as pl

from hypomag_rules.clock import days_between
from hypomag_rules.policy import Policy
from hypomag_rules.severity import is_critical_high, severity


def counted(results: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Standing results that count, with `severity` and `is_critical_high` on magnesium.

    Magnesium counts when final, or provisional and severe or critical high; others when final.
    At one instant only the lower upper bound counts (creatinine: the higher).
    """
    is_magnesium = pl.col("analyte") == "magnesium"
    graded = results.with_columns(
        severity=pl.when(is_magnesium).then(severity(policy.magnesium)),
        is_critical_high=is_magnesium & is_critical_high(policy.magnesium),
    )
    is_pressing = is_magnesium & ((pl.col("severity") == "severe") | pl.col("is_critical_high"))
    counting = graded.filter(
        pl.col("analyte").is_not_null(),
        pl.col("collected_time").is_not_null(),
        (pl.col("status_kind") == "final") | is_pressing,
    )
    instant = ("moment", "analyte", "collected_time")
    is_shared = pl.struct(*instant).is_duplicated()
    flagged = counting.with_columns(is_shared=is_shared)
    chosen = (
        flagged.filter("is_shared")
        .sort(
            pl.when(pl.col("analyte") == "creatinine").then(-pl.col("upper")).otherwise("upper"),
            pl.col("observation_id").fill_null(""),
            "version_key",
            "source",
        )
        .unique([*instant], keep="first", maintain_order=True)
    )
    return pl.concat([flagged.filter(~pl.col("is_shared")), chosen]).drop("is_shared")


def index_results(magnesium: pl.DataFrame, policy: Policy, zone: str) -> pl.DataFrame:
    """One row a moment: the latest counted magnesium of the window that is not undetermined.

    When all are undetermined, the latest of them.
    """
    in_window = days_between(pl.col("collected_time"), pl.col("as_of"), zone)
    return (
        magnesium.filter(in_window <= policy.assessment.days)
        .sort(pl.col("severity") != "undetermined", pl.col("collected_time"), maintain_order=True)
        .unique("moment", keep="last", maintain_order=True)
    )
