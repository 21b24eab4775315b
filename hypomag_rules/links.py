"""Which numbers are one person: links as they stand at a moment, chains followed, circles refused.

Each number goes to one other at most, so the links are paths that end, or run into a circle.
Both are walked by doubling: each round looks as far again as all rounds before it.
"""

from datetime import datetime
from typing import Final

import polars as pl

from data_contracts.vocabulary import APPLIED

_OLD, _NEW = "old_id", "new_id"
_LINK: Final = (_OLD, _NEW)
_SAID: Final = ("person_id", "state")
# In this order links take effect; of what would close a circle the last is refused.
_ORDER: Final = ("linked_time", "updated_time", _OLD, _NEW)


def links_at(versions: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """One row a link known at `as_of`, with `state` and, where it is applied, `person_id`.

    Versions say `old_id`, `new_id`, `linked_time`, `withdrawn_time`, `updated_time`, `row_text`
    (naive UTC). The latest written speaks, blank is oldest, at a tie the greater text. Of several
    links of one number the latest counts. A link that would close a circle is refused, and none
    older takes its place: two persons too many are seen, one too few are not.
    """
    links = _latest(versions, as_of)
    is_withdrawn = (pl.col("withdrawn_time") <= as_of).fill_null(value=False)
    standing = links.filter(~is_withdrawn)
    speaking = (
        standing.sort("linked_time", _NEW)
        .unique(_OLD, keep="last", maintain_order=True)
        .sort(*_ORDER, nulls_last=False)
    )
    refused = _closing(speaking)
    applied = speaking.join(refused, on=_OLD, how="anti")
    state = {
        "withdrawn": links.filter(is_withdrawn),
        "overruled": standing.join(speaking, on=_LINK, how="anti"),
        "refused": speaking.join(refused, on=_OLD, how="semi"),
    }
    nobody = pl.lit(None, pl.String)
    told = [rows.with_columns(person_id=nobody, state=pl.lit(word)) for word, rows in state.items()]
    followed = applied.join(_ends(applied), on=_OLD).with_columns(state=pl.lit(APPLIED))
    return pl.concat([followed, *told], how="diagonal").select(*versions.columns, *_SAID)


def _latest(versions: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The version that speaks for each link, where it was written and in force by `as_of`."""
    is_written = pl.col("updated_time").is_null() | (pl.col("updated_time") <= as_of)
    return (
        versions.filter(is_written)
        .sort("updated_time", "row_text", nulls_last=False)
        .unique(_LINK, keep="last", maintain_order=True)
        .filter(pl.col("linked_time") <= as_of)
    )


def _closing(links: pl.DataFrame) -> pl.DataFrame:
    """The old numbers (`old_id`) whose link is the last of a circle, links given in their order."""
    steps = links.select(_OLD, pl.col(_NEW).alias("end")).with_row_index("last")
    for _ in range(_rounds(links)):
        steps = steps.join(steps.select(end=_OLD, further="end", later="last"), on="end").select(
            _OLD, end="further", last=pl.max_horizontal("last", "later")
        )
    in_circles = steps.join(steps.select(pl.col("end").unique().alias(_OLD)), on=_OLD, how="semi")
    return (
        links.with_row_index("place")
        .join(in_circles.select(_OLD, "last"), on=_OLD)
        .filter(pl.col("place") == pl.col("last"))
        .select(_OLD)
    )


def _ends(links: pl.DataFrame) -> pl.DataFrame:
    """Of each old number the one at which its chain ends (`person_id`); there is no circle."""
    steps = links.select(_OLD, end=_NEW)
    for _ in range(_rounds(links)):
        steps = steps.join(steps.select(end=_OLD, further="end"), on="end", how="left").select(
            _OLD, end=pl.coalesce("further", "end")
        )
    return steps.rename({"end": "person_id"})


def _rounds(links: pl.DataFrame) -> int:
    """How often looking twice as far is enough to have seen all of the longest chain."""
    return links.height.bit_length()
