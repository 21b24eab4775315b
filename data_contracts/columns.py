"""A column of a table that crosses our border: its name, its type and what it says."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
from polars.datatypes import DataType, DataTypeClass


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `comment` goes into DuckDB and the data dictionary."""

    name: str
    comment: str
    dtype: DataType | DataTypeClass = pl.String
    is_required: bool = False
    is_nullable: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A named table and its columns in their written order."""

    name: str
    comment: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in their written order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that a file must have."""
        return tuple(column.name for column in self.columns if column.is_required)

    @property
    def schema(self) -> dict[str, DataType | DataTypeClass]:
        """Polars types by column name."""
        return {column.name: column.dtype for column in self.columns}


def text_columns(
    described: Iterable[tuple[str, str]], required: Iterable[str]
) -> tuple[Column, ...]:
    """Columns of a canonical table: all text as sent, some of them required."""
    needed = set(required)
    return tuple(Column(name, comment, is_required=name in needed) for name, comment in described)
