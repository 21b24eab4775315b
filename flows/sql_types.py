"""What DuckDB calls the types of our contracts."""

from typing import Final

import polars as pl
from polars.datatypes import DataType, DataTypeClass

_SQL: Final = {
    pl.Date: "DATE",
    pl.Boolean: "BOOLEAN",
    pl.Float64: "DOUBLE",
    pl.Int16: "SMALLINT",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
}


def sql_type(dtype: DataType | DataTypeClass) -> str:
    """The SQL type of a contract's column; closed word lists are text."""
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMP"
    if isinstance(dtype, pl.List):
        return "VARCHAR[]"
    return next((name for kind, name in _SQL.items() if dtype == kind), "VARCHAR")
