"""Daily snapshots: rows without a time of their own get the one in their file's name."""

import re
from contextlib import suppress
from datetime import datetime
from typing import Final

import polars as pl

from flows.errors import FileRefusedError

UPDATED: Final = "updated_at"
_PARTS: Final = {
    "%Y": "(?P<year>[0-9]{4})",
    "%m": "(?P<month>[0-9]{2})",
    "%d": "(?P<day>[0-9]{2})",
    "%H": "(?P<hour>[0-9]{2})",
    "%M": "(?P<minute>[0-9]{2})",
}
_MARKS: Final = re.compile(r"%.|\*")


def is_pattern(text: str) -> bool:
    """Whether a pattern tells a day: %Y, %m, %d once each, beside them %H, %M and stars."""
    codes = [mark for mark in _MARKS.findall(text) if mark != "*"]
    return {"%Y", "%m", "%d"} <= {*codes} <= _PARTS.keys() and len({*codes}) == len(codes)


def snapshot_time(pattern: str, name: str) -> str:
    """The time that a file's name tells, ISO 8601 without an offset; midnight without hours.

    Raises `FileRefusedError` for a name that the pattern does not fit, or that tells no such day.
    """
    texts = [re.escape(text) for text in _MARKS.split(pattern)]
    marks = [".*" if mark == "*" else _PARTS[mark] for mark in _MARKS.findall(pattern)]
    whole = "".join(text + mark for text, mark in zip(texts, [*marks, ""], strict=True))
    found = re.fullmatch(whole, name, re.IGNORECASE)
    if found is not None:
        told = {key: int(text) for key, text in found.groupdict().items()}
        with suppress(ValueError):
            return datetime(**told).isoformat()  # type: ignore[arg-type]  # noqa: DTZ001 - the source's zone
    message = (
        "its name does not tell the time that `snapshot` of the profile looks for; name it as the "
        "others are, or mend the pattern"
    )
    raise FileRefusedError(message)


def dated(rows: pl.DataFrame, at: str | None) -> pl.DataFrame:
    """The rows with a blank `updated_at` filled in; as they are without a time or such a column."""
    if at is None or UPDATED not in rows.columns:
        return rows
    sent = pl.col(UPDATED)
    is_blank = sent.str.strip_chars().fill_null("") == ""
    return rows.with_columns(pl.when(is_blank).then(pl.lit(at)).otherwise(sent).alias(UPDATED))
