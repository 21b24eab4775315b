"""The vocabulary of a drafted profile: codes, units, status words, and what contradicts itself."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from data_contracts.vocabulary import value_set
from flows.drafting.analytes import analyte_named, loinc_for
from flows.drafting.seen import Seen, holding
from flows.drafting.statuses import COMMON, letter_of
from flows.drafting.text import amount, comment, counted, decide, quoted, section
from flows.drafting.vocabulary import (
    Code,
    Word,
    codes_of,
    disagreeing,
    results_as,
    units_of,
    words_of,
)

_MOST: Final = 30


def results_in(extracts: list[Seen]) -> pl.DataFrame | None:
    """The words of all results, or nothing where no extract has them in columns."""
    parts = [
        results_as(extract.sample.rows, guess)
        for extract, guess in holding(extracts, "observations")
        if not guess.wide
    ]
    return pl.concat(parts) if parts else None


def default_status(results: pl.DataFrame) -> list[str]:
    """A blank status is unknown unless the laboratory says what it means."""
    status = results.get_column("status")
    blank = status.null_count()
    if not blank or blank == status.len():
        return []
    said = decide(
        f"{_results(blank)} with a blank status would go to review; if the laboratory says "
        "that blank means final:"
    )
    return section(said, ['# default_status = "F"'])


def which_unit(results: pl.DataFrame) -> list[str]:
    """Which of two unit columns speaks where they disagree."""
    if not disagreeing(results):
        return []
    said = decide(
        f"the two unit columns disagree in {disagreeing(results)} rows, which go to review until "
        "the laboratory says which one is right."
    )
    return section(said, ['# unit_from = "unit"', '# unit_from = "unit_check"'])


def words(results: pl.DataFrame) -> list[str]:
    """The tables of codes, units, status words and trust."""
    codes = codes_of(results)
    return [
        *section(_codes(codes)),
        *section(_units(results, codes)),
        *section(_status(results)),
        *section(_trust(codes)),
    ]


def _codes(codes: list[Code]) -> Iterator[str]:
    ours = [code for code in codes if code.analyte]
    if ours:
        read = counted((f"{code.text} {_spaced(code.analyte)}", code.rows) for code in ours)
        yield from comment(f"LOINC that hypomag reads need no line: {read}.")
    yield "[codes]   # theirs = LOINC"
    others = [code for code in codes if not code.analyte]
    told = [code for code in others if code.is_told]
    unread = []
    for code in told:
        analyte = _analyte(code)
        if analyte is None:
            unread.append((quoted(code.text), code.rows))
            continue
        unit = f", mostly in {code.unit}" if code.unit else ""
        fit = f"{quoted(code.text)} = {quoted(loinc_for(analyte, code.unit))}"
        yield f"# {fit}   # Decide: {_spaced(analyte)}? {_results(code.rows)}{unit}"
    if not any(map(_analyte, codes)):
        yield from decide("no code is known, or named like what the rules read: map magnesium.")
    if unread:
        more = f" and {len(unread) - _MOST} more" if len(unread) > _MOST else ""
        yield from comment(f"No rule reads: {counted(unread[:_MOST])}{more}.")
    if hidden := len(others) - len(told):
        yield from comment(f"{amount(hidden, 'code')} of few patients: not shown.")


def _units(results: pl.DataFrame, codes: list[Code]) -> Iterator[str]:
    """Units of what the rules read, or may read; those of other tests are nobody's question."""
    ours = [code.text for code in codes if _analyte(code)]
    read = results.filter(pl.col("code").is_in(ours))
    units = units_of(read)
    known = [unit for unit in units if unit.is_known]
    if known:
        yield from comment(f"Units of these codes: {_told(known)}.")
    if blank := read.get_column("unit").null_count():
        yield from decide(
            f"{_results(blank)} with a blank unit would go to review; no unit is ever guessed: "
            "ask the laboratory to send it."
        )
    yield "[units]   # theirs = ours"
    for unit in units:
        if not unit.is_known and unit.text is not None:
            yield f'# {quoted(unit.text)} = "?"   # {_results(unit.rows)}'
        elif not unit.is_known:
            yield from comment(f"{_results(unit.rows)} with units of few patients: not shown.")


def _analyte(code: Code) -> str | None:
    """What a code measures: by its LOINC, else by what the words beside it name."""
    return code.analyte or analyte_named(f"{code.text} {code.names}")


def _status(results: pl.DataFrame) -> Iterator[str]:
    ours = value_set("statuses").get_column("folded").to_list()
    statuses = words_of(results, "status", ours, COMMON)
    known = [word for word in statuses if word.is_known]
    if known:
        yield from comment(f"Status words that need no line: {_told(known)}.")
    yield "[words.status]   # theirs = letter of HL7 table 0085, or FHIR word"
    for word in statuses:
        if not word.is_known and word.text is not None:
            letter = quoted(letter_of(word.text))
            yield f"# {quoted(word.text)} = {letter}   # Decide: {_results(word.rows)}"
        elif not word.is_known:
            yield from comment(f"{_results(word.rows)} with words of few patients: not shown.")


def _trust(codes: list[Code]) -> Iterator[str]:
    """Magnesium codes whose LOINC, theirs or the proposed one, contradicts the unit of a result."""
    contradicted = [(code, odd) for code in codes if (odd := _contradicted(code))]
    if contradicted:
        yield "[trust]"
    for code, odd in contradicted:
        yield from decide(
            f"{odd} of {_results(code.rows)} of {quoted(code.text)} have a unit that contradicts "
            "its LOINC (2601-3 is magnesium by moles, 19123-9 by mass). They go to review until "
            "the laboratory confirms that the unit is right:"
        )
    if contradicted:
        yield '# magnesium = "unit"'


def _contradicted(code: Code) -> int:
    """The results of a magnesium code whose unit is of the other kind than its LOINC."""
    if _analyte(code) != "magnesium" or not code.is_told:
        return 0
    loinc = code.text if code.analyte else loinc_for("magnesium", code.unit)
    return code.by_mass if loinc == loinc_for("magnesium", "mmol/L") else code.molar


def _results(count: int) -> str:
    return amount(count, "result")


def _told(words: list[Word]) -> str:
    return counted((quoted(str(word.text)), word.rows) for word in words)


def _spaced(word: object) -> str:
    return str(word).replace("_", " ")
