"""The episodes that analysts see are those that the rules judge by."""

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from flows.stages import assess, ingest, publish
from tests.flows.conftest import AS_OF
from tests.home import Home


def _rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home.path / "published/hypomag.duckdb"), read_only=True) as database:
        return database.execute(query).fetchall()


def test_an_open_episode_is_the_one_that_was_assessed(home: Home) -> None:
    """For everybody of the sample hospital, none of whose episodes is older than the window."""
    query = "SELECT patient_id, episode_started_at FROM assessments WHERE episode_started_at"
    assessed = set(_rows(home, f"{query} IS NOT NULL"))
    open_ones = set(
        _rows(home, "SELECT patient_id, started_at FROM episodes WHERE ended_at IS NULL")
    )
    assert len(assessed) > 30
    assert open_ones == assessed


def test_episodes_begin_and_end_where_a_dull_walk_begins_and_ends_them(tmp_path: Path) -> None:
    """One after the other, an undetermined result between, the last still open."""
    home = Home(tmp_path)
    values = ["1.9", "1.4", "<1.6", "1.1", "2.0", "2.7", "1.3", "1.8", "1.2"]
    home.drop(
        "observations",
        [
            {
                "observation_id": f"O{day}",
                "patient_id": "P1",
                "code": "19123-9",
                "value": value,
                "unit": "mg/dL",
                "status": "F",
                "collected_at": f"2026-11-{day:02}T08:00:00Z",
            }
            for day, value in enumerate(values, 1)
        ],
    )
    night = home.night(AS_OF, "Europe/London")
    for stage in (ingest, assess, publish):
        stage(night, lambda _: None)

    def at(day: int) -> datetime:
        return datetime(2026, 11, day, 8)  # noqa: DTZ001 - instants are naive UTC

    query = (
        "SELECT started_at, ended_at, lows, lowest_mg_dl, latest_low_at, had_severe FROM episodes "
        "ORDER BY started_at"
    )
    assert _rows(home, query) == [
        (at(2), at(5), 2, 1.1, at(4), True),
        (at(7), at(8), 1, 1.3, at(7), False),
        (at(9), None, 1, 1.2, at(9), True),
    ]


def test_the_days_of_the_window_are_the_hospital_s(tmp_path: Path) -> None:
    """400 days back, though earlier in the day than the night speaks for; then one day more."""
    home = Home(tmp_path)
    drawn = {"P1": "2025-10-17T00:30:00Z", "P2": "2025-10-16T12:00:00Z"}
    home.drop(
        "observations",
        [
            {
                "observation_id": patient,
                "patient_id": patient,
                "code": "19123-9",
                "value": "1.0",
                "unit": "mg/dL",
                "status": "F",
                "collected_at": collected,
            }
            for patient, collected in drawn.items()
        ],
    )
    night = home.night(AS_OF, "Europe/London")
    for stage in (ingest, assess, publish):
        stage(night, lambda _: None)
    for table in ("assessments", "observations", "episodes"):
        assert {patient for patient, *_ in _rows(home, f"FROM {table} SELECT patient_id")} == {"P1"}
