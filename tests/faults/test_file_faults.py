"""Every file fault of one night at once: refused by name, line and column, and nobody is lost."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import polars as pl
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.errors import FileRefusedError
from flows.file_names import plain_path
from flows.limits import within_limits
from flows.schema import CANONICAL, versions_of
from flows.settings import Settings
from flows.sources.tabular import header_of
from flows.stages import ingest, opened
from tests.faults.faulty_files import FAULTS, HEADER, PROFILES, ROW, Fault, message
from tests.faults.faulty_forms import FORMS
from tests.home import Home

ALL: Final = FAULTS | FORMS
AS_OF: Final = "2026-11-21T02:00:00Z"
INSTANT: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)


class Read(NamedTuple):
    """What the ledger says of one file and table."""

    rows: int
    accepted: int
    superseded: int
    quarantined: int
    ignored: int
    problem: str | None


class Told(NamedTuple):
    """The night of all faults: its exit code, what it printed, its ledger by file."""

    inbox: Path
    code: int
    printed: str
    ledger: dict[str, list[Read]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """One night over every fault at once, a good file of each feed beside them."""
    folder = tmp_path_factory.mktemp("faults") / "home"
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("HYPOMAG_")]:
            patch.delenv(name)
        patch.setenv("HYPOMAG_QUIET_SECONDS", "0")
        run = CliRunner().invoke
        assert run(app, ["init", str(folder)]).exit_code == 0
        for name, profile in PROFILES.items():
            text = f'patient_prefix = ""\n{profile}'
            (folder / "sources" / f"{name}.toml").write_text(text, encoding="utf-8")
        inbox = folder / "inbox"
        for fault in ALL.values():
            fault.drop(inbox)
        good = HEADER + ROW.replace("X,CANARY", "G,GOOD")
        (inbox / "observations_zz_good.csv").write_text(good, encoding="utf-8")
        night = ["night", "--home", str(folder), "--as-of", AS_OF, "--direct"]
        result = run(app, night)
        yield Told(inbox, result.exit_code, result.output, ledger(folder))


def ledger(home: Path) -> dict[str, list[Read]]:
    ask = "SELECT file, rows, accepted, superseded, quarantined, ignored, problem FROM files"
    with duckdb.connect(str(home / "published" / "hypomag.duckdb"), read_only=True) as database:
        found = database.execute(ask).fetchall()
    told: dict[str, list[Read]] = {}
    for file, *rest in found:
        told.setdefault(file, []).append(Read(*rest))
    return told


def read_of(told: Told, fault: Fault) -> list[Read]:
    return told.ledger[plain_path(told.inbox / fault.path, told.inbox)]


@pytest.mark.parametrize("name", [name for name, fault in ALL.items() if fault.said])
def test_a_faulty_file_is_refused_with_its_place_and_the_way_out(name: str, told: Told) -> None:
    fault = ALL[name]
    # A message of HL7 is three tables: of one that cannot be read the others may be.
    refused = [read for read in read_of(told, fault) if read.problem is not None]
    assert refused
    for read in refused:
        assert read[:5] == (0, 0, 0, 0, 0)
        problem = str(read.problem)
        for words in fault.said:
            assert words in problem
        assert ";" in problem
        assert "unexpected" not in problem
        path = plain_path(told.inbox / fault.path, told.inbox)
        assert f"refused: {path} ({problem})" in told.printed


@pytest.mark.parametrize("name", [name for name, fault in ALL.items() if not fault.said])
def test_what_is_no_fault_is_read_to_the_last_row(name: str, told: Told) -> None:
    fault = ALL[name]
    read = max(read_of(told, fault), key=lambda read: read.rows)
    assert read.problem is None
    assert read.rows == fault.rows
    assert read.quarantined == fault.quarantined
    assert read.accepted + read.superseded + read.ignored == fault.rows - fault.quarantined


def test_the_night_ends_with_20_and_lists_the_others(told: Told) -> None:
    assert told.code == 20, told.printed
    listed = told.inbox.parent / "published" / "current" / "worklists" / "iv_replacement.csv"
    assert "GOOD" in listed.read_text(encoding="utf-8")
    assert "SWAPPED" in listed.read_text(encoding="utf-8")


def test_no_message_names_a_patient_or_spreads_over_lines(told: Told) -> None:
    assert "CANARY" not in told.printed
    assert not [line for line in told.printed.splitlines() if line.startswith("exit 0")]
    published = told.inbox.parent / "published" / "current"
    problems = [read.problem or "" for reads in told.ledger.values() for read in reads]
    assert "CANARY" not in "".join([*told.ledger, *problems])
    page = (published / "report.html").read_text(encoding="utf-8")
    assert "=CANARY" not in page


def test_nothing_is_counted_twice(told: Told) -> None:
    accounted = 0
    for reads in told.ledger.values():
        for read in reads:
            assert read.rows == sum(read[1:5])
            accounted += read.rows - read.ignored
    with opened(Home(told.inbox.parent).night(INSTANT)) as store:
        counted = [f"SELECT count(*) FROM {versions_of(table)}" for table in CANONICAL]  # noqa: S608 - ours
        assert sum(store.number(count) for count in counted) == accounted


def test_a_young_file_is_waited_for_and_refused_when_it_grows_meanwhile(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.inbox / "observations_good.csv").write_text(HEADER + ROW, encoding="utf-8")
    growing = home.inbox / "observations_half.csv"
    growing.write_text(HEADER, encoding="utf-8")
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("waiting"):
            with growing.open("a", encoding="utf-8") as file:
                file.write(ROW)

    night = replace(home.night(INSTANT), settings=Settings(timezone="UTC", quiet_seconds=1))
    assert ingest(night, say) == (2, 1, 1, 0, 0, 0)
    assert said[0] == "waiting 1 s for files that are still young"
    assert "refused: observations_half.csv (changed while the night began" in said[-1]


def test_a_reader_that_fails_refuses_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw in one file stops no night, and its text, which may quote a row, goes."""
    home = Home(tmp_path)
    (home.inbox / "observations_a.csv").write_text(HEADER + ROW, encoding="utf-8")
    (home.inbox / "patients.csv").write_text("patient_id\nCANARY\n", encoding="utf-8")

    def fail(path: Path, separator: str) -> list[str]:
        names = header_of(path, separator)
        if len(names) == 1:
            raise IndexError("CANARY")
        return names

    monkeypatch.setattr("flows.sources.canonical.header_of", fail)
    said: list[str] = []
    assert ingest(home.night(INSTANT), said.append) == (2, 1, 1, 0, 0, 0)
    assert "refused: patients.csv (cannot be read (unexpected IndexError at" in said[-1]
    assert "CANARY" not in said[-1]


def test_a_file_that_unpacks_to_more_than_its_size_allows_is_refused() -> None:
    frames = iter([pl.DataFrame({"name": ["A" * 1_000_000] * 600})])
    with pytest.raises(FileRefusedError, match="unpacks to more than"):
        list(within_limits(frames, 1000))


def test_a_head_alone_is_nobodys_message(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.path / "sources").mkdir()
    (home.path / "sources" / "hl7.toml").write_text('layout = "hl7v2"\n', encoding="utf-8")
    (home.inbox / "hl7").mkdir()
    head = message().partition("\r")[0].replace("C1", "C2")
    (home.inbox / "hl7" / "two.hl7").write_text(message() + head + "\r", encoding="utf-8")
    night = home.night(INSTANT)
    ingest(night, lambda _: None)
    with opened(night) as store:
        found = store.rows("SELECT patient_id, reason FROM observation_versions ORDER BY row")
    assert found == [("CANARY", None), (None, "message_not_readable")]
