"""Two feeds in one home: prefixes, one person in both, birth dates that contradict each other."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb
import pytest

from flows.stages import assess, ingest
from flows.tonight import tonight_path
from tests.home import Home

AS_OF: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
HEADER: Final = "observation_id,patient_id,code,value,unit,status,collected_at\n"


def drop(home: Home, source: str, prefix: str, result: str, born: str) -> None:
    sources = home.path / "sources"
    sources.mkdir(parents=True, exist_ok=True)
    profile = f'layout = "canonical"\npatient_prefix = "{prefix}"\n'
    (sources / f"{source}.toml").write_text(profile, encoding="utf-8")
    folder = home.inbox / source
    folder.mkdir()
    (folder / "observations.csv").write_text(HEADER + result + "\n", encoding="utf-8")
    (folder / "patients.csv").write_text(f"patient_id,birth_date\nP1,{born}\n", encoding="utf-8")


def judged(home: Home) -> list[tuple[object, ...]]:
    night = home.night(AS_OF)
    ingest(night, lambda _: None)
    assess(night, lambda _: None)
    with duckdb.connect(str(tonight_path(night)), read_only=True) as database:
        return database.execute(
            "SELECT patient_id, magnesium_mg_dl, is_on_iv_replacement, is_on_review, "
            "list_contains(reasons, 'PATIENT_CONFLICT') FROM assessments ORDER BY patient_id"
        ).fetchall()


def test_a_prefix_keeps_two_hospitals_patients_apart(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    drop(home, "east", "E-", "A,P1,2601-3,0.45,mmol/L,F,2026-11-20T10:00:00Z", "1950-01-01")
    drop(home, "west", "W-", "A,P1,19123-9,1.9,mg/dL,F,2026-11-20T12:00:00Z", "1960-01-01")
    assert judged(home) == [
        ("E-P1", 1.093725, True, False, False),
        ("W-P1", 1.9, False, False, False),
    ]


def test_common_numbers_make_one_person_of_two_feeds(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    drop(home, "east", "", "A,P1,2601-3,0.45,mmol/L,F,2026-11-20T10:00:00Z", "1950-01-01")
    drop(home, "west", "", "A,P1,19123-9,1.9,mg/dL,F,2026-11-20T12:00:00Z", "1950-01-01")
    assert judged(home) == [("P1", 1.9, False, False, False)]


# Two results each: severe and low in the east, severe and on target in the west.
IN_MOLES: Final = (
    "A,P1,2601-3,0.45,mmol/L,F,2026-11-20T10:00:00Z\nB,P2,2601-3,0.60,mmol/L,F,2026-11-10T10:00:00Z"
)
IN_MASS_UNDER_MOLES: Final = (
    "A,P1,2601-3,1.0,mg/dL,F,2026-11-20T12:00:00Z\nB,P2,2601-3,1.9,mg/dL,F,2026-11-20T12:00:00Z"
)


def two_hospitals(home: Home, trust: str) -> list[tuple[object, ...]]:
    """What the two come to, worst first, and where each of their patients stands."""
    drop(home, "east", "E-", IN_MOLES, "1950-01-01")
    drop(home, "west", "W-", IN_MASS_UNDER_MOLES, "1960-01-01")
    with (home.path / "sources" / "west.toml").open("a", encoding="utf-8") as profile:
        profile.write(trust)
    judged(home)
    with duckdb.connect(str(tonight_path(home.night(AS_OF))), read_only=True) as database:
        return database.execute(
            "SELECT worklist, rank, patient_id, magnesium_as_reported, magnesium_mg_dl, "
            "value_as_sent FROM worklist_items ORDER BY worklist, rank"
        ).fetchall()


def test_two_hospitals_units_make_one_list_where_the_profile_trusts_the_unit(
    tmp_path: Path,
) -> None:
    """One writes mmol/L, the other mg/dL under the code of moles, and says which to believe."""
    assert two_hospitals(Home(tmp_path / "home"), '[trust]\nmagnesium = "unit"\n') == [
        ("iv_replacement", 1, "W-P1", "1.0 mg/dL", 1.0, None),
        ("iv_replacement", 2, "E-P1", "0.45 mmol/L", 1.093725, None),
        ("recheck", 1, "E-P2", "0.60 mmol/L", 1.4583, None),
    ]


def test_without_that_word_no_unit_is_believed(tmp_path: Path) -> None:
    assert two_hospitals(Home(tmp_path / "home"), "") == [
        ("iv_replacement", 1, "E-P1", "0.45 mmol/L", 1.093725, None),
        ("recheck", 1, "E-P2", "0.60 mmol/L", 1.4583, None),
        ("review", 1, "W-P1", None, None, "1.0"),
        ("review", 2, "W-P2", None, None, "1.9"),
    ]


def test_birth_dates_that_contradict_each_other_are_on_review(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    drop(home, "east", "", "A,P1,2601-3,0.45,mmol/L,F,2026-11-20T13:00:00Z", "1950-01-01")
    drop(home, "west", "", "A,P1,19123-9,1.9,mg/dL,F,2026-11-20T12:00:00Z", "1960-01-01")
    assert judged(home) == [("P1", 1.093725, True, True, True)]


EAST, WEST = "2026-11-01T08:00:00Z", "2026-11-02T08:00:00Z"


@pytest.mark.parametrize(
    ("east", "west", "expected"),
    [
        (("female", EAST), ("male", WEST), "male"),
        (("female", WEST), ("male", EAST), "female"),
        (("female", EAST), ("", WEST), "female"),
        (("female", ""), ("male", EAST), "male"),
        (("female", EAST), ("male", ""), "female"),
        (("female", EAST), ("male", EAST), "female"),
        (("male", ""), ("female", ""), "male"),
    ],
)
def test_the_newest_feed_with_a_word_speaks_then_the_first_by_name(
    east: tuple[str, str], west: tuple[str, str], expected: str, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    for source, (sex, updated) in {"east": east, "west": west}.items():
        result = f"{source},P1,19123-9,1.0,mg/dL,F,2026-11-20T10:00:00Z"
        drop(home, source, "", result, "1950-01-01")
        text = f"patient_id,birth_date,sex,updated_at\nP1,1950-01-01,{sex},{updated}\n"
        (home.inbox / source / "patients.csv").write_text(text, encoding="utf-8")
    judged(home)
    with duckdb.connect(str(tonight_path(home.night(AS_OF))), read_only=True) as database:
        assert database.execute("SELECT sex FROM assessments").fetchall() == [(expected,)]
