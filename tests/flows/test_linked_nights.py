"""Links come, grow into chains and are taken back: each night says what a whole one would."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
import polars as pl
import pytest

from flows import stages
from flows.errors import ExitCode
from flows.explaining import explain, in_words
from flows.night import Night
from flows.replaying import replay
from flows.stages import Published, assess, ingest, opened, publish
from tests.flows.test_patient_links import dose, link, result
from tests.home import Home

pytestmark = pytest.mark.long

FIRST: Final = datetime(2026, 11, 16, 2, tzinfo=UTC)
DAY: Final = timedelta(days=1)
Rows = list[dict[str, str]]
# What each night brings, times in hours before `AS_OF` of the tests of links (the sixth night):
# results of A to E, doses, links. A and B are linked by the second, B goes on as C by the third,
# that is taken back by the fourth; D's link to E is sent ahead and begins before the sixth.
NIGHTS: Final = (
    ("A 1.0@140 R1; B 1.9@150; C 1.9@160; D 1.1@141; E 1.8@130", "A 2@135; B 0.5@136", ""),
    ("", "", "A>B@98"),
    ("B 1.9@140 R1 C", "", "B>C@75; D>E@10"),
    ("", "", "B>C@75 withdrawn@50"),
    ("A 0.9@30", "B 1@25", ""),
    ("", "", ""),
    ("", "", "A>B@98 withdrawn@-20"),
)
CIRCLE: Final = (
    "Feed canonical: 1 link of patient numbers closes a circle and is not followed; "
    "see patient_links."
)
_TOLD: Final = {
    "assessments": "SELECT * FROM assessments WHERE night = ? ORDER BY patient_id",
    "lists": "SELECT worklist, section, patient_id, severity, magnesium_mg_dl, reasons "
    "FROM worklist_items WHERE night = ? ORDER BY worklist, rank",
    "results": "SELECT * FROM observations WHERE ?::DATE IS NOT NULL ORDER BY ALL",
    "doses": "SELECT * FROM doses WHERE ?::DATE IS NOT NULL ORDER BY ALL",
    "links": "SELECT * FROM patient_links WHERE ?::DATE IS NOT NULL ORDER BY ALL",
}


def night_of(home: Home, number: int) -> Night:
    return home.night(FIRST + number * DAY)


def told(night: Night) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect(str(night.published / "hypomag.duckdb"), read_only=True) as database:
        return {name: database.execute(sql, [night.date]).fetchall() for name, sql in _TOLD.items()}


def published(night: Night) -> Published:
    for stage in (ingest, assess):
        stage(night, lambda _: None)
    return publish(night, lambda _: None)


def rows_of(number: int) -> Mapping[str, Rows]:
    results, doses, links = (cell.split(";") if cell else [] for cell in NIGHTS[number])
    return {
        "observations": [result(10 * number + at, r.split()) for at, r in enumerate(results)],
        "medications": [dose(10 * number + at, d.split()) for at, d in enumerate(doses)],
        "patient_links": [link(item.split()) for item in links],
    }


def drop(home: Home, number: int) -> None:
    for table, rows in rows_of(number).items():
        if rows:
            home.drop(table, rows, f"{table}_{number}.csv")


def test_each_night_says_what_a_whole_night_would(tmp_path: Path) -> None:
    """Nights that grow from each other, against homes that see all files for the first time."""
    home = Home(tmp_path / "grown")
    persons = []
    for number in range(len(NIGHTS)):
        drop(home, number)
        published(night_of(home, number))
        fresh = Home(tmp_path / f"fresh{number}")
        for at in range(number + 1):
            drop(fresh, at)
        published(night_of(fresh, number))
        grown, whole = told(night_of(home, number)), told(night_of(fresh, number))
        for name, rows in whole.items():
            assert grown[name] == rows, f"{name} of night {number}"
        persons.append("".join(sorted({str(row[0]) for row in grown["results"]})))
    assert persons == ["ABCDE", "BCDE", "CDE", "BCDE", "BCDE", "BCE", "ABCE"]


def test_a_night_that_was_stopped_is_whole_when_it_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, whole = Home(tmp_path / "stopped"), Home(tmp_path / "whole")
    for number in range(3):
        drop(home, number)
        drop(whole, number)
        night = night_of(home, number)
        with monkeypatch.context() as stopped:
            stopped.setattr(stages, "renew_links", stop)
            ingest(night, lambda _: None)
            with pytest.raises(KeyboardInterrupt):
                assess(night, lambda _: None)
        published(night)
    published(night_of(whole, 2))
    assert told(night_of(home, 2)) == told(night_of(whole, 2))


def stop(_: object) -> None:
    raise KeyboardInterrupt


def test_a_link_that_comes_later_changes_no_night_before_it(tmp_path: Path) -> None:
    """What was published is built again from what was known then, links included."""
    home = Home(tmp_path)
    for number in range(4):
        drop(home, number)
        published(night_of(home, number))
    asked = night_of(home, 4)
    for number in range(4):
        found = replay(asked, night_of(home, number).date, lambda _: None)
        assert found.is_identical, (number, found.files, found.grounds)


def test_links_are_read_again_when_their_profile_says_so(tmp_path: Path) -> None:
    """A link at two in the night is after a night at two in London, and before it in Berlin."""
    home = Home(tmp_path)
    drop(home, 0)
    home.drop("patient_links", [link(["A>B@0"]) | {"linked_at": "2026-11-17T02:30:00"}])
    persons = []
    for zone in ("Europe/London", "Europe/Berlin", "Europe/London"):
        (home.path / "sources").mkdir(exist_ok=True)
        profile = home.path / "sources" / "canonical.toml"
        profile.write_text(f'timezone = "{zone}"\n', encoding="utf-8")
        published(night_of(home, 1))
        persons.append({str(row[0]) for row in told(night_of(home, 1))["results"]})
    assert ["A" in found for found in persons] == [True, False, True]


def test_the_published_links_say_what_became_of_each(tmp_path: Path) -> None:
    home = Home(tmp_path)
    drop(home, 0)
    links = ("A>B@98", "B>C@90", "C>A@80", "D>E@80 withdrawn@70", "E>D@60", "E>C@50")
    home.drop("patient_links", [link(item.split()) for item in links])
    said = published(night_of(home, 5))
    with duckdb.connect(str(said.folder / "hypomag.duckdb"), read_only=True) as database:
        rows = database.execute(
            "SELECT patient_id, new_patient_id, person_id, state FROM patient_links ORDER BY ALL"
        ).fetchall()
    assert rows == [
        ("A", "B", "C", "applied"),
        ("B", "C", "C", "applied"),
        ("C", "A", None, "refused"),
        ("D", "E", None, "withdrawn"),
        ("E", "C", "C", "applied"),
        ("E", "D", None, "overruled"),
    ]
    assert said.banner == (CIRCLE,)
    assert said.code == ExitCode.ROWS_TO_SEE


def test_a_home_without_links_has_an_empty_table_and_no_word_of_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    drop(home, 0)
    said = published(night_of(home, 0))
    assert said.banner == ()
    assert told(night_of(home, 0))["links"] == []


def test_a_link_without_a_number_or_a_time_is_put_aside_and_followed_by_nobody(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    drop(home, 0)
    whole = {"old_patient_id": "A", "new_patient_id": "B", "linked_at": "2026-11-15T08:00:00Z"}
    blanks = [whole | {column: ""} for column in whole]
    home.drop("patient_links", [*blanks, whole | {"linked_at": "last week"}])
    said = published(night_of(home, 0))
    with duckdb.connect(str(said.folder / "hypomag.duckdb"), read_only=True) as database:
        refused = database.execute(
            "SELECT row, patient_id, reason FROM quarantine WHERE table_name = 'patient_links' "
            "ORDER BY row"
        ).fetchall()
    assert refused == [
        (1, None, "patient_id_missing"),
        (2, "A", "patient_id_missing"),
        (3, "A", "started_at_missing"),
        (4, "A", "time_not_readable"),
    ]
    assert told(night_of(home, 0))["links"] == []


def test_explain_answers_an_old_number_for_the_person_it_is_linked_to(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for number in range(3):
        drop(home, number)
    night = night_of(home, 3)
    ingest(night, lambda _: None)
    with opened(night) as store:
        asked = {number: explain(store, night, number) for number in "ABC"}
        nobody = explain(store, night, "Z")
    assert nobody is None
    assert asked["A"] is not None
    assert asked["C"] is not None
    assert {told["patient_id"] for told in asked.values() if told} == {"C"}
    assert "A is linked to C: one person." in in_words(asked["A"]).splitlines()
    assert "linked" not in in_words(asked["C"])
    results = pl.DataFrame(asked["A"]["results"]).get_column("value").to_list()
    assert results == ["1.9", "1.9", "1.9"]


SHARED: Final = """
east | west | links             | persons       | why
E-   | W-   | east P1>P2        | E-P2 W-P1     | a link holds within its prefix
E-   | W-   | east P1>P2, west P1>P2 | E-P2 W-P2 | each in its own
     |      | east P1>P2        | P2            | common numbers, a link of either feed
E-   | W-   | canonical E-P1>W-P1 | W-P1        | whole numbers, by a file in the inbox itself
"""


@pytest.mark.parametrize(
    ("east", "west", "links", "persons"),
    [[cell.strip() for cell in line.split("|")][:4] for line in SHARED.strip().splitlines()[1:]],
)
def test_a_link_is_of_the_numbers_of_its_prefix(
    east: str, west: str, links: str, persons: str, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    (home.path / "sources").mkdir()
    for source, prefix in (("east", east), ("west", west)):
        profile = f'layout = "canonical"\npatient_prefix = "{prefix}"\n'
        (home.path / "sources" / f"{source}.toml").write_text(profile, encoding="utf-8")
        (home.inbox / source).mkdir()
        value = "1.0" if source == "east" else "1.9"
        row = result(1, f"P1 {value}@140".split())
        home.drop("observations", [row], f"{source}/observations.csv")
        told_links = [item.split()[1] for item in links.split(",") if item.split()[0] == source]
        if told_links:
            rows = [link([f"{item}@130"]) for item in told_links]
            home.drop("patient_links", rows, f"{source}/patient_links.csv")
    own = [item.split()[1] for item in links.split(",") if item.startswith("canonical")]
    if own:
        home.drop("patient_links", [link([f"{item}@130"]) for item in own])
    night = night_of(home, 1)
    published(night)
    assert sorted({str(row[0]) for row in told(night)["results"]}) == persons.split()
