"""The canonical layout, and every layout that differs from it in names only."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from data_contracts.columns import Table
from flows.errors import FileRefusedError
from flows.inbox import Dropped
from flows.profile import Profile
from flows.schema import CANONICAL
from flows.sources.extract import Delivery, Extract, StagedDelivery
from flows.sources.tabular import batches, check_shape, header_of
from flows.table_profile import TableProfile

_ALL_FINAL = "final"
# How the name of a file begins that this layout knows; the others say theirs too.
NAMES: Final = f"one of {', '.join(CANONICAL)}, or give the profile a pattern"


def deliveries(files: list[Dropped], profile: Profile) -> list[Delivery]:
    """One delivery a file: its name announces the table, by the profile's pattern or our own."""
    return [Delivery(file, _table_of(file.path.name, profile)) for file in files]


def _table_of(name: str, profile: Profile) -> str | None:
    for table, spec in profile.tables.items():
        if spec.takes(name):
            return table
    return next((table for table in CANONICAL if name.startswith(table)), None)


def read(staged: StagedDelivery, profile: Profile) -> Extract:
    """The rows of a staged file under canonical names; absent columns are null.

    Raises `FileRefusedError` when a required column is missing.
    """
    contract = CANONICAL[staged.table]
    spec = profile.tables.get(staged.table, TableProfile())
    names = header_of(staged.path, profile.separator)
    own_name = {column: spec.columns.get(column, (column,))[0] for column in contract.names}
    missing = [
        own_name[column]
        for column in contract.required
        if own_name[column] not in names and column not in spec.constants
    ]
    missing += [
        own
        for column, (own, *_) in spec.columns.items()
        if own not in names and own_name.get(column) == own and own not in missing
    ]
    if missing:
        # Names that we do not know are not repeated: without a header they are a patient's row.
        known = ", ".join(name for name in names if name in own_name.values()) or "none of ours"
        message = (
            f"line 1: required column '{missing[0]}' is missing; of {len(names)} columns known: "
            f"{known}; name it in the source profile or add it to the export"
        )
        raise FileRefusedError(message)
    if staged.path.suffix != ".parquet":
        check_shape(staged.path, len(names), profile.separator)
    frames = _canonical_frames(staged.path, names, own_name, contract, spec, profile)
    return Extract(frames, tuple(name for name in names if name not in own_name.values()))


def _canonical_frames(
    path: Path,
    names: list[str],
    own_name: dict[str, str],
    contract: Table,
    spec: TableProfile,
    profile: Profile,
) -> Iterator[pl.DataFrame]:
    sent = {column: own for column, own in own_name.items() if own in names}
    for frame in batches(path, names, profile.separator):
        # The reader's frames come in dozens of pieces, and each later step would walk them all.
        told = frame.select(pl.col(own).alias(column) for column, own in sent.items()).rechunk()
        yield _blanks_as_null(told).select(
            column if column in sent else _untold(column, spec, contract.name)
            for column in contract.names
        )


def _blanks_as_null(sent: pl.DataFrame) -> pl.DataFrame:
    """Identifiers stripped, then blank cells as null; only columns that hold a blank are redone."""
    stripped = sent.with_columns(pl.col(r"^.*_id$").str.strip_chars())
    length = {name: _visible(name).str.len_bytes() for name in sent.columns}
    shortest = stripped.select(expr.min().alias(name) for name, expr in length.items())
    blank = [name for name, least in shortest.row(0, named=True).items() if least == 0]
    return stripped.with_columns(pl.when(length[name] > 0).then(name) for name in blank)


def _visible(name: str) -> pl.Expr:
    """What of a cell tells whether it is blank: of a value no white space, though it is kept."""
    return pl.col(name).str.strip_chars() if name == "value" else pl.col(name)


def _untold(column: str, spec: TableProfile, table: str) -> pl.Expr:
    """A column that the file does not have: the profile's constant, or nothing."""
    constant = spec.constants.get(column)
    if constant is None and (table, column) == ("observations", "status"):
        constant = _ALL_FINAL
    return pl.lit(constant, pl.String).alias(column)
