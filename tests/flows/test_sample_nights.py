"""The invented nights under sample_data/, each through the command line, as their READMEs say."""

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Final

import duckdb
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app

SAMPLES: Final = Path(__file__).parents[2] / "sample_data"
AS_OF: Final = "2026-11-21T02:00:00Z"
Lists = dict[str, list[str]]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HYPOMAG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HYPOMAG_QUIET_SECONDS", "0")


def home_with(tmp_path: Path, *samples: str, source: str = "") -> Path:
    home = tmp_path / "home"
    made = run("init", str(home), "--timezone", "Europe/London")
    assert made.exit_code == 0, made.output
    for sample in samples:
        drop(home, sample, source)
    return home


def drop(home: Path, sample: str, source: str = "") -> None:
    target = home / "inbox" / source
    target.mkdir(exist_ok=True)
    for path in (SAMPLES / sample).iterdir():
        if path.suffix in {".csv", ".parquet"}:
            shutil.copy(path, target)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def night(home: Path, as_of: str = AS_OF) -> Result:
    return run("night", "--home", str(home), "--as-of", as_of, "--direct")


def lists_of(home: Path) -> Lists:
    listed = {}
    for name in ("iv_replacement", "recheck", "review"):
        path = home / "published" / "current" / "worklists" / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as text:
            listed[name] = [row["patient_id"] for row in csv.DictReader(text)]
    return listed


def ledger(home: Path) -> list[tuple[str, int, int, int, int, int, str | None]]:
    with duckdb.connect(str(home / "published" / "hypomag.duckdb"), read_only=True) as database:
        return database.execute(
            "SELECT file, rows, accepted, superseded, quarantined, ignored, problem FROM files"
        ).fetchall()


def physical_rows(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as text:
        return sum(1 for fields in csv.reader(text) if fields) - 1


def test_a_good_night_lists_who_its_readme_says(tmp_path: Path) -> None:
    home = home_with(tmp_path, "good-night")
    result = night(home)
    assert result.exit_code == 0, result.output
    assert lists_of(home) == {
        "iv_replacement": ["G-01", "G-07"],
        "recheck": ["G-03", "G-02", "G-05", "G-04", "G-08"],
        "review": [],
    }


def test_a_bad_night_refuses_five_files_and_judges_the_rest(tmp_path: Path) -> None:
    home = home_with(tmp_path, "bad-night")
    result = night(home)
    assert result.exit_code == 20, result.output
    listed = lists_of(home)
    assert listed["iv_replacement"] == ["B-15", "B-20"]
    assert set(listed["recheck"]) == {"B-22", "B-16", "B-19"}
    assert listed["recheck"][0] == "B-22"
    assert set(listed["review"]) == {
        *(f"B-{number:02d}" for number in range(3, 14)),
        "B-17",
        "B-18",
        "B-19",
    }
    assert set(listed["review"][:4]) == {"B-07", "B-10", "B-12", "B-19"}
    refused = {row[0] for row in ledger(home) if row[6] is not None}
    assert len(refused) == 5


def test_rows_read_are_the_rows_accounted_for_in_every_file_of_a_bad_night(tmp_path: Path) -> None:
    home = home_with(tmp_path, "bad-night")
    night(home)
    for file, read, *outcomes, problem in ledger(home):
        assert read == sum(outcomes)
        if problem is None:
            assert read == physical_rows(home / "inbox" / file), file
        else:
            assert read == 0


def test_an_empty_night_writes_lists_with_headers_and_nobody(tmp_path: Path) -> None:
    home = home_with(tmp_path, "empty-night")
    result = night(home)
    assert result.exit_code == 0, result.output
    assert lists_of(home) == {"iv_replacement": [], "recheck": [], "review": []}
    page = (home / "published" / "current" / "report.html").read_text(encoding="utf-8")
    assert "0 listed of 0 results read" in page


def test_a_correction_of_the_next_night_changes_the_lists(tmp_path: Path) -> None:
    home = home_with(tmp_path, "correction-next-night/night-1")
    night(home)
    assert lists_of(home)["iv_replacement"] == ["C-02", "C-01", "C-04", "C-05"]
    drop(home, "correction-next-night/night-2")
    night(home, "2026-11-22T02:00:00Z")
    listed = lists_of(home)
    assert listed["iv_replacement"] == ["C-03", "C-04"]
    assert listed["recheck"] == ["C-05"]
    with duckdb.connect(str(home / "published" / "hypomag.duckdb"), read_only=True) as database:
        lives = dict(
            database.execute(
                "SELECT patient_id, life FROM worklist_items "
                "WHERE night = DATE '2026-11-22' AND worklist = 'iv_replacement'"
            ).fetchall()
        )
    assert lives == {"C-03": "new", "C-04": "carried"}


def test_a_correction_changes_the_answer_whatever_comes_first(tmp_path: Path) -> None:
    home = home_with(tmp_path, "correction-next-night/night-2")
    night(home, "2026-11-22T02:00:00Z")
    drop(home, "correction-next-night/night-1")
    night(home, "2026-11-22T02:00:00Z")
    assert lists_of(home)["iv_replacement"] == ["C-03", "C-04"]
    assert lists_of(home)["recheck"] == ["C-05"]


def test_a_third_hospital_needs_a_profile_and_no_code(tmp_path: Path) -> None:
    home = home_with(tmp_path)
    shutil.copy(SAMPLES / "third-hospital" / "profile.toml", home / "sources" / "third.toml")
    drop(home, "third-hospital", source="third")
    result = night(home)
    assert result.exit_code == 10, result.output
    listed = lists_of(home)
    assert listed["iv_replacement"] == ["H3-70008", "H3-70001"]
    assert set(listed["recheck"]) == {"H3-70002", "H3-70003"}
    assert listed["review"] == ["H3-70007"]


def test_the_same_night_again_changes_no_byte(tmp_path: Path) -> None:
    home = home_with(tmp_path, "bad-night", "good-night")
    night(home)
    folder = home / "published" / "nights" / "2026-11-21"
    before = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
    night(home)
    after = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
    assert before.keys() == after.keys()
    for name, content in before.items():
        if name.suffix != ".duckdb":
            assert after[name] == content, name


def test_a_dropped_copy_or_a_touched_file_changes_no_list(tmp_path: Path) -> None:
    home = home_with(tmp_path, "good-night")
    night(home)
    before = lists_of(home)
    inbox = home / "inbox"
    shutil.copy(inbox / "observations_2026-11-20.csv", inbox / "observations_copy.csv")
    (inbox / "patients_2026-11-20.csv").touch()
    result = night(home)
    assert result.exit_code == 0, result.output
    assert lists_of(home) == before
    copies = [row for row in ledger(home) if row[0] == "observations_copy.csv"]
    assert [row[1] == row[5] for row in copies] == [True]
    assert len(ledger(home)) == 6


def test_the_manifest_hashes_what_was_published(tmp_path: Path) -> None:
    home = home_with(tmp_path, "good-night")
    night(home)
    manifest = json.loads((home / "published" / "current" / "manifest.json").read_text("utf-8"))
    assert manifest["listed"] == {"iv_replacement": 2, "recheck": 5, "review": 0} | {
        "work_up": 0,
        "high_watch": 0,
    }
    assert set(manifest["hashes"]) >= {"report.html", "quarantine.csv", "worklists/recheck.xlsx"}


def test_every_published_table_and_column_has_a_comment(tmp_path: Path) -> None:
    home = home_with(tmp_path, "good-night")
    night(home)
    assert _without_comment(home) == []
    night(home, "2026-11-22T02:00:00Z")
    assert _without_comment(home) == [], "of a database that grew from the last night's"


def _without_comment(home: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(home / "published" / "hypomag.duckdb"), read_only=True) as database:
        return database.execute(
            "SELECT table_name, column_name FROM duckdb_columns() "
            "WHERE comment IS NULL AND NOT internal UNION ALL "
            "SELECT view_name, NULL FROM duckdb_views() WHERE comment IS NULL AND NOT internal"
        ).fetchall()


def test_a_night_grown_from_the_last_equals_one_built_anew(tmp_path: Path) -> None:
    grown = home_with(_made(tmp_path / "grown"), "correction-next-night/night-1", "good-night")
    night(grown)
    drop(grown, "correction-next-night/night-2")
    night(grown, "2026-11-22T02:00:00Z")
    anew = home_with(
        _made(tmp_path / "anew"),
        "correction-next-night/night-1",
        "correction-next-night/night-2",
        "good-night",
    )
    night(anew, "2026-11-22T02:00:00Z")
    queries = (
        "SELECT * FROM observations ORDER BY ALL",
        "SELECT * FROM assessments WHERE night = DATE '2026-11-22' ORDER BY ALL",
    )
    for query in queries:
        assert _rows(grown, query) == _rows(anew, query)


def _rows(home: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(home / "published" / "hypomag.duckdb"), read_only=True) as database:
        return database.execute(query).fetchall()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
