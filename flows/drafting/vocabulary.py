"""The words of a feed, counted: codes, units, status words; a word of few patients is not told."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import polars as pl

from data_contracts.vocabulary import value_set
from flows.drafting.analytes import canonical_unit, is_plain_name
from flows.drafting.columns import TableGuess
from flows.tellable import is_tellable
from hypomag_rules.definitions import MOLAR_UNITS

OF_RESULTS: Final = ("patient_id", "code", "name", "unit", "status", "specimen", "unit_check")


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its cells; `text` is null where it cannot be told."""

    text: str | None
    rows: int
    is_known: bool


@dataclass(frozen=True, slots=True)
class Code:
    """A test code: its rows, its analyte where it is a LOINC of ours, its commonest unit.

    `is_shared` says whether enough patients have it.
    `names` (commonest name and specimen) is for finding an analyte, never to be printed.
    `molar` and `by_mass` count the results whose unit is of that kind.
    """

    text: str
    rows: int
    is_shared: bool
    analyte: str | None
    molar: int
    by_mass: int
    names: str
    unit: str | None

    @property
    def is_told(self) -> bool:
        """Whether the code may be printed."""
        return self.analyte is not None or self.is_shared or is_plain_name(self.text)


def results_as(rows: pl.DataFrame, guess: TableGuess) -> pl.DataFrame:
    """The columns of results that hold words, under our names, stripped; null where blank."""
    own = {key: found.own[0] for key, found in guess.columns.items()}
    own |= {"unit_check": guess.unit_check} if guess.unit_check else {}
    blank = pl.lit(None, pl.String)
    return rows.select(
        (pl.col(own[key]).str.strip_chars().replace("", None) if key in own else blank).alias(key)
        for key in OF_RESULTS
    ).with_columns(canonical=canonical_unit("unit"), canonical_check=canonical_unit("unit_check"))


def words_of(
    rows: pl.DataFrame, column: str, known: list[str], common: Collection[str] = ()
) -> list[Word]:
    """The words of a column, the most frequent first; those that cannot be told are one entry.

    `common` words are told, whoever has them, and not known.
    """
    word = pl.col(column)
    counted = (
        rows.filter(word.is_not_null())
        .group_by(column)
        .agg(pl.len().alias("rows"), pl.col("patient_id").n_unique().alias("patients"))
        .with_columns(is_known=word.str.to_lowercase().is_in(known))
        .with_columns(
            text=pl.when(
                word.str.to_lowercase().is_in([*known, *common]) | is_tellable(column, "patients")
            ).then(word)
        )
        .group_by("text", "is_known")
        .agg(pl.col("rows").sum())
        .sort(pl.col("text").is_null(), -pl.col("rows").cast(pl.Int64), "text")
    )
    return [Word(*row) for row in counted.select("text", "rows", "is_known").rows()]


def units_of(results: pl.DataFrame, column: str = "unit") -> list[Word]:
    """The units of the results."""
    canonical = {"unit": "canonical", "unit_check": "canonical_check"}[column]
    spelled = results.filter(pl.col(canonical).is_not_null()).get_column(column)
    return words_of(results, column, spelled.str.to_lowercase().unique().to_list())


def codes_of(results: pl.DataFrame) -> list[Code]:
    """The test codes, the most frequent first."""
    analytes = value_set("analytes").select("analyte", "code")
    is_molar = pl.col("canonical").is_in(MOLAR_UNITS)
    counted = (
        results.filter(pl.col("code").is_not_null())
        .join(analytes, on="code", how="left")
        .group_by("code")
        .agg(
            pl.len().alias("rows"),
            pl.col("patient_id").n_unique().alias("patients"),
            pl.col("analyte").first(),
            is_molar.sum().alias("molar"),
            (~is_molar).sum().alias("by_mass"),
            pl.concat_str("name", "specimen", separator=" ", ignore_nulls=True)
            .drop_nulls()
            .mode()
            .sort()
            .first()
            .fill_null("")
            .alias("names"),
            pl.col("canonical").drop_nulls().mode().sort().first(),
        )
        .with_columns(patients=is_tellable("code", "patients"))
        .sort(-pl.col("rows").cast(pl.Int64), "code")
    )
    return [Code(*row) for row in counted.rows()]


def disagreeing(results: pl.DataFrame) -> int:
    """The rows whose two units are known and differ."""
    return results.filter(pl.col("canonical") != pl.col("canonical_check")).height
