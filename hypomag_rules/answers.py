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
# What is asked of an item; of the same names its index and tonight's results have others.
_ASKED: Final = (
    "item_id",
    "person_id",
    "worklist",
    "linked_numbers",
    "value_collected_at",
    "review_at",
    "could_be_severe",
)
_TOGETHER: Final = ("received_at", "modified_ns")


def latest_answers(answers: pl.DataFrame) -> pl.DataFrame:
    """Of each item the answer that was received last: it alone speaks.

    Of answers that came together on sheets of the same time nobody can say which is the later: one
    that hides nothing speaks before one that does.
    """
    rows = answers.sort("disposition_id")
    is_last = pl.all_horizontal(
        pl.col(name).eq_missing(pl.col(name).last().over("item_id")) for name in _TOGETHER
    )
    return (
        rows.filter(is_last)
        .sort(~can_hide(), "disposition_id")
        .unique("item_id", keep="last", maintain_order=True)
    )


def can_hide() -> pl.Expr:
    """Whether an `answer` is one that hides its item, for good or for some days."""
    return pl.col("answer").is_in([*HIDING_ANSWERS, SNOOZE])


def hidden_items(
    listed: pl.DataFrame, answers: pl.DataFrame, results: pl.DataFrame, policy: Policy, night: date
) -> pl.DataFrame:
    """The `item_id` of each listed item that its answer hides tonight.

    `listed` holds the columns of `_ASKED`, and more; `answers` one row an item, with what was
    answered under the names of `worklist_items`; `results` the counted magnesium of tonight:
    `person_id`, `collected_at`, `magnitude`, `comparator`, `severity`.
    """
    told = answers.rename(
        {name: _ANSWERED + name for name in answers.columns if name not in {"item_id", "answer"}}
    )
    asked = listed.select(_ASKED).join(told, on="item_id", how="inner").filter(_is_hiding(night))
    lists = asked.with_columns(pl.col("worklist").cast(pl.String))
    pairs = lists.join(results, on="person_id", how="inner")
    newer = pairs.filter(_is_newer())
    returned = newer.filter(pl.any_horizontal(rung.holds for rung in returning_rungs(policy)))
    had_index = lists.filter(pl.col(_ANSWERED + "collected_at").is_not_null())
    fallen = had_index.join(pairs.filter(_is_answered()), on="item_id", how="anti")
    unread = lists.filter(all_hold(unread_rungs()))
    others = lists.filter(_is_of_other_numbers())
    back = pl.concat(rows.select("item_id") for rows in (returned, fallen, unread, others))
    return asked.select("item_id").join(back, on="item_id", how="anti")


def _is_hiding(night: date) -> pl.Expr:
    snoozes = (pl.col("answer") == SNOOZE) & (pl.lit(night) < pl.col(_ANSWERED + "until"))
    return pl.col("answer").is_in(HIDING_ANSWERS) | snoozes.fill_null(value=False)


def _is_newer() -> pl.Expr:
    """Drawn after what was answered, or the same draw corrected; after no index all are newer."""
    was_at = pl.col(_ANSWERED + "collected_at")
    is_corrected = (pl.col("collected_at") == was_at) & ~_is_answered()
    return was_at.is_null() | (pl.col("collected_at") > was_at) | is_corrected


def _is_answered() -> pl.Expr:
    """A result says what the answered index said: drawn then, with that value."""
    figures = {"collected_at": "collected_at", "magnitude": "magnesium_mg_dl"}
    figures |= {"comparator": "comparator"}
    return pl.all_horizontal(
        pl.col(name).eq_missing(pl.col(_ANSWERED + was)) for name, was in figures.items()
    )


def _is_of_other_numbers() -> pl.Expr:
    """Numbers were made one person since, or parted: whoever answered did not see them all."""
    return pl.col("linked_numbers").ne_missing(pl.col(_ANSWERED + "linked_numbers"))


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
    """On review another row that nobody could judge brings the item back as well."""
    rows = ("value_collected_at", "review_at")
    is_other = pl.any_horizontal(pl.col(row).ne_missing(pl.col(_ANSWERED + row)) for row in rows)
    is_worse = pl.col("could_be_severe") & ~pl.col(_ANSWERED + "could_be_severe").fill_null(
        value=False
    )
    return (
        Rung("the item is on review", pl.col("worklist") == "review", ("worklist",)),
        Rung(
            "its row is not the one that was answered, or could be severe now",
            is_other | is_worse.fill_null(value=False),
            (*rows, "could_be_severe"),
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
