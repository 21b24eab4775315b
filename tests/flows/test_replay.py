"""Published nights built again: identical to the byte, or which rows differ and why."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
import polars as pl
import pytest

from flows import memory, publication, replaying
from flows.errors import ConfigurationError
from flows.night import Night
from flows.replaying import Replayed, replay
from flows.stages import opened
from hypomag_rules.policy import load
from sample_data.hospital import invent
from tests.flows.returned import dispositions, fill_in, fill_in_csv, person, publish_night, result
from tests.home import Home

UNTIL: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
NIGHTS: Final = 30
LATE: Final = (5, 13, 22)
ANSWERS: Final = {
    "not_indicated": {"answer": "not_indicated", "by": "A. Nurse", "note": "comfort care"},
    "snooze": {"answer": "snooze", "by": "B. Nurse", "note": "sample asked for"},
    "done": {"answer": "done", "by": "C. Nurse"},
}
STRICTER: Final = "[magnesium]\nsevere_limit = 1.1\n"
PROFILE: Final = '[trust]\nmagnesium = "unit"\n[expect.observations]\nevery_hours = 24\n'


def _silently(_said: str) -> None:
    """Say nothing."""


def _again(home: Home, day: date, now: datetime = UNTIL) -> Replayed:
    return replay(home.night(now + timedelta(days=1)), day, _silently)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two nights of a small ward, published; the second brings a correction."""
    home = Home(tmp_path)
    patients = [f"000{number}" for number in range(6)]
    home.drop("patients", [person(patient) for patient in patients])
    home.drop("observations", [result(patient, "1.1") for patient in patients])
    publish_night(home.night(UNTIL))
    corrected = result("0001", "1.9", status="C", reported_at="2026-11-21T10:00:00Z")
    home.drop("observations", [corrected], "observations_2.csv")
    publish_night(home.night(UNTIL + timedelta(days=1)))
    return home


@pytest.mark.long
def test_thirty_nights_replay_byte_for_byte_when_only_their_manifests_are_left(
    tmp_path: Path,
) -> None:
    """Corrections, withdrawals, late files, answers, merges, another policy, another profile."""
    sent = tmp_path / "sent"
    sent.mkdir()
    invent(7, 60, NIGHTS, UNTIL).write_nights(sent, NIGHTS, UNTIL)
    home = Home(tmp_path / "home")
    days = [UNTIL - timedelta(days=NIGHTS - 1 - number) for number in range(NIGHTS)]
    for number, as_of in enumerate(days):
        _deliver(home, sent, number, days)
        _happen(home, number)
        publish_night(_night(home, number, as_of))
        _answer(home, number, as_of)
    nights = home.path / "published" / "nights"
    gone = _kinds_of_changes(home)
    assert {"retracted", "treated", "resolved", "rechecked", "dismissed"} <= gone
    for path in nights.rglob("*"):
        if path.is_file() and path.name != publication.MANIFEST:
            path.unlink()
    for number, as_of in enumerate(days):
        found = replay(_night(home, NIGHTS - 1, UNTIL), as_of.date(), _silently)
        assert found.is_identical, (number, found.files, found.rows, found.grounds)
        assert found.grounds == ()
        assert found.compared > 14


def _deliver(home: Home, sent: Path, number: int, days: list[datetime]) -> None:
    """Tonight's files, the medications of some nights a night later."""
    today = f"{days[number]:%Y-%m-%d}"
    names = [path for path in sent.iterdir() if today in path.name]
    names = [path for path in names if not (number in LATE and "medications" in path.name)]
    if number - 1 in LATE:
        names.append(sent / f"medications_{days[number - 1]:%Y-%m-%d}.csv")
    assert names
    for path in names:
        shutil.copy(path, home.inbox)
        (home.inbox / f"{path.name}.done").touch()


def _happen(home: Home, number: int) -> None:
    """What else a hospital does: it merges numbers, takes that back, mends a profile."""
    link = {"old_patient_id": "P-0001", "new_patient_id": "P-0002"}
    first = f"{UNTIL - timedelta(days=20):%Y-%m-%dT%H:%M:%SZ}"
    if number == 10:
        known = sorted(_listed(home))[:2]
        link = {"old_patient_id": known[0], "new_patient_id": known[-1]}
        (home.path / "link.json").write_text(json.dumps(link), encoding="utf-8")
        home.drop("patient_links", [link | {"linked_at": first, "updated_at": first}])
    if number == 20:
        link = json.loads((home.path / "link.json").read_text(encoding="utf-8"))
        now = f"{UNTIL - timedelta(days=10):%Y-%m-%dT%H:%M:%SZ}"
        row = link | {"linked_at": first, "withdrawn_at": now, "updated_at": now}
        home.drop("patient_links", [row], "patient_links_2.csv")
    if number == 15:
        (home.path / "sources").mkdir(exist_ok=True)
        (home.path / "sources" / "canonical.toml").write_text(PROFILE, encoding="utf-8")


def _night(home: Home, number: int, as_of: datetime) -> Night:
    night = home.night(as_of)
    if number < 18:
        return night
    return replace(night, policy=load(STRICTER, "policy.toml"), policy_text=STRICTER)


def _listed(home: Home) -> list[str]:
    lines = (home.path / "published" / "current" / "worklists" / "recheck.csv").read_text("utf-8")
    header, *rows = lines.splitlines()
    place = header.split(",").index("patient_id")
    return [row.split(",")[place] for row in rows]


def _answer(home: Home, number: int, as_of: datetime) -> None:
    """Every third night the first patients of the recheck list are answered."""
    listed = _listed(home)
    if number % 3 or len(listed) < 3:
        return
    until = f"{as_of + timedelta(days=4):%Y-%m-%d}"
    told = [
        ANSWERS["not_indicated"],
        ANSWERS["snooze"] | {"until": until},
        ANSWERS["done"],
    ]
    path = home.path / "published" / "current" / "worklists" / "recheck.csv"
    answers = dict(zip(listed, told, strict=False))
    fill_in_csv(path, answers, dispositions(home) / f"returned_{number}.csv")


def _kinds_of_changes(home: Home) -> set[str]:
    found: set[str] = set()
    for path in (home.path / "published" / "nights").rglob("changes.csv"):
        found |= {line.rpartition(",")[2] for line in path.read_text("utf-8").splitlines()[1:]}
    return found


def test_a_night_after_a_correction_replays_as_it_was_known_before_it(home: Home) -> None:
    found = _again(home, UNTIL.date())
    assert found.is_identical
    assert (found.files, found.grounds) == ({}, ())


@pytest.mark.long
def test_a_night_that_was_published_again_leaves_the_next_one_as_it_was(home: Home) -> None:
    """The night after compared itself with the first edition, and is built against that one."""
    home.drop("observations", [result("0009", "0.9")], "observations_3.csv")
    publish_night(replace(home.night(UNTIL), received_at=UNTIL + timedelta(days=2)))
    again = UNTIL + timedelta(days=2)
    assert _again(home, (UNTIL + timedelta(days=1)).date(), again).is_identical
    assert _again(home, UNTIL.date(), again).is_identical


@pytest.mark.long
def test_of_two_unread_versions_of_a_result_the_later_is_shown_and_replays(tmp_path: Path) -> None:
    home = Home(tmp_path)
    days = [UNTIL, UNTIL + timedelta(days=1)]
    home.drop("observations", [result("0001", "HEM", observation_id="A")], "observations_1.csv")
    publish_night(home.night(days[0]))
    again = {"observation_id": "A", "status": "P", "reported_at": "2026-11-21T12:00:00Z"}
    home.drop("observations", [result("0001", "HEM", **again)], "observations_2.csv")
    publish_night(home.night(days[1]))
    assert [_again(home, day.date(), days[1]).is_identical for day in days] == [True, True]
    with opened(home.night(days[1])) as store:
        shown = store.rows("SELECT file, status_as_sent FROM run_items ORDER BY run_id")
    assert shown == [("observations_1.csv", "F"), ("observations_2.csv", "P")]


@pytest.mark.long
def test_a_clock_that_was_ahead_leaves_every_night_as_it_was(tmp_path: Path) -> None:
    """What a night knew is told by the order in which things came, not by the clock."""
    home = Home(tmp_path)
    days = [UNTIL, UNTIL + timedelta(days=1)]
    home.drop("observations", [result("0001", "1.0")], "observations_1.csv")
    publish_night(replace(home.night(days[0]), received_at=UNTIL + timedelta(days=3)))
    listed = home.path / "published" / "current" / "worklists" / "iv_replacement.csv"
    fill_in_csv(listed, {"0001": ANSWERS["not_indicated"]}, dispositions(home) / "answers.csv")
    home.drop("observations", [result("0002", "1.0")], "observations_2.csv")
    publish_night(home.night(days[1]))
    assert "0001" not in listed.read_text("utf-8")
    assert [_again(home, day.date(), days[1]).is_identical for day in days] == [True, True]


@pytest.mark.long
def test_an_answer_that_came_later_hides_nothing_of_an_earlier_night(home: Home) -> None:
    path = home.path / "published" / "current" / "worklists" / "iv_replacement.xlsx"
    answer = {"Answer": "not_indicated", "By": "A. Nurse", "Note": "comfort care"}
    fill_in(path, {"0002": answer}, dispositions(home) / "sheet.xlsx")
    publish_night(home.night(UNTIL + timedelta(days=2)))
    assert _again(home, (UNTIL + timedelta(days=1)).date(), UNTIL + timedelta(days=2)).is_identical
    assert _again(home, (UNTIL + timedelta(days=2)).date(), UNTIL + timedelta(days=2)).is_identical


@pytest.mark.long
def test_another_version_replays_row_for_row_and_is_named(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (memory, publication, replaying):
        monkeypatch.setattr(module, "VERSION", "99.0")
    found = _again(home, UNTIL.date())
    assert not found.is_identical
    assert set(found.files) == {"report.html"}, "the page prints the version"
    assert found.rows.is_empty()
    assert [ground.partition(":")[0] for ground in found.grounds] == ["version"]


@pytest.mark.long
def test_an_edited_list_is_named(home: Home) -> None:
    path = home.path / "published" / "nights" / "2026-11-21" / "worklists" / "iv_replacement.csv"
    path.chmod(0o640)
    path.write_text(path.read_text("utf-8").replace("1.1", "1.9"), encoding="utf-8")
    found = _again(home, UNTIL.date())
    assert not found.is_identical
    assert found.grounds == (
        "tampering: worklists/iv_replacement.csv was changed after it was published",
    )
    assert found.files == {}, "the manifest still says what was published"


@pytest.mark.long
@pytest.mark.parametrize(
    ("touched", "ground"),
    [
        ("DELETE FROM worklist_items", "worklist_items in hypomag.duckdb was changed"),
        ("UPDATE assessments SET severity = 'low'", "assessments in hypomag.duckdb was changed"),
        ("overwritten", "hypomag.duckdb cannot be read"),
        ("deleted", "worklists/recheck.csv is gone from published/"),
        ("added", "worklists/extra.csv was never published"),
    ],
)
@pytest.mark.long
def test_whatever_else_is_touched_is_named(home: Home, touched: str, ground: str) -> None:
    folder = home.path / "published" / "nights" / "2026-11-21"
    database = folder / "hypomag.duckdb"
    database.chmod(0o640)
    match touched:
        case "overwritten":
            database.write_bytes(b"nothing that DuckDB wrote")
        case "deleted":
            (folder / "worklists" / "recheck.csv").unlink()
        case "added":
            (folder / "worklists" / "extra.csv").write_text("patient_id\n", encoding="utf-8")
        case _:
            with duckdb.connect(str(database)) as connection:
                connection.execute(f"{touched} WHERE night = '2026-11-21'")
    found = _again(home, UNTIL.date())
    assert not found.is_identical
    assert (found.files, len(found.grounds)) == ({}, 1)
    assert found.grounds[0].startswith(f"tampering: {ground}")


@pytest.mark.long
def test_an_edited_manifest_is_named(home: Home) -> None:
    path = home.path / "published" / "nights" / "2026-11-21" / "manifest.json"
    told = json.loads(path.read_text("utf-8"))
    told["hashes"]["worklists/iv_replacement.csv"] = "0" * 64
    path.chmod(0o640)
    path.write_text(json.dumps(told), encoding="utf-8")
    found = _again(home, UNTIL.date())
    assert not found.is_identical
    assert "tampering: the manifest is not the one that was published" in found.grounds
    assert found.files == {"worklists/iv_replacement.csv": "differs"}


@pytest.mark.long
def test_a_lost_manifest_leaves_the_rows_to_compare(home: Home) -> None:
    (home.path / "published" / "nights" / "2026-11-21" / "manifest.json").unlink()
    found = _again(home, UNTIL.date())
    assert not found.is_identical
    assert found.rows.is_empty()
    assert [ground.partition(":")[0] for ground in found.grounds] == ["tampering"]


@pytest.mark.long
def test_rows_changed_in_the_store_are_named_by_item_and_column(home: Home) -> None:
    with opened(home.night(UNTIL)) as store:
        store.run("UPDATE observation_versions SET magnitude = 1.9 WHERE patient_id = '0002'")
        store.run("UPDATE observation_versions SET magnitude = 1.0 WHERE patient_id = '0003'")
    found = _again(home, UNTIL.date())
    differences = found.rows.select("difference", "columns").rows()
    assert ("only then", []) in differences
    assert any("magnesium_mg_dl" in columns for _, columns in differences)
    assert [ground.partition(":")[0] for ground in found.grounds] == ["cause unknown"]


@pytest.mark.long
def test_a_night_that_was_never_published_is_refused(home: Home) -> None:
    with pytest.raises(ConfigurationError, match="no night of 2026-11-19 was published"):
        _again(home, date(2026, 11, 19))


@pytest.mark.long
def test_a_replay_leaves_the_store_and_what_is_published_as_they_are(home: Home) -> None:
    before = _everything(home)
    _again(home, UNTIL.date())
    assert _everything(home) == before


def _everything(home: Home) -> dict[str, object]:
    found: dict[str, object] = {
        str(path.relative_to(home.path)): path.read_bytes()
        for path in (home.path / "published").rglob("*")
        if path.is_file()
    }
    with opened(home.night(UNTIL)) as store:
        tables = store.rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'")
        for (name,) in tables:
            found[str(name)] = store.frame(f"FROM {name}").sort(pl.all()).rows()
    found["store"] = sorted(path.name for path in (home.path / "store").iterdir())
    return found
