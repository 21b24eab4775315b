"""One table of a source profile: which files it is in, and how their columns make up ours."""

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, NoReturn

from data_contracts.observations import OBSERVATIONS
from data_contracts.patients import PATIENTS
from flows.errors import ConfigurationError
from flows.profile_keys import checked_zone, refuse_unknown
from flows.schema import CANONICAL
from flows.sources.snapshots import UPDATED, is_pattern

# What a table may be made of beside our own columns: an age and when it held, for a birth date.
AGE: Final = ("age", "age_at")
EXTRA: Final[Mapping[str, tuple[str, ...]]] = {PATIENTS.name: AGE}
# What each cell of a wide line says for itself.
CELL: Final = ("code", "value", "unit")


@dataclass(frozen=True, slots=True)
class WideColumn:
    """One analyte of a wide line: its code, and its unit as a constant or in a column of its own.

    `name` and `specimen` stand for those of the line; a blank `name` is the column's own.
    """

    code: str
    unit: str | None = None
    unit_column: str | None = None
    name: str | None = None
    specimen: str | None = None


@dataclass(frozen=True, slots=True)
class TableProfile:
    """One table of a feed: which files, which of their columns, what stands for missing ones.

    `columns` has, for each of ours, the one or several of theirs that are joined by a blank; for
    patients also `age` in whole years and `age_at`, the time at which it held. `wide` has the
    columns that are an analyte each, by their name in the file. `unit_check` is a second column
    with the unit, `timezone` the zone of this table's times where it is not the profile's,
    `snapshot` the pattern by which a file's name tells the time of rows that tell none.
    """

    files: str = ""
    timezone: str | None = None
    snapshot: str | None = None
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    unit_check: str | None = None
    wide: Mapping[str, WideColumn] = field(default_factory=dict)

    def takes(self, name: str) -> bool:
        """Whether a file of this name holds the table by the profile's pattern, case folded."""
        return bool(self.files) and fnmatch.fnmatchcase(name.lower(), self.files.lower())

    @property
    def is_named(self) -> bool:
        """Whether the profile names columns of theirs."""
        return bool(self.columns or self.wide)

    @property
    def has_age(self) -> bool:
        """Whether birth dates are estimated from ages."""
        return AGE[0] in self.columns


def parse_tables(given: object, layout: str, where: str) -> dict[str, TableProfile]:
    """The tables of a profile; raises `ConfigurationError` for what is unknown or contradicts."""
    tables = {}
    for name, spec in _table(given, f"{where}: tables").items():
        if name not in CANONICAL:
            message = f"{where}: unknown table '{name}'; known: {', '.join(CANONICAL)}"
            raise ConfigurationError(message)
        here = f"{where} tables.{name}"
        tables[name] = _parsed(_table(spec, here), name, here)
        if layout != "canonical":
            _refuse_columns(tables[name], layout, here)
    return tables


def _parsed(spec: Mapping[str, Any], name: str, where: str) -> TableProfile:
    refuse_unknown(spec, frozenset(f.name for f in fields(TableProfile)), where)
    ours = frozenset(CANONICAL[name].names)
    columns = _table(spec.get("columns", {}), f"{where}.columns")
    constants = _table(spec.get("constants", {}), f"{where}.constants")
    wide = _table(spec.get("wide", {}), f"{where}.wide")
    zone = spec.get("timezone")
    refuse_unknown(columns, ours | {*EXTRA.get(name, ())}, f"{where}.columns")
    refuse_unknown(constants, ours | {*EXTRA.get(name, ())[1:]}, f"{where}.constants")
    table = TableProfile(
        files=str(_text_or_none(spec, "files", where) or ""),
        timezone=None if zone is None else checked_zone(zone, "timezone", where),
        snapshot=_text_or_none(spec, "snapshot", where),
        columns={key: _names(own, key, where) for key, own in columns.items()},
        constants={key: str(_text_or_none(constants, key, where)) for key in constants},
        unit_check=_text_or_none(spec, "unit_check", where),
        wide={
            own.strip(): _cell(_table(cell, f"{where}.wide.{own}"), own, where)
            for own, cell in wide.items()
        },
    )
    _refuse_contradictions(table, name, where)
    _refuse_snapshot(table, name, where)
    return table


def _cell(cell: Mapping[str, Any], own: str, where: str) -> WideColumn:
    here = f"{where}.wide.{own}"
    refuse_unknown(cell, frozenset(f.name for f in fields(WideColumn)), here)
    texts = {key: _text_or_none(cell, key, here) for key in cell}
    if not texts.get("code"):
        _refuse(here, "has no code", 'write code = "...", a LOINC or one that [codes] maps')
    if ("unit" in texts) == ("unit_column" in texts):
        _refuse(here, "needs either unit or unit_column", "give the one that holds")
    return WideColumn(**{key: text for key, text in texts.items() if text is not None})


def _refuse_contradictions(table: TableProfile, name: str, where: str) -> None:
    twice = sorted({*table.columns} & {*table.constants})
    if twice:
        _refuse(where, f"{twice[0]} stands in columns and in constants", "keep one")
    if name != OBSERVATIONS.name and (table.wide or table.unit_check):
        key = "wide" if table.wide else "unit_check"
        _refuse(where, f"{key} is for observations only", "take it out")
    if table.wide:
        told = [key for key in CELL if key in table.columns or key in table.constants]
        if told:
            _refuse(where, f"wide and {told[0]} of columns or constants contradict", "keep one")
        if table.unit_check:
            _refuse(
                where, "wide and unit_check contradict", "give each wide column its unit_column"
            )
    if table.has_age != (AGE[1] in table.columns or AGE[1] in table.constants):
        _refuse(
            where, "age and age_at belong together", "name both columns, or age_at in constants"
        )


def _refuse_snapshot(table: TableProfile, name: str, where: str) -> None:
    """Only versions that say when they were written can be told apart by the day of their file."""
    if table.snapshot is None:
        return
    if UPDATED not in CANONICAL[name].names:
        _refuse(where, f"snapshot: {name} have no {UPDATED}", "take it out")
    if not is_pattern(table.snapshot):
        _refuse(where, "snapshot tells no day", 'write e.g. "patients_%Y%m%d*.csv"')


def _refuse_columns(table: TableProfile, layout: str, where: str) -> None:
    """Layouts with columns of their own would pass over a profile's without a word."""
    for key in ("columns", "wide", "unit_check", "snapshot"):
        if getattr(table, key):
            _refuse(where, f"layout {layout} has its own columns and reads no {key}", "take it out")


def _names(own: object, key: str, where: str) -> tuple[str, ...]:
    names = tuple(own) if isinstance(own, list) else (own,)
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        _refuse(f"{where}.columns", f"{key} is no column", 'write "NAME" or ["DATE", "TIME"]')
    return tuple(str(name).strip() for name in names)


def _table(given: object, where: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        _refuse(where, "is no table", "write its keys under a [heading] or in { }")
    return given


def _text_or_none(given: Mapping[str, Any], key: str, where: str) -> str | None:
    """A text without blanks around it, as the names of a header are compared."""
    text = given.get(key)
    if text is not None and not isinstance(text, str):
        _refuse(where, f"{key} is no text", "put it in quotes")
    return None if text is None else text.strip()


def _refuse(where: str, what: str, way_out: str) -> NoReturn:
    message = f"{where}: {what}; {way_out}"
    raise ConfigurationError(message)
