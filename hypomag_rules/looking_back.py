"""What many nights together say of the lists: how early, how long, and whom they missed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import polars as pl

from data_contracts.vocabulary import WORKLISTS
from hypomag_rules.assess import Assessed
from hypomag_rules.clock import days_between
from hypomag_rules.people import age_on
from hypomag_rules.policy import Policy

ON: Final = tuple(f"is_on_{name}" for name in WORKLISTS)
# Whoever stands on none of these with a severe index has been missed.
_SHOWN_ON: Final = ("is_on_iv_replacement", "is_on_recheck", "is_on_review")
RESULT: Final = ("person_id", "source", "version_key")
_INSTANT: Final = pl.Datetime("us")
# Nobody on no day, and no severe result: what batches of persons are added to.
NOBODY: Final = pl.DataFrame(
    schema={
        **dict.fromkeys(RESULT, pl.String),
        "as_of": _INSTANT,
        "observation_id": pl.String,
        "collected_at": _INSTANT,
        "is_severe": pl.Boolean,
        "severity": pl.String,
        **dict.fromkeys(ON, pl.Boolean),
    }
)
NO_SEVERE: Final = pl.DataFrame(
    schema={
        **dict.fromkeys(("person_id", "source", "observation_id"), pl.String),
        **dict.fromkeys(("episode_started_at", "severe_at"), _INSTANT),
    }
)


def seen_of(judged: Assessed) -> pl.DataFrame:
    """Of judged moments those on any list, and those of the living with a severe index."""
    is_severe = (pl.col("severity") == "severe") & pl.col("is_alive")
    return (
        judged.patients.filter(pl.any_horizontal(ON) | is_severe.fill_null(value=False))
        .with_columns(is_severe=is_severe.fill_null(value=False))
        .select(pl.col(name).cast(kind) for name, kind in NOBODY.schema.items())
    )


def first_severes(judged: Assessed, policy: Policy, zone: str) -> pl.DataFrame:
    """The first severe result of each episode, of adults, as one moment a person knows them.

    `person_id`, `source`, `observation_id`, `episode_started_at`, `severe_at`. An episode starts
    at the first severe or low result after none, or after one that met the target or was high.
    """
    is_short = pl.col("severity").is_in(["severe", "low"])
    is_end = pl.col("severity").is_in(["target_met", "high"])
    ends = is_end.cum_sum().over("moment").alias("ends_before")
    people = judged.patients.select("moment", "born_on")
    age = age_on(pl.col("born_on"), pl.col("collected_time"), policy, zone)
    return (
        judged.results.filter(pl.col("analyte") == "magnesium", is_short | is_end)
        .sort("moment", "collected_time")
        .with_columns(ends)
        .filter(is_short)
        .with_columns(
            episode_started_at=pl.col("collected_time").min().over("moment", "ends_before")
        )
        .filter(pl.col("severity") == "severe")
        .unique(["moment", "ends_before"], keep="first", maintain_order=True)
        .join(people, on="moment", maintain_order="left")
        .filter((age >= policy.magnesium.adult_age).fill_null(value=True))
        .with_columns(severe_at="collected_time")
        .select(pl.col(name).cast(kind) for name, kind in NO_SEVERE.schema.items())
    )


def with_warning(severes: pl.DataFrame, seen: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Adds `on_recheck_since` and `days_early`: null where no night listed an earlier low.

    Days are local, from the first night of the episode on the recheck list to the severe sample.
    """
    nights = seen.filter(pl.col("is_on_recheck"), pl.col("severity") == "low").select(
        "person_id", "as_of", index_at="collected_at"
    )
    warned = (
        severes.join(nights, on="person_id")
        .filter(
            pl.col("as_of") < pl.col("severe_at"),
            pl.col("index_at") >= pl.col("episode_started_at"),
        )
        .group_by("person_id", "severe_at")
        .agg(on_recheck_since=pl.col("as_of").min())
    )
    days = days_between(pl.col("on_recheck_since"), pl.col("severe_at"), zone)
    return (
        severes.join(warned, on=["person_id", "severe_at"], how="left")
        .with_columns(days_early=days)
        .sort("severe_at", "person_id")
    )


def missed(seen: pl.DataFrame) -> pl.DataFrame:
    """Severe results that decided on some night, and that none of those nights showed.

    Of each the first and the last such night, and how many: between its becoming known and a newer
    counted result, death or a correction it stood neither on the IV, the recheck nor the review
    list.
    """
    return (
        seen.filter("is_severe")
        .group_by(RESULT)
        .agg(
            pl.col("observation_id").first(),
            pl.col("collected_at").first(),
            first_night=pl.col("as_of").min(),
            last_night=pl.col("as_of").max(),
            nights=pl.len(),
            was_shown=pl.any_horizontal(_SHOWN_ON).any(),
        )
        .filter(~pl.col("was_shown"))
        .drop("was_shown", "version_key")
        .sort("first_night", "person_id", "collected_at")
    )


def rows_by_night(seen: pl.DataFrame, instants: Sequence[datetime]) -> pl.DataFrame:
    """How many stand on each list: a row for each instant, a column for each list."""
    nights = pl.DataFrame({"as_of": instants}, schema={"as_of": _INSTANT})
    counts = seen.group_by("as_of").agg(
        pl.col(column).sum().cast(pl.Int64).alias(name)
        for name, column in zip(WORKLISTS, ON, strict=True)
    )
    return nights.join(counts, on="as_of", how="left", maintain_order="left").fill_null(0)
