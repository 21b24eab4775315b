"""The night in figures, above any table."""

from typing import Any, Final

import polars as pl

from flows.exports.edition import Edition

_AWAY: Final = "Not in hospital"
_UNKNOWN: Final = "In hospital, ward not known"
_NO_STAY: Final = "No stay on record"
_ORDER: Final = {_UNKNOWN: 1, _AWAY: 2, _NO_STAY: 3}


def summary(edition: Edition) -> dict[str, Any]:
    """Counts for the head of the report; `lowest` is a value as reported, or None."""
    items = edition.items.with_columns(pl.col(pl.Enum).cast(pl.String))
    iv = items.filter(pl.col("worklist") == "iv_replacement").sort("rank")
    recheck = items.filter(pl.col("worklist") == "recheck")
    overdue = recheck.filter(pl.col("section") == "overdue")
    review = items.filter(pl.col("worklist") == "review")
    reasons = pl.col("reasons").list
    has_left = pl.col("left_at").is_not_null() & ~pl.col("is_in_hospital")
    return {
        "severe": iv.height,
        "severe_new": iv.filter(pl.col("life") == "new").height,
        "lowest": iv.get_column("magnesium_as_reported").first(),
        "past_hours": f"{edition.policy.replacement.iv_hours:g}",
        "severe_past": _persons(items.filter(reasons.contains("SEVERE_UNTREATED"))),
        "work_up": items.filter(pl.col("worklist") == "work_up").height,
        "high_watch": items.filter(pl.col("worklist") == "high_watch").height,
        "critical_high": _persons(items.filter(reasons.contains("CRITICAL_HIGH"))),
        "could_be_severe": review.filter("could_be_severe").height,
        "review": review.height,
        "overdue_in_hospital": overdue.filter("is_in_hospital").height,
        "overdue_discharged": overdue.filter(has_left).height,
        "overdue_without_stay": overdue.filter(~has_left, ~pl.col("is_in_hospital")).height,
        "due": recheck.filter(pl.col("section") == "due").height,
        "upcoming": recheck.filter(pl.col("section") == "upcoming").height,
        "listed": _persons(items),
        "hidden": edition.hidden.height,
        "hidden_severe": edition.hidden.filter(pl.col("severity") == "severe").height,
        "held_back": edition.quarantine.height,
        "wards": _by_ward(items),
    }


def _persons(items: pl.DataFrame) -> int:
    return items.get_column("patient_id").n_unique()


def _by_ward(items: pl.DataFrame) -> list[dict[str, Any]]:
    """Items by ward; patients who left come last, together, then those of whom nothing is known."""
    place = pl.coalesce(
        "ward",
        pl.when(pl.col("is_in_hospital")).then(pl.lit(_UNKNOWN)),
        pl.when(pl.col("left_at").is_not_null()).then(pl.lit(_AWAY)),
        pl.lit(_NO_STAY),
    )
    kinds = {
        "iv": pl.col("worklist") == "iv_replacement",
        "overdue": pl.col("section") == "overdue",
        "due": pl.col("section") == "due",
        "upcoming": pl.col("section") == "upcoming",
        "review": pl.col("worklist") == "review",
        "work_up": pl.col("worklist") == "work_up",
        "high_watch": pl.col("worklist") == "high_watch",
    }
    return (
        items.group_by(place.alias("place"))
        .agg(kind.sum().alias(name) for name, kind in kinds.items())
        .sort(pl.col("place").replace_strict(_ORDER, default=0), "place")
        .to_dicts()
    )
