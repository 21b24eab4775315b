"""What the tables beside one of the OMOP CDM add to it: concepts, care sites, persons."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from flows.sources.omop_tables import Columns, batches

CONCEPT: Final = Columns(("concept_id", "concept_code", "vocabulary_id", "concept_name"))
_NO_CONCEPT: Final = "0"


def keys_of(rows: pl.LazyFrame, columns: tuple[str, ...]) -> pl.Series:
    """The distinct ids that stand in some columns; 0 is no concept."""
    seen = pl.Series("id", [], pl.String)
    for batch in batches(rows.select(columns)):
        found = [batch.get_column(name).unique().alias("id") for name in columns]
        seen = pl.concat([seen, *found]).unique()
    return seen.drop_nulls().filter(seen.drop_nulls() != _NO_CONCEPT)


def picked(rows: pl.LazyFrame, key: str, keys: pl.Series) -> pl.DataFrame:
    """The rows of a lookup that are asked for, one a key: a vocabulary has millions of others."""
    wanted = keys.to_frame(key).lazy()
    found = list(batches(rows.join(wanted, on=key, how="semi")))
    empty = pl.DataFrame(schema=rows.collect_schema())
    return pl.concat([empty, *found]).unique(key, keep="first", maintain_order=True)


def with_lookup(rows: pl.DataFrame, lookup: pl.DataFrame, key: str) -> pl.DataFrame:
    """The rows with the columns of a lookup.

    Only the key is joined: a join gathers every column that it carries.
    """
    found = rows.select(key).join(lookup, on=key, how="left", maintain_order="left")
    return rows.hstack(found.drop(key))


def with_concepts(
    rows: pl.DataFrame, concepts: pl.DataFrame, columns: tuple[str, ...]
) -> pl.DataFrame:
    """The rows with `X_code`, `X_vocabulary` and `X_name` of each column `X_id`."""
    for column in columns:
        stem = column.removesuffix("id")
        told = concepts.rename(
            {
                "concept_id": column,
                "concept_code": f"{stem}code",
                "vocabulary_id": f"{stem}vocabulary",
                "concept_name": f"{stem}name",
            }
        )
        rows = with_lookup(rows, told, column)
    return rows


def worded(concept_id: str, words: Mapping[str, str], own: Mapping[str, str]) -> pl.Expr:
    """The word for a concept id; null for one that has none.

    An id that the profile's own words name is handed on as sent, for the rules to map.
    """
    meant = {**words, **{word: word for word in own}}
    return pl.col(concept_id).replace_strict(meant, default=None, return_dtype=pl.String)
