"""What is known about the persons of a night: the frames that the rules read."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Facts:
    """Versions as judged on arrival, for the persons of the moments; instants are naive UTC.

    Of a dose or a stay that was moved to another patient the persons it came from hold the other
    patients' versions too, flagged `is_elsewhere`: one that stands there is theirs no more.

    `feeds` holds, by (patient_prefix, as_of, received_by), how far administrations of any drug
    and any patient are known (`administered_until`); a prefix that never delivered has no row.
    """

    observations: pl.DataFrame
    patients: pl.DataFrame
    encounters: pl.DataFrame
    conditions: pl.DataFrame
    medications: pl.DataFrame
    feeds: pl.DataFrame


MOMENT = {
    "moment": pl.UInt32,
    "person_id": pl.String,
    "as_of": pl.Datetime("us"),
    "received_by": pl.Datetime("us"),
}


def at_moments(
    rows: pl.DataFrame, moments: pl.DataFrame, is_read: pl.Expr | None = None
) -> pl.DataFrame:
    """Rows of each moment's person that had been received by then.

    Where a person has many moments, `is_read` says which rows one of them can read, by
    `row_text`, `analyte`, `collected_time` and `as_of`: the others are never gathered.
    """
    known = pl.col("received_at") <= pl.col("received_by")
    if is_read is None:
        return moments.select(*MOMENT).join(rows, on="person_id", how="inner").filter(known)
    narrow = rows.select("person_id", "received_at", "row_text", "analyte", "collected_time")
    pairs = (
        moments.select(*MOMENT)
        .join(narrow.with_row_index("place"), on="person_id", how="inner")
        .filter(known, is_read)
    )
    return pairs.select(*MOMENT).hstack(rows.drop("person_id")[pairs.get_column("place")])


def latest_versions(
    rows: pl.DataFrame, key: tuple[str, ...], own_time: str | None = None
) -> pl.DataFrame:
    """The version that stands by `updated_time` (blank is oldest), then the greater row text.

    Hidden: versions written, or things that began (`own_time`), after `as_of`.
    """
    seen = pl.col("updated_time").is_null() | (pl.col("updated_time") <= pl.col("as_of"))
    if own_time is not None:
        begun = pl.col(own_time).is_null() | (pl.col(own_time) <= pl.col("as_of"))
        rows = rows.filter(begun)
    visible = rows.filter(seen)
    if not visible.select(pl.struct("moment", *key).is_duplicated().any()).item():
        return visible
    return visible.sort("updated_time", "row_text", nulls_last=False).unique(
        ["moment", *key], keep="last", maintain_order=True
    )
