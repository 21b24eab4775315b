"""Tonight's items under the answers that count: hidden or shown, and what was answered in words."""

from typing import Final

import polars as pl

from data_contracts.published import DISPOSITIONS
from flows.night import Night
from flows.store import Store
from flows.tonight import append
from hypomag_rules.answers import hidden_items, latest_answers
from hypomag_rules.spoken import short_text

_COUNTING: Final = "SELECT * FROM dispositions ORDER BY disposition_id"
_RESULTS: Final = (
    "SELECT patient_id AS person_id, collected_at, magnitude, comparator, severity "
    "FROM tonight.observations WHERE analyte = 'magnesium' "
    "AND patient_id IN (SELECT person_id FROM answered_persons)"
)
_LONGEST_NOTE: Final = 160
_DAY: Final = "%-d %b"


def with_answers(
    store: Store, night: Night, lived: pl.DataFrame, previous: pl.DataFrame
) -> pl.DataFrame:
    """Adds `is_hidden` and `answered` to ranked items; ranks run over the shown ones, then on.

    An item that was hidden on the previous night and is shown tonight is `changed`.
    """
    answers = latest_answers(_counting(store))
    told = answers.select("item_id", answered=answered_words(night.settings.timezone))
    rows = lived.join(told, on="item_id", how="left", maintain_order="left")
    asked = rows.join(answers, on="item_id", how="semi")
    with store.lent(asked.select("person_id").unique(), "answered_persons"):
        results = store.frame(_RESULTS)
    hidden = hidden_items(asked, answers, results, night.policy, night.date)
    was_hidden = previous.filter("is_hidden").get_column("item_id").implode()
    is_back = pl.col("item_id").is_in(was_hidden) & ~pl.col("is_hidden")
    return (
        rows.with_columns(is_hidden=pl.col("item_id").is_in(hidden.get_column("item_id").implode()))
        .sort("is_hidden", maintain_order=True)
        .with_columns(
            rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("worklist"),
            life=pl.when(is_back).then(pl.lit("changed")).otherwise(pl.col("life")),
        )
    )


def append_dispositions(store: Store, items: pl.DataFrame) -> None:
    """Renew the published answers; `items` are tonight's, the hidden ones included."""
    answers = _counting(store)
    speaking = latest_answers(answers).select("disposition_id", "item_id")
    hiding = speaking.join(items.filter("is_hidden"), on="item_id", how="semi")
    is_hiding = pl.col("disposition_id").is_in(hiding.get_column("disposition_id").implode())
    store.run(f"DELETE FROM tonight.{DISPOSITIONS.name}")
    append(store, DISPOSITIONS, answers.with_columns(hides_item=is_hiding))


def answered_words(zone: str) -> pl.Expr:
    """`snooze until 25 Nov by A. Nurse, 20 Nov: seen on round`; days are the hospital's."""
    received = pl.col("received_at").dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    until = pl.lit(" until ") + pl.col("until").dt.strftime(_DAY)
    return pl.concat_str(
        pl.col("answer").str.replace_all("_", " ", literal=True),
        until.fill_null(""),
        pl.lit(" by "),
        short_text(pl.col("answered_by"), _LONGEST_NOTE),
        pl.lit(", "),
        received.dt.strftime(_DAY),
        (pl.lit(": ") + short_text(pl.col("note"), _LONGEST_NOTE)).fill_null(""),
    )


def _counting(store: Store) -> pl.DataFrame:
    """All answers, in the order in which they came, whatever the clock said."""
    return store.frame(_COUNTING)
