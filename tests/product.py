"""The product as the oracle is called: canonical rows in, one plain `Night` out."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb
import polars as pl

from data_contracts.assessments import ASSESSMENTS
from data_contracts.gate import hold_to_table
from data_contracts.vocabulary import WORKLISTS
from flows.auditing import audited_doses
from flows.deliveries import LAYOUTS, ingest_delivery, prepared
from flows.gathering import Batch, administrations_known, batches
from flows.inbox import dropped_files
from flows.night import Night as ProductNight
from flows.profile import load_profiles
from flows.rejudging import note_profiles
from flows.schema import CANONICAL, patient_column, statements, versions_of
from flows.selection import lay_in_batches, select_dosed, select_persons
from flows.stages import ingest, opened
from flows.store import Store
from hypomag_rules.assess import assess
from hypomag_rules.facts import Facts
from hypomag_rules.policy import Policy, load, with_values
from hypomag_rules.worklists import listed_rows, ranked
from tests.home import Home
from tests.oracle.night import Night

__all__ = [
    "Deliveries",
    "Night",
    "Reading",
    "Row",
    "Tables",
    "drop_together",
    "judge_deliveries",
    "judge_night",
    "judge_nights",
    "read_facts",
    "read_nights",
    "read_together",
    "whole",
    "with_header",
]

Row = Mapping[str, str]
Tables = Mapping[str, Sequence[Row]]
Deliveries = Sequence[tuple[str, Sequence[Row]]]

_ALL_PERSONS: Final = 1_000_000
_BOUND: Final = "~"
_OF_PATIENTS: Final = (
    "person_id",
    "recheck_section",
    "review_reasons",
    "is_on_recheck",
    "is_on_review",
    "could_be_severe",
)
# Figures that stand on items alone.
_OF_ITEMS: Final = ("im_upper_limit_grams", "calcium_judged")
# What names a patient or a thing of theirs, beside the patient's number.
_OWN_ID: Final = {
    "medications": "medication_id",
    "encounters": "encounter_id",
    "patient_links": "new_patient_id",
}


def judge_night(
    tables: Tables,
    as_of: datetime,
    zone: str,
    folder: Path,
    policy: Mapping[str, object] | None = None,
) -> Night:
    """Drop one file a table in a new home and judge it as a night does; rows are counted from 0."""
    home = Home(folder)
    for table, rows in tables.items():
        home.drop(table, with_header(table, rows))
    night = home.night(as_of, zone, _policy(policy))
    ingest(night, _say_nothing)
    with opened(night) as store:
        return _read(store, night, {}, [""]).nights()[0]


def judge_nights(
    nights: Sequence[Tables],
    as_of: datetime,
    zone: str,
    policy: Mapping[str, object] | None = None,
) -> list[Night]:
    """Judge several nights that know nothing of each other, each table one file."""
    return judge_deliveries([whole(tables) for tables in nights], as_of, zone, policy)


def whole(tables: Tables) -> Deliveries:
    """The tables of a night, each as one file."""
    return list(tables.items())


def judge_deliveries(
    nights: Sequence[Deliveries],
    as_of: datetime,
    zone: str,
    policy: Mapping[str, object] | None = None,
) -> list[Night]:
    """Judge several nights at once, each a sequence of files, through one store in memory.

    Judging costs the same for one patient and for a hundred: each night gets a source and a
    patient prefix of its own, as hospitals that share a store have, and all are judged together.
    """
    return read_nights(nights, as_of, zone, policy).nights()


def read_nights(
    nights: Sequence[Deliveries],
    as_of: datetime,
    zone: str,
    policy: Mapping[str, object] | None = None,
) -> "Reading":
    """Several nights read into facts and not yet judged: what the rules are given."""
    with read_together(nights, as_of, zone, policy) as (store, night, places):
        return _read(store, night, places, [_tag(number) for number in range(len(nights))])


def read_facts(
    nights: Sequence[Tables], instants: Sequence[datetime], zone: str
) -> tuple[list[pl.DataFrame], Facts]:
    """The facts of all nights, and for each instant the moments of all persons."""
    with read_together([whole(one) for one in nights], max(instants), zone) as (store, night, _):
        select_persons(store, night)
        select_dosed(store, night)
        total = lay_in_batches(store, _ALL_PERSONS)
        ((persons, _, facts),) = batches(store, night, total)
        number_of = pl.int_range(persons.height, dtype=pl.UInt32)
        persons = persons.with_columns(moment=number_of)
        feeds = [administrations_known(store, replace(night, as_of=at)) for at in instants]
        moments = [
            persons.with_columns(
                pl.col("moment") + persons.height * number,
                as_of=pl.lit(at.replace(tzinfo=None)).cast(persons.schema["as_of"]),
            )
            for number, at in enumerate(instants)
        ]
        return moments, replace(facts, feeds=pl.concat(feeds))


class _Place(NamedTuple):
    """Where a row of a combined file came from; rows are counted from 0 over a table's files."""

    tag: str
    row: int


class Reading(NamedTuple):
    """What was read of some nights, told apart by their tags: facts and refused rows."""

    night: ProductNight
    batch: Batch | None
    refused: list[tuple[str, str, int, str]]
    places: Mapping[tuple[str, int], _Place]
    tags: Sequence[str]

    def nights(self) -> list[Night]:
        """Each night as the rules judge it."""
        judged = _judged(self)
        return [judged.only(self.places, tag) for tag in self.tags]


class _Judged(NamedTuple):
    """All nights of one reading, still together, as plain rows."""

    patients: list[dict[str, Any]]
    published: list[dict[str, Any]]
    items: list[dict[str, Any]]
    refused: list[tuple[str, str, int, str]]
    doses: list[dict[str, Any]]

    def only(self, places: Mapping[tuple[str, int], _Place], tag: str = "") -> Night:
        """The plain result of the night whose ids begin with the tag."""
        patients = _own(self.patients, "person_id", tag)
        items = _own(self.items, "person_id", tag)
        beside = {row["person_id"]: {name: row[name] for name in _OF_ITEMS} for row in patients}
        return Night(
            assessments={
                row["patient_id"]: {name: _aware(value) for name, value in row.items()}
                | {"source": "canonical"}
                | beside[row["patient_id"]]
                for row in _own(self.published, "patient_id", tag)
            },
            lists={
                name: [row["person_id"] for row in items if row["worklist"] == name]
                for name in WORKLISTS
            },
            sections={
                row["person_id"]: row["recheck_section"] for row in patients if row["is_on_recheck"]
            },
            review_reasons={
                row["person_id"]: row["review_reasons"] for row in patients if row["is_on_review"]
            },
            could_be_severe={row["person_id"] for row in patients if row["could_be_severe"]},
            quarantine=[
                (table, place.row, reason)
                for table, file, row, reason in self.refused
                if (place := places.get((file, row), _Place("", row - 1))).tag == tag
            ],
            doses={
                row["medication_id"].removeprefix(tag): {
                    name: _aware(value)
                    for name, value in row.items()
                    if name not in {"source", "medication_id"}
                }
                | {"meq_by_iv_or_im": row["meq"] if row["route"] in {"iv", "im"} else None}
                for row in _own(self.doses, "patient_id", tag)
            },
        )


def _own(rows: list[dict[str, Any]], column: str, tag: str) -> list[dict[str, Any]]:
    """The rows of one night, under the ids that it knows."""
    return [
        row | {column: row[column].removeprefix(tag)} for row in rows if row[column].startswith(tag)
    ]


def _aware(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _read(
    store: Store,
    night: ProductNight,
    places: Mapping[tuple[str, int], _Place],
    tags: Sequence[str],
) -> Reading:
    """Select what the store holds and gather the facts, as the stages of a night do."""
    refused = [
        (table, str(file), int(str(row)), str(reason))
        for table in CANONICAL
        for file, row, reason in store.rows(
            f"SELECT f.name, v.row, v.reason FROM {versions_of(table)} v "  # noqa: S608 - constants
            "JOIN files f USING (file_id) WHERE v.reason IS NOT NULL ORDER BY f.file_id, v.row"
        )
    ]
    select_persons(store, night)
    select_dosed(store, night)
    total = lay_in_batches(store, _ALL_PERSONS)
    batch = next(iter(batches(store, night, total)), None)
    return Reading(night, batch, refused, places, tags)


def _judged(reading: Reading) -> _Judged:
    """Assess, rank and audit what was read."""
    night, batch = reading.night, reading.batch
    if batch is None:
        return _Judged([], [], [], reading.refused, [])
    judged = assess(batch.facts, batch.judged, night.policy, night.settings.timezone)
    ranks = ranked(listed_rows(judged), night.policy)
    patients = judged.patients.with_columns(
        night=pl.lit(night.date), patient_id=pl.col("person_id")
    )
    typed = (pl.col(name).cast(kind) for name, kind in ASSESSMENTS.schema.items())
    published = hold_to_table(ASSESSMENTS, patients.filter("has_index").select(typed))
    return _Judged(
        patients.select(*_OF_PATIENTS, *_OF_ITEMS).to_dicts(),
        published.drop("policy_id").to_dicts(),
        ranks.sort("worklist", "rank").select("worklist", "person_id").to_dicts(),
        reading.refused,
        audited_doses(night, batch).to_dicts(),
    )


@contextmanager
def read_together(
    nights: Sequence[Deliveries],
    as_of: datetime,
    zone: str,
    policy: Mapping[str, object] | None = None,
) -> Iterator[tuple[Store, ProductNight, dict[tuple[str, int], _Place]]]:
    """Read the files of all nights into one store, then tell the nights apart by source."""
    store = _emptied_store()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        (home.path / "store").mkdir()
        night = home.night(as_of, zone, _policy(policy))
        places = drop_together(home, nights)
        profiles = load_profiles(home.path / "sources", zone)
        note_profiles(store, night, profiles)
        files = dropped_files(home.inbox, profiles)
        deliveries = LAYOUTS["canonical"].deliveries(list(files), profiles["canonical"])
        for ready in prepared(night, profiles, deliveries):
            ingest_delivery(store, night, profiles["canonical"], ready)
        _give_sources(store, [_tag(number) for number in range(len(nights))])
        yield store, night, places


def drop_together(home: Home, nights: Sequence[Deliveries]) -> dict[tuple[str, int], _Place]:
    """Drop the n-th files of a table of all nights as one; files are read by their numbers."""
    combined: dict[tuple[str, int], list[tuple[_Place, dict[str, str]]]] = {}
    for number, deliveries in enumerate(nights):
        files: Counter[str] = Counter()
        seen: Counter[str] = Counter()
        for table, rows in deliveries:
            together = combined.setdefault((table, files[table]), [])
            files[table] += 1
            for row in with_header(table, rows):
                place = _Place(_tag(number), seen[table])
                seen[table] += 1
                together.append((place, _tagged(table, row, place.tag)))
    places: dict[tuple[str, int], _Place] = {}
    for (table, at), told in combined.items():
        name = f"{table}_{at:03}.csv"
        home.drop(table, [row for _, row in told], name)
        places |= {(name, line): place for line, (place, _) in enumerate(told, 1)}
    return places


def with_header(table: str, rows: Sequence[Row]) -> list[dict[str, str]]:
    """Rows that all have the columns of any of them, and those that the table must have."""
    columns = [*CANONICAL[table].required, *(column for row in rows for column in row)]
    return [{column: row.get(column) or "" for column in columns} for row in rows]


def _tag(number: int) -> str:
    return f"N{number:03}{_BOUND}"


def _tagged(table: str, row: Mapping[str, str], tag: str) -> dict[str, str]:
    """The row under ids of its night alone; without a status column all results are final."""
    own = {"status": "final", **row} if table == "observations" else dict(row)
    patient = patient_column(table)
    for column in {patient, _OWN_ID.get(table, patient)}:
        if own[column].strip():
            own[column] = tag + own[column].strip()
    if table == "observations" and not own["patient_id"].strip():
        own["facility"] = tag
    return own


def _give_sources(store: Store, tags: Sequence[str]) -> None:
    """Turn the tag of each id into a source with that prefix."""
    for name in CANONICAL:
        columns = [patient_column(name), *(["new_patient_id"] if name == "patient_links" else [])]
        untagged = (f"{column} = split_part({column}, '{_BOUND}', 2)" for column in columns)
        store.run(
            f"UPDATE {versions_of(name)} SET {', '.join(untagged)}, "  # noqa: S608 - constants
            f"source = split_part({columns[0]}, '{_BOUND}', 1) || '{_BOUND}' "
            f"WHERE {columns[0]} IS NOT NULL"
        )
    store.run(
        "UPDATE contested SET source = v.source FROM observation_versions v "
        "WHERE v.key_hash = contested.key_hash"
    )
    for tag in tags:
        store.run("INSERT INTO profiles VALUES (?, '', ?)", [tag, tag])


@cache
def _store() -> Store:
    store = Store(duckdb.connect(":memory:"))
    store.run("SET TimeZone = 'UTC'")
    for statement in statements():
        store.run(statement)
    return store


def _emptied_store() -> Store:
    """The one store in memory, without a row."""
    store = _store()
    for (table,) in store.rows("SELECT table_name FROM duckdb_tables() WHERE NOT temporary"):
        if table != "meta":
            store.run(f"DELETE FROM {table}")  # noqa: S608 - names from the store itself
    return store


def _policy(overrides: Mapping[str, object] | None) -> Policy:
    return _policy_of(json.dumps(overrides or {}, sort_keys=True))


@cache
def _policy_of(overrides: str) -> Policy:
    given: dict[str, Any] = json.loads(overrides)
    return with_values(given) if given else load()


def _say_nothing(_: str) -> None:
    """Progress is not what is tested."""
