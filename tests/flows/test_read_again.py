"""Files that are read again: in another shape, overwritten, or the same under a new name."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from flows.night import Night
from flows.past import as_known, past_of_run
from flows.stages import assess, ingest, opened
from tests.home import Home

AS_OF: Final = datetime(2026, 11, 19, 2, 0, tzinfo=UTC)
HEADER: Final = "observation_id,patient_id,code,value,unit,status,collected_at\n"
PROFILE: Final = 'layout = "canonical"\npatient_prefix = ""\n'
OTHER_SHAPE: Final = f'{PROFILE}[tables.observations.constants]\nfacility = "X"\n'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "sources").mkdir()
    (tmp_path / "inbox" / "lab").mkdir(parents=True)
    made = Home(tmp_path)
    profile(made, PROFILE)
    return made


def profile(home: Home, text: str) -> None:
    (home.path / "sources" / "lab.toml").write_text(text, encoding="utf-8")


def drop(home: Home, name: str, text: str) -> None:
    path = home.inbox / "lab" / name
    path.write_text(text, encoding="utf-8")
    path.with_name(f"{name}.done").touch()


def results(*patients: str) -> str:
    rows = (f"O-{one},{one},19123-9,1.0,mg/dL,F,2026-11-18T06:00:00Z\n" for one in patients)
    return HEADER + "".join(rows)


def judged(home: Home, nights: int = 0) -> set[str]:
    """Who is assessed on a night."""
    night = home.night(AS_OF + timedelta(days=nights))
    ingest(night, _quiet)
    assess(night, _quiet)
    return {str(row[0]) for row in _rows(night, "SELECT patient_id FROM tonight.assessments")}


def _rows(night: Night, sql: str) -> list[tuple[object, ...]]:
    with opened(night) as store:
        path = night.store / "tonight" / "hypomag.duckdb"
        store.run(f"ATTACH '{path}' AS tonight (READ_ONLY)")
        return store.rows(f"{sql} WHERE night = ?", [night.date])


def _quiet(_: str) -> None:
    """Say nothing."""


def test_what_an_overwritten_file_held_stays_when_the_profile_changes(home: Home) -> None:
    drop(home, "observations.csv", results("P1"))
    assert judged(home) == {"P1"}
    drop(home, "observations.csv", results("P2"))
    profile(home, OTHER_SHAPE)
    assert judged(home, 1) == {"P1", "P2"}
    assert judged(home, 2) == {"P1", "P2"}


def test_a_file_that_is_read_in_another_shape_came_when_it_first_came(home: Home) -> None:
    drop(home, "observations.csv", results("P1"))
    judged(home)
    profile(home, OTHER_SHAPE)
    judged(home, 1)
    with opened(home.night(AS_OF + timedelta(days=1))) as store:
        ledger = store.rows("SELECT night, as_of, rows FROM files")
        facility = store.rows(
            "SELECT facility FROM observation_versions JOIN wordings USING (wording_id)"
        )
    assert ledger == [(AS_OF.date(), AS_OF.replace(tzinfo=None), 1)]
    assert facility == [("X",)]


def test_a_file_that_was_read_again_is_known_since_it_was_first_read(home: Home) -> None:
    """It has another number now; one of the same instant that came after the run has none of it."""
    drop(home, "observations.csv", results("P1"))
    judged(home)
    drop(home, "observations_2.csv", results("P2"))
    ingest(home.night(AS_OF), _quiet)
    profile(home, OTHER_SHAPE)
    judged(home, 1)
    profile(home, PROFILE)
    judged(home, 2)
    night = home.night(AS_OF + timedelta(days=2))
    with opened(night) as store:
        ((run_id,),) = store.rows("SELECT min(run_id) FROM runs")
        with as_known(store, night, past_of_run(store, int(str(run_id)))):
            known = store.rows("SELECT patient_id FROM observation_versions")
    assert known == [("P1",)]


def test_a_snapshot_that_says_again_what_an_older_one_said_is_newer(home: Home) -> None:
    dated = '[tables.patients]\nfiles = "patients_*.csv"\nsnapshot = "patients_%Y%m%d.csv"\n'
    profile(home, PROFILE + dated)
    alive = "patient_id,died_at\nP1,\n"
    drop(home, "observations.csv", results("P1"))
    drop(home, "patients_20261118.csv", alive)
    drop(home, "patients_20261119.csv", "patient_id,died_at\nP1,2026-11-18T12:00:00Z\n")
    drop(home, "patients_20261120.csv", alive)
    assert judged(home, 3) == {"P1"}
    night = home.night(AS_OF + timedelta(days=3))
    assert _rows(night, "SELECT patient_id FROM tonight.worklist_items") == [("P1",)]
