"""Clock times in a column of their own: whose day they belong to."""

from collections.abc import Collection
from typing import Final

from flows.drafting.looks import Looks
from flows.drafting.names import clock_stem, day_stem, is_clock_name

_MOST: Final = 0.9


def with_clock(day: str, looks: dict[str, Looks], taken: Collection[str]) -> tuple[str, ...]:
    """A column of days with the column of clock times that goes with it, if there is one."""
    if not looks[day].are("day", _MOST):
        return (day,)
    clocks = [name for name, cells in looks.items() if name not in taken and _is_read(name, cells)]
    alike = [name for name in clocks if clock_stem(name) == day_stem(day)]
    return (day, alike[0]) if alike else (day,)


def _is_read(name: str, cells: Looks) -> bool:
    """Whether the cells can stand behind a day; digits alone are clock times by their name too."""
    digits = is_clock_name(name) and cells.are("digits_clock", 1.0)
    return cells.are("clock", _MOST) or digits


def may_be_clock(name: str, cells: Looks) -> bool:
    """Whether a column may hold clock times, digits that lost a zero (`610`) among them."""
    return cells.are("clock", 0.5) or (is_clock_name(name) and cells.are("short_clock", 0.5))
