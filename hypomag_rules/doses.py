"""Magnesium doses and orders as they stand at a moment, of all rows that were charted."""

from typing import Final, NamedTuple

import polars as pl

from data_contracts.vocabulary import ROUTES
from hypomag_rules.clock import hours
from hypomag_rules.facts import at_moments, latest_versions
from hypomag_rules.policy import Policy

_GIVEN: Final = ("given", "partial", "completed", "active")
_VOID_ORDER: Final = ("cancelled", "held", "refused", "not_given")
_OVER_ORDER: Final = (*_VOID_ORDER, "stopped", "completed")


class Drugs(NamedTuple):
    """Magnesium given (`doses`, one row each), magnesium orders not void, and what acts now."""

    doses: pl.DataFrame
    orders: pl.DataFrame
    active: pl.DataFrame


def drugs_at(medications: pl.DataFrame, moments: pl.DataFrame, policy: Policy) -> Drugs:
    """Doses, orders and active drugs of each moment's person; ends after `as_of` are absent."""
    rows = latest_versions(
        at_moments(medications, moments), ("source", "medication_id"), own_time="started_time"
    ).filter(pl.col("drug_class").is_not_null(), ~pl.col("is_elsewhere"))
    is_over = (pl.col("ended_time") <= pl.col("as_of")).fill_null(value=False)
    rows = rows.with_columns(is_end_known=is_over)
    is_order = pl.col("kind_word") == "order"
    is_magnesium = pl.col("drug_class") == "magnesium"
    given = _given(rows.filter(~is_order))
    orders = rows.filter(is_order).with_columns(
        is_active=~pl.col("is_end_known") & ~pl.col("status_word").is_in(_OVER_ORDER)
    )
    acting = (pl.col("as_of") - pl.col("dose_ended_at")) <= hours(policy.companions.active_hours)
    active = pl.concat(
        [orders.filter("is_active").select(*_ACTIVE), given.filter(acting).select(*_ACTIVE)]
    ).unique(maintain_order=True)
    return Drugs(
        _merged(given.filter(is_magnesium)),
        orders.filter(is_magnesium, ~pl.col("status_word").is_in(_VOID_ORDER)),
        active,
    )


_ACTIVE: Final = ("moment", "drug_class", "route_folded")


def _given(administrations: pl.DataFrame) -> pl.DataFrame:
    """Administrations that were given; adds `dose_ended_at` and `is_running`.

    A blank status counts unless the dose is zero. What runs at the moment ends there for us.
    """
    status = pl.col("status_word")
    was_given = status.is_in(_GIVEN) | ((status == "blank") & ~pl.col("is_dose_zero"))
    ends_later = (pl.col("ended_time") > pl.col("as_of")).fill_null(value=False)
    is_running = ends_later | ((status == "active") & pl.col("ended_time").is_null())
    ended = (
        pl.when(is_running)
        .then(pl.col("as_of"))
        .otherwise(pl.max_horizontal("ended_time", "started_time"))
    )
    return administrations.filter(was_given).with_columns(
        is_running=is_running, dose_ended_at=ended
    )


def _merged(given: pl.DataFrame) -> pl.DataFrame:
    """Rows of one order and start are one dose: a bag charted in grams and in mL."""
    named = pl.col("order_id").str.strip_chars().replace("", None)
    key = pl.when(named.is_not_null()).then(named).otherwise("\x1f" + pl.col("medication_id"))
    rank = pl.col("route_folded").replace_strict(
        {route: at for at, route in enumerate(ROUTES)}, return_dtype=pl.Int8
    )
    return (
        given.with_columns(dose_key=key, route_rank=rank)
        .group_by("moment", "person_id", "source", "dose_key", "started_time")
        .agg(
            pl.col("as_of").first(),
            pl.col("medication_id").min(),
            pl.col("name", "code", "code_system").sort_by("medication_id").first(),
            # The unit of the row that says the mass: a bag's other row may say its volume.
            pl.col("dose_unit").sort_by(pl.col("grams").is_null(), "medication_id").first(),
            pl.col("route_rank").min(),
            grams=pl.when(pl.col("grams").is_not_null().any()).then(pl.col("grams").sum()),
            millilitres=pl.col("millilitres").max(),
            dose_ended_at=pl.col("dose_ended_at").max(),
            is_running=pl.col("is_running").any(),
        )
        .with_columns(
            route=pl.col("route_rank").replace_strict(
                dict(enumerate(ROUTES)), return_dtype=pl.String
            )
        )
        .drop("dose_key", "route_rank")
        .sort("moment", "started_time", "medication_id", "source")
    )
