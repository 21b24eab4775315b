"""Medications out of MIMIC-IV: what the electronic medication record says was given."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from data_contracts.medications import MEDICATIONS
from flows.sources.mimic_iv_tables import Original, canonical, whole

_EMAR: Final = (
    "subject_id",
    "hadm_id",
    "emar_id",
    "poe_id",
    "pharmacy_id",
    "charttime",
    "medication",
    "event_txt",
)
_EMAR_DETAIL: Final = (
    "subject_id",
    "emar_id",
    "parent_field_ordinal",
    "dose_given",
    "dose_given_unit",
    "route",
)
# The eMAR of the whole MIMIC-IV has tens of millions of entries and of details, in no common order:
# joined a tenth of the patients at a time they need a tenth of the memory (3.7 million: 1 GB).
_SLICES: Final = 10
_ELSEWHERE: Final = "in Other Location"
_START, _END, _NO_DOSE = "start", "end", "no_dose"


def administrations(original: Original) -> Iterator[pl.DataFrame]:
    """The eMAR, a row for each bag; events that are no dose and rows without a drug are left out.

    The route is that of the entry, else of its prescription. A started infusion ends at the next
    stop of the same order.
    """
    entries = original.rows(_EMAR).filter(pl.col("medication").is_not_null())
    details = original.lookup("emar_detail", _EMAR_DETAIL)
    prescribed = original.lookup("prescriptions", ("subject_id", "pharmacy_id", "route"))
    for number in range(_SLICES):
        events = _with_kind(_slice(entries, number), original)
        parts = _slice(details, number)
        routes = _routes(_slice(prescribed, number), "pharmacy_id").rename({"route": "ordered"})
        is_head = pl.col("parent_field_ordinal").is_null()
        given = (
            events.filter(~pl.col("kind").is_in([_END, _NO_DOSE]))
            .join(_stops(events), on="emar_id", how="left", maintain_order="left")
            .join(routes, on="pharmacy_id", how="left", maintain_order="left")
            .join(
                _routes(parts.filter(is_head), "emar_id"),
                on="emar_id",
                how="left",
                maintain_order="left",
            )
            .join(
                _bags(parts.filter(~is_head)),
                on="emar_id",
                how="left",
                maintain_order="left_right",
            )
        )
        yield _administered(given)


def _administered(given: pl.DataFrame) -> pl.DataFrame:
    is_split = pl.col("bags") > 1
    entry = pl.format("emar-{}", "emar_id")
    bag = pl.format("emar-{}.{}", "emar_id", "bag")
    event = pl.col("event_txt")
    return canonical(
        given,
        MEDICATIONS,
        medication_id=pl.when(is_split).then(bag).otherwise(entry),
        patient_id=pl.col("subject_id"),
        encounter_id=pl.col("hadm_id"),
        order_id=pl.col("pharmacy_id"),
        kind=pl.lit("administration"),
        name=pl.col("medication"),
        route=pl.coalesce("route", "ordered"),
        dose=pl.col("dose_given"),
        dose_unit=pl.col("dose_given_unit"),
        started_at=pl.col("charttime"),
        ended_at=pl.col("stopped_at"),
        # A blank event charted elsewhere is still a blank event.
        status=pl.when(event.str.strip_chars() != _ELSEWHERE).then(event),
    )


def _slice(rows: pl.LazyFrame, number: int) -> pl.DataFrame:
    """The rows of the patients whose number ends in a digit; what ends in none goes with 0."""
    last = pl.col("subject_id").str.strip_chars().str.tail(1).cast(pl.Int32, strict=False)
    return whole(rows.filter(last.fill_null(0) % _SLICES == number))


def _with_kind(entries: pl.DataFrame, original: Original) -> pl.DataFrame:
    """Entries with what the profile says of their event: start, end, no_dose, else blank."""
    events = original.chosen("events").rename({"item": "event", "meaning": "kind"})
    return (
        entries.with_columns(event=pl.col("event_txt").str.strip_chars())
        .join(events, on="event", how="left", maintain_order="left")
        .with_columns(pl.col("kind").fill_null(""))
    )


def _stops(events: pl.DataFrame) -> pl.DataFrame:
    """For each entry that starts an infusion the next stop of its order (`poe_id`)."""
    ends = events.filter(pl.col("kind") == _END).select(
        "subject_id", "poe_id", pl.col("charttime").alias("stopped_at")
    )
    return (
        events.filter(pl.col("kind") == _START)
        .join(ends, on=["subject_id", "poe_id"])
        .filter(pl.col("stopped_at") >= pl.col("charttime"))
        .group_by("emar_id")
        .agg(pl.col("stopped_at").min())
    )


def _routes(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """The first route that is charted under a key."""
    known = rows.filter(pl.col("route").is_not_null(), pl.col(key).is_not_null())
    return known.unique(key, keep="first", maintain_order=True).select(key, "route")


def _bags(details: pl.DataFrame) -> pl.DataFrame:
    """What was given under each entry, bag by bag by their ordinals (1.1, 1.2, 2.1)."""
    ordinal = pl.col("parent_field_ordinal").str.split(".").list
    places = [
        ordinal.get(at, null_on_oob=True).cast(pl.Int64, strict=False).alias(f"ordinal_{at}")
        for at in range(2)
    ]
    return (
        details.with_columns(places)
        .sort("emar_id", "ordinal_0", "ordinal_1", "line")
        .with_columns(
            bag=pl.int_range(1, pl.len() + 1).over("emar_id"), bags=pl.len().over("emar_id")
        )
        .select("emar_id", "bag", "bags", "dose_given", "dose_given_unit")
    )
