"""Who a person is at a moment: age, sex, death, whereabouts."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import IN_HOSPITAL
from hypomag_rules.clock import local_day, whole_years
from hypomag_rules.facts import at_moments, latest_versions
from hypomag_rules.policy import Policy

_FACTS: Final = ("born_on", "sex_word", "mrn", "name")


def with_person(
    moments: pl.DataFrame, patients: pl.DataFrame, policy: Policy, zone: str
) -> pl.DataFrame:
    """Adds `born_on`, `sex`, `mrn`, `name`, `died_at`, `age_years`, `is_alive`, `is_conflicting`.

    Each fact is the newest one with a value, then by source name; of linked numbers then that of
    the person's own (`is_own`). Any known death counts.
    """
    versions = latest_versions(at_moments(patients, moments), ("source", "patient_id"))
    ordered = versions.sort(
        "updated_time",
        "source",
        "is_own",
        "row_text",
        descending=[True, False, True, True],
        nulls_last=True,
    )
    known_death = pl.col("died_time").filter(pl.col("died_time") <= pl.col("as_of"))
    people = ordered.group_by("moment", maintain_order=True).agg(
        *(pl.col(name).drop_nulls().first() for name in _FACTS),
        died_at=known_death.min(),
        is_conflicting=pl.col("born_on").drop_nulls().n_unique() > 1,
    )
    joined = moments.join(people, on="moment", how="left", maintain_order="left")
    age = age_on(pl.col("born_on"), pl.col("as_of"), policy, zone)
    return joined.rename({"sex_word": "sex"}).with_columns(
        is_alive=pl.col("died_at").is_null(),
        is_conflicting=pl.col("is_conflicting").fill_null(value=False),
        age_years=age,
    )


def age_on(born_on: pl.Expr, instant: pl.Expr, policy: Policy, zone: str) -> pl.Expr:
    """Age in whole years on the local day of an instant; null when it cannot be."""
    years = whole_years(born_on, local_day(instant, zone))
    least, most = policy.plausible.age
    return pl.when(years.is_between(least, most)).then(years).cast(pl.Int16)


def with_whereabouts(moments: pl.DataFrame, encounters: pl.DataFrame) -> pl.DataFrame:
    """Adds `ward`, `care_team`, `last_ward`, `left_at`, `is_in_hospital`.

    `ward` is that of the newest encounter started by then when it is still open, else null.
    """
    versions = latest_versions(
        at_moments(encounters, moments), ("source", "encounter_id"), own_time="started_time"
    ).filter(~pl.col("is_elsewhere"))
    versions = versions.with_columns(
        ended_time=pl.when(pl.col("ended_time") <= pl.col("as_of")).then(pl.col("ended_time"))
    )
    is_open = pl.col("ended_time").is_null()
    newest = versions.sort("started_time", "source", "encounter_id", maintain_order=True).unique(
        "moment", keep="last", maintain_order=True
    )
    places = newest.select(
        "moment",
        ward=pl.when(is_open).then(pl.col("ward")),
        care_team=pl.col("care_team"),
        last_ward=pl.when(~is_open).then(pl.col("ward")),
        left_at=pl.col("ended_time"),
    )
    staying = (
        versions.filter(is_open, pl.col("care_setting_word").is_in(IN_HOSPITAL))
        .select("moment")
        .unique()
        .with_columns(is_in_hospital=pl.lit(value=True))
    )
    return (
        moments.join(places, on="moment", how="left", maintain_order="left")
        .join(staying, on="moment", how="left", maintain_order="left")
        .with_columns(pl.col("is_in_hospital").fill_null(value=False))
    )
