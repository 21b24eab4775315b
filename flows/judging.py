"""Batches of persons through the rules into tonight's database, and the lists out of them."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import polars as pl

from data_contracts.assessments import ASSESSMENTS
from data_contracts.gate import hold_to_table
from data_contracts.published import RUNS
from data_contracts.worklists import WORKLIST_CHANGES, WORKLIST_ITEMS
from flows.answered import append_dispositions, with_answers
from flows.gathering import Batch
from flows.linking import linked_then, with_linked_numbers
from flows.memory import remember
from flows.night import Night
from flows.profile import Profile
from flows.store import Store
from flows.tonight import append, append_observations
from flows.version import VERSION, rules_digest
from hypomag_rules.assess import Assessed, assess
from hypomag_rules.departure_words import worded_changes
from hypomag_rules.departures import Linked, Seen, departed
from hypomag_rules.sentences import with_sentences
from hypomag_rules.worklists import as_items, listed_rows, ranked, seen_again, with_life

# Tonight's items, those included that an answer hides.
_ALL_ITEMS: Final = WORKLIST_ITEMS.schema | {"is_hidden": pl.Boolean}


def basis_of(night: Night, profiles: Mapping[str, Profile]) -> str:
    """What the standing results rest on beside the rows: software, policy, profiles, a past."""
    digests = ",".join(f"{name}={profiles[name].digest}" for name in sorted(profiles))
    past = f"|received by {night.received_by}" if night.received_by else ""
    return f"{rules_digest()}|{night.policy.id}|{night.settings.timezone}|{digests}{past}"


class Listed(NamedTuple):
    """What a batch gives the lists: who is listed, and what is seen of who was listed before."""

    rows: pl.DataFrame
    seen: Seen


def watched_persons(store: Store, previous: pl.DataFrame) -> pl.DataFrame:
    """Who was listed on the previous night (`person_id`), under old numbers and new ones."""
    numbers = previous.select(linked_id="patient_id").unique()
    now = numbers.join(store.frame("SELECT linked_id, person_id FROM linked"), on="linked_id")
    return pl.concat([numbers.rename({"linked_id": "person_id"}), now.select("person_id")]).unique()


def judge_batch(store: Store, night: Night, batch: Batch, watched: pl.DataFrame) -> Listed:
    """Assess a batch, keep its assessments and standing results; returns what the lists need."""
    zone = night.settings.timezone
    judged = assess(batch.facts, batch.judged, night.policy, zone)
    append(store, ASSESSMENTS, published_assessments(judged, night))
    append_observations(store, judged.results, night)
    return Listed(listed_rows(judged), seen_again(judged, watched))


def published_assessments(judged: Assessed, night: Night) -> pl.DataFrame:
    """The rows of `assessments` that judged patients give: those with an index."""
    rows = judged.patients.filter("has_index").with_columns(
        night=pl.lit(night.date), patient_id=pl.col("person_id")
    )
    assessments = rows.select(
        pl.col(name).cast(dtype) for name, dtype in ASSESSMENTS.schema.items()
    )
    return _plain(hold_to_table(ASSESSMENTS, assessments))


def lay_out_items(
    store: Store, night: Night, listed: list[Listed], previous: pl.DataFrame
) -> pl.DataFrame:
    """Rank who is listed over all batches, give each item its life, answer and words, keep them.

    What stood on a list of the previous night and stands there no more is kept as a change.
    """
    zone = night.settings.timezone
    order = ranked(pl.concat([batch.rows for batch in listed], how="vertical"), night.policy)
    lived = with_linked_numbers(store, with_life(order, previous, night.date))
    told = with_answers(store, night, lived, previous)
    items = as_items(with_sentences(told, night.policy, zone), night.date).select(*_ALL_ITEMS)
    is_hidden = items.get_column("is_hidden")
    items = _plain(hold_to_table(WORKLIST_ITEMS, items.drop("is_hidden")))
    all_items = items.with_columns(is_hidden)
    append_dispositions(store, all_items)
    append(store, WORKLIST_CHANGES, _changes(store, night, listed, previous, all_items))
    remember(store, night, all_items)
    shown = items.filter(~is_hidden)
    append(store, WORKLIST_ITEMS, shown)
    return shown


def _changes(
    store: Store, night: Night, listed: list[Listed], previous: pl.DataFrame, items: pl.DataFrame
) -> pl.DataFrame:
    """The rows of `worklist_changes`, in the order of the lists that they left."""
    seen = Seen(
        *(pl.concat(frames) for frames in zip(*(batch.seen for batch in listed), strict=True))
    )
    shown = previous.filter(~pl.col("is_hidden"))
    linked = Linked(
        linked_then(store, night), store.frame("SELECT linked_id, person_id FROM linked")
    )
    zone = night.settings.timezone
    gone = departed(shown, items, seen, linked, night.policy, zone)
    changes = worded_changes(gone, items, night.policy, zone)
    return _plain(hold_to_table(WORKLIST_CHANGES, changes.with_columns(night=pl.lit(night.date))))


def append_run(store: Store, night: Night) -> None:
    """Enter the night among the published ones."""
    run = pl.DataFrame(
        {
            "night": [night.date],
            "as_of": [night.naive_as_of],
            "policy_id": [night.policy.id],
            "version": [VERSION],
        }
    )
    append(store, RUNS, run)


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Closed word lists as text: DuckDB's own enums would differ from night to night."""
    return frame.with_columns(pl.col(pl.Enum).cast(pl.String))
