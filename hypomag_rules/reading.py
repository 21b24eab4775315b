"""From a row as sent to a judged row: what it measures, how much, when, and what is wrong."""

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from hypomag_rules.instants import read_times
from hypomag_rules.numbers import convert, read_numbers
from hypomag_rules.policy import Policy
from hypomag_rules.policy_sections import Plausible
from hypomag_rules.source_reading import SourceReading

_OPEN_AT_LOW: Final = frozenset(
    {"magnesium", "creatinine", "urine_magnesium", "urine_creatinine", "urine_calcium"}
)
_KINDS_WITH_RESULT: Final = ("final", "provisional")


def who_and_what() -> pl.Expr:
    """The reason of a row that no rule reads: it needs a patient and a code, nothing else."""
    return (
        pl.when(pl.col("patient_id").is_null())
        .then(pl.lit("patient_id_missing"))
        .when(pl.col("is_code_missing"))
        .then(pl.lit("code_missing"))
        .otherwise(None)
    )


def judge_rows(
    rows: pl.DataFrame, reading: SourceReading, policy: Policy, latest: datetime
) -> pl.DataFrame:
    """Rows of known analytes (timed, with their judged wording); adds what they come to.

    That is `comparator`, `magnitude` in the analyte's canonical unit, and `reason`, the first
    ground for quarantine that applies, or null. `latest` is the later of the wall clock and the
    night's `as_of`, in UTC.
    """
    horizon = latest.replace(tzinfo=None) + timedelta(hours=policy.plausible.future_hours)
    measured = _with_magnitude(rows, reading, policy.plausible)
    return measured.with_columns(reason=_reason(horizon))


def with_times(rows: pl.DataFrame, reading: SourceReading) -> pl.DataFrame:
    """Adds the two instants of each row, and what was wrong with their texts.

    Rows that no rule reads need them too: they take part where versions contest each other. Of
    the texts stays what the instants do not say.
    """
    columns = []
    for label in ("collected", "reported"):
        read = read_times(rows, f"{label}_at", reading)
        columns += [
            read.get_column("instant").alias(f"{label}_time"),
            read.get_column("fault").alias(f"{label}_fault"),
            read.get_column("spelling").alias(f"{label}_at"),
        ]
    return rows.with_columns(columns)


def _with_magnitude(
    rows: pl.DataFrame, reading: SourceReading, plausible: Plausible
) -> pl.DataFrame:
    numbers = read_numbers(
        rows.get_column("value"),
        decimal_comma=reading.decimal_comma,
        round_long_decimals=reading.round_long_decimals,
    ).rename({"text": "value"})
    limits = _limits(plausible)
    outside = (
        (pl.col("magnitude") < pl.col("least"))
        | ((pl.col("magnitude") == pl.col("least")) & pl.col("is_open"))
        | (pl.col("magnitude") > pl.col("most"))
    )
    measured = (
        rows.select("value", "analyte", "numerator", "denominator")
        .join(numbers, on="value", how="left", maintain_order="left")
        .join(limits, on="analyte", how="left", maintain_order="left")
        .with_columns(
            magnitude=convert(pl.col("millionths"), pl.col("numerator"), pl.col("denominator")),
            is_numeric=pl.col("millionths").is_not_null(),
        )
        .select("comparator", "magnitude", "is_numeric", is_implausible=outside)
    )
    return rows.hstack(measured)


def _limits(plausible: Plausible) -> pl.DataFrame:
    """Plausible limits by analyte; urine needs only to be above zero."""
    bounded = {
        name: getattr(plausible, name)
        for name in plausible.__slots__
        if name not in {"age", "future_hours"}
    }
    urine = dict.fromkeys(sorted(_OPEN_AT_LOW - bounded.keys()), (0.0, float("inf")))
    rows = [
        (name, float(low), float(high), name in _OPEN_AT_LOW)
        for name, (low, high) in (bounded | urine).items()
    ]
    schema = {"analyte": pl.String, "least": pl.Float64, "most": pl.Float64, "is_open": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _reason(horizon: datetime) -> pl.Expr:
    """The ladder of reasons, first that applies; who and what come before anything else."""
    is_empty_update = pl.col("is_update") & pl.col("value").is_null()
    is_judged = pl.col("status_kind").is_in(_KINDS_WITH_RESULT) & ~is_empty_update
    faults = (pl.col("collected_fault"), pl.col("reported_fault"))
    return (
        pl.when(pl.col("patient_id").is_null())
        .then(pl.lit("patient_id_missing"))
        .when(pl.col("is_status_unknown"))
        .then(pl.lit("status_unknown"))
        .when(~is_judged)
        .then(None)
        .when(pl.any_horizontal(*(fault == "time_not_readable" for fault in faults)))
        .then(pl.lit("time_not_readable"))
        .when(pl.any_horizontal(*(fault == "time_does_not_exist" for fault in faults)))
        .then(pl.lit("time_does_not_exist"))
        .when(pl.col("collected_time").is_null())
        .then(pl.lit("collected_at_missing"))
        .when(pl.col("collected_time") > horizon)
        .then(pl.lit("collected_in_future"))
        .when(pl.col("is_specimen_conflict"))
        .then(pl.lit("specimen_conflict"))
        .when(~pl.col("is_numeric"))
        .then(pl.lit("value_not_numeric"))
        .when(pl.col("wording_fault").is_not_null())
        .then(pl.col("wording_fault"))
        .when(pl.col("is_implausible"))
        .then(pl.lit("value_out_of_range"))
        .otherwise(None)
    )
