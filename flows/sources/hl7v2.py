"""HL7 v2 result messages (ORU): files of one or many, plain, in MLLP frames or batch envelopes."""

from collections.abc import Callable, Iterator
from typing import Final

import polars as pl

from flows.inbox import Dropped
from flows.profile import Profile
from flows.sources.extract import Delivery, Extract, StagedDelivery
from flows.sources.hl7v2_messages import Messages, messages_of, other_types
from flows.sources.hl7v2_people import encounters, patients
from flows.sources.hl7v2_pieces import Envelopes, pieces
from flows.sources.hl7v2_results import observations

_ROWS: Final[dict[str, Callable[[Messages, Profile], pl.DataFrame]]] = {
    "observations": observations,
    "patients": patients,
    "encounters": encounters,
}
NAMES: Final = "any name, and ends in .hl7 or .hl7.gz"
# Whose rows say the same again with every message.
_KEYS: Final = {"patients": "patient_id", "encounters": "encounter_id"}


def deliveries(files: list[Dropped], profile: Profile) -> list[Delivery]:  # noqa: ARG001 - as others
    """Three deliveries a file: its results, and the patients and stays that it names."""
    return [Delivery(file, table) for file in files for table in _ROWS]


def read(staged: StagedDelivery, profile: Profile) -> Extract:
    """The rows of one table out of a staged file of messages, a piece of the file at a time.

    Rows of a broken message have `layout_fault`. Types of messages that hold no results are named
    once. Raises `FileRefusedError` when the file is no text of messages, or an envelope is cut.
    """
    envelopes, others = Envelopes(), set[str]()
    for piece in pieces(staged.path):
        lines = piece.lines()
        envelopes.meet(lines)
        others |= other_types(lines)
    envelopes.check()
    unknown = tuple(sorted(others)) if staged.table == "observations" else ()
    return Extract(_frames(staged, profile), unknown)


def _frames(staged: StagedDelivery, profile: Profile) -> Iterator[pl.DataFrame]:
    rows_of = _ROWS[staged.table]
    key = _KEYS.get(staged.table)
    for piece in pieces(staged.path):
        alike = [rows_of(messages, profile) for messages in messages_of(piece)]
        if alike:
            rows = alike[0] if len(alike) == 1 else pl.concat(alike).sort("line")
            told = rows if key is None else _thinned(rows, key)
            if told.height:
                yield told.drop("line")


def _thinned(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """Of each run of rows that say the same of one thing over time the first and the last."""
    ordered = rows.sort(key, "updated_at", "line")
    content = pl.exclude("line", "updated_at")
    differs = ordered.select(content.ne_missing(content.shift(1))).select(
        is_first=pl.any_horizontal(pl.all()) | (pl.int_range(pl.len()) == 0)
    )
    is_first = differs.get_column("is_first")
    is_last = is_first.shift(-1, fill_value=True)
    return ordered.filter(is_first | is_last).sort("line")
