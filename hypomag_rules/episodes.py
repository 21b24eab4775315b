"""Episodes: from the first severe or low result to the next that meets the target or is high."""

import polars as pl

from hypomag_rules.clock import days_between


def with_episode(moments: pl.DataFrame, magnesium: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Adds the episode that is open at the index, and the one that a target-met index ended.

    `episode_started_at`, `episode_lows` (number), `episode_lowest` (mg/dL), `episode_span_days`
    (local days between first and last low), `ended_episode_started_at`, `ended_severe`,
    `previous_value`, `previous_unit`, `previous_at`. Undetermined results neither start nor end.
    """
    rows = magnesium.join(
        moments.select("moment", index_at="collected_at", index_severity="severity"), on="moment"
    ).filter(pl.col("collected_time") <= pl.col("index_at"))
    is_end = pl.col("severity").is_in(["target_met", "high"])
    is_short = pl.col("severity").is_in(["severe", "low"])
    before = pl.col("collected_time") < pl.col("index_at")
    last_end = pl.when(is_end & before).then(pl.col("collected_time")).max().over("moment")
    within = rows.with_columns(last_end=last_end).filter(
        is_short,
        pl.col("last_end").is_null() | (pl.col("collected_time") > pl.col("last_end")),
    )
    first, last = pl.col("collected_time").min(), pl.col("collected_time").max()
    spans = within.group_by("moment").agg(
        index_severity=pl.col("index_severity").first(),
        started_at=first,
        lows=pl.len(),
        lowest=pl.col("magnitude").min(),
        span_days=days_between(first, last, zone),
        had_severe=(pl.col("severity") == "severe").any(),
    )
    is_open = pl.col("index_severity").is_in(["severe", "low", "undetermined"])
    episodes = spans.select(
        "moment",
        episode_started_at=pl.when(is_open).then("started_at"),
        episode_lows=pl.when(is_open).then("lows"),
        episode_lowest=pl.when(is_open).then("lowest"),
        episode_span_days=pl.when(is_open).then("span_days"),
        ended_episode_started_at=pl.when(pl.col("index_severity") == "target_met").then(
            "started_at"
        ),
        ended_severe=(pl.col("index_severity") == "target_met") & pl.col("had_severe"),
    )
    return (
        moments.join(episodes, on="moment", how="left", maintain_order="left")
        .with_columns(pl.col("ended_severe").fill_null(value=False))
        .join(_previous(rows.filter(before)), on="moment", how="left", maintain_order="left")
    )


def _previous(earlier: pl.DataFrame) -> pl.DataFrame:
    """The counted magnesium before the index."""
    return (
        earlier.sort("collected_time", maintain_order=True)
        .unique("moment", keep="last", maintain_order=True)
        .select(
            "moment",
            previous_value="value",
            previous_unit="unit",
            previous_magnesium_mg_dl="magnitude",
            previous_at="collected_time",
        )
    )
