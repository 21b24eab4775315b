"""What the unit guard holds, in a sentence that stands above all lists."""

import polars as pl

from hypomag_rules.unit_guard import times_apart


def hold_sentences(holds: pl.DataFrame) -> tuple[str, ...]:
    """A sentence for each feed and analyte of rows of the contract `holds`, in their order.

    How much is held, since which night, how far off it lies, and how it is released.
    """
    is_below = pl.col("median") < pl.col("median_before")
    by_feed = holds.group_by("source", "analyte", maintain_order=True).agg(
        pl.col("results").sum(),
        pl.col("received_on").min(),
        times=times_apart().last().round(1),
        than=pl.when(is_below).then(pl.lit("lower than ")).otherwise(pl.lit("")).last(),
    )
    said = by_feed.select(
        pl.format(
            "Hold: {} {} results of {} received since {} are about {} times {}those before: unit "
            "changed? Not judged, on review; release with hypomag source release {}.",
            "results",
            "analyte",
            "source",
            pl.col("received_on").dt.strftime("%-d %b"),
            "times",
            "than",
            "source",
        )
    )
    return tuple(said.to_series())
