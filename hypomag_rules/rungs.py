"""Conditions as data: from the same rungs a rule decides and an explanation is told."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Rung:
    """One condition of a rule over the frame of assessed moments.

    `reads` are the columns it looks at, `keys` the policy keys (`section.key`) it compares with,
    `statement` what of the guideline it rests on, or "local".
    """

    says: str
    holds: pl.Expr
    reads: tuple[str, ...]
    keys: tuple[str, ...] = ()
    statement: str = "local"


def all_hold(rungs: Sequence[Rung]) -> pl.Expr:
    """Whether every rung holds; what is unknown does not."""
    return pl.all_horizontal(rung.holds.fill_null(value=False) for rung in rungs)


IN_SCOPE = Rung(
    "adult, or of unknown age, on the day of the index",
    pl.col("is_in_scope"),
    ("is_in_scope", "age_years"),
    ("magnesium.adult_age",),
)
ALIVE = Rung("alive", pl.col("is_alive"), ("died_at",))
