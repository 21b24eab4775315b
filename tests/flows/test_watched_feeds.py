"""Feeds that are expected: absent, late or far too small is said on every output, with exit 11."""

import hashlib
import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import openpyxl
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from flows.errors import ConfigurationError
from flows.expectations import expected_hours
from flows.homes import make_home
from flows.profile import parse_profile

HEADER: Final = "observation_id,patient_id,code,value,unit,status,collected_at\n"
EXPECT: Final = "[expect.observations]\nevery_hours = 24\n"
FIRST: Final = datetime.fromisoformat("2026-11-10T02:00:00+00:00")
SMALL: Final = (
    "Feed lab is far too small: 4 rows of observations came Sat 14 Nov 02:00, usually 10. "
    "What did not come is missing from these lists."
)
LATE: Final = (
    "Feed lab is late: no observations since Sat 14 Nov 02:00, expected every 24 h. "
    "What did not come is missing from these lists."
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HYPOMAG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HYPOMAG_QUIET_SECONDS", "0")


def run(command: str, home: Path, day: int, *more: str, minutes: int = 0) -> Result:
    as_of = (FIRST + timedelta(days=day, minutes=minutes)).isoformat()
    words = [command, "--home", str(home), "--as-of", as_of, *more]
    return CliRunner().invoke(app, words)


def night(home: Path, day: int, *more: str, minutes: int = 0) -> Result:
    return run("night", home, day, "--direct", *more, minutes=minutes)


def drop(home: Path, day: int, rows: int, table: str = "observations") -> None:
    folder = home / "inbox" / "lab"
    folder.mkdir(exist_ok=True)
    drawn = (FIRST + timedelta(days=day, hours=-8)).strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = [f"{day}-{n},P{n},19123-9,{1 + n / 10},mg/dL,F,{drawn}\n" for n in range(rows)]
    (folder / f"{table}_{day}.csv").write_text(HEADER + "".join(lines), encoding="utf-8")


def made(folder: Path, profile: str = EXPECT) -> Path:
    make_home(folder, "Hospital", "Europe/London")
    (folder / "sources" / "lab.toml").write_text(profile, encoding="utf-8")
    return folder


def outputs(home: Path) -> dict[str, str]:
    """A hash of every published file but the database, which is no part of the promise."""
    current = (home / "published" / "current").resolve()
    return {
        path.relative_to(current).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(current.rglob("*"))
        if path.is_file() and path.suffix != ".duckdb"
    }


def top_lines(path: Path) -> list[str]:
    sheet: Any = openpyxl.load_workbook(path).worksheets[0]
    return [str(sheet.cell(row, 1).value) for row in range(1, 4)]


def page(home: Path) -> str:
    return (home / "published" / "current" / "report.html").read_text(encoding="utf-8")


def said_everywhere(home: Path, line: str, said: Result) -> None:
    """The line stands first in the report and the sheets, in the manifest, and told last."""
    current = home / "published" / "current"
    first = page(home).split("<li>", 2)[1]
    assert first.startswith(f"<b>{line}</b>")
    for name in ("iv_replacement", "recheck", "review", "work_up", "high_watch"):
        assert top_lines(current / "worklists" / f"{name}.xlsx")[1] == line
    for path in (current / "audit").glob("*.xlsx"):
        assert top_lines(path)[0] == line
    manifest = json.loads((current / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["banner"] == [line]
    *_, told, code = said.stdout.splitlines()
    assert told == f"READ THIS FIRST: {line}"
    assert code.startswith("exit 11")
    with duckdb.connect(str(home / "published" / "hypomag.duckdb"), read_only=True) as database:
        query = "SELECT said FROM notices WHERE night = (SELECT max(night) FROM runs)"
        assert database.execute(query).fetchall() == [(line,)]


@pytest.mark.long
def test_a_feed_too_small_then_late_then_back_is_said_on_every_output(tmp_path: Path) -> None:
    home = made(tmp_path / "home")
    for day in range(4):
        drop(home, day, rows=10)
        # Runs begin minutes early or late: last night's files are not tonight's.
        assert run("ingest", home, day, minutes=-day).exit_code == 0
    ran = night(home, 3, minutes=-3)
    assert ran.exit_code == 0, ran.output
    assert "READ THIS FIRST" not in ran.output
    drop(home, 4, rows=4)
    ran = night(home, 4)
    assert ran.exit_code == 11, ran.output
    said_everywhere(home, SMALL, ran)
    ran = night(home, 5, minutes=-10)
    assert ran.exit_code == 11, ran.output
    said_everywhere(home, LATE, ran)
    before = outputs(home)
    drop(home, 7, rows=10)
    assert night(home, 7).exit_code == 0
    assert "is late" not in page(home)
    # The sheets of a quiet night have no line for it.
    iv = home / "published" / "current" / "worklists" / "iv_replacement.xlsx"
    assert top_lines(iv)[1].startswith("Hospital. As of")
    assert night(home, 5, minutes=-10).exit_code == 11
    again = outputs(home)
    differing = {name for name, digest in again.items() if before[name] != digest}
    assert differing <= {"manifest.json", "report.html"}, differing


@pytest.mark.long
def test_the_same_night_again_changes_no_byte(tmp_path: Path) -> None:
    home = made(tmp_path / "home", EXPECT + "[expect.encounters]\nevery_hours = 24\n")
    drop(home, 0, rows=3)
    absent = "Feed lab is absent: no encounters were received yet, expected every 24 h."
    first = night(home, 0)
    assert first.exit_code == 11, first.output
    assert absent in page(home)
    before = outputs(home)
    again = night(home, 0, "--json")
    assert again.exit_code == 11
    assert absent in json.loads(again.stdout)["banner"][0]
    assert outputs(home) == before
    broken = home / "inbox" / "lab" / "observations_broken.csv"
    broken.write_text("nothing of ours\n", encoding="utf-8")
    assert night(home, 0).exit_code == 20
    assert absent in page(home)


@pytest.mark.long
def test_a_file_sent_again_is_no_delivery_and_an_unwatched_feed_is_silent(tmp_path: Path) -> None:
    home = made(tmp_path / "home")
    drop(home, 0, rows=3)
    canonical = home / "inbox" / "observations_once.csv"
    canonical.write_text(HEADER, encoding="utf-8")
    assert night(home, 0).exit_code == 0
    folder = home / "inbox" / "lab"
    copy = (folder / "observations_0.csv").read_bytes()
    (folder / "observations_1.csv").write_bytes(copy)
    ran = night(home, 1)
    assert ran.exit_code == 11, ran.output
    # What `init` wrote watches the canonical feed from its first file on.
    assert ran.stdout.count("READ THIS FIRST") == 2
    assert "Feed canonical is late: no observations since Tue 10 Nov 02:00" in ran.stdout
    for name in ("lab", "canonical"):
        (home / "sources" / f"{name}.toml").write_text("", encoding="utf-8")
    ran = night(home, 2)
    assert ran.exit_code == 0, ran.output
    assert "is late" not in page(home)


WRONG: Final[dict[str, object]] = {
    "no section": 24,
    "an unknown table": {"observation": {"every_hours": 24}},
    "an unknown key": {"observations": {"every_hours": 24, "by": "06:00"}},
    "nothing": {"observations": {}},
    "a word": {"observations": {"every_hours": "24"}},
    "zero": {"observations": {"every_hours": 0}},
    "true": {"observations": {"every_hours": True}},
    "a bare number": {"observations": 24},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_expectation_that_means_nothing_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sources/lab\.toml: \[expect\."):
        expected_hours({"expect": WRONG[wrong]}, "sources/lab.toml")


def test_what_is_expected_is_no_reason_to_judge_rows_again() -> None:
    plain = parse_profile("lab", "", "Europe/London", "here")
    watched = parse_profile("lab", EXPECT + "# a word\n", "Europe/London", "here")
    zoned = parse_profile("lab", "", "Europe/Berlin", "here")
    assert plain.digest == watched.digest != zoned.digest
