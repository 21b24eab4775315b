"""Medications out of MIMIC-IV: orders, bedside administrations, infusions of the ICU."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from data_contracts.medications import MEDICATIONS
from flows.sources.mimic_iv_tables import Original, batches, canonical, whole

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
_INPUTEVENTS: Final = (
    "subject_id",
    "hadm_id",
    "starttime",
    "endtime",
    "itemid",
    "amount",
    "amountuom",
    "rate",
    "rateuom",
    "orderid",
    "ordercategoryname",
    "totalamount",
    "totalamountuom",
    "statusdescription",
)
_PRESCRIPTIONS: Final = (
    "subject_id",
    "hadm_id",
    "pharmacy_id",
    "starttime",
    "stoptime",
    "drug",
    "dose_val_rx",
    "dose_unit_rx",
    "route",
)
# The eMAR of the whole MIMIC-IV has 43 million rows and 87 million details, in no common order:
# joined a tenth of the patients at a time they need a tenth of the memory.
_SLICES: Final = 10
_ELSEWHERE: Final = "in Other Location"
_START, _END, _NO_DOSE = "start", "end", "no_dose"


def orders(original: Original) -> Iterator[pl.DataFrame]:
    """Prescriptions; the table has no row id, so `rx-PHARMACY-N` ends in its data row."""
    for batch in batches(original.rows(_PRESCRIPTIONS)):
        yield canonical(
            batch,
            MEDICATIONS,
            medication_id=pl.format("rx-{}-{}", pl.col("pharmacy_id").fill_null(""), "line"),
            patient_id=pl.col("subject_id"),
            encounter_id=pl.col("hadm_id"),
            order_id=pl.col("pharmacy_id"),
            kind=pl.lit("order"),
            name=pl.col("drug"),
            route=pl.col("route"),
            dose=pl.col("dose_val_rx"),
            dose_unit=pl.col("dose_unit_rx"),
            started_at=pl.col("starttime"),
            ended_at=pl.col("stoptime"),
        )


def infusions(original: Original) -> Iterator[pl.DataFrame]:
    """What the ICU charted as given; the order category stands for the route."""
    labels = whole(original.lookup("d_items", ("itemid", "label")))
    labels = labels.drop("line").unique("itemid", keep="first", maintain_order=True)
    is_volume = pl.col("totalamountuom").str.to_lowercase() == "ml"
    for batch in batches(original.rows(_INPUTEVENTS)):
        yield canonical(
            batch.join(labels, on="itemid", how="left", maintain_order="left"),
            MEDICATIONS,
            medication_id=pl.format("icu-{}-{}", "orderid", "itemid"),
            patient_id=pl.col("subject_id"),
            encounter_id=pl.col("hadm_id"),
            order_id=pl.format("icu-{}", "orderid"),
            kind=pl.lit("administration"),
            code=pl.col("itemid"),
            code_system=pl.lit("local"),
            name=pl.col("label"),
            route=pl.col("ordercategoryname"),
            dose=pl.col("amount"),
            dose_unit=pl.col("amountuom"),
            volume_ml=pl.when(is_volume).then(pl.col("totalamount")),
            rate=pl.col("rate"),
            rate_unit=pl.col("rateuom"),
            started_at=pl.col("starttime"),
            ended_at=pl.col("endtime"),
            status=pl.col("statusdescription"),
        )


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
