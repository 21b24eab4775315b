"""What the cells of a column look like: shares of the filled cells, by kind."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from data_contracts.vocabulary import value_set
from hypomag_rules.wordings import folded_unit

_SEXES: Final = ("m", "f", "w", "d", "u", "male", "female", "other", "unknown")
_MOST_YEARS: Final = 120
_AMOUNT: Final = r"^(?:<=|>=|≤|≥|<|>)?\s*[+-]?[0-9]*[.,]?[0-9]+\s*(?:L|H|LL|HH|\*)?$"
_DAY: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4}"
    r"|[0-9]{1,2}[- ][A-Za-z]{3}[- ][0-9]{2,4}|(?:19|20)[0-9]{6}"
)
_CLOCK: Final = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:[.,][0-9]+)?(?:\s*[AaPp][Mm])?"
_PATTERNS: Final = {
    "loinc": r"^[0-9]{1,7}-[0-9]$",
    "amount": _AMOUNT,
    "comma": r"^[<>=≤≥\s+-]*[0-9]+,[0-9]+\s*[LH*]*$",
    "point": r"^[<>=≤≥\s+-]*[0-9]*\.[0-9]+\s*[LH*]*$",
    "time": rf"^(?:{_DAY})(?:[ T]?.*[0-9:].*)?$",
    "day": rf"^(?:{_DAY})$",
    "clock": rf"^(?:{_CLOCK})$",
    "digits_clock": r"^(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9])?$",
    "short_clock": r"^[0-9]{1,2}[0-5][0-9](?:[0-5][0-9])?$",
    "status_word": r"(?i)^(?:canc|prel|prov|final|finished|amend|amd|auth|withd|corr|enter|verif"
    r"|valid|unval|pend|regist|compl|incompl|partial|storn|vorl|freig|korr|unknown|append)",
    "years": r"^[0-9]{1,3}$",
    "icd": r"^[A-TV-Z][0-9][0-9A-Z](?:\.?[0-9A-Z]{1,4})?$|^[0-9]{3}(?:\.[0-9]{1,2})?$",
}


@dataclass(frozen=True, slots=True)
class Looks:
    """How many cells are filled and blank, and what share of the filled ones is of each kind.

    `distinct` counts the words that differ, `statuses` those that begin like words of a status.
    """

    filled: int
    blank: int
    kinds: dict[str, float]
    distinct: int = 0
    statuses: int = 0

    def are(self, kind: str, least: float) -> bool:
        """Whether at least that share of the filled cells is of the kind."""
        return self.filled > 0 and self.kinds[kind] >= least


def looks_of(column: pl.Series) -> Looks:
    """The looks of a column of text."""
    text = pl.col("text")
    counted = column.alias("text").value_counts().with_columns(spelled=text.str.strip_chars())
    filled = counted.filter(pl.col("spelled").fill_null("") != "")
    total = int(filled.get_column("count").sum())
    spelled = pl.col("spelled")
    told = filled.with_columns(
        *(spelled.str.contains(pattern).alias(kind) for kind, pattern in _PATTERNS.items()),
        unit=folded_unit(spelled).is_in(value_set("units").get_column("folded").to_list()),
        status=spelled.str.to_lowercase().is_in(_statuses()),
        sex=spelled.str.to_lowercase().is_in(_SEXES),
    ).with_columns(
        years=pl.col("years") & (spelled.str.head(3).cast(pl.Int32, strict=False) <= _MOST_YEARS)
    )
    kinds = (*_PATTERNS, "unit", "status", "sex")
    shares = told.select((pl.col(kind) * pl.col("count")).sum() for kind in kinds).row(0)
    return Looks(
        filled=total,
        blank=column.len() - total,
        kinds={
            kind: sum_ / total if total else 0.0 for kind, sum_ in zip(kinds, shares, strict=True)
        },
        distinct=told.get_column("spelled").n_unique(),
        statuses=told.filter("status_word").get_column("spelled").n_unique(),
    )


def _statuses() -> list[str]:
    return value_set("statuses").get_column("folded").to_list()


def agrees(table: str, column: str, cells: Looks) -> bool:
    """Whether the cells of a column can be what its name says; blank ones contradict nothing."""
    if not cells.filled:
        return True
    if column in {"birth_date", "died_at"} or column.endswith("_at"):
        return cells.are("time", 0.5)
    kinds = {
        ("observations", "value"): ("amount", 0.3),
        ("observations", "unit"): ("unit", 0.2),
        ("patients", "age"): ("years", 0.5),
        ("patients", "sex"): ("sex", 0.5),
        ("conditions", "code"): ("icd", 0.5),
    }
    kind, least = kinds.get((table, column), ("", 0.0))
    return not kind or cells.are(kind, least)
