"""Canonical rows out of the columns of a file: joined, checked against each other, completed."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from data_contracts.observations import OBSERVATIONS
from flows.profile import Profile
from flows.schema import CANONICAL
from flows.sources.ages import birth_dates
from flows.sources.units import checked_unit
from flows.table_profile import AGE, TableProfile

_ALL_FINAL: Final = "final"
# Cells that say nothing when they hold white space alone: another one may speak then.
_STRIPPED: Final = ("value", "unit_check", "birth_date")


def composed(frame: pl.DataFrame, sent: Mapping[str, tuple[str, ...]]) -> pl.DataFrame:
    """Our columns out of the ones of theirs that each is made of; blank cells are null."""
    # The reader's frames come in dozens of pieces, and each later step would walk them all.
    told = frame.select(_joined(owns).alias(name) for name, owns in sent.items()).rechunk()
    return _blanks_as_null(told)


def _joined(owns: tuple[str, ...]) -> pl.Expr:
    """Several columns as one text, a blank between; blank ones are left out."""
    if len(owns) == 1:
        return pl.col(owns[0])
    parts = [pl.col(own).str.strip_chars().replace("", None) for own in owns]
    return pl.concat_str(parts, separator=" ", ignore_nulls=True)


def _blanks_as_null(sent: pl.DataFrame) -> pl.DataFrame:
    """Identifiers stripped, then blank cells as null; only columns that hold a blank are redone."""
    stripped = sent.with_columns(pl.col(r"^.*_id$").str.strip_chars())
    length = {name: _visible(name).str.len_bytes() for name in sent.columns}
    shortest = stripped.select(expr.min().alias(name) for name, expr in length.items())
    blank = [name for name, least in shortest.row(0, named=True).items() if least == 0]
    return stripped.with_columns(pl.when(length[name] > 0).then(name) for name in blank)


def _visible(name: str) -> pl.Expr:
    """What of a cell tells whether it is blank: of a value no white space, though it is kept."""
    return pl.col(name).str.strip_chars() if name in _STRIPPED else pl.col(name)


def canonical_rows(told: pl.DataFrame, table: str, profile: Profile) -> pl.DataFrame:
    """Exactly the columns of a canonical table, out of what the file and the profile tell.

    Of two units that contradict each other both are told; a birth date that is blank is the
    estimate that an age gives.
    """
    spec = profile.tables.get(table, TableProfile())
    wanted = (*CANONICAL[table].names, *(AGE if spec.has_age else ()))
    rows = told.with_columns(
        _untold(name, spec, table) for name in wanted if name not in told.columns
    )
    if spec.unit_check:
        rows = rows.with_columns(unit=checked_unit(pl.col("unit"), pl.col("unit_check"), profile))
    if spec.has_age:
        rows = rows.with_columns(birth_dates(rows, profile.reading_of(table)))
    return rows.select(CANONICAL[table].names)


def _untold(column: str, spec: TableProfile, table: str) -> pl.Expr:
    """A column that the file does not have: the profile's constant, or nothing."""
    constant = spec.constants.get(column)
    if constant is None and (table, column) == (OBSERVATIONS.name, "status"):
        constant = _ALL_FINAL
    return pl.lit(constant, pl.String).alias(column)
