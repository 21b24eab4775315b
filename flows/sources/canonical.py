"""The canonical layout, and every layout of tables that a profile can describe."""

from collections.abc import Collection, Iterator
from typing import Final

import polars as pl

from data_contracts.columns import Table
from data_contracts.patients import PATIENTS
from flows.errors import FileRefusedError
from flows.inbox import Dropped
from flows.profile import Profile
from flows.schema import CANONICAL
from flows.sources.composed import canonical_rows, composed
from flows.sources.extract import Delivery, Extract, StagedDelivery
from flows.sources.snapshots import dated, snapshot_time
from flows.sources.tabular import batches, check_shape, header_of
from flows.sources.wide import unfolded
from flows.table_profile import CELL, TableProfile

# How the name of a file begins that this layout knows; the others say theirs too.
NAMES: Final = f"one of {', '.join(CANONICAL)}, or give the profile a pattern"

Sent = dict[str, tuple[str, ...]]


def deliveries(files: list[Dropped], profile: Profile) -> list[Delivery]:
    """A delivery for each table that a file's name announces: by the profile's patterns or ours."""
    return [
        Delivery(file, table) for file in files for table in _tables_of(file.path.name, profile)
    ]


def _tables_of(name: str, profile: Profile) -> list[str | None]:
    told = [table for table, spec in profile.tables.items() if spec.takes(name)]
    own = next((table for table in CANONICAL if name.lower().startswith(table)), None)
    return [*told] or [own]


def read(staged: StagedDelivery, profile: Profile) -> Extract:
    """The rows of a staged file under canonical names; absent columns are null.

    Of wide lines each cell that holds something is a row, numbered by its line. Raises
    `FileRefusedError` when a required column is missing.
    """
    contract = CANONICAL[staged.table]
    spec = profile.tables.get(staged.table, TableProfile())
    names = header_of(staged.path, profile.separator)
    fed = {table: other for table, other in profile.tables.items() if other.takes(staged.name)}
    sent = _sent(names, contract, spec, fed)
    _refuse_missing(names, contract, spec, sent)
    if staged.path.suffix != ".parquet":
        check_shape(staged.path, len(names), profile.separator)
    # What another table of the same file is made of is no column that nobody knows.
    known = _read_of(sent, spec)
    for table, other in fed.items():
        known |= _read_of(_sent(names, CANONICAL[table], other, fed), other)
    frames = _frames(staged, names, sent, profile)
    return Extract(frames, tuple(name for name in names if name not in known))


def _sent(names: list[str], contract: Table, spec: TableProfile, fed: Collection[str]) -> Sent:
    """What of ours the file has, and of which of its columns it is made.

    Beside canonical columns that is what a profile makes one of: an age, a second unit. Our own
    names fold case where no profile names columns: among theirs a STATUS may be anything. In a
    file that also feeds patients, and in a wide one, `name` is nobody's test unless a profile says.
    """
    is_personal = bool(spec.wide) or (contract.name != PATIENTS.name and PATIENTS.name in fed)
    passed = (*(CELL if spec.wide else ()), *(("name",) if is_personal else ()))
    ours = [name for name in contract.names if name not in passed]
    found = {name: name for name in names} if spec.is_named else _folded(names, ours)
    sent = {name: (found[name],) for name in ours if name in found} | dict(spec.columns)
    return sent | ({"unit_check": (spec.unit_check,)} if spec.unit_check else {})


def _folded(names: list[str], ours: list[str]) -> dict[str, str]:
    """Their names by ours; two that differ in case alone refuse the file."""
    found: dict[str, str] = {}
    for at, name in enumerate(names, 1):
        own = name.lower()
        if own in ours and own in found:
            message = (
                f"line 1: columns {names.index(found[own]) + 1} and {at} are both '{own}'; keep one"
            )
            raise FileRefusedError(message)
        found[own] = name
    return found


def _read_of(sent: Sent, spec: TableProfile) -> set[str]:
    """All columns of the file that are read for a table."""
    units = {cell.unit_column for cell in spec.wide.values() if cell.unit_column}
    return {own for owns in sent.values() for own in owns} | {*spec.wide} | units


def _refuse_missing(names: list[str], contract: Table, spec: TableProfile, sent: Sent) -> None:
    """A column that a profile names must be there: absent it would be blank, and mean something."""
    needed = [
        name
        for name in contract.required
        if name not in sent and name not in spec.constants and not (spec.wide and name in CELL)
    ]
    read = _read_of(sent, spec)
    missing = needed + sorted(read.difference(names))
    if missing:
        # Names that we do not know are not repeated: without a header they are a patient's row.
        known = ", ".join(name for name in names if name in read) or "none of ours"
        message = (
            f"line 1: required column '{missing[0]}' is missing; of {len(names)} columns known: "
            f"{known}; name it in the source profile or add it to the export"
        )
        raise FileRefusedError(message)


def _frames(
    staged: StagedDelivery, names: list[str], sent: Sent, profile: Profile
) -> Iterator[pl.DataFrame]:
    spec = profile.tables.get(staged.table, TableProfile())
    at = snapshot_time(spec.snapshot, staged.name) if spec.snapshot else None
    lines = 0
    for frame in batches(staged.path, names, profile.separator):
        rows = dated(canonical_rows(composed(frame, sent), staged.table, profile), at)
        if spec.wide:
            yield from unfolded(rows, frame, spec, profile, lines)
        else:
            yield rows
        lines += frame.height
