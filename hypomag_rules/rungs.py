"""Conditions as data: from the same rungs a rule decides and an explanation is told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

FIRST_THAT_HOLDS: Final = "the first that holds"
_LOCAL: Final = "local"


@dataclass(frozen=True, slots=True)
class Rung:
    """One condition of a rule over the frame of assessed moments.

    `reads` are the columns it looks at, `keys` the policy keys (`section.key`) it compares with,
    `statement` what of the guideline it rests on, or "local". A rung with `limbs` holds where all
    rungs of one limb hold, and reads nothing itself.
    """

    says: str
    holds: pl.Expr
    reads: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    statement: str = _LOCAL
    limbs: tuple[tuple["Rung", ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One answer of a ladder: what it gives where its rung holds, and what that comes to."""

    gives: str
    rung: Rung
    comes_to: pl.Expr | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """How the value of a column is decided: of the steps that hold, one as `picks` says.

    Nothing is decided where a rung of the `gate` does not hold.
    """

    column: str
    steps: tuple[Step, ...]
    gate: tuple[Rung, ...] = ()
    picks: str = FIRST_THAT_HOLDS

    def first(self) -> pl.Expr:
        """What the first step that holds gives; null behind a closed gate."""
        given = (
            pl.when(all_hold((*self.gate, step.rung))).then(pl.lit(step.gives))
            for step in self.steps
        )
        return pl.coalesce(*given)


def all_hold(rungs: Sequence[Rung]) -> pl.Expr:
    """Whether every rung holds; what is unknown does not."""
    return pl.all_horizontal(rung.holds.fill_null(value=False) for rung in rungs)


def any_limb(says: str, *limbs: tuple[Rung, ...]) -> Rung:
    """A rung that holds where all rungs of one limb do; it rests on what they rest on."""
    statements = _each_once(
        statement
        for limb in limbs
        for rung in limb
        for statement in rung.statement.split(", ")
        if rung.statement != _LOCAL
    )
    holds = pl.any_horizontal(all_hold(limb) for limb in limbs)
    return Rung(says, holds, statement=", ".join(statements) or _LOCAL, limbs=limbs)


def _each_once(names: Iterable[str]) -> list[str]:
    return sorted(set(names), key=lambda name: int(name.removeprefix("S")))


HAS_INDEX = Rung(
    "a magnesium result of the days that are judged counts",
    pl.col("has_index"),
    ("collected_at",),
    ("assessment.days",),
)
IN_SCOPE = Rung(
    "adult, or of unknown age, on the day of the index",
    ~pl.col("is_minor"),
    ("born_on", "collected_at"),
    ("magnesium.adult_age", "plausible.age"),
)
ALIVE = Rung("alive", pl.col("is_alive"), ("died_at",))
