"""What readers must know of a night beside its lists: kept with it, said on every output."""

from collections.abc import Mapping

import polars as pl

from data_contracts.gate import hold_to_table
from data_contracts.published import NOTICES
from flows.linking import link_notices
from flows.night import Night
from flows.profile import Profile
from flows.reclassed import rejudged_notices
from flows.store import Store
from flows.tonight import append
from flows.watching import feed_notices


def append_notices(store: Store, night: Night, profiles: Mapping[str, Profile]) -> None:
    """Keep the night's notices in tonight's database, in the order in which they are read."""
    kinds = (
        feed_notices(store, night, profiles),
        link_notices(store),
        rejudged_notices(store, night),
    )
    told = pl.concat(kinds).with_columns(
        pl.col("kind").cast(NOTICES.schema["kind"]), night=pl.lit(night.date)
    )
    held = hold_to_table(NOTICES, told.sort("kind", "source", "table_name").select(NOTICES.names))
    append(store, NOTICES, held.with_columns(pl.col("kind").cast(pl.String)))
