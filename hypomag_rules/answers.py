"""What a care team's answer hides, and which newer result brings the item back."""

from datetime import date
from typing import Final

import polars as pl

from data_contracts.vocabulary import HIDING_ANSWERS, SNOOZE
from hypomag_rules.policy import Policy
from hypomag_rules.rungs import Rung, all_hold

# How severe a band is for the question what is at least as severe as what was answered. Where the
# answer rested on no result, or on one of no band, whatever has a band weighs more.
_WEIGHTS: Final = {"severe": 2, "low": 1, "target_met": 0, "high": 0}
_NO_BAND: Final = -1
_ANSWERED: Final = "answered_"


def latest_answers(answers: pl.DataFrame) -> pl.DataFrame:
    """Of each item the answer that was received last: it alone speaks."""
    return answers.sort("disposition_id").unique("item_id", keep="last", maintain_order=True)


def hidden_items(
    listed: pl.DataFrame, answers: pl.DataFrame, results: pl.DataFrame, policy: Policy, night: date
) -> pl.DataFrame:
    """The `item_id` of each listed item that its answer hides tonight.

    `listed` holds `item_id`, `person_id`, `worklist`, `review_at`, `could_be_severe`; `answers` one
    row an item, with what was answered under the names of `worklist_items`; `results` the counted
    magnesium of tonight: `person_id`, `collected_at`, `magnitude`, `comparator`, `severity`.
    """
    told = answers.rename(
        {name: _ANSWERED + name for name in answers.columns if name not in {"item_id", "answer"}}
    )
    asked = listed.join(told, on="item_id", how="inner").filter(_is_hiding(night))
    lists = asked.with_columns(pl.col("worklist").cast(pl.String))
    pairs = lists.join(results, on="person_id", how="inner").filter(_is_newer())
    returned = pairs.filter(pl.any_horizontal(rung.holds for rung in returning_rungs(policy)))
    newly_unread = lists.filter(all_hold(unread_rungs()))
    back = pl.concat([returned.select("item_id"), newly_unread.select("item_id")])
    return asked.select("item_id").join(back, on="item_id", how="anti")


def _is_hiding(night: date) -> pl.Expr:
    snoozes = (pl.col("answer") == SNOOZE) & (pl.lit(night) < pl.col(_ANSWERED + "until"))
    return pl.col("answer").is_in(HIDING_ANSWERS) | snoozes.fill_null(value=False)


def _is_newer() -> pl.Expr:
    """Drawn after what was answered, or the same draw corrected; after no index all are newer."""
    was_at = pl.col(_ANSWERED + "collected_at")
    says_otherwise = pl.col("magnitude").ne_missing(pl.col(_ANSWERED + "magnesium_mg_dl")) | pl.col(
        "comparator"
    ).ne_missing(pl.col(_ANSWERED + "comparator"))
    is_corrected = (pl.col("collected_at") == was_at) & says_otherwise
    return was_at.is_null() | (pl.col("collected_at") > was_at) | is_corrected


def returning_rungs(policy: Policy) -> tuple[Rung, ...]:
    """What a newer counted magnesium must be to bring an item back: one of these is enough."""
    band, was_band = (pl.col(name).cast(pl.String) for name in ("severity", "answered_severity"))
    weight = band.replace_strict(_WEIGHTS, default=None, return_dtype=pl.Int8)
    was = was_band.replace_strict(_WEIGHTS, default=_NO_BAND, return_dtype=pl.Int8)
    was_weight = was.fill_null(_NO_BAND)
    lower, upper = _bounds("magnitude", "comparator")
    was_lower, was_upper = _bounds("answered_magnesium_mg_dl", "answered_comparator")
    on_high_watch = pl.col("worklist") == "high_watch"
    is_high = band == "high"
    bands = ("severity", "answered_severity")
    figures = ("magnitude", "comparator", "answered_magnesium_mg_dl", "answered_comparator")
    return (
        Rung("it is severe, whatever its value", band == "severe", ("severity",)),
        Rung("its band is more severe", weight > was_weight, bands),
        Rung(
            "it lies in the same band and is no higher",
            (band == was_band) & ~is_high & weight.is_not_null() & (upper <= was_upper),
            (*bands, *figures),
        ),
        Rung(
            "it is high as the answered one was, and no lower",
            is_high & (was_band == "high") & (lower >= was_lower),
            (*bands, *figures),
        ),
        Rung(
            "on high watch: it is high and the answered one was not",
            on_high_watch & is_high & was_band.ne_missing(pl.lit("high")),
            ("worklist", *bands),
        ),
        Rung(
            "on high watch: it is critically high",
            on_high_watch & is_high & (lower >= policy.magnesium.critical_high),
            ("worklist", "severity", "magnitude", "comparator"),
            ("magnesium.critical_high",),
        ),
    )


def unread_rungs() -> tuple[Rung, ...]:
    """On review a newer row that nobody could judge brings the item back as well."""
    seen, was_seen = pl.col("review_at"), pl.col(_ANSWERED + "review_at")
    is_newer = (seen > was_seen) | (seen.is_not_null() & was_seen.is_null())
    is_worse = pl.col("could_be_severe") & ~pl.col(_ANSWERED + "could_be_severe").fill_null(
        value=False
    )
    return (
        Rung("the item is on review", pl.col("worklist") == "review", ("worklist",)),
        Rung(
            "a newer row came, or one that could be severe",
            is_newer.fill_null(value=False) | is_worse.fill_null(value=False),
            ("review_at", "could_be_severe"),
        ),
    )


def _bounds(value: str, comparator: str) -> tuple[pl.Expr, pl.Expr]:
    """The interval of a figure with its comparator; open ends are infinite."""
    figure, sign = pl.col(value), pl.col(comparator)
    is_below = sign.is_in(["<", "<="]).fill_null(value=False)
    is_above = sign.is_in([">", ">="]).fill_null(value=False)
    lower = pl.when(is_below).then(pl.lit(float("-inf"))).otherwise(figure)
    upper = pl.when(is_above).then(pl.lit(float("inf"))).otherwise(figure)
    return lower, upper
