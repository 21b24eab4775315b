"""Daily snapshots: a file's name tells the time of rows that tell none."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from flows.errors import ConfigurationError, FileRefusedError
from flows.profile import parse_profile
from flows.sources.snapshots import snapshot_time
from flows.stages import ingest, opened
from tests.home import Home

AS_OF: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
PROFILE: Final = (
    'timezone = "Europe/Berlin"\n[tables.patients]\nsnapshot = "patients_%Y%m%d*.csv"\n'
)


def utc(day: int, hour: int) -> datetime:
    """An instant of November as the store keeps it."""
    return datetime(2026, 11, day, hour, tzinfo=UTC).replace(tzinfo=None)


def test_the_newest_file_speaks_and_a_time_of_the_row_stands_over_it(tmp_path: Path) -> None:
    """Told apart by text, M of the older file would speak for everybody."""
    home = Home(tmp_path / "home")
    (home.path / "sources").mkdir(parents=True)
    (home.path / "sources" / "ward.toml").write_text(PROFILE, encoding="utf-8")
    (home.inbox / "ward").mkdir()
    for name, rows in {
        "patients_20261119.csv": "P1,M,\nP2,M,2026-11-20T12:00:00Z\n",
        "patients_20261120_b.csv": "P1,F, \nP2,F,\n",
        "patients_latest.csv": "P3,F,\n",
    }.items():
        text = f"patient_id,sex,updated_at\n{rows}"
        (home.inbox / "ward" / name).write_text(text, encoding="utf-8")
    night = home.night(AS_OF)
    assert ingest(night, lambda _: None).refused == 1
    with opened(night) as store:
        versions = store.rows(
            "SELECT patient_id, sex, updated_time FROM patient_versions ORDER BY ALL"
        )
        refused = store.rows("SELECT name, problem FROM files WHERE problem IS NOT NULL")
    assert versions == [
        ("P1", "F", utc(19, 23)),
        ("P1", "M", utc(18, 23)),
        ("P2", "F", utc(19, 23)),
        ("P2", "M", utc(20, 12)),
    ]
    ((file, problem),) = refused
    assert file == "patients_latest.csv"
    assert "mend the pattern" in str(problem)


@pytest.mark.parametrize(
    ("pattern", "name", "told"),
    [
        ("pat_%Y%m%d.csv", "PAT_20261120.CSV", "2026-11-20T00:00:00"),
        ("%d.%m.%Y_%H%M_*", "20.11.2026_0215_x.csv", "2026-11-20T02:15:00"),
        ("a.b_%Y-%m-%d*", "a.b_2026-11-20.csv.gz", "2026-11-20T00:00:00"),
        ("pat_%Y%m%d.csv", "pat_20261320.csv", None),
        ("pat_%Y%m%d.csv", "pat_20261120.csv.gz", None),
        ("a.b_%Y%m%d", "axb_20261120", None),
    ],
)
def test_a_name_tells_a_day_or_the_file_is_refused(
    pattern: str, name: str, told: str | None
) -> None:
    if told is not None:
        assert snapshot_time(pattern, name) == told
        return
    with pytest.raises(FileRefusedError, match="mend the pattern"):
        snapshot_time(pattern, name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tables.patients]\nsnapshot = "p_%Y%m.csv"\n', "snapshot tells no day"),
        ('[tables.patients]\nsnapshot = "p_%Y%m%d%d.csv"\n', "snapshot tells no day"),
        ('[tables.patients]\nsnapshot = "p_%y%m%d.csv"\n', "snapshot tells no day"),
        ('[tables.conditions]\nsnapshot = "%Y%m%d"\n', "conditions have no updated_at"),
        ('layout = "omop"\n[tables.patients]\nsnapshot = "%Y%m%d"\n', "reads no snapshot"),
    ],
)
def test_a_pattern_that_tells_nothing_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        parse_profile("ward", text, "UTC", where="sources/ward.toml")
