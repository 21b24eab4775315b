"""The one gate: rows with a reason are set aside, rows without must keep their contract."""

from typing import Final, NamedTuple

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaError, SchemaErrors

from data_contracts.columns import Table
from data_contracts.observations import JUDGED

_NO_NAN: Final = pa.Check(
    lambda data: data.lazyframe.select(pl.col(data.key).is_nan().not_().fill_null(value=True)),
    name="no NaN",
)


class ContractBrokenError(Exception):
    """A kept row broke its contract: a fault of ours, never of the data."""


class GateAsleepError(Exception):
    """The gate let a row through that must be refused."""


class Sifted(NamedTuple):
    """Rows that may be used, and rows set aside with a reason in `reason`."""

    kept: pl.DataFrame
    refused: pl.DataFrame


def sift(frame: pl.DataFrame) -> Sifted:
    """Split an eager frame on its column `reason`; no row is in neither part or in both."""
    is_kept = pl.col("reason").is_null()
    return Sifted(frame.filter(is_kept), frame.filter(~is_kept))


def hold_to(contract: pa.DataFrameSchema, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame if every row keeps the contract.

    Raises `ContractBrokenError` that names column and check only: pandera's own messages quote
    values, and those may be a patient's.
    """
    try:
        return contract.validate(frame)
    except SchemaErrors as error:
        raise ContractBrokenError(_broken(contract, error.schema_errors[0])) from None
    except SchemaError as error:
        raise ContractBrokenError(_broken(contract, error)) from None


def hold_to_table(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Return a published frame if it has the table's columns, types and nulls, and no NaN."""
    contract = pa.DataFrameSchema(
        {
            column.name: pa.Column(
                column.dtype,
                _NO_NAN if column.dtype == pl.Float64 else None,
                nullable=column.is_nullable,
            )
            for column in table.columns
        },
        name=table.name,
        strict=True,
    )
    return hold_to(contract, frame)


def _broken(contract: pa.DataFrameSchema, error: SchemaError) -> str:
    column = getattr(error.schema, "name", None) or contract.name
    check = getattr(error.check, "name", None) or "type or null"
    return f"contract '{contract.name}': column '{column}' fails '{check}'"


def try_canary() -> None:
    """Show the gate one row that it must refuse.

    Raises `GateAsleepError` when it passes, as it does where PANDERA_VALIDATION_ENABLED is False.
    """
    canary = pl.DataFrame(
        {"patient_id": [""], "analyte": [None], "collected_at": [None], "magnitude": [-1.0]},
        schema={
            "patient_id": pl.String,
            "analyte": pl.String,
            "collected_at": pl.Datetime("us"),
            "magnitude": pl.Float64,
        },
    )
    try:
        hold_to(JUDGED, canary)
    except ContractBrokenError:
        return
    message = (
        "self-check: the contract gate let the canary row through; "
        "remove PANDERA_VALIDATION_ENABLED from the environment"
    )
    raise GateAsleepError(message)
