"""Random nights, drawn once and judged many at a time; a broken promise is cut down to its core.

Judging a hundred nights together costs hardly more than judging one, and drawing them costs more
than judging: so Hypothesis draws all nights of a run once, every property reads the same ones, and
what breaks is reduced here, by leaving out rows and cells as long as it stays broken.
"""

import os
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pprint import pformat
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.oracle.nights import AS_OF, ZONE, nights

__all__ = ["AS_OF", "EXAMPLES", "ZONE", "Drawn", "drawn_nights", "hold_on_every_night"]

Drawn = dict[str, list[dict[str, str]]]
# From nights to what is wrong with each of them, one line a fault.
Promise = Callable[[list[Drawn]], list[list[str]]]

EXAMPLES: Final = int(os.environ.get("HYPOMAG_EXAMPLES", "150"))
_TOGETHER: Final = 50


def hold_on_every_night(promise: Promise) -> None:
    """Fail with the smallest night that breaks the promise, as of `AS_OF` in `ZONE`."""
    remaining = iter(drawn_nights())
    while together := list(islice(remaining, _TOGETHER)):
        for tables, faults in zip(together, promise(together), strict=True):
            if faults:
                smallest, said = _reduced(tables, faults, promise)
                pytest.fail("\n".join([*said, pformat(smallest, width=160)]))


@cache
def drawn_nights() -> tuple[Drawn, ...]:
    """The same nights on every run, so that CI says the same twice; a longer run draws new ones."""
    drawn: list[Drawn] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize="HYPOMAG_EXAMPLES" not in os.environ,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(nights())
    def draw(tables: Drawn) -> None:
        drawn.append(tables)

    draw()
    return tuple(drawn)


def _reduced(tables: Drawn, faults: list[str], promise: Promise) -> tuple[Drawn, list[str]]:
    """A night that keeps its first fault only as long as nothing is left out, and its faults."""
    while True:
        smaller = list(_smaller(tables))
        judged = zip(smaller, promise(smaller), strict=True)
        broken = ((one, said) for one, said in judged if _has_same_kind(said, faults))
        found = next(broken, None)
        if found is None:
            return tables, faults
        tables, faults = found


def _has_same_kind(said: list[str], faults: list[str]) -> bool:
    """Whether the first fault is about the same thing: else another fault takes its place."""
    return bool(said) and said[0].partition(":")[0] == faults[0].partition(":")[0]


def _smaller(tables: Drawn) -> Iterator[Drawn]:
    """The night without a table, without a row, with a blank cell instead of a filled one."""
    for table, rows in tables.items():
        yield {name: other for name, other in tables.items() if name != table}
        for at, row in enumerate(rows):
            yield {**tables, table: [*rows[:at], *rows[at + 1 :]]}
            for column in row:
                if row[column] and column != "patient_id":
                    blanked = {**row, column: ""}
                    yield {**tables, table: [*rows[:at], blanked, *rows[at + 1 :]]}
