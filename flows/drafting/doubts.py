"""Guesses that would hide results if they were wrong: not taken, left to be decided."""

from collections.abc import Callable
from typing import Final, NamedTuple

import polars as pl

from flows.drafting.clocks import with_clock
from flows.drafting.looks import Looks
from flows.drafting.statuses import may_be_status
from flows.drafting.text import quoted

Found = dict[str, tuple[str, ...]]
# Of ids, so many may contradict themselves: a corrected time or code is a version, not another id.
_MOST_ODD: Final = 0.01
_MOST_DEAD: Final = 0.5


class Doubt(NamedTuple):
    """Their columns that may be one of ours, and why that is not taken for granted."""

    own: tuple[str, ...]
    why: str


def doubts_of(
    table: str, found: Found, rows: pl.DataFrame, looks: dict[str, Looks]
) -> dict[str, Doubt]:
    """The guesses of a table that its cells speak against or are not enough for."""
    if table == "patients":
        return _deaths(found, looks)
    if table != "observations":
        return {}
    doubts = {}
    if _is_shared(rows, found, "observation_id", by=("patient_id",), of=("code",)):
        why = "one id stands with several codes, which would pass for versions of one result"
        doubts["observation_id"] = Doubt(found["observation_id"], why)
    if _is_shared(rows, found, "specimen_id", by=("patient_id", "code"), of=("collected_at",)):
        why = "one number stands with several samples, which would pass for versions of one"
        doubts["specimen_id"] = Doubt(found["specimen_id"], why)
    return doubts | _by_cells(found, looks)


def _deaths(found: Found, looks: dict[str, Looks]) -> dict[str, Doubt]:
    """Most rows with a death: a date that stands for none would take everybody off the lists."""
    if "died_at" not in found:
        return {}
    cells = looks[found["died_at"][0]]
    if cells.filled <= _MOST_DEAD * (cells.filled + cells.blank):
        return {}
    return {"died_at": Doubt(found["died_at"], "most rows have one: does a date stand for none?")}


def _is_shared(
    rows: pl.DataFrame, found: Found, column: str, by: tuple[str, ...], of: tuple[str, ...]
) -> bool:
    """Whether too many of the ids stand with several of what an id has one of."""
    if not {column, *by, *of} <= found.keys():
        return False
    keys = [name for part in (column, *by) for name in found[part]]
    (told,) = of
    one = pl.concat_str(found[told], ignore_nulls=True).n_unique() > 1
    groups = rows.drop_nulls(keys).group_by(keys).agg(one.alias("is_odd"))
    return groups.get_column("is_odd").sum() > _MOST_ODD * groups.height


def _by_cells(found: Found, looks: dict[str, Looks]) -> dict[str, Doubt]:
    """Columns that look like one of ours and are named like nothing, where one alone does."""
    kinds: dict[str, Callable[[Looks], bool]] = {
        "collected_at": lambda cells: cells.are("time", 0.9),
        "value": lambda cells: cells.are("amount", 0.8) and cells.are("point", 0.1),
    }
    taken = {name for own in found.values() for name in own}
    doubts = _status(found, looks, taken)
    for column, is_like in kinds.items():
        alike = [name for name, cells in looks.items() if name not in taken and is_like(cells)]
        if column not in found and len(alike) == 1:
            own = with_clock(alike[0], looks, taken) if column == "collected_at" else (alike[0],)
            doubts[column] = Doubt(own, "its cells look like it, its name does not")
    return doubts


def _status(found: Found, looks: dict[str, Looks], taken: set[str]) -> dict[str, Doubt]:
    """What may be the status where nothing surely is: without one every result is final."""
    alike = [n for n, cells in looks.items() if n not in taken and may_be_status(n, cells)]
    if "status" in found or not alike:
        return {}
    ranked = sorted(alike, key=lambda name: -looks[name].kinds["status_word"])
    others = f", or {', '.join(quoted(name) for name in ranked[1:])}" if ranked[1:] else ""
    why = (
        f"its name or its words look like it{others}. Until a line names the status EVERY RESULT "
        "IS FINAL, a cancelled one too"
    )
    return {"status": Doubt((ranked[0],), why)}
