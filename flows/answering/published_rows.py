"""What was published of the items that a sheet answers: then, and on the newest list."""

from typing import Final, NamedTuple

import polars as pl

from flows.exports.tokens import basis_marks
from flows.store import Store

# What an answer was given on, kept with it.
BASIS: Final = (
    "collected_at",
    "severity",
    "magnesium_mg_dl",
    "comparator",
    "value_collected_at",
    "review_at",
    "could_be_severe",
    "linked_numbers",
)
# What says whom a row is about and what was measured.
NAMED: Final = (
    "patient_id",
    "name",
    "mrn",
    "birth_date",
    "magnesium_as_reported",
    "value_as_sent",
)
_COLUMNS: Final = ", ".join(("worklist", "item_id", *NAMED, *BASIS))
_NEWEST: Final = (
    "SELECT run_id FROM runs WHERE is_published ORDER BY night DESC, run_id DESC LIMIT 1"
)


class Published(NamedTuple):
    """Rows of `worklist_items` as published, each with the `basis` of its token.

    `then` holds one row an item, night and basis; `newest` one an item of the newest list.
    """

    then: pl.DataFrame
    newest: pl.DataFrame


def published_rows(store: Store, items: pl.DataFrame) -> Published:
    """What was published of items (`item_id`, `night`), by any published run."""
    with store.lent(items.unique(), "asked_items"):
        then = store.frame(
            f"SELECT night, run_id, {_COLUMNS} FROM asked_items "
            "JOIN runs USING (night) JOIN run_items USING (run_id, item_id) WHERE is_published"
        )
        newest = store.frame(
            f"SELECT {_COLUMNS} FROM run_items WHERE run_id = ({_NEWEST}) "
            "AND item_id IN (SELECT item_id FROM asked_items)"
        )
    then = then.with_columns(basis=pl.Series(basis_marks(then), dtype=pl.String))
    newest = newest.with_columns(basis=pl.Series(basis_marks(newest), dtype=pl.String))
    last = then.sort("run_id").unique(["item_id", "night", "basis"], keep="last")
    return Published(last.drop("run_id"), newest)
