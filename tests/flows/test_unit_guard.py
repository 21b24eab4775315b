"""The unit guard on a real home: held, told everywhere, on review, released, judged."""

import csv
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
import openpyxl
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from flows.errors import ExitCode
from flows.explaining import explain, in_words
from flows.guarding import guard
from flows.stages import Published, assess, ingest, opened, publish
from tests.home import Home

FIRST: Final = datetime(2026, 11, 1, 2, tzinfo=UTC)
DAYS: Final = (0, 5, 10, 13, 14)
SENT: Final = 40
SHIFTED: Final = FIRST + timedelta(days=15)
BANNER: Final = (
    "Hold: 40 magnesium results of lab received since 16 Nov are about 2.4 times lower than those "
    "before: unit changed? Not judged, on review; release with hypomag source release lab."
)
TABLES: Final = {
    "assessments": "SELECT * FROM assessments WHERE night = ? ORDER BY patient_id",
    "worklist_items": "SELECT * FROM worklist_items WHERE night = ? ORDER BY worklist, rank",
    "holds": "SELECT * FROM holds WHERE night = ? ORDER BY ALL",
    "observations": "SELECT * FROM observations WHERE ?::DATE IS NOT NULL ORDER BY ALL",
}


def send(
    home: Home,
    at: datetime,
    factor: float = 1,
    patients: str = "",
    sent: int = SENT,
    creatinine: float = 1,
) -> None:
    """Drop a night of a magnesium and a creatinine each, so many times what they always are."""
    drawn = at - timedelta(hours=6)
    rows = [
        {
            "observation_id": f"{code} {patients}{number} {at:%d}",
            "patient_id": (patients or f"{at:%d}-") + str(number),
            "code": code,
            "value": f"{value:.2f}",
            "unit": "mg/dL",
            "status": "F",
            "collected_at": f"{drawn:%Y-%m-%dT%H:%M:%SZ}",
        }
        for number in range(sent)
        for code, value in (
            ("19123-9", (1.8 + number % 5 / 10) * factor),
            ("2160-0", (0.9 + number % 3 / 10) * creatinine),
        )
    ]
    folder = home.inbox / "lab"
    folder.mkdir(exist_ok=True)
    home.drop("observations", rows, f"lab/observations_{at:%d}_{patients}{sent}.csv")


def judged(home: Home, at: datetime) -> Published:
    night = home.night(at)
    for stage in (ingest, assess):
        stage(night, lambda _: None)
    return publish(night, lambda _: None)


def tables(home: Home, at: datetime) -> dict[str, list[tuple[object, ...]]]:
    path = home.path / "published" / "hypomag.duckdb"
    with duckdb.connect(str(path), read_only=True) as database:
        return {
            name: database.execute(sql, [home.night(at).date]).fetchall()
            for name, sql in TABLES.items()
        }


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".duckdb"
    }


def on_review(home: Home) -> dict[str, dict[str, str]]:
    path = home.path / "published" / "current" / "worklists" / "review.csv"
    with path.open(encoding="utf-8", newline="") as review:
        return {row["patient_id"]: row for row in csv.DictReader(review)}


def run(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--home", str(home.path)])


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Nights of 40 results each, all in mg/dL; to be copied, not changed."""
    home = Home(tmp_path_factory.mktemp("guard") / "home")
    sources = home.path / "sources"
    sources.mkdir(parents=True)
    (sources / "lab.toml").write_text('layout = "canonical"\n', encoding="utf-8")
    (home.path / "hypomag.toml").write_text(
        'timezone = "Europe/London"\nquiet_seconds = 0\n', encoding="utf-8"
    )
    for days in DAYS:
        night = home.night(FIRST + timedelta(days=days))
        send(home, night.as_of)
        ingest(night, lambda _: None)
        if not days:  # the first load has nothing to be held against
            with opened(night) as store:
                guard(store, night)
                assert not store.rows("FROM holds")
    found = judged(home, night.as_of)
    assert (found.code, found.banner) == (ExitCode.CLEAN, ())
    return home


@pytest.fixture
def home(history: Home, tmp_path: Path) -> Home:
    copied = Home(tmp_path / "home")
    shutil.copytree(history.path, copied.path, symlinks=True)
    return copied


def test_a_night_in_another_unit_is_held_until_released(home: Home) -> None:
    """One home through a hold and its release: what is said, what is judged, what changes."""
    send(home, SHIFTED, 1 / 2.4305)
    found = judged(home, SHIFTED)
    assert (found.code, found.banner) == (ExitCode.ROWS_TO_SEE, (BANNER,))
    assert found.listed == {
        "iv_replacement": 0, "recheck": 0, "review": SENT, "work_up": 0, "high_watch": 0
    }  # fmt: skip
    _is_told_first(found.folder)
    held = on_review(home)["16-0"]
    assert held["reasons"] == "unit change suspected: held, not judged"
    assert "unit change suspected" in held["why"]
    assert held["could_be_severe"] == "true"
    night = home.night(SHIFTED)
    with opened(night) as store:
        told = explain(store, night, "16-0")
    assert told is not None
    assert "release with hypomag source release lab" in in_words(told)

    before, rows = files_of(found.folder), tables(home, SHIFTED)
    assert rows["holds"] == [
        (night.date, "lab", "magnesium", night.date, SENT, pytest.approx(0.82), 2.0)
    ]
    ledger = json.loads(before["manifest.json"])
    assert (ledger["rows"]["quarantined"], ledger["banner"]) == (0, [BANNER])
    assert files_of(judged(home, SHIFTED).folder) == before  # the same night again
    assert tables(home, SHIFTED) == rows

    # A night later, nothing new: the hold stays, judged for some and judged for all alike.
    later = SHIFTED + timedelta(days=1)
    found = judged(home, later)
    assert (found.code, found.banner, found.listed["review"]) == (10, (BANNER,), SENT)
    _says_the_same_for_all(home, later)

    result = run(home, "source", "release", "lab")
    assert (result.exit_code, result.output) == (
        0, "released lab: 40 magnesium results of the night 2026-11-16; judged at the next night\n"
    )  # fmt: skip
    assert "nothing of lab is held" in run(home, "source", "release", "lab").output
    released = SHIFTED + timedelta(days=2)
    send(home, released, 1 / 2.4305)
    found = judged(home, released)
    assert (found.banner, found.listed["review"]) == ((), 0)
    assert found.listed["iv_replacement"] == 2 * SENT  # as somebody said they are
    # What was released is the level from then on.
    send(home, released + timedelta(days=1))
    assert len(judged(home, released + timedelta(days=1)).banner) == 1


def _says_the_same_for_all(home: Home, at: datetime) -> None:
    """The same night again judges everybody."""
    rows = tables(home, at)
    judged(home, at)
    assert tables(home, at) == rows


def _is_told_first(folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.index(BANNER) < page.index("As of ")
    for sheet in (folder / "worklists").glob("*.xlsx"):
        top = openpyxl.load_workbook(sheet).worksheets[0]
        assert BANNER in str([cell.value for row in top.iter_rows(max_row=4) for cell in row])


def test_of_a_held_magnesium_and_a_held_creatinine_the_magnesium_is_shown(home: Home) -> None:
    send(home, SHIFTED, 2, creatinine=2)
    judged(home, SHIFTED)
    shown = [row["why"].split(" “")[0] for row in on_review(home).values()]
    assert shown == ["Printed result"] * SENT  # that of a creatinine would name it


@pytest.mark.long
def test_several_files_of_a_night_are_judged_together(home: Home) -> None:
    """Twice 20 results are 40, whichever stage is run how often; the first 20 held nothing.

    It is the creatinine that moved: the magnesium beside it is judged.
    """
    send(home, SHIFTED, 1, "a", 20, creatinine=2)
    assert judged(home, SHIFTED).banner == ()
    send(home, SHIFTED, 1, "b", 20, creatinine=2)
    ingest(home.night(SHIFTED), lambda _: None)
    (hold,) = judged(home, SHIFTED).banner
    assert "40 creatinine results of lab received since 16 Nov are about 2.0 times those" in hold
    sent = {f"{patients}{number}" for patients in "ab" for number in range(20)}
    items = on_review(home)
    assert items.keys() == sent
    assert items["a0"]["why"].startswith("Printed creatinine “1.80 mg/dL”")
    assert items["a0"]["could_be_severe"] == "false"
    rows = tables(home, SHIFTED)["observations"]
    assert {row[3] for row in rows if row[0] in sent} == {"magnesium"}


def test_what_is_held_speaks_for_nobody_and_older_results_do(home: Home) -> None:
    """Patients of the night before: their older magnesium stays the index, and they are on review.

    One of them was severe before: still on the IV list, with the hold among the reasons.
    """
    eve = SHIFTED - timedelta(hours=30)
    known = {"status": "F", "collected_at": f"{eve:%Y-%m-%dT%H:%M:%SZ}", "code": "19123-9"}
    home.drop(
        "observations",
        [
            {**known, "observation_id": "x", "patient_id": "a0", "value": "1.0", "unit": "mg/dL"},
            {**known, "observation_id": "y", "patient_id": "a1", "value": "2.0", "unit": "mg/dL"},
        ],
        "lab/observations_eve.csv",
    )
    ingest(home.night(SHIFTED - timedelta(days=1)), lambda _: None)
    send(home, SHIFTED, 1 / 2.4305, "a")
    assert judged(home, SHIFTED).listed["iv_replacement"] == 1
    assessed = tables(home, SHIFTED)["assessments"]
    names = ("a0", "a1")
    assert [row[2] for row in assessed if row[2] in names] == ["a0", "a1"]
    assert set(names) <= on_review(home).keys()
    folder = home.path / "published" / "current" / "worklists" / "iv_replacement.csv"
    with folder.open(encoding="utf-8", newline="") as listed:
        (item,) = csv.DictReader(listed)
    assert "unit change suspected" in item["reasons"]


@pytest.mark.long
def test_a_file_read_in_another_shape_stays_held(home: Home) -> None:
    """A profile that has the files read again releases nothing: only somebody does.

    The store is one that was made before there were holds; the night that read the files stopped
    before it judged anybody.
    """
    with duckdb.connect(str(home.path / "store" / "warehouse.duckdb")) as store:
        store.execute("DROP TABLE holds")
    send(home, SHIFTED, 1 / 2.4305)
    ingest(home.night(SHIFTED), lambda _: None)
    assert judged(home, SHIFTED + timedelta(days=1)).banner == (BANNER,)
    (home.path / "sources" / "lab.toml").write_text(
        'layout = "canonical"\n[tables.observations.constants]\nspecimen = "serum"\n',
        encoding="utf-8",
    )
    found = judged(home, SHIFTED + timedelta(days=2))
    assert (found.banner, found.listed["review"]) == ((BANNER,), SENT)


def test_release_refuses_a_feed_that_nobody_knows_and_a_store_in_use(home: Home) -> None:
    result = run(home, "source", "release", "lob")
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "lob" in result.output
    assert "lab" in result.output
    with opened(home.night(SHIFTED)):
        assert run(home, "source", "release", "lab").exit_code == ExitCode.LOCKED


def test_history_is_what_fourteen_nights_received(home: Home) -> None:
    """The newest of it came on day 14: of no weight on day 29, and just so on day 28."""
    for days, held in ((29, 0), (28, 1)):
        night = home.night(FIRST + timedelta(days=days))
        send(home, night.as_of, 1 / 2.4305)
        ingest(night, lambda _: None)
        with opened(night) as store:
            guard(store, night)
            assert store.number("SELECT count(*) FROM holds") == held
