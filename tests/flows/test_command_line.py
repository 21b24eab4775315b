"""The commands as a stranger meets them: help, homes, settings, exit codes."""

import errno
import fcntl
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from flows.settings import load_settings

HEADER = "observation_id,patient_id,code,value,unit,status,collected_at\n"
SEVERE = HEADER + "C1,CANARY-77,19123-9,1.0,mg/dL,F,2026-11-20T10:00:00Z\n"
AS_OF = "2026-11-21T02:00:00Z"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HYPOMAG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HYPOMAG_QUIET_SECONDS", "0")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    assert run("init", str(folder), "--timezone", "Europe/London").exit_code == 0
    (folder / "inbox" / "observations.csv").write_text(SEVERE, encoding="utf-8")
    return folder


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def night(home: Path, *more: str) -> Result:
    return run("night", "--home", str(home), "--as-of", AS_OF, "--direct", *more)


def refused(result: Result, code: int, *said: str) -> None:
    assert result.exit_code == code, result.output
    for words in said:
        assert words in result.output
    assert "CANARY" not in result.output


def test_init_says_the_next_command_and_sets_the_modes(tmp_path: Path) -> None:
    result = run("init", str(tmp_path / "new"))
    assert "hypomag night --home" in result.output
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()}
    assert modes["store"] == 0o700
    assert modes["published"] == 0o750
    assert modes["inbox"] == modes["dispositions"] == 0o770


def test_init_leaves_a_home_that_stands_alone(home: Path) -> None:
    refused(run("init", str(home)), 50, "stands already")


def test_init_takes_any_name_and_no_unknown_zone(tmp_path: Path) -> None:
    folder = tmp_path / "named"
    assert run("init", str(folder), "--hospital", 'St "Nowhere" \\ East').exit_code == 0
    assert load_settings(folder).hospital == 'St "Nowhere" \\ East'
    refused(run("init", str(tmp_path / "x"), "--timezone", "Mars/Base"), 50, "Mars/Base")
    assert not (tmp_path / "x").exists()


def test_without_a_home_it_names_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused(run("night", "--direct"), 50, "hypomag init")


def test_the_home_may_come_from_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYPOMAG_HOME", str(home))
    result = run("night", "--as-of", AS_OF, "--direct", "--json")
    assert result.exit_code == 0, result.output
    assert '"iv_replacement": 1' in result.output


def test_an_unknown_setting_is_refused_in_the_file(home: Path) -> None:
    with (home / "hypomag.toml").open("a", encoding="utf-8") as settings:
        settings.write("quiet = 3\n")
    refused(night(home), 50, "unknown setting 'quiet'", "quiet_seconds")


def test_an_unknown_setting_is_refused_in_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYPOMAG_QUIET", "3")
    refused(night(home), 50, "HYPOMAG_QUIET")


def test_a_zone_that_is_none_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPOMAG_TIMEZONE", "Europe/Nowhere")
    refused(night(home), 50, "IANA zone")


def test_a_policy_with_overlapping_bands_is_refused(home: Path) -> None:
    (home / "policy.toml").write_text("[magnesium]\nsevere_limit = 1.6\n", encoding="utf-8")
    refused(night(home), 50, "is not below target")


def test_a_drop_folder_without_a_profile_is_refused(home: Path) -> None:
    (home / "inbox" / "newlab").mkdir()
    refused(night(home), 50, "sources/newlab.toml")


def test_a_profile_with_an_unknown_key_is_refused(home: Path) -> None:
    (home / "sources" / "lab.toml").write_text("layoutt = 'canonical'\n", encoding="utf-8")
    refused(night(home), 50, "unknown key 'layoutt'")


def test_two_sources_must_state_their_prefix(home: Path) -> None:
    for name in ("a", "b"):
        (home / "sources" / f"{name}.toml").write_text("layout = 'canonical'\n", encoding="utf-8")
    refused(night(home), 50, "patient_prefix")


def test_a_store_open_to_others_is_refused(home: Path) -> None:
    (home / "store").chmod(0o755)
    refused(night(home), 50, "chmod 700 store")


def test_a_second_night_finds_the_lock(home: Path) -> None:
    night(home)
    with (home / "store" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(night(home), 40, "another run")


def test_a_store_that_forgot_a_file_is_told_by_its_journal(home: Path) -> None:
    night(home)
    (home / "store" / "warehouse.duckdb").unlink()
    refused(night(home), 30, "the journal saw file 1")


def test_a_broken_store_is_no_traceback(home: Path) -> None:
    night(home)
    (home / "store" / "warehouse.duckdb").write_bytes(b"not a database" * 1000)
    refused(night(home), 30, "cannot be opened")


def test_a_gate_that_sleeps_stops_the_night(home: Path) -> None:
    from pandera.config import config_context  # noqa: PLC0415 - used in this test only

    with config_context(validation_enabled=False):
        refused(night(home), 50, "canary")


def test_a_time_that_is_none_is_refused(home: Path) -> None:
    result = run("night", "--home", str(home), "--as-of", "yesterday", "--direct")
    refused(result, 50, "ISO 8601")


def test_what_cannot_be_published_leaves_yesterday_in_place(home: Path) -> None:
    night(home)
    before = (home / "published" / "current").readlink()
    broken = home / "published" / "nights" / ".2026-11-22.part"
    broken.write_text("a file where a folder goes", encoding="utf-8")
    result = run("night", "--home", str(home), "--as-of", "2026-11-22T02:00:00Z", "--direct")
    refused(result, 60, "published/")
    assert (home / "published" / "current").readlink() == before


def test_a_night_that_fails_half_written_leaves_nothing_of_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    night(home)
    monkeypatch.setattr("flows.exports.report.write", full)
    result = run("night", "--home", str(home), "--as-of", "2026-11-22T02:00:00Z", "--direct")
    refused(result, 60, "published/")
    nights = home / "published" / "nights"
    assert [path.name for path in nights.iterdir()] == ["2026-11-21"]


def test_the_stages_alone_come_to_the_same_lists(home: Path, tmp_path: Path) -> None:
    assert run("ingest", "--home", str(home), "--as-of", AS_OF).exit_code == 0
    assert run("assess", "--home", str(home), "--as-of", AS_OF).exit_code == 0
    assert run("publish", "--home", str(home), "--as-of", AS_OF).exit_code == 0
    whole = tmp_path / "whole"
    run("init", str(whole), "--timezone", "Europe/London")
    (whole / "inbox" / "observations.csv").write_text(SEVERE, encoding="utf-8")
    night(whole)
    name = "published/current/worklists/iv_replacement.csv"
    assert (home / name).read_bytes() == (whole / name).read_bytes()


def test_publishing_before_assessing_says_what_to_do(home: Path) -> None:
    refused(run("publish", "--home", str(home), "--as-of", AS_OF), 60, "hypomag assess")


def test_help_and_version_speak_without_a_home() -> None:
    assert "night" in run("--help").output
    assert run("--version").output.startswith("hypomag 0.")


def test_nothing_readable_by_others_but_what_is_published(home: Path) -> None:
    night(home)
    for path in (home / "store").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path.name
    folder = home / "published" / "current"
    assert (folder / "report.html").stat().st_mode & 0o777 == 0o640
    assert (folder / "hypomag.duckdb").stat().st_mode & 0o777 == 0o440


def test_a_refused_file_is_named_with_its_reason_and_forgotten_when_it_goes(home: Path) -> None:
    misnamed = home / "inbox" / "obs_mine.csv"
    misnamed.write_text(SEVERE, encoding="utf-8")
    refused(night(home), 20, "refused: obs_mine.csv (its name announces no table")
    alone = run("publish", "--home", str(home), "--as-of", AS_OF)
    assert alone.exit_code == 20, alone.output
    misnamed.rename(home / "inbox" / "observations_mine.csv")
    read = night(home)
    assert read.exit_code == 0, read.output
    assert "refused:" not in read.output
    report = (home / "published" / "current" / "report.html").read_text(encoding="utf-8")
    assert "obs_mine.csv" not in report


def test_a_refused_file_of_another_inbox_is_not_forgotten_by_a_stage_alone(home: Path) -> None:
    """Assessed and published without the inbox that it lies in: the night still ends with 20."""
    elsewhere = home.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "obs_mine.csv").write_text(SEVERE, encoding="utf-8")
    asked = ["--home", str(home), "--as-of", AS_OF]
    assert run("ingest", *asked, "--inbox", str(elsewhere)).exit_code == 20
    assert run("assess", *asked).exit_code == 0
    refused(run("publish", *asked), 20)
