"""The product as the oracle is called: canonical rows in, one plain `Night` out."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from flows.deliveries import LAYOUTS, ingest_delivery
from flows.inbox import dropped_files
from flows.night import Night as ProductNight
from flows.profile import load_profiles
from flows.rejudging import note_profiles
from flows.schema import CANONICAL, statements, versions_of
from flows.selection import batches, select_persons
from flows.stages import ingest, opened
from flows.store import Store
from hypomag_rules.assess import Assessed, assess
from hypomag_rules.policy import Policy, load, with_values
from hypomag_rules.worklists import listed_rows, ranked
from tests.home import Home
from tests.oracle.night import Night

__all__ = ["Deliveries", "Night", "Row", "Tables", "judge_deliveries", "judge_night", "judge_nights"]

Row = Mapping[str, str]
Tables = Mapping[str, Sequence[Row]]
Deliveries = Sequence[tuple[str, Sequence[Row]]]

_ALL_PERSONS: Final = 1_000_000
_BOUND: Final = "~"
_RANKED: Final = ("iv_replacement", "recheck", "review")
_UNRANKED: Final = ("work_up", "high_watch")
_OWN_ID: Final = {"medications": "medication_id", "encounters": "encounter_id"}


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
        home.drop(table, _with_header(table, rows))
    night = home.night(as_of, zone, _policy(policy))
    ingest(night, _say_nothing)
    with opened(night) as store:
        return _judged(store, night).only({})


def judge_nights(
    nights: Sequence[Tables],
    as_of: datetime,
    zone: str,
    policy: Mapping[str, object] | None = None,
) -> list[Night]:
    """Judge several nights that know nothing of each other, each table one file."""
    whole = [[(table, rows) for table, rows in tables.items()] for tables in nights]
    return judge_deliveries(whole, as_of, zone, policy)


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
    with _read_together(nights, as_of, zone, policy) as (store, night, places):
        judged = _judged(store, night)
        return [judged.only(places, _tag(number)) for number in range(len(nights))]


class _Place(NamedTuple):
    """Where a row of a combined file came from; rows are counted from 0 over a table's files."""

    tag: str
    row: int


class _Judged(NamedTuple):
    """All nights of one reading, still together."""

    patients: pl.DataFrame
    ranks: pl.DataFrame
    refused: list[tuple[str, str, int, str]]

    def only(self, places: Mapping[tuple[str, int], _Place], tag: str = "") -> Night:
        """The plain result of the night whose ids begin with the tag."""
        own = pl.col("person_id").str.starts_with(tag)
        patients = self.patients.filter(own).to_dicts()
        ranks = self.ranks.filter(own)
        lists = {
            name: _plain_ids(ranks.filter(pl.col("worklist") == name), tag) for name in _RANKED
        } | {
            name: sorted(row["person_id"].removeprefix(tag) for row in patients if row[f"is_on_{name}"])
            for name in _UNRANKED
        }
        return Night(
            assessments=_assessments(self.patients.filter(own, pl.col("has_index")), tag),
            lists=lists,
            sections={
                row["person_id"].removeprefix(tag): row["recheck_section"]
                for row in patients
                if row["is_on_recheck"]
            },
            review_reasons={
                row["person_id"].removeprefix(tag): row["review_reasons"]
                for row in patients
                if row["is_on_review"]
            },
            quarantine=[
                (table, place.row, reason)
                for table, file, row, reason in self.refused
                if (place := places.get((file, row), _Place("", row - 1))).tag == tag
            ],
        )


def _plain_ids(ranks: pl.DataFrame, tag: str) -> list[str]:
    return [str(one).removeprefix(tag) for one in ranks.sort("rank").get_column("person_id")]


def _assessments(rows: pl.DataFrame, tag: str) -> dict[str, dict[str, object]]:
    """The published columns by patient, but for the policy's hash; instants are aware UTC."""
    if rows.is_empty():
        return {}
    typed = (pl.col(name).cast(kind) for name, kind in ASSESSMENTS.schema.items())
    published = hold_to_table(ASSESSMENTS, rows.select(typed))
    plain: dict[str, dict[str, object]] = {}
    for row in published.drop("policy_id").iter_rows(named=True):
        patient = str(row["patient_id"]).removeprefix(tag)
        plain[patient] = {name: _aware(value) for name, value in row.items()} | {
            "patient_id": patient,
            "source": "canonical",
        }
    return plain


def _aware(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _judged(store: Store, night: ProductNight) -> _Judged:
    """Select, assess and rank what the store holds, as the stages of a night do."""
    refused = [
        (table, str(file), int(str(row)), str(reason))
        for table in CANONICAL
        for file, row, reason in store.rows(
            f"SELECT f.name, v.row, v.reason FROM {versions_of(table)} v "  # noqa: S608 - constants
            "JOIN files f USING (file_id) WHERE v.reason IS NOT NULL ORDER BY f.file_id, v.row"
        )
    ]
    total = select_persons(store, night, _ALL_PERSONS)
    for moments, facts in batches(store, night, total):
        judged: Assessed = assess(facts, moments, night.policy, night.settings.timezone)
        ranks = ranked(listed_rows(judged.patients, judged.reviews, judged.doses), night.policy)
        patients = judged.patients.with_columns(
            night=pl.lit(night.date), patient_id=pl.col("person_id")
        )
        return _Judged(patients, ranks, refused)
    nobody = pl.DataFrame(schema={"person_id": pl.String, "worklist": pl.String, "rank": pl.Int32})
    return _Judged(nobody.with_columns(has_index=pl.lit(value=False)), nobody, refused)


@contextmanager
def _read_together(
    nights: Sequence[Deliveries],
    as_of: datetime,
    zone: str,
    policy: Mapping[str, object] | None,
) -> Iterator[tuple[Store, ProductNight, dict[tuple[str, int], _Place]]]:
    """Read the files of all nights into one store, then tell the nights apart by source."""
    store = _emptied_store()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        (home.path / "store").mkdir()
        night = home.night(as_of, zone, _policy(policy))
        places = _drop_together(home, nights)
        profiles = load_profiles(home.path / "sources", zone)
        note_profiles(store, night, profiles)
        files = dropped_files(home.inbox, profiles)
        for delivery in LAYOUTS["canonical"].deliveries(list(files), profiles["canonical"]):
            ingest_delivery(store, night, profiles["canonical"], delivery)
        _give_sources(store, [_tag(number) for number in range(len(nights))])
        yield store, night, places


def _drop_together(home: Home, nights: Sequence[Deliveries]) -> dict[tuple[str, int], _Place]:
    """Drop the n-th files of all nights as one file, read in the order of their numbers."""
    combined: dict[tuple[int, str], list[tuple[_Place, dict[str, str]]]] = {}
    for number, deliveries in enumerate(nights):
        seen: dict[str, int] = {}
        for at, (table, rows) in enumerate(deliveries):
            for row in _with_header(table, rows):
                place = _Place(_tag(number), seen.get(table, 0))
                seen[table] = place.row + 1
                combined.setdefault((at, table), []).append((place, _tagged(table, row, place.tag)))
    places: dict[tuple[str, int], _Place] = {}
    for (at, table), rows in combined.items():
        name = f"{table}_{at:03}.csv"
        home.drop(table, [row for _, row in rows], name)
        places |= {(name, line): place for line, (place, _) in enumerate(rows, 1)}
    return places


def _with_header(table: str, rows: Sequence[Row]) -> list[dict[str, str]]:
    """Rows that all have the columns of any of them, and those that the table must have."""
    columns = [*CANONICAL[table].required, *(column for row in rows for column in row)]
    return [{column: row.get(column) or "" for column in columns} for row in rows]


def _tag(number: int) -> str:
    return f"N{number:03}{_BOUND}"


def _tagged(table: str, row: Mapping[str, str], tag: str) -> dict[str, str]:
    """The row under ids of its night alone; without a status column all results are final."""
    own = {"status": "final", **row} if table == "observations" else dict(row)
    for column in {"patient_id", _OWN_ID.get(table, "patient_id")}:
        if own[column].strip():
            own[column] = tag + own[column].strip()
    if table == "observations" and not own["patient_id"].strip():
        own["facility"] = tag
    return own


def _give_sources(store: Store, tags: Sequence[str]) -> None:
    """Turn the tag of each id into a source with that prefix."""
    for table in (*(versions_of(name) for name in CANONICAL), "contested"):
        store.run(
            f"UPDATE {table} SET source = split_part(patient_id, '{_BOUND}', 1) || '{_BOUND}', "  # noqa: S608 - constants
            f"patient_id = split_part(patient_id, '{_BOUND}', 2) "
            "WHERE patient_id IS NOT NULL"
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
