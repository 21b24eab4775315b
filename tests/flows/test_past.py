"""The store as it was known then: every answer of then, and not a row of the store changed."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.gathering import batches
from flows.home_then import home_of_run
from flows.night import Night
from flows.past import FOREVER, Past, as_known, past_of_run
from flows.selection import lay_in_batches, select_dosed, select_persons
from flows.stages import assess, ingest, judge_night, opened, publish
from flows.store import Store
from hypomag_rules.assess import assess as judged_by_rules
from hypomag_rules.policy import load
from sample_data import hospital
from tests.home import Home

pytestmark = pytest.mark.long

AS_OF: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
_NIGHT: Final = timedelta(days=1)
_CONTESTED: Final = (
    "SELECT source, key_hash, bool_or(is_ours) AS is_ours FROM contested GROUP BY ALL ORDER BY ALL"
)


def _say(_: str) -> None:
    pass


def _tables(store: Store) -> dict[str, pl.DataFrame]:
    """Every real table, whole, in an order of its own."""
    named = store.rows("SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1")
    return {
        str(name): store.frame(f"SELECT * FROM {name} ORDER BY ALL")  # noqa: S608 - names from the store itself
        for (name,) in named
    }


def _said(store: Store, night: Night) -> pl.DataFrame:
    """What the rules say of everybody whom the store knows."""
    select_persons(store, night)
    for table in ("touched", "repeated", "redosed"):
        store.run(f"DELETE FROM {table}")  # noqa: S608 - constants
    select_dosed(store, night)
    told = [
        judged_by_rules(batch.facts, batch.judged, night.policy, night.settings.timezone).patients
        for batch in batches(store, night, lay_in_batches(store, 100_000))
    ]
    columns = pl.exclude("moment", "received_by", "patient_prefix")
    return (
        pl.concat(told)
        .filter(pl.col("has_index") | pl.col("is_on_review"))
        .select(columns)
        .sort("person_id")
        if told
        else pl.DataFrame()
    )


@pytest.fixture(scope="module")
def hospital_of_three(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, list[Night]]:
    """The sample hospital's last three nights of fourteen, each ingested and published."""
    home = Home(tmp_path_factory.mktemp("three"))
    folder = tmp_path_factory.mktemp("extracts")
    hospital.write_hospital(folder, 7, 6, AS_OF)
    files = sorted(folder.glob("*.csv"))
    nights = [home.night(AS_OF - _NIGHT * ago) for ago in (2, 1, 0)]
    for night in nights:
        for path in files:
            if path.stem[-10:] <= str(night.date) and path.exists():
                (home.inbox / path.name).write_bytes(path.read_bytes())
                (home.inbox / f"{path.name}.done").touch()
        for stage in (ingest, assess, publish):
            stage(night, _say)
    return home, nights


def _items(store: Store, run_id: int) -> pl.DataFrame:
    return store.frame(
        "SELECT * EXCLUDE (run_id) FROM run_items WHERE run_id = ? ORDER BY worklist, rank",
        [run_id],
    )


def test_each_night_is_judged_again_as_it_was_then(
    hospital_of_three: tuple[Home, list[Night]],
) -> None:
    """Three nights were published, and each says again what it said, life of items and all."""
    _, nights = hospital_of_three
    with opened(nights[-1]) as store:
        before = _tables(store)
        for run_id, night in enumerate(nights, 1):
            with tempfile.TemporaryDirectory(dir=night.store) as folder:
                then = home_of_run(store, run_id, Path(folder))
                past = past_of_run(store, run_id)
                with as_known(store, then, past):
                    judge_night(store, then, _say)
                    again = _items(store, run_id)
            assert then.as_of == night.as_of
            assert again.height
            assert again.equals(_items(store, run_id)), night.date
        after = _tables(store)
    assert before.keys() == after.keys()
    assert all(before[name].equals(after[name]) for name in before)


def test_rows_are_judged_again_for_another_policy_inside_the_block_alone(
    hospital_of_three: tuple[Home, list[Night]], tmp_path: Path
) -> None:
    """What another policy reads otherwise, a home of that policy has read so from the start."""
    home, nights = hospital_of_three
    policy = load("[plausible]\nmagnesium = [0, 1.9]\n", "test")
    night = replace(nights[-1], policy=policy)
    other = Home(tmp_path)
    for path in home.inbox.iterdir():
        (other.inbox / path.name).write_bytes(path.read_bytes())
    elsewhere = other.night(AS_OF, policy=policy)
    ingest(elsewhere, _say)
    with opened(nights[-1]) as store:
        before, usual = _tables(store), _said(store, nights[-1])
        with as_known(store, night, Past(FOREVER)):
            found = _said(store, night)
            assert not store.number("SELECT count(*) FROM rejudged")
        after = _tables(store)
    with opened(elsewhere) as store:
        expected = _said(store, elsewhere)
    assert not found.equals(usual)
    assert found.equals(expected)
    assert all(before[name].equals(after[name]) for name in before)


_VALUES: Final = st.sampled_from(["0.9", "1.2", "1.4", "2.0", "3.1", "<1.5", "haemolysed", "60"])
_ROW: Final = st.fixed_dictionaries(
    {
        "observation_id": st.sampled_from(["A", "B", "C", "D"]),
        "patient_id": st.sampled_from(["P1", "P2"]),
        "code": st.sampled_from(["19123-9", "19123-9", "2601-3", "2823-3", "XYZ"]),
        "value": _VALUES,
        "unit": st.sampled_from(["mg/dL", "mg/dL", "mmol/L"]),
        "status": st.sampled_from(["F", "P", "C", "W", "?"]),
        "collected_at": st.sampled_from([f"2026-11-{day}T06:00Z" for day in (10, 16, 17, 18, 19)]),
        "reported_at": st.sampled_from(["", "2026-11-17T09:00Z", "2026-11-19T09:00Z"]),
    }
)
_DOSE: Final = st.fixed_dictionaries(
    {
        "medication_id": st.sampled_from(["M", "N"]),
        "patient_id": st.sampled_from(["P1", "P2"]),
        "kind": st.just("administration"),
        "name": st.just("magnesium sulfate"),
        "route": st.sampled_from(["iv", "oral"]),
        "dose": st.sampled_from(["2", "0.5", ""]),
        "dose_unit": st.just("g"),
        "started_at": st.sampled_from(["2026-11-17T08:00Z", "2026-11-18T08:00Z"]),
        "status": st.sampled_from(["given", "held", ""]),
    }
)
_DELIVERED: Final = st.fixed_dictionaries(
    {
        "observations": st.lists(_ROW, min_size=1, max_size=5),
        "medications": st.lists(_DOSE, max_size=2),
    }
)


def _received(home: Home, nights: Sequence[Mapping[str, Sequence[Mapping[str, str]]]]) -> Night:
    """Ingest each night's files at its own time; the last night."""
    for at, tables in enumerate(nights):
        night = home.night(AS_OF - _NIGHT * (4 - at))
        for table, rows in tables.items():
            if rows:
                home.drop(table, rows, f"{table}_{at}.csv")
        ingest(night, _say)
    return night


@settings(max_examples=12, deadline=None)
@given(nights=st.lists(_DELIVERED, min_size=2, max_size=4), known=st.integers(1, 3))
def test_as_known_by_a_night_is_a_store_that_received_no_more(
    nights: list[dict[str, list[dict[str, str]]]], known: int
) -> None:
    """Asked as of today but as received by then: corrections that came since are not there."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        last = _received(Home(Path(one)), nights)
        short = _received(Home(Path(two)), nights[:known])
        past = Past(short.received_at.replace(tzinfo=None))
        with opened(last) as store:
            before = _tables(store)
            with as_known(store, last, past):
                found = _said(store, replace(last, as_of=AS_OF))
                ours = store.frame(_CONTESTED)
            after = _tables(store)
        with opened(short) as store:
            expected = _said(store, replace(last, home=short.home, as_of=AS_OF))
            theirs = store.frame(_CONTESTED)
    assert found.equals(expected)
    assert ours.equals(theirs)
    assert all(before[name].equals(after[name]) for name in before)
