"""The token of a listed row: it ties an answer to item, night and facts that it was given on.

A digest against mistakes, not against forgers: whoever may write to `dispositions/` is trusted.
"""

import hashlib
import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

import polars as pl

from flows.exports.edition import Edition
from hypomag_rules.spoken import number_text

_PARTED: Final = "\x1f"
# What programs make of line ends and control characters when they save a sheet.
_BLANKS: Final = r"(?:(?:_x[0-9A-Fa-f]{4})+_|[\x00-\x20\x7f\xa0])+"
_ZEROS: Final = r"^(-?[0-9]+\.[0-9]*?)0+$"
_POINT: Final = r"^(-?[0-9]+)\.$"
_SITE: Final = 6
_BASIS: Final = 8
_FACTS: Final = 10
_TOKEN: Final = re.compile(
    rf"([0-9a-f]{{16}})-([0-9]{{8}})-([0-9a-f]{{{_SITE}}})([0-9a-f]{{{_BASIS}}})([0-9a-f]{{{_FACTS}}})"
)
_INDEX: Final = ("collected_at", "magnesium_mg_dl", "comparator", "severity")
_UNREAD: Final = ("value_collected_at", "review_at", "could_be_severe")


class Token(NamedTuple):
    """A token in its parts; `site`, `basis` and `facts` are digests."""

    item_id: str
    night: date
    site: str
    basis: str
    facts: str


def token_of(text: str) -> Token | None:
    """The parts of a token as it stands in a cell; None when it is none."""
    found = _TOKEN.fullmatch(text)
    if not found:
        return None
    item, night, site, basis, facts = found.groups()
    try:
        return Token(item, date.fromisoformat(night), site, basis, facts)
    except ValueError:
        return None


def tokens(edition: Edition, items: pl.DataFrame, printed: pl.DataFrame) -> pl.Series:
    """The tokens of a list's items as a file prints them, row by row in the same order."""
    facts = plain_texts(printed)
    site, night = site_mark(edition.hospital), f"{edition.night:%Y%m%d}"
    told = zip(items.get_column("item_id"), basis_marks(items), facts, strict=True)
    return pl.Series(
        "token",
        [
            f"{item}-{night}-{site}{basis}{_digest((item, row), _FACTS)}"
            for item, basis, row in told
        ],
        dtype=pl.String,
    )


def plain_texts(printed: pl.DataFrame) -> pl.Series:
    """Row by row the plain texts of all cells, in the order of the columns."""
    texts = [_text(pl.col(name), dtype).fill_null("") for name, dtype in printed.schema.items()]
    return printed.select(pl.concat_str(*texts, separator=_PARTED)).to_series()


def site_mark(hospital: str) -> str:
    """What tells one home's sheets from another's: a digest of the hospital's name."""
    return _digest((hospital,), _SITE)


def basis_marks(items: pl.DataFrame) -> list[str]:
    """A digest of what each item rests on: its index, on review the unread row, linked numbers."""
    is_review = pl.col("worklist").cast(pl.String) == "review"
    parts = [_text(pl.col(name), items.schema[name]).fill_null("") for name in _INDEX]
    parts += [
        pl.when(is_review).then(_text(pl.col(name), items.schema[name])).fill_null("")
        for name in _UNREAD
    ]
    numbers = pl.lit(_PARTED) + pl.col("linked_numbers")
    told = items.select(
        pl.concat_str(*parts, separator=_PARTED) + numbers.fill_null("")
    ).to_series()
    return [_digest((text,), _BASIS) for text in told]


def facts_mark(item_id: str, cells: Iterable[str]) -> str:
    """The digest of a row's facts, given as plain texts in the order of its list."""
    return _digest((item_id, _PARTED.join(cells)), _FACTS)


def plain_text(cell: object) -> str:
    """A cell as one canonical text, however a program saved it; blank for nothing."""
    match cell:
        case None:
            return ""
        case bool():
            return str(cell).lower()
        case int():
            return str(cell)
        case float():
            text = f"{cell:.6f}"
        case datetime():
            whole = (cell + timedelta(milliseconds=500)).replace(microsecond=0)
            is_day = (whole.hour, whole.minute, whole.second) == (0, 0, 0)
            return whole.date().isoformat() if is_day else whole.isoformat()
        case date():
            return cell.isoformat()
        case _:
            text = re.sub(_BLANKS, " ", str(cell)).strip(" ")
    return re.sub(_POINT, r"\1", re.sub(_ZEROS, r"\1", text))


def _text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The same of a column of that type, before it is printed; null stays null."""
    match dtype:
        case pl.Date():
            return column.dt.to_string("%Y-%m-%d")
        case pl.Datetime():
            is_day = column.dt.time() == time()
            day, instant = (column.dt.to_string(form) for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"))
            return pl.when(is_day).then(day).otherwise(instant)
        case pl.Float64():
            return number_text(column)
        case _:
            text = column.cast(pl.String).str.replace_all(_BLANKS, " ").str.strip_chars(" ")
            return text.str.replace(_ZEROS, "${1}").str.replace(_POINT, "${1}")


def _digest(parts: Iterable[str], length: int) -> str:
    return hashlib.sha256(_PARTED.join(parts).encode()).hexdigest()[:length]
