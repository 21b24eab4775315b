"""Columns that may hold the status of a result, and the letters that its words would be."""

import re
from typing import Final

from flows.drafting.looks import Looks
from flows.drafting.names import folded

# Hardly a feed has more words; free text has.
_MOST_WORDS: Final = 20
_NAMED: Final = re.compile(r"(?:status|stat|stt|sts)$|(?:^|[^a-z])(?:st|state|zustand)$")
# How the words of laboratories begin, and the letter that would fit.
_LETTERS: Final = {
    "cor": "C", "amend": "C", "amd": "C", "kor": "C", "fin": "F", "ver": "F", "val": "F",
    "auth": "F", "comp": "F", "frei": "F", "prel": "P", "prov": "P", "vor": "P", "part": "P",
    "canc": "X", "stor": "W", "with": "W", "err": "W", "del": "D", "pend": "I", "in p": "I",
    "reg": "I",
}  # fmt: skip
# Words of laboratories that are nobody's name, whoever has them.
COMMON: Final = (
    "amd", "amend", "auth", "authorised", "authorized", "canc", "cancel", "canceled", "comp",
    "complete", "completed", "corr", "correction", "fin", "partial", "pend", "pending", "prel",
    "prelim", "prov", "provisional", "rel", "released", "storno", "storniert", "val", "valid",
    "validated", "ver", "verif", "verified", "vorläufig", "withdr", "withdrawn",
)  # fmt: skip


def letter_of(word: str) -> str:
    """The letter of HL7 table 0085 that would fit a word; a question mark for none."""
    plain = word.lower()
    return next((letter for begin, letter in _LETTERS.items() if plain.startswith(begin)), "?")


def is_status(name: str, cells: Looks) -> bool:
    """Whether words and name both say that a column is the status."""
    return _is_named(name) and cells.distinct <= _MOST_WORDS and cells.are("status_word", 0.5)


def may_be_status(name: str, cells: Looks) -> bool:
    """Whether the words or the name of a column are those of a status."""
    if cells.distinct > _MOST_WORDS or cells.are("sex", 0.9) or cells.are("amount", 0.5):
        return False
    is_worded = cells.are("status", 0.9) or cells.are("status_word", 0.2) or cells.statuses > 1
    return is_worded or (cells.filled > 0 and _is_named(name) and not cells.are("time", 0.5))


def _is_named(name: str) -> bool:
    return bool(_NAMED.search(name.strip().lower()) or folded(name).endswith("status"))
