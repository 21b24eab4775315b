"""Whose result nobody could judge, and for how long that is worth a look (rules section 9)."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import HELD
from hypomag_rules.clock import days_between
from hypomag_rules.policy import Policy
from hypomag_rules.rungs import ALIVE, Rung, any_limb

# A figure as somebody may print it: in a row that nobody could judge a comma is a decimal point.
_PRINTED: Final = r"[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+"
_SHOWN: Final = (
    "moment",
    "source",
    "observation_id",
    "seen_at",
    "collected_time",
    "reported_time",
    "value",
    "unit",
    "loinc",
    "analyte",
    "status",
    "magnitude",
    "file",
    "row",
    "patient_id",
)


def review_rows(
    moments: pl.DataFrame,
    unjudged: pl.DataFrame,
    counted: pl.DataFrame,
    policy: Policy,
    zone: str,
) -> pl.DataFrame:
    """One row a reason to look: `_SHOWN` with `review_reason` and `could_be_severe`.

    Unjudged rows until a counted result of their analyte at or after them, undetermined results
    newer than the index or themselves the index, patients under age whose index is not on target,
    and patients with different birth dates under one number. A held row stays as long as its hold.
    """
    magnesium = counted.filter(pl.col("analyte") == "magnesium")
    who = moments.select(
        "moment",
        "is_alive",
        "is_minor",
        "is_conflicting",
        "severity",
        index_at="collected_at",
        index_row="version_key",
    )
    limit = policy.magnesium.severe_limit
    latest = counted.group_by("moment", measured="analyte").agg(
        latest_counted=pl.col("collected_time").max()
    )
    rows = (
        _refused(unjudged, latest, limit),
        _undetermined(magnesium, who, limit),
        _indexes(magnesium, who.filter("is_minor", pl.col("severity") != "target_met"), "UNDER_18"),
        _indexes(magnesium, who.filter("is_conflicting"), "PATIENT_CONFLICT"),
    )
    age = days_between(pl.col("seen_at"), pl.col("as_of"), zone)
    return (
        pl.concat(rows)
        .join(who.select("moment", "is_alive"), on="moment")
        .join(moments.select("moment", "as_of"), on="moment")
        .filter("is_alive", (age <= policy.review.days) | (pl.col("review_reason") == _HELD))
    )


def _looked_at(
    says: str, holds: pl.Expr, keys: tuple[str, ...] = (), reads: tuple[str, ...] = ()
) -> Rung:
    return Rung(says, holds, ("review_reasons", *reads), ("review.days", *keys))


_HELD: Final = HELD.upper()
_OF_COUNTED: Final = ["UNDETERMINED", "UNDER_18", "PATIENT_CONFLICT"]
REVIEW_RUNGS: Final = (
    ALIVE,
    any_limb(
        "something of the last days that somebody should look at",
        (
            _looked_at(
                "lately refused: a serum magnesium, and no counted one is as new",
                pl.col("review_reasons").list.set_difference(_OF_COUNTED).list.len() > 0,
            ),
        ),
        (
            _looked_at(
                "lately drawn: an index, or a newer result, whose bound reaches over a limit",
                pl.col("review_reasons").list.contains("UNDETERMINED"),
                reads=("severity", "collected_at"),
            ),
        ),
        (
            _looked_at(
                "lately drawn: an index off target, of a patient under age",
                pl.col("review_reasons").list.contains("UNDER_18"),
                ("magnesium.adult_age",),
                ("is_minor", "severity", "collected_at"),
            ),
        ),
        (
            _looked_at(
                "lately drawn: an index of a number with different birth dates",
                pl.col("review_reasons").list.contains("PATIENT_CONFLICT"),
                reads=("is_conflicting", "collected_at"),
            ),
        ),
    ),
)


def _refused(unjudged: pl.DataFrame, latest: pl.DataFrame, limit: float) -> pl.DataFrame:
    superseded = (pl.col("latest_counted") >= pl.col("seen_at")).fill_null(value=False)
    printed = pl.element().str.replace(",", ".", literal=True).str.strip_suffix(".")
    is_low = printed.cast(pl.Float64, strict=False) <= limit
    # What left a magnesium unjudged need not bear its code; what is held does.
    measured = pl.when(pl.col("reason") == HELD).then("analyte").otherwise(pl.lit("magnesium"))
    could = pl.col("value").str.extract_all(_PRINTED).list.eval(is_low).list.any() & (
        pl.col("measured") == "magnesium"
    )
    return (
        unjudged.with_columns(measured=measured)
        .join(latest, on=["moment", "measured"], how="left", maintain_order="left")
        .filter(~superseded)
        .select(
            *_SHOWN,
            review_reason=pl.col("reason").str.to_uppercase(),
            could_be_severe=could.fill_null(value=False),
        )
    )


def _undetermined(magnesium: pl.DataFrame, who: pl.DataFrame, limit: float) -> pl.DataFrame:
    newer = pl.col("collected_time") > pl.col("index_at")
    is_index = pl.col("index_row") == pl.col("version_key")
    return (
        magnesium.filter(pl.col("severity") == "undetermined")
        .join(who.select("moment", "index_at", "index_row"), on="moment")
        .filter(newer | is_index)
        .select(
            *_SHOWN,
            review_reason=pl.lit("UNDETERMINED"),
            could_be_severe=pl.col("lower") <= limit,
        )
    )


def _indexes(magnesium: pl.DataFrame, who: pl.DataFrame, reason: str) -> pl.DataFrame:
    """The index results of patients who are on review for who they are."""
    return (
        magnesium.join(who.select("moment", "index_row", "index_at"), on="moment")
        .filter(
            pl.col("index_row") == pl.col("version_key"),
            pl.col("index_at") == pl.col("collected_time"),
        )
        .select(
            *_SHOWN,
            review_reason=pl.lit(reason),
            could_be_severe=pl.col("severity") == "severe",
        )
    )
