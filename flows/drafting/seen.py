"""Extracts as the writer of a profile sees them: samples, the tables in each, their cells."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from flows.drafting.columns import TableGuess, tables_in
from flows.drafting.looks import Looks, looks_of
from flows.drafting.sample import Sample


@dataclass(frozen=True, slots=True)
class Seen:
    """One extract with the looks of its columns and the tables that it holds."""

    sample: Sample
    looks: dict[str, Looks]
    guesses: list[TableGuess]


def seen(sample: Sample) -> Seen:
    """An extract looked at."""
    rows = sample.rows
    looks = {name: looks_of(rows.get_column(name)) for name in rows.columns}
    return Seen(sample, looks, tables_in(sample.name, rows, looks))


def holding(extracts: list[Seen], table: str) -> Iterator[tuple[Seen, TableGuess]]:
    """The extracts that hold a table, with what was found of it."""
    for extract in extracts:
        for guess in extract.guesses:
            if guess.table == table:
                yield extract, guess


def cells_of(extract: Seen, own: tuple[str, ...]) -> pl.Series:
    """The cells that one or several of their columns make, joined by a blank."""
    parts = [pl.col(name).str.strip_chars() for name in own]
    joined = pl.concat_str(parts, separator=" ").alias("cell")
    return extract.sample.rows.select(joined).to_series()
