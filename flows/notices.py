"""What readers must know of a night beside its lists: kept with it, said on every output."""

from collections.abc import Mapping

import polars as pl

from data_contracts.gate import hold_to_table
from data_contracts.published import NOTICES
from data_contracts.vocabulary import RECEIVED_NOTICE
from flows.linking import link_notices
from flows.night import Night
from flows.profile import Profile
from flows.reclassed import rejudged_notices
from flows.store import Store
from flows.tonight import append
from flows.watching import feed_notices
from hypomag_rules.spoken import spoken_time


def append_notices(store: Store, night: Night, profiles: Mapping[str, Profile]) -> None:
    """Keep the night's notices in tonight's database, in the order in which they are read."""
    kinds = (
        received_notice(night),
        feed_notices(store, night, profiles),
        link_notices(store),
        rejudged_notices(store, night),
    )
    told = pl.concat(kinds).with_columns(
        pl.col("kind").cast(NOTICES.schema["kind"]), night=pl.lit(night.date)
    )
    held = hold_to_table(NOTICES, told.sort("kind", "source", "table_name").select(NOTICES.names))
    append(store, NOTICES, held.with_columns(pl.col("kind").cast(pl.String)))


def received_notice(night: Night) -> pl.DataFrame:
    """A row (`kind`, `source`, `table_name`, `said`) for a night as it was known by a time."""
    asked = pl.DataFrame(
        {"by": [] if night.received_by is None else [night.received_by.replace(tzinfo=None)]},
        schema={"by": pl.Datetime("us")},
    )
    return asked.select(
        kind=pl.lit(RECEIVED_NOTICE),
        source=pl.lit(None, pl.String),
        table_name=pl.lit(None, pl.String),
        said=pl.lit("Files and answers received after ")
        + spoken_time(pl.col("by"), night.settings.timezone)
        + pl.lit(" are left out of these lists."),
    )
