"""Which words of a feed may be printed: those of many patients, and short codes of several."""

from typing import Final

import polars as pl

# A name or a number that a feed has in the place of a word is one person's, or a few people's.
_MANY: Final = 5
_SEVERAL: Final = 2
# A code: four signs without a blank, or up to seven with a digit among them.
_CODES: Final = (
    r"^\S{1,4}$|^[^\s0-9]{0,6}[0-9]\S{0,6}$",
    r"^\S{1,7}$",
)


def is_tellable(word: str, patients: str) -> pl.Expr:
    """Whether a word may be printed; the names of the columns of words and of patient counts."""
    is_code = pl.all_horizontal(pl.col(word).str.contains(form) for form in _CODES)
    shared = pl.col(patients)
    return (shared >= _MANY) | ((shared >= _SEVERAL) & is_code.fill_null(value=False))


def tellable_sql(word: str, patients: str) -> str:
    """The same in SQL, of two expressions."""
    is_code = " AND ".join(f"regexp_matches({word}, '{form}')" for form in _CODES)
    return f"({patients} >= {_MANY} OR ({patients} >= {_SEVERAL} AND coalesce({is_code}, false)))"
