"""Which version of each observation stands at a moment, and which observations nobody judged."""

from typing import Final, NamedTuple

import polars as pl

from data_contracts.vocabulary import HELD
from hypomag_rules.facts import at_moments
from hypomag_rules.severity import lower_bound, upper_bound

_KEY: Final = ("moment", "source", "version_key")
_INHERITED: Final = (
    "value",
    "unit",
    "comparator",
    "magnitude",
    "lower",
    "upper",
    "reference_low_canonical",
    "reason",
)
_FILLED: Final = ("specimen_id", "collected_time", "is_haemolysed", "analyte", "loinc")
WITHDRAWAL_TIME_UNKNOWN: Final = "withdrawal_time_unknown"
_IS_HELD: Final = pl.col("reason") == HELD


class Standing(NamedTuple):
    """`results`: one judged row an observation; `unjudged`: rows that left theirs unjudged.

    Unjudged are rows of serum magnesium, and of any analyte those that the unit guard holds.
    """

    results: pl.DataFrame
    unjudged: pl.DataFrame


def standing(
    versions: pl.DataFrame, moments: pl.DataFrame, is_read: pl.Expr | None = None
) -> Standing:
    """What stands of each observation at each moment, out of all versions known by then.

    `is_read` may name the rows that a moment can read, as for `at_moments`.

    `row_text` is null where an observation has one version; the others go through the full order:
    withdrawals, final before provisional, latest, corrected, lower upper bound, greater row text.
    """
    visible = _visible(at_moments(versions, moments, is_read))
    is_single = pl.col("row_text").is_null()
    settled = _settled(visible.filter(~is_single))
    holds_result = pl.col("status_kind").is_in(["final", "provisional"])
    is_empty = pl.col("is_update") & pl.col("value").is_null()
    judged = holds_result & ~is_empty & pl.col("reason").is_null()
    results = pl.concat(
        [visible.filter(is_single, judged), settled.results.select(visible.columns)]
    )
    refused = pl.col("reason").is_not_null() & (pl.col("analyte") == "magnesium")
    unjudged = pl.concat(
        [visible.filter(is_single, refused | _IS_HELD), settled.unjudged.select(visible.columns)]
    )
    return Standing(results, unjudged)


def _visible(versions: pl.DataFrame) -> pl.DataFrame:
    """Versions known at their moment: from the later of own time and report time.

    A collection time in the future says nothing about when the row became known; a row without
    any time is known since the night that read it. A refused row has no bounds: at a tie it does
    not stand before one that could be judged.
    """
    is_judged = pl.col("reason").is_null()
    is_ahead = pl.col("reason").eq_missing(pl.lit("collected_in_future"))
    own = pl.when(~is_ahead).then(pl.col("collected_time"))
    known_at = pl.coalesce(
        pl.max_horizontal(own, pl.col("reported_time")), pl.col("ingested_as_of")
    )
    return versions.with_columns(
        lower=pl.when(is_judged).then(lower_bound()),
        upper=pl.when(is_judged).then(upper_bound()),
        seen_at=pl.coalesce(own, pl.col("reported_time"), pl.col("ingested_as_of")),
    ).filter(known_at <= pl.col("as_of"))


def _settled(contested: pl.DataFrame) -> Standing:
    """The full order, for observations with more than one version."""
    remaining = _without_withdrawn(contested)
    candidates = _with_inheritance(remaining)
    best = candidates.sort(
        pl.col("status_kind") != "final",
        pl.col("order_at"),
        pl.col("is_correction"),
        pl.col("upper"),
        pl.col("row_text"),
        descending=[False, True, True, False, True],
        nulls_last=True,
    ).unique([*_KEY], keep="first", maintain_order=True)
    sound = best.filter(~pl.col("has_untimed_withdrawal"))
    results = sound.filter(pl.col("reason").is_null())
    is_looked_at = pl.col("reason").is_not_null() & (pl.col("was_magnesium") | _IS_HELD)
    refused = remaining.filter(is_looked_at).join(results, on=list(_KEY), how="anti")
    inherited = sound.filter(is_looked_at, pl.col("is_update"))
    unknown = remaining.filter(
        "has_untimed_withdrawal",
        "was_magnesium",
        ~pl.col("status_kind").eq_missing(pl.lit("none")),
    ).with_columns(reason=pl.lit(WITHDRAWAL_TIME_UNKNOWN), seen_at="withdrawal_seen_at")
    columns = contested.columns
    return Standing(
        results,
        pl.concat(
            [refused.select(columns), inherited.select(columns), unknown.select(columns)]
        ).unique([*_KEY, "file_id", "row", "reason"], maintain_order=True),
    )


def _without_withdrawn(contested: pl.DataFrame) -> pl.DataFrame:
    """Versions that no withdrawal removed; adds `order_at` and `has_untimed_withdrawal`.

    A version without any readable time counts as the newest: nobody can say that it is older.
    Adds `was_magnesium`: a correction that lost its code still speaks of a magnesium.
    """
    version_at = pl.coalesce("reported_time", "collected_time")
    is_withdrawal = pl.col("status_kind").eq_missing(pl.lit("withdrawn"))
    far = pl.lit("9999-12-31").str.to_datetime("%Y-%m-%d", time_unit="us")
    return (
        contested.with_columns(version_at=version_at)
        .with_columns(
            withdrawn_until=pl.when(is_withdrawal).then(pl.col("version_at")).max().over(*_KEY),
            has_untimed_withdrawal=(is_withdrawal & pl.col("version_at").is_null())
            .any()
            .over(*_KEY),
            withdrawal_seen_at=pl.when(is_withdrawal & pl.col("version_at").is_null())
            .then(pl.col("seen_at"))
            .max()
            .over(*_KEY),
            order_at=pl.col("version_at").fill_null(far),
            was_magnesium=(pl.col("analyte") == "magnesium").any().over(*_KEY),
        )
        .filter(
            ~is_withdrawal,
            pl.col("withdrawn_until").is_null() | (pl.col("order_at") > pl.col("withdrawn_until")),
        )
    )


def _with_inheritance(remaining: pl.DataFrame) -> pl.DataFrame:
    """Finals and provisionals; an update without a value takes that of the latest before it."""
    has_value = pl.col("value").is_not_null() & ~pl.col("status_kind").eq_missing(pl.lit("none"))
    is_empty = pl.col("is_update") & pl.col("value").is_null()
    ordered = remaining.sort(
        *_KEY,
        "order_at",
        is_empty,
        pl.col("is_correction"),
        pl.col("upper"),
        pl.col("row_text"),
        descending=[False, False, False, False, False, False, True, False],
    ).with_row_index("at")
    donor = pl.when(has_value).then(pl.col("at")).forward_fill().over(*_KEY)
    linked = ordered.with_columns(donor_at=pl.when(is_empty).then(donor))
    donors = ordered.select(
        pl.col("at").alias("donor_at"),
        *(pl.col(name).alias(f"donor_{name}") for name in (*_INHERITED, *_FILLED)),
    )
    joined = linked.join(donors, on="donor_at", how="left", maintain_order="left")
    takes = pl.col("donor_at").is_not_null()
    return joined.filter(
        pl.col("status_kind").is_in(["final", "provisional"]), ~is_empty | takes
    ).with_columns(
        *(
            pl.when(takes).then(pl.col(f"donor_{name}")).otherwise(pl.col(name)).alias(name)
            for name in _INHERITED
        ),
        *(pl.coalesce(name, f"donor_{name}").alias(name) for name in _FILLED),
    )
