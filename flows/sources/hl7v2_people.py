"""Patients and encounters out of HL7 v2: who a message speaks of, and where they are."""

from typing import Final

import polars as pl

from data_contracts.encounters import ENCOUNTERS
from data_contracts.patients import PATIENTS
from flows.profile import Profile
from flows.sources.hl7v2_messages import Messages, of_row
from flows.sources.hl7v2_numbers import patient_numbers
from flows.sources.hl7v2_segments import fields_of, iso_times, told, translated

_PERSON: Final = {"identifiers": 3, "name": 5, "born": 7, "sex": 8, "died": 29, "is_dead": 30}
_VISIT: Final = {"class": 2, "place": 3, "team": 10, "visit": 19, "start": 44, "end": 45}
_SEXES: Final = {"O": "other"}
_CARE_SETTINGS: Final = {
    "I": "inpatient",
    "B": "inpatient",
    "E": "emergency",
    "O": "outpatient",
    "R": "outpatient",
    "P": "outpatient",
    "C": "outpatient",
}


def patients(messages: Messages, profile: Profile) -> pl.DataFrame:
    """A row for each PID of a sound message, under canonical names and `line`."""
    sent = fields_of(messages.segments("PID"), _PERSON, messages.separators.field)
    said = told(
        sent,
        messages.separators,
        family=("name", 1, 1),
        given=("name", 2),
        born=("born", 1),
        sex=("sex", 1),
        died=("died", 1),
        is_dead=("is_dead",),
    )
    numbers = patient_numbers(sent.get_column("identifiers"), messages.separators, profile)
    heads = of_row(messages.heads, sent.get_column("message"))
    rows = pl.concat([sent.select("line"), numbers, said, heads], how="horizontal")
    name = pl.concat_str("family", "given", separator=", ", ignore_nulls=True)
    is_dead = pl.col("is_dead") == "Y"
    told_rows = rows.with_columns(
        birth_date=iso_times(rows.get_column("born").str.head(8)),
        sex=translated("sex", _SEXES, profile),
        name=pl.when(name.str.len_bytes() > 0).then(name),
        died_at=pl.coalesce(iso_times(rows.get_column("died")), pl.when(is_dead).then("sent_at")),
        updated_at="sent_at",
    )
    return told_rows.filter(~pl.col("is_broken")).select("line", *PATIENTS.names)


def encounters(messages: Messages, profile: Profile) -> pl.DataFrame:
    """A row for each PV1 of a sound message that has a number and a start, as `patients` does."""
    visits = fields_of(messages.segments("PV1"), _VISIT, messages.separators.field)
    said = told(
        visits,
        messages.separators,
        encounter_id=("visit", 1),
        care_setting=("class", 1),
        facility=("place", 4, 1),
        ward=("place", 1),
        care_team=("team", 1),
        started_at=("start", 1),
        ended_at=("end", 1),
    )
    persons = fields_of(messages.segments("PID"), _PERSON, messages.separators.field)
    numbers = patient_numbers(persons.get_column("identifiers"), messages.separators, profile)
    heads = messages.heads.select("is_broken", updated_at="sent_at")
    rows = pl.concat(
        [
            visits.select("line"),
            said,
            of_row(numbers, visits.get_column("PID")),
            of_row(heads, visits.get_column("message")),
        ],
        how="horizontal",
    ).with_columns(
        iso_times(said.get_column("started_at")),
        iso_times(said.get_column("ended_at")),
        care_setting=translated("care_setting", _CARE_SETTINGS, profile),
    )
    is_told = pl.col("encounter_id").is_not_null() & pl.col("started_at").is_not_null()
    return rows.filter(is_told & ~pl.col("is_broken")).select("line", *ENCOUNTERS.names)
