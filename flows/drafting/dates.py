"""How the times of an extract are written, and what proves which part is the day."""

import re
from dataclasses import dataclass
from typing import Final

import polars as pl

from hypomag_rules.instants import read_instants

_LAST_MONTH: Final = 12
_CLOCK: Final = r"(?:([ T])([0-9]{1,2}:[0-9]{2}|[0-9]{4})(:[0-9]{2}|[0-9]{2})?(\s*[AaPp][Mm])?)?$"
_SPELLINGS: Final = {
    "numbers": r"^([0-9]{1,2})([/.-])([0-9]{1,2})[/.-]([0-9]{4}|[0-9]{2})" + _CLOCK,
    "month_name": r"^([0-9]{1,2})([- ])([A-Za-z]{3})[- ]([0-9]{4}|[0-9]{2})" + _CLOCK,
    "year_first": r"^((?:19|20)[0-9]{2})([/.-])([0-9]{1,2}[/.-][0-9]{1,2})()" + _CLOCK,
    "compact": r"^((?:19|20)[0-9]{6})()()()([ T]?)([0-9]{4}|[0-9]{2}:[0-9]{2})?(:?[0-9]{2})?()$",
}
_PARTS: Final = ("first", "mark", "second", "year", "gap", "clock", "seconds", "half")


@dataclass(frozen=True, slots=True)
class Spelling:
    """How times are written: `formats` are the possible ones, likeliest first; none for ISO 8601.

    `proof` says what decided or why nothing does, `contradicts` that both orders occur; `others`
    counts the cells that none of the formats reads.
    """

    formats: tuple[str, ...]
    proof: str
    others: int
    is_iso: bool = False
    contradicts: bool = False

    @property
    def is_decided(self) -> bool:
        """Whether one reading alone is possible."""
        return len(self.formats) < 2

    @property
    def is_of_days(self) -> bool:
        """Whether no clock time stands behind the day."""
        return bool(self.formats) and not re.search("%[HI]", self.formats[0])


def spelling_of(texts: pl.Series) -> Spelling | None:
    """The spelling of most of the filled cells; null when there are none.

    The order of day and month is one for all cells, so that one cell can prove it.
    """
    text = pl.col("text")
    cells = texts.alias("text").str.strip_chars().value_counts().filter(text.fill_null("") != "")
    if not cells.height:
        return None
    total = int(cells.get_column("count").sum())
    is_iso = read_instants(cells.get_column("text"), "UTC").get_column("instant").is_not_null()
    is_iso &= ~cells.get_column("text").str.contains(_SPELLINGS["compact"])
    left = cells.filter(~is_iso)
    by_kind = {kind: left.filter(text.str.contains(form)) for kind, form in _SPELLINGS.items()}
    kind = max(by_kind, key=lambda name: _cells(by_kind[name]))
    if not left.height or _cells(by_kind[kind]) < total - _cells(left):
        return Spelling((), "ISO 8601", _cells(left), is_iso=True)
    if not by_kind[kind].height:
        return Spelling((), "no spelling that hypomag knows", total)
    groups = text.str.extract_groups(_SPELLINGS[kind]).struct.rename_fields(_PARTS)
    parts = by_kind[kind].with_columns(groups.alias("parts")).unnest("parts")
    same = parts.filter(mark=_most(parts, "mark"))
    same = same.filter(pl.col("year").str.len_chars() == len(str(_most(same, "year"))))
    clock, unlike = _clock(same)
    days = _orders(kind, same)
    return Spelling(
        tuple(day + clock for day in days.formats),
        days.proof,
        _cells(left) - _cells(same) + unlike,
        contradicts=days.contradicts,
    )


def _cells(counted: pl.DataFrame) -> int:
    return int(counted.get_column("count").sum())


def _orders(kind: str, parts: pl.DataFrame) -> Spelling:
    """The spelling of the days alone."""
    mark = str(_most(parts, "mark"))
    if kind in {"compact", "year_first"}:
        return Spelling((f"%Y{mark}%m{mark}%d",), "the year first", 0)
    year = "%Y" if len(str(_most(parts, "year"))) == 4 else "%y"
    if kind == "month_name":
        return Spelling((f"%d{mark}%b{mark}{year}",), "months are named", 0)
    first, second = (
        int(parts.get_column(name).cast(pl.Int32).max() or 0)  # type: ignore[arg-type]
        for name in ("first", "second")
    )
    day_first, month_first = f"%d{mark}%m{mark}{year}", f"%m{mark}%d{mark}{year}"
    said = f"first part up to {first}, second up to {second}"
    if first > _LAST_MONTH >= second:
        return Spelling((day_first,), f"day first: {said}", 0)
    if second > _LAST_MONTH >= first:
        return Spelling((month_first,), f"month first: {said}", 0)
    if first > _LAST_MONTH:
        told = f"days and months come in both orders: {said}"
        return Spelling((day_first, month_first), told, 0, contradicts=True)
    return Spelling((day_first, month_first), f"no part above 12 decides: {said}", 0)


def _clock(parts: pl.DataFrame) -> tuple[str, int]:
    """The format of the clock behind the day as most cells have it, and how many differ.

    A day without a clock is read by the part of the format before the hours.
    """
    shape = parts.select(
        "count",
        gap=pl.col("gap").fill_null(""),
        has_clock=pl.col("clock").fill_null("") != "",
        has_seconds=pl.col("seconds").fill_null("") != "",
        has_half=pl.col("half").fill_null("") != "",
        has_mark=pl.col("clock").fill_null("").str.contains(":"),
    )
    groups = shape.group_by(pl.exclude("count")).agg(pl.col("count").sum())
    most = groups.sort("count", "gap", "has_clock", "has_seconds", descending=True)
    gap, has_clock, has_seconds, has_half, has_mark, _ = most.row(0)
    unlike = _cells(most.slice(1).filter("has_clock"))
    if not has_clock:
        return "", unlike
    if not has_mark:
        return gap + ("%H%M%S" if has_seconds else "%H%M"), unlike
    hours = "%I:%M" if has_half else "%H:%M"
    return gap + hours + (":%S" if has_seconds else "") + (" %p" if has_half else ""), unlike


def _most(parts: pl.DataFrame, column: str) -> object:
    counts = parts.group_by(column).agg(pl.col("count").sum()).sort("count", column)
    return counts.item(-1, column)


def day_part(time_format: str) -> str:
    """The part of a format before the hours."""
    return re.split(r"[ T]?%[HI]", time_format)[0]
