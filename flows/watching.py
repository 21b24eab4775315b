"""Feeds that a profile expects: which are absent, late or far too small, told by the ledger."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from flows.night import Night
from flows.profile import Profile
from flows.store import Store
from hypomag_rules.spoken import number_text

_DAY_HOURS: Final = 24
# A night that begins some minutes early must not take last night's files for tonight's.
_MARGIN_HOURS: Final = 0.25
_USUAL_DAYS: Final = 14
_FEWEST_DAYS: Final = 3
_LEAST_SHARE: Final = 0.5
_TIME: Final = "%a %-d %b %H:%M"
# A file that says again byte for byte what an older one said is no delivery.
_DELIVERIES: Final = """
SELECT f.source, f.table_name, f.as_of, f.rows FROM files f
WHERE f.problem IS NULL AND f.as_of <= ? AND NOT EXISTS (
    FROM files e WHERE e.problem IS NULL AND e.rows > 0 AND e.file_id < f.file_id
    AND e.source = f.source AND e.table_name = f.table_name AND e.sha256 = f.sha256)
"""
_KEY: Final = ("source", "table_name")


def feed_notices(store: Store, night: Night, profiles: Mapping[str, Profile]) -> pl.DataFrame:
    """A row (`kind`, `source`, `table_name`, `said`) for each expected table that is not there.

    When a file came is the `as_of` of the run that read it; hours are those of the hospital's
    clock, so that the change of the clock makes no feed late.
    """
    expected = pl.DataFrame(
        [
            (profile.name, table, hours)
            for profile in profiles.values()
            for table, hours in profile.expect.items()
        ],
        schema={"source": pl.String, "table_name": pl.String, "every_hours": pl.Float64},
        orient="row",
    )
    zone = night.settings.timezone
    came = pl.col("as_of").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    delivered = (
        store.frame(_DELIVERIES, [night.naive_as_of])
        .join(expected.select(_KEY), on=_KEY, how="semi")
        .with_columns(came=came.dt.replace_time_zone(None))
    )
    local_now = pl.lit(night.as_of).dt.convert_time_zone(zone).dt.replace_time_zone(None)
    # Where the clock is put back an hour comes twice: nothing came after the night.
    elapsed = (local_now - pl.col("came")).dt.total_seconds().clip(lower_bound=0)
    age = elapsed / 3600 + _MARGIN_HOURS
    watched = expected.join(
        _newest(delivered.with_columns(age=age)), on=_KEY, how="left", nulls_equal=True
    )
    return (
        watched.with_columns(kind=_kind())
        .with_columns(said=_said())
        .filter(pl.col("kind").is_not_null())
        .select("kind", *_KEY, "said")
    )


def _newest(delivered: pl.DataFrame) -> pl.DataFrame:
    """Of each table the newest day that brought a file: `age`, `came`, `rows`, `usual` rows.

    Days are 24 hours back from the night. Usual is the median of the 14 days before that brought
    a file, null while there are fewer than three of them.
    """
    days = (
        delivered.with_columns(day=pl.col("age") // _DAY_HOURS)
        .group_by(*_KEY, "day")
        .agg(pl.col("rows").sum(), pl.col("age").min(), pl.col("came").max())
        .with_columns(place=pl.col("day").rank("ordinal").over(_KEY))
    )
    before = days.filter(pl.col("place").is_between(2, _USUAL_DAYS + 1))
    usual = (
        before.group_by(_KEY)
        .agg(usual=pl.col("rows").median(), days=pl.len())
        .filter(pl.col("days") >= _FEWEST_DAYS)
    )
    newest = days.filter(pl.col("place") == 1)
    return newest.join(usual, on=_KEY, how="left").select(*_KEY, "age", "came", "rows", "usual")


def _kind() -> pl.Expr:
    is_small = pl.col("rows") < pl.col("usual") * _LEAST_SHARE
    return (
        pl.when(pl.col("age").is_null() & (pl.col("source") == "canonical"))
        .then(None)  # its profile is written by `init`, whether or not a site uses it
        .when(pl.col("age").is_null())
        .then(pl.lit("feed_absent"))
        .when(pl.col("age") >= pl.col("every_hours"))
        .then(pl.lit("feed_late"))
        .when(is_small)
        .then(pl.lit("feed_small"))
        .otherwise(None)
    )


def _said() -> pl.Expr:
    table, feed = pl.col("table_name"), pl.lit("Feed ") + pl.col("source")
    came = pl.col("came").dt.strftime(_TIME)
    every = pl.lit(", expected every ") + number_text(pl.col("every_hours")) + pl.lit(" h.")
    usual = pl.lit(", usually ") + pl.col("usual").floor().cast(pl.Int64).cast(pl.String)
    return (
        pl.when(pl.col("kind") == "feed_absent")
        .then(feed + pl.lit(" is absent: no ") + table + pl.lit(" were received yet") + every)
        .when(pl.col("kind") == "feed_late")
        .then(feed + pl.lit(" is late: no ") + table + pl.lit(" since ") + came + every)
        .otherwise(
            feed
            + pl.lit(" is far too small: ")
            + pl.col("rows").cast(pl.String)
            + pl.lit(" rows of ")
            + table
            + pl.lit(" came ")
            + came
            + usual
            + pl.lit(".")
        )
    ) + pl.lit(" What did not come is missing from these lists.")
