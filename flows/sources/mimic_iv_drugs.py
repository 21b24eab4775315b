"""Medications out of MIMIC-IV: prescriptions, and the infusions of the ICU."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from data_contracts.medications import MEDICATIONS
from flows.sources.mimic_iv_tables import Original, batches, canonical, whole

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
