"""Numbers of a patient in HL7 v2 (PID-3): several are usual, one is the patient's."""

from typing import Final

import polars as pl

from flows.profile import Profile
from flows.sources.hl7v2_segments import Separators, told

# CX-5 of numbers that stand for the patient: others of one authority are accounts or visits.
_OF_PATIENTS: Final = ("MR", "PI")
_MEDICAL_RECORD: Final = "MR"


def patient_numbers(sent: pl.Series, separators: Separators, profile: Profile) -> pl.DataFrame:
    """Of each PID-3 `patient_id`, which the profile's authority gave, and `mrn`, for the wristband.

    Several numbers among which nothing decides are no number: nobody's results go to a guess.
    """
    given = numbers_given(sent, separators)
    authority, record_authority = (profile.identifiers.get(key) for key in ("patient", "mrn"))
    own = given if authority is None else _given_by(given, authority)
    typed = own.filter(pl.col("kind").is_in(_OF_PATIENTS if authority is not None else ()))
    records = given.filter(pl.col("kind") == _MEDICAL_RECORD)
    own_records = _given_by(given, record_authority) if record_authority else records
    rows = pl.select(at=pl.int_range(sent.len(), dtype=pl.UInt32))
    for name, numbers in (
        ("typed", _only(typed)),
        ("untyped", _only(own)),
        ("own_record", _first(own_records)),
        ("record", _first(records)),
    ):
        named = numbers.select("at", pl.col("number").alias(name))
        rows = rows.join(named, on="at", how="left", maintain_order="left")
    return rows.select(
        patient_id=pl.coalesce("typed", "untyped"), mrn=pl.coalesce("own_record", "record")
    )


def numbers_given(sent: pl.Series, separators: Separators) -> pl.DataFrame:
    """A row for each repeat that has a number: `at` (row of the field), who gave it, its kind."""
    repeats = (
        sent.to_frame("sent")
        .with_row_index("at")
        .with_columns(pl.col("sent").str.split(separators.repeat))
        .explode("sent")
    )
    parts = told(
        repeats,
        separators,
        number=("sent", 1),
        authority=("sent", 4, 1),
        universal=("sent", 4, 2),
        kind=("sent", 5),
    )
    return parts.hstack(repeats.select("at")).filter(pl.col("number").is_not_null())


def _given_by(given: pl.DataFrame, authority: str) -> pl.DataFrame:
    return given.filter((pl.col("authority") == authority) | (pl.col("universal") == authority))


def _first(given: pl.DataFrame) -> pl.DataFrame:
    return given.unique("at", keep="first", maintain_order=True)


def _only(given: pl.DataFrame) -> pl.DataFrame:
    """The number of each field that has no other beside it; the same one twice is one."""
    distinct = given.select("at", "number").unique(maintain_order=True)
    return distinct.filter(~pl.col("at").is_duplicated())
