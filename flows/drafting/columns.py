"""Which of their columns are ours: by name where the cells agree, else by the cells alone."""

from dataclasses import dataclass, field
from typing import Final

import polars as pl

from flows.drafting.clocks import with_clock
from flows.drafting.doubts import Doubt, doubts_of
from flows.drafting.looks import Looks, agrees
from flows.drafting.names import NAMES, folded
from flows.drafting.statuses import is_status
from flows.drafting.wide import WideGuess, wide_columns
from flows.schema import CANONICAL
from flows.table_profile import CELL

_TIMES: Final = "_at"
_MOST_NAMES: Final = 2.0
# What tells that a file has rows of a table at all, beside what the table requires.
_TELLING: Final = {
    "observations": ("code", "value", "unit"),
    "patients": ("birth_date", "age", "sex", "died_at"),
    "encounters": ("care_setting", "started_at"),
    "conditions": ("code_system", "recorded_at"),
    "medications": ("kind", "dose", "route"),
    "patient_links": ("old_patient_id", "new_patient_id"),
}


@dataclass(frozen=True, slots=True)
class Guess:
    """Their columns that make up one of ours, and whether the name or the cells gave them away."""

    own: tuple[str, ...]
    by: str = "name"


@dataclass(frozen=True, slots=True)
class TableGuess:
    """One of our tables in one extract: what was found, what is doubted, what is missing."""

    table: str
    columns: dict[str, Guess] = field(default_factory=dict)
    unit_check: str | None = None
    wide: dict[str, WideGuess] = field(default_factory=dict)
    doubts: dict[str, Doubt] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """The required columns that nothing in the file looks like."""
        told = {*self.columns, *(CELL if self.wide else ())}
        return [name for name in CANONICAL[self.table].required if name not in told]

    @property
    def used(self) -> set[str]:
        """All of their columns that the guess names."""
        own = {name for guess in self.columns.values() for name in guess.own}
        units = {cell.unit_column for cell in self.wide.values()} | {self.unit_check}
        doubted = {name for doubt in self.doubts.values() for name in doubt.own}
        return own | {*self.wide} | {name for name in units if name} | doubted


def tables_in(name: str, rows: pl.DataFrame, looks: dict[str, Looks]) -> list[TableGuess]:
    """The tables that a file holds, the one that it is mostly about first; none when nothing fits.

    A file named after a table holds that one. Others are added when all that they require is there.
    """
    guesses = [_guessed(table, rows, looks) for table in CANONICAL]
    if (wide := _wide(guesses, rows, looks)) is not None:
        people = [guess for guess in guesses if guess.table == "patients" and _told(guess)]
        return [wide, *(_beside(guess, wide) for guess in people if not guess.missing)]

    def rank(guess: TableGuess) -> tuple[bool, bool, bool, int, int]:
        is_named, told = folded(name).startswith(guess.table), _told(guess)
        is_whole = not guess.missing or _is_of_results(guess, guesses)
        return is_named, told > 0, is_whole, told, len(guess.columns)

    main = max(guesses, key=rank)
    if not _told(main):
        return []
    others = [
        g
        for g in guesses
        if g is not main and _told(g) and (not g.missing or _is_of_results(g, guesses))
    ]
    return [main, *(_beside(guess, main) for guess in others)]


def _is_of_results(guess: TableGuess, guesses: list[TableGuess]) -> bool:
    """Whether a file holds results even where it lacks something that they require.

    Values beside a code or a unit do it, a guess by the cells alone where no other table of events
    is whole.
    """
    if guess.table != "observations":
        return False
    sure = {*guess.columns}
    if "value" in sure and sure & {"code", "unit"}:
        return True
    others = [g for g in guesses if g.table not in {"observations", "patients"}]
    is_alone = not any(_told(g) and not g.missing for g in others)
    return is_alone and len((sure | {*guess.doubts}) & {*CELL}) > 1


def _told(guess: TableGuess) -> int:
    """How many columns were found that only this table has."""
    return sum(key in guess.columns for key in _TELLING[guess.table])


def _wide(
    guesses: list[TableGuess], rows: pl.DataFrame, looks: dict[str, Looks]
) -> TableGuess | None:
    """Results of a file with a column an analyte; null for a file of any other shape."""
    if any(not g.missing and _told(g) for g in guesses if g.table != "patients"):
        return None
    results = next(guess for guess in guesses if guess.table == "observations")
    kept = {key: found for key, found in results.columns.items() if key not in (*CELL, "name")}
    taken = {name for found in kept.values() for name in found.own}
    doubts = {key: doubt for key, doubt in results.doubts.items() if key not in CELL}
    cells = {name: cell for name, cell in wide_columns(rows, looks).items() if name not in taken}
    if "code" in results.columns or not cells:
        return None
    return TableGuess(results.table, kept, wide=cells, doubts=doubts)


def _beside(guess: TableGuess, main: TableGuess) -> TableGuess:
    """A second table of a file keeps what the first has not taken for another meaning."""
    taken = main.used - {name for own in _shared(main) for name in own.own}
    kept = {key: found for key, found in guess.columns.items() if not taken.intersection(found.own)}
    doubts = {k: doubt for k, doubt in guess.doubts.items() if not taken.intersection(doubt.own)}
    return TableGuess(guess.table, kept, doubts=doubts)


def _shared(main: TableGuess) -> list[Guess]:
    return [
        main.columns[key]
        for key in ("patient_id", "encounter_id", "facility")
        if key in main.columns
    ]


def _guessed(table: str, rows: pl.DataFrame, looks: dict[str, Looks]) -> TableGuess:
    found: dict[str, Guess] = {}
    taken: set[str] = set()
    by_name = {folded(name): name for name in reversed(looks)}
    for column, names in NAMES[table].items():
        own = next(
            (
                by_name[name]
                for name in names
                if name in by_name
                and by_name[name] not in taken
                and agrees(table, column, looks[by_name[name]])
            ),
            None,
        )
        if own is not None:
            found[column] = Guess(with_clock(own, looks, taken) if _is_time(column) else (own,))
            taken |= {*found[column].own}
    if table == "observations":
        _by_cells(found, taken, looks)
        _status_by_both(found, taken, looks)
        if "name" in found and not _names_codes(rows, found):
            del found["name"]
    if table == "patients" and "mrn" in found and found["mrn"] == found.get("patient_id"):
        del found["mrn"]
    doubts = doubts_of(table, {key: guess.own for key, guess in found.items()}, rows, looks)
    sure = {key: guess for key, guess in found.items() if key not in doubts}
    return TableGuess(table, sure, _unit_check(found, taken, looks), doubts=doubts)


def _is_time(column: str) -> bool:
    return column.endswith(_TIMES)


def _by_cells(found: dict[str, Guess], taken: set[str], looks: dict[str, Looks]) -> None:
    """Codes and units that only their cells give away, each where exactly one looks like it."""
    for column, (kind, least) in {"code": ("loinc", 0.6), "unit": ("unit", 0.8)}.items():
        alike = [n for n, cells in looks.items() if n not in taken and cells.are(kind, least)]
        if column not in found and len(alike) == 1:
            found[column] = Guess((alike[0],), by="cells")
            taken |= {alike[0]}


def _status_by_both(found: dict[str, Guess], taken: set[str], looks: dict[str, Looks]) -> None:
    """The one column whose name and words are those of a status: unread, all would be final."""
    alike = [name for name, cells in looks.items() if name not in taken and is_status(name, cells)]
    if "status" not in found and len(alike) == 1:
        found["status"] = Guess((alike[0],), by="cells")
        taken |= {alike[0]}


def _names_codes(rows: pl.DataFrame, found: dict[str, Guess]) -> bool:
    """Whether a column names tests: hardly more names than codes; people have one each."""
    if "code" not in found:
        return False
    codes = rows.get_column(found["code"].own[0]).n_unique()
    return rows.get_column(found["name"].own[0]).n_unique() <= _MOST_NAMES * codes + 1


def _unit_check(found: dict[str, Guess], taken: set[str], looks: dict[str, Looks]) -> str | None:
    """A second column of units, beside the one that was found."""
    alike = [name for name, cells in looks.items() if name not in taken and cells.are("unit", 0.8)]
    return alike[0] if "unit" in found and alike else None
