"""The tables of a drafted profile: which files, and which of their columns are ours."""

import re
from collections.abc import Iterator

import polars as pl

from flows.drafting.clocks import may_be_clock
from flows.drafting.columns import Guess, TableGuess
from flows.drafting.sample import pattern_of
from flows.drafting.seen import Seen, cells_of, holding
from flows.drafting.text import comment, decide, quoted, quoted_all, section
from flows.schema import CANONICAL
from flows.sources.snapshots import UPDATED

_AGE = "age"


def tables(extracts: list[Seen]) -> list[str]:
    """The lines of all tables that were found."""
    return [line for table in CANONICAL for line in _table(extracts, table)]


def _table(extracts: list[Seen], table: str) -> Iterator[str]:
    held = list(holding(extracts, table))
    if not held:
        return
    first, guess = held[0]
    names = [extract.sample.name for extract, _ in held]
    yield f"[tables.{table}]"
    pattern, *others = sorted({pattern_of(name) for name in names})
    yield f"files = {quoted(pattern)}"
    if others:
        told = ", ".join(quoted(other) for other in others)
        yield from decide(f"one pattern for all files of this table; the others: {told}.")
    if guess.unit_check:
        yield f"unit_check = {quoted(guess.unit_check)}"
    yield from _snapshot(first, guess)
    yield ""
    yield f"[tables.{table}.columns]   # ours = theirs"
    for column in (*CANONICAL[table].names, _AGE):
        if column in guess.columns:
            yield from _column(first, column, guess.columns[column], guess)
    yield from _updated(first, guess)
    yield from _untold(first, guess)
    yield from _strangers(extracts, first, guess)
    for other, found in held[1:]:
        if found.columns != guess.columns:
            yield from decide(
                f"{quoted(other.sample.name)} has other columns than "
                f"{quoted(first.sample.name)} and would be refused: a profile for each shape."
            )
    yield ""
    yield from section(_wide(guess))


def _wide(guess: TableGuess) -> Iterator[str]:
    """A line for each column that is an analyte; one whose unit nothing tells is left to decide."""
    if not guess.wide:
        return
    yield f"[tables.{guess.table}.wide]   # theirs = what it measures"
    for name, cell in guess.wide.items():
        code = f"code = {quoted(cell.code)}"
        if cell.against:
            yield from decide(
                f"{cell.against} of the results of {quoted(name)} have a unit that contradicts "
                "this LOINC."
            )
        if cell.unit_column:
            yield f"{quoted(name)} = {{ {code}, unit_column = {quoted(cell.unit_column)} }}"
        elif cell.unit:
            yield f"{quoted(name)} = {{ {code}, unit = {quoted(cell.unit)} }}"
        else:
            yield f'# {quoted(name)} = {{ {code}, unit = "?" }}   # Decide: unit and code'


def _updated(extract: Seen, guess: TableGuess) -> Iterator[str]:
    """What a file of results says of a patient held when the result was reported."""
    results = next((g for g in extract.guesses if g.table == "observations"), None)
    if guess.table != "patients" or "updated_at" in guess.columns or results is None:
        return
    told = results.columns.get("reported_at") or results.columns.get("collected_at")
    if told is not None:
        yield f"updated_at = {quoted_all(told.own)}   # the newest result tells of the patient"


def _snapshot(extract: Seen, guess: TableGuess) -> Iterator[str]:
    """A day in the name of a file whose rows tell no time may be that of the rows."""
    day = re.compile(r"20[0-9]{2}([-_]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12][0-9]|3[01])")
    pattern, found = day.subn(r"%Y\1%m\1%d", extract.sample.name, count=1)
    is_alone = extract.guesses[0] is guess and UPDATED not in guess.columns
    if found and is_alone and UPDATED in CANONICAL[guess.table].names:
        yield from decide("are these daily snapshots? Then the newest file speaks of each row:")
        yield f"# snapshot = {quoted(pattern)}"


def _column(extract: Seen, column: str, found: Guess, guess: TableGuess) -> Iterator[str]:
    own = quoted_all(found.own)
    if column == _AGE:
        yield from _age(extract, own, guess)
        return
    asked = "Decide: status? by its words" if column == "status" else "by its cells alone"
    by = f"   # {asked}" if found.by == "cells" else ""
    yield f"{column} = {own}{by}"


def _age(extract: Seen, own: str, guess: TableGuess) -> Iterator[str]:
    """An age needs the day on which it held: in a file of results that of the sample."""
    if "birth_date" in guess.columns:
        yield from comment(f"Not used beside a birth date: {own}.")
        return
    results = next((g for g in extract.guesses if g.table == "observations"), None)
    drawn = results.columns.get("collected_at") if results else None
    if drawn is None:
        yield from decide("on which day the ages held.")
        yield f"# age = {own}"
        yield '# age_at = "?"'
        return
    yield f"age = {own}"
    yield f"age_at = {quoted_all(drawn.own)}   # the age at the time of the sample"


def _untold(extract: Seen, guess: TableGuess) -> Iterator[str]:
    """What the table requires and nothing looks like; columns that no table uses."""
    used = {name for other in extract.guesses for name in other.used}
    unused = {name: cells for name, cells in extract.looks.items() if name not in used}
    clocks = [name for name, cells in unused.items() if may_be_clock(name, cells)]
    left = ", ".join(quoted(name) for name in unused if name not in clocks)
    for column, doubt in guess.doubts.items():
        yield from decide(f"is this {column}? {doubt.why[0].upper()}{doubt.why[1:]}.")
        if doubt.own == (column,):
            yield from comment("It has our name and is read: rename it in the export if not.")
        else:
            yield f"# {column} = {quoted_all(doubt.own)}"
    for column in guess.missing:
        if column not in guess.doubts:
            yield from decide(f"nothing looks like {column}, which is required.")
            yield f'# {column} = "?"'
    if extract.guesses[0] is guess:
        for name in clocks:
            yield from decide(
                f"{quoted(name)} looks like clock times: of which day? A time is both columns: "
                f'["DAY", {quoted(name)}].'
            )
        yield from comment(f"Not used: {left}.") if left else ()
    if guess.table == "observations":
        yield from section(_of_results(guess))[:-1]


def _strangers(extracts: list[Seen], extract: Seen, guess: TableGuess) -> Iterator[str]:
    """A table of whose patients none has a result is told by another number, or of another feed."""
    numbers = _numbers(extract, guess)
    results = [_numbers(other, found) for other, found in holding(extracts, "observations")]
    known = pl.concat([pl.Series(dtype=pl.String), *results])
    if known.len() and numbers.len() and not numbers.is_in(known.to_list()).any():
        yield from decide("none of these patients has a result: another column for patient_id?")


def _numbers(extract: Seen, guess: TableGuess) -> pl.Series:
    """The patients' numbers of a table, blanks aside; none where no column has them."""
    if "patient_id" not in guess.columns:
        return pl.Series(dtype=pl.String)
    return cells_of(extract, guess.columns["patient_id"].own).replace("", None).drop_nulls()


def _of_results(guess: TableGuess) -> Iterator[str]:
    if not {"status"} & {*guess.columns, *guess.doubts}:
        yield from comment("No status: every result would be final.")
    if "reported_at" not in guess.columns:
        yield from comment("No time of report: a result counts from when it was drawn.")
    if "observation_id" not in guess.columns:
        yield from comment(
            "No id of the result: versions are told by patient, specimen or else time, and code."
        )
