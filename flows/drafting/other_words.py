"""Words outside results that hypomag does not know, each proposed as a line to complete."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from data_contracts.vocabulary import (
    CARE_SETTINGS,
    CODE_SYSTEMS,
    CONDITION_STATUSES,
    MEDICATION_KINDS,
    MEDICATION_STATUSES,
    SEXES,
)
from flows.drafting.seen import Seen, holding
from flows.drafting.text import amount, comment, quoted, section
from flows.drafting.vocabulary import words_of

# Our table and column, the words of the profile, and what is known without a line.
_WORDS: Final = (
    ("patients", "sex", "sex", (*SEXES, "m", "f")),
    ("encounters", "care_setting", "care_setting", CARE_SETTINGS),
    ("conditions", "code_system", "code_system", CODE_SYSTEMS),
    ("conditions", "status", "condition_status", CONDITION_STATUSES),
    ("medications", "kind", "kind", MEDICATION_KINDS),
    ("medications", "status", "medication_status", MEDICATION_STATUSES),
)


def other_words(extracts: list[Seen]) -> list[str]:
    """The tables of words of patients, stays, conditions and medications, where any is unknown."""
    return [
        line
        for table, column, words, known in _WORDS
        for line in section(_unknown(extracts, table, column, words, known))
    ]


def _unknown(
    extracts: list[Seen], table: str, column: str, words: str, known: tuple[str, ...]
) -> Iterator[str]:
    parts = [
        extract.sample.rows.select(
            pl.col(guess.columns["patient_id"].own[0]).alias("patient_id"),
            pl.col(guess.columns[column].own[0]).str.strip_chars().replace("", None).alias(column),
        )
        for extract, guess in holding(extracts, table)
        if {column, "patient_id"} <= {*guess.columns}
    ]
    if not parts:
        return
    folded = [word.lower() for word in known]
    unknown = [word for word in words_of(pl.concat(parts), column, folded) if not word.is_known]
    if not unknown:
        return
    yield f"[words.{words}]   # theirs = one of {', '.join(known)}"
    for word in unknown:
        if word.text is not None:
            yield f'# {quoted(word.text)} = "?"   # {amount(word.rows, "row")}'
        else:
            yield from comment(f"{amount(word.rows, 'row')} with words of few patients, not shown.")
