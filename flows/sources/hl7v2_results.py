"""Laboratory results out of HL7 v2: each OBX with its order, specimen, visit and patient."""

from typing import Final

import polars as pl

from data_contracts.observations import OBSERVATIONS
from flows.profile import Profile
from flows.sources.hl7v2_ids import id_by_order, own_drawn
from flows.sources.hl7v2_messages import Messages, of_row
from flows.sources.hl7v2_numbers import patient_numbers
from flows.sources.hl7v2_orders import orders
from flows.sources.hl7v2_segments import fields_of, iso_times, once_each, told
from flows.sources.hl7v2_values import limits, tests, unit, values

_RESULT: Final = {
    "kind": 2,
    "test": 3,
    "sub_id": 4,
    "value": 5,
    "units": 6,
    "range": 7,
    "status": 11,
    "drawn": 14,
    "said": 19,
    "instance": 21,
}
_FAULT: Final = "message_not_readable"
_PLACE: Final = ("line", "message", "PID", "PV1")


def observations(messages: Messages, profile: Profile) -> pl.DataFrame:
    """A row for each OBX, with `line` and `layout_fault`; a broken message has at least one."""
    results = _results(messages, profile)
    silent = _silent(messages)
    results = pl.concat([results, silent], how="diagonal")
    if silent.height:
        results = results.sort("line", maintain_order=True)
    separators = messages.separators
    persons = fields_of(messages.segments("PID"), {"identifiers": 3}, separators.field)
    numbers = patient_numbers(persons.get_column("identifiers"), separators, profile)
    visits = fields_of(messages.segments("PV1"), {"visit": 19}, separators.field)
    encounters = told(visits, separators, encounter_id=("visit", 1))
    rows = pl.concat(
        [
            results,
            of_row(numbers.select("patient_id"), results.get_column("PID")),
            of_row(encounters, results.get_column("PV1")),
            of_row(messages.heads, results.get_column("message")),
        ],
        how="horizontal",
    ).with_columns(
        reported_at=pl.coalesce("reported_at", "sent_at"),
        layout_fault=pl.when("is_broken").then(pl.lit(_FAULT)),
    )
    return _told_apart(rows).select("line", *OBSERVATIONS.names, "layout_fault")


def _results(messages: Messages, profile: Profile) -> pl.DataFrame:
    """The OBX segments under canonical names, with what their order says of them."""
    separators = messages.separators
    sent = fields_of(messages.segments("OBX"), _RESULT, separators.field)
    said = told(
        sent,
        separators,
        sub_id=("sub_id",),
        status=("status",),
        drawn=("drawn", 1),
        said=("said", 1),
        instance=("instance", 1),
    )
    rows = pl.concat(
        [
            sent.select(_PLACE),
            said,
            once_each(sent.get_column("test"), lambda texts: tests(texts, separators, profile)),
            once_each(sent.get_column("units"), lambda texts: unit(texts, separators, profile)),
            once_each(sent.get_column("range"), lambda texts: limits(texts, separators)),
            values(sent, separators).to_frame(),
            of_row(orders(messages, profile), sent.get_column("OBR")),
        ],
        how="horizontal",
    )
    rows = rows.with_columns(drawn=own_drawn())
    return rows.with_columns(
        observation_id=pl.coalesce("instance", id_by_order(profile)),
        collected_at=pl.coalesce(iso_times(rows.get_column("drawn")), "collected_at"),
        reported_at=pl.coalesce("reported_at", iso_times(rows.get_column("said"))),
    )


def _silent(messages: Messages) -> pl.DataFrame:
    """A row for each broken message without an OBX, so that it is seen."""
    starts = messages.segments("MSH").select("line", "message")
    speaking = messages.segments("OBX").get_column("message").unique()
    is_broken = messages.heads.get_column("is_broken")
    silent = starts.filter(is_broken).join(speaking.to_frame(), on="message", how="anti")
    silent = silent.with_columns(is_silent=True)
    # To a head belongs nobody yet: what stands before it is of another message.
    said = messages.lines.filter(pl.col("name") != "MSH")
    own = said.join(silent, on="message", how="semi").group_by("message")
    last = own.agg(pl.col(name).drop_nulls().last() for name in ("PID", "PV1"))
    return silent.join(last, on="message", how="left", maintain_order="left")


def _told_apart(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with an id each: no result is taken for a version of another of its own message.

    Ids that a message gives twice are numbered. In a broken message nothing is relied on but its
    control id, and the place of each OBX.
    """
    key = ("message", "PID", "observation_id")
    if rows.select(key).hash_rows().is_duplicated().any():
        number = pl.int_range(1, pl.len() + 1).over(key)
        numbered = pl.format("{}#{}", "observation_id", number)
        rows = rows.with_columns(
            observation_id=pl.when(number > 1).then(numbered).otherwise("observation_id")
        )
    if rows.get_column("is_broken").any():
        place = pl.int_range(1, pl.len() + 1).over("message")
        numbered = pl.format("{}#{}", "control_id", place)
        by_place = pl.when("is_silent").then("control_id").otherwise(numbered)
        rows = rows.with_columns(
            observation_id=pl.when("is_broken").then(by_place).otherwise("observation_id")
        )
    return rows
