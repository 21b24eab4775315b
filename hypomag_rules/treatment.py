"""Whether the index was treated, and since when a supplement runs (S3, S9)."""

import polars as pl

from hypomag_rules.clock import days_between
from hypomag_rules.doses import Drugs
from hypomag_rules.policy import Policy

_PARENTERAL = ("iv", "im")
_MASS_DECIMALS = 3


def with_treatment(
    moments: pl.DataFrame, drugs: Drugs, feeds: pl.DataFrame, policy: Policy, zone: str
) -> pl.DataFrame:
    """Adds what was given after the index and what is known of treatment at all.

    `parenteral_after_index_at` (start of the last), `parenteral_from` (start of the first),
    `parenteral_grams` and `has_unweighed_dose` with the `is_sufficient` that they come to,
    `supplement_started_at`, `has_unread_dose`, `has_parenteral_order`,
    `is_oral_active`, `is_treatment_unknown`, `treatment_known_until`.
    """
    index = moments.select("moment", index_at="collected_at")
    doses = drugs.doses.join(index, on="moment").filter(pl.col("index_at").is_not_null())
    after = doses.filter(pl.col("dose_ended_at") > pl.col("index_at"))
    frames = (
        _parenteral(after.filter(pl.col("route").is_in(_PARENTERAL)), policy),
        _supplement(doses, drugs.orders.join(index, on="moment"), policy, zone),
        _flag(after.filter(pl.col("route") == "other"), "has_unread_dose"),
        _flag(_standing_orders(drugs.orders.join(index, on="moment")), "has_parenteral_order"),
        _flag(_oral_magnesium(drugs.active), "is_oral_active"),
    )
    flags = ("has_unread_dose", "has_parenteral_order", "is_oral_active", "is_sufficient")
    frame = moments
    for part in frames:
        frame = frame.join(part, on="moment", how="left", maintain_order="left")
    frame = frame.with_columns(pl.col(*flags).fill_null(value=False)).join(
        feeds,
        on=["patient_prefix", "as_of", "received_by"],
        how="left",
        maintain_order="left",
    )
    known_until = pl.col("administered_until")
    return frame.with_columns(
        is_treatment_unknown=known_until.is_null() | (known_until <= pl.col("collected_at"))
    ).rename({"administered_until": "treatment_known_until"})


def _parenteral(after: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """IV and IM doses that end after the index; sufficient at 1 g, or when one has no mass."""
    given = after.group_by("moment").agg(
        parenteral_after_index_at=pl.col("started_time").max(),
        parenteral_from=pl.col("started_time").min(),
        parenteral_grams=pl.col("grams").sum().round(_MASS_DECIMALS),
        has_unweighed_dose=pl.col("grams").is_null().any(),
    )
    enough = pl.col("parenteral_grams") >= policy.treatment.sufficient_grams
    return given.with_columns(is_sufficient=pl.col("has_unweighed_dose") | enough)


def _supplement(
    doses: pl.DataFrame, orders: pl.DataFrame, policy: Policy, zone: str
) -> pl.DataFrame:
    """The earliest start of magnesium after the index, within so many local days of it."""
    oral_orders = orders.filter(pl.col("route_folded") == "oral")
    starts = pl.concat(
        [
            doses.select("moment", "index_at", "started_time"),
            oral_orders.select("moment", "index_at", "started_time"),
        ]
    )
    days = days_between(pl.col("index_at"), pl.col("started_time"), zone)
    return (
        starts.filter(
            pl.col("started_time") > pl.col("index_at"),
            days <= policy.treatment.supplement_start_days,
        )
        .group_by("moment")
        .agg(supplement_started_at=pl.col("started_time").min())
    )


def _standing_orders(orders: pl.DataFrame) -> pl.DataFrame:
    """Parenteral orders started after the index, or still active."""
    return orders.filter(
        pl.col("route_folded").is_in(_PARENTERAL),
        (pl.col("started_time") > pl.col("index_at")) | pl.col("is_active"),
    )


def _oral_magnesium(active: pl.DataFrame) -> pl.DataFrame:
    return active.filter(pl.col("drug_class") == "magnesium", pl.col("route_folded") == "oral")


def _flag(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """The moments that have a row, flagged."""
    return rows.select("moment").unique().with_columns(pl.lit(value=True).alias(name))


def treatment_reasons() -> dict[str, pl.Expr]:
    """Reasons on severe and low; all of these patients are listed as untreated."""
    is_severe = pl.col("severity") == "severe"
    is_short = is_severe | (pl.col("severity") == "low")
    has_parenteral = pl.col("parenteral_after_index_at").is_not_null()
    return {
        "TREATMENT_UNKNOWN": is_short & pl.col("is_treatment_unknown"),
        "ORDER_WITHOUT_ADMINISTRATION": is_severe
        & pl.col("has_parenteral_order")
        & ~has_parenteral,
        "PARENTERAL_BELOW_1_G": is_severe & has_parenteral & ~pl.col("is_sufficient"),
        "MAGNESIUM_ROUTE_UNREAD": is_severe & ~pl.col("is_sufficient") & pl.col("has_unread_dose"),
        "SUPPLEMENT_NOT_STARTED": is_short
        & pl.col("supplement_started_at").is_null()
        & ~pl.col("is_oral_active")
        & ~pl.col("is_treatment_unknown"),
    }
