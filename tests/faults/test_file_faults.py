"""Every file fault of one night at once: refused by name, line and column, and nobody is lost."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.file_names import plain_path
from flows.limits import within_limits
from flows.stages import opened
from tests.faults.faulty_files import FAULTS, HEADER, PROFILES, ROW, Fault
from tests.faults.faulty_forms import FORMS
from tests.home import Home

ALL: Final = FAULTS | FORMS
AS_OF: Final = "2026-11-21T02:00:00Z"


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
    columns = "file, rows, accepted, superseded, quarantined, ignored, problem"
    with duckdb.connect(str(home / "published" / "hypomag.duckdb"), read_only=True) as database:
        found = database.execute(f"SELECT {columns} FROM files").fetchall()
    told: dict[str, list[Read]] = {}
    for file, *rest in found:
        told.setdefault(file, []).append(Read(*rest))
    return told


def read_of(told: Told, fault: Fault) -> list[Read]:
    return told.ledger[plain_path(told.inbox / fault.path, told.inbox)]


@pytest.mark.parametrize("name", [name for name, fault in ALL.items() if fault.said])
def test_a_faulty_file_is_refused_with_its_place_and_the_way_out(name: str, told: Told) -> None:
    fault = ALL[name]
    for read in read_of(told, fault):
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
    home = Home(told.inbox.parent)
    from datetime import UTC, datetime  # noqa: PLC0415

    with opened(home.night(datetime(2026, 11, 21, 2, tzinfo=UTC))) as store:
        tables = ("observation", "patient", "encounter", "condition", "medication")
        held = sum(store.number(f"SELECT count(*) FROM {t}_versions") for t in tables)  # noqa: S608
    assert held == accounted
