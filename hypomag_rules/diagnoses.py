"""Active conditions, by group (S17, S18; groups in `codes/condition_groups.csv`)."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import value_set
from hypomag_rules.clock import days_between
from hypomag_rules.facts import at_moments
from hypomag_rules.policy import Policy

_CODE: Final = ("moment", "system_word", "code_plain")
_GROUPS: Final = ("cardiac", "dialysis", "end_stage", "transplant", "iv_caution", "obstetric")


def with_conditions(
    moments: pl.DataFrame, conditions: pl.DataFrame, policy: Policy, zone: str
) -> pl.DataFrame:
    """Adds `is_cardiac`, `is_on_dialysis`, `has_iv_caution`, `is_obstetric`, `is_obstetric_dated`.

    Of the rows of one code the newest known `recorded_at` speaks; at a tie an active one.
    """
    grouped = (
        _active(at_moments(conditions, moments))
        .join(condition_groups(), on="system_word")
        .filter(pl.col("code_plain").str.starts_with(pl.col("prefix")))
    )
    recent = days_between(pl.col("recorded_time"), pl.col("as_of"), zone)
    undated = pl.col("recorded_time").is_null()
    counts = grouped.group_by("moment").agg(
        *(
            (pl.col("group") == group).any().alias(group)
            for group in _GROUPS
            if group != "obstetric"
        ),
        obstetric_dated=(
            (pl.col("group") == "obstetric") & (recent <= policy.companions.obstetric_days)
        )
        .fill_null(value=False)
        .any(),
        obstetric_undated=((pl.col("group") == "obstetric") & undated).any(),
    )
    flags = [*(group for group in _GROUPS if group != "obstetric")]
    joined = moments.join(counts, on="moment", how="left", maintain_order="left").with_columns(
        pl.col(*flags, "obstetric_dated", "obstetric_undated").fill_null(value=False)
    )
    return joined.with_columns(
        is_cardiac=pl.col("cardiac"),
        is_on_dialysis=pl.col("dialysis") | (pl.col("end_stage") & ~pl.col("transplant")),
        has_iv_caution=pl.col("iv_caution"),
        is_obstetric=pl.col("obstetric_dated") | pl.col("obstetric_undated"),
        is_obstetric_dated=pl.col("obstetric_dated"),
    ).drop(*flags, "obstetric_dated", "obstetric_undated")


def _active(rows: pl.DataFrame) -> pl.DataFrame:
    """One speaking row a code, where it says that the condition is active."""
    known = pl.col("recorded_time").is_null() | (pl.col("recorded_time") <= pl.col("as_of"))
    is_lasting = (pl.col("status_word") == "resolved") & (pl.col("resolved_time") > pl.col("as_of"))
    is_over = (pl.col("resolved_time") <= pl.col("as_of")).fill_null(value=False)
    is_active = ((pl.col("status_word") == "active") | is_lasting.fill_null(value=False)) & ~is_over
    return (
        rows.filter(known)
        .with_columns(is_active=is_active)
        .sort("recorded_time", "is_active", nulls_last=False)
        .unique([*_CODE], keep="last", maintain_order=True)
        .filter("is_active")
    )


def condition_groups() -> pl.DataFrame:
    """The value set of condition prefixes (group, system_word, prefix)."""
    return value_set("condition_groups").select(
        "group", pl.col("code_system").alias("system_word"), "prefix"
    )
