"""Tables of any shape by profile: joined, wide, doubly united, aged, of several zones."""

import gzip
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from flows.errors import FileRefusedError
from flows.inbox import dropped_files, stage
from flows.profile import LAYOUTS, Profile, parse_profile
from flows.schema import CANONICAL
from flows.sources import canonical
from flows.sources.extract import Extract, StagedDelivery
from flows.stages import assess, ingest, opened
from tests.flows.conftest import AS_OF
from tests.home import Home

COLUMNS: Final = "[tables.observations.columns]\n"
LONG: Final = "patient_id,code,value,unit,collected_at"


def profile(text: str) -> Profile:
    """A profile of a feed called lab."""
    return parse_profile("lab", text, "Europe/London", where="sources/lab.toml")


def extract(folder: Path, text: str, lines: str, table: str = "observations") -> Extract:
    """What the profile makes of a file's text."""
    path = folder / f"{table}.csv"
    path.write_text(lines, encoding="utf-8")
    return canonical.read(StagedDelivery(table, path.name, path, {}), profile(text))


def cells(found: Extract, *columns: str) -> list[tuple[Any, ...]]:
    """Columns of all rows, in file order."""
    return pl.concat(found.frames).select(columns).rows()


WIDE: Final = """
[tables.observations.columns]
patient_id = "PAT"
observation_id = "LINE"
collected_at = ["DATE", "TIME"]
status = "STATE"
[tables.observations.wide]
MG = { code = "19123-9", unit = "mg/dL", name = "Magnesium", specimen = "plasma" }
K = { code = "2823-3", unit_column = "KU" }
"""
WIDE_LINES: Final = """PAT,LINE,DATE,TIME,STATE,MG,K,KU,name
P1,A,2026-11-20,06:10,F,1.0,3.4,mmol/L,PERSON
P2,B,2026-11-20, ,F, ,<3, ,PERSON
P3,,,,F,,,mmol/L,PERSON
P4,D,2026-11-20,06:10,W,,3.1,mmol/L,PERSON
"""


def test_each_cell_of_a_wide_line_is_a_row_of_that_line(tmp_path: Path) -> None:
    """Blank cells are none, but a withdrawn line withdraws all its analytes."""
    found = extract(tmp_path, WIDE, WIDE_LINES)
    assert found.unknown_columns == ("name",)
    assert cells(found, "row", "observation_id", "code", "value", "unit", "collected_at") == [
        (1, "A/MG", "19123-9", "1.0", "mg/dL", "2026-11-20 06:10"),
        (1, "A/K", "2823-3", "3.4", "mmol/L", "2026-11-20 06:10"),
        (2, "B/K", "2823-3", "<3", None, "2026-11-20"),
        (4, "D/MG", "19123-9", None, "mg/dL", "2026-11-20 06:10"),
        (4, "D/K", "2823-3", "3.1", "mmol/L", "2026-11-20 06:10"),
    ]


def test_a_wide_column_is_named_by_its_profile_or_by_itself(tmp_path: Path) -> None:
    """Never by a column `name` that the profile does not speak of: it may be a person's."""
    found = cells(extract(tmp_path, WIDE, WIDE_LINES), "name", "specimen")
    assert found[:2] == [("Magnesium", "plasma"), ("K", None)]


def test_many_wide_lines_keep_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.sources.wide._CELLS", 4)
    lines = "PAT,LINE,DATE,TIME,STATE,MG,K,KU\n" + "".join(
        f"P{n},L{n},2026-11-20,,F,1.{n % 10},{n % 7},mmol/L\n" for n in range(1, 30)
    )
    found = cells(extract(tmp_path, WIDE, lines), "row", "patient_id", "code")
    assert found == [(n, f"P{n}", code) for n in range(1, 30) for code in ("19123-9", "2823-3")]


@pytest.mark.parametrize("column", ["TIME", "MG", "KU", "UNIT2"])
def test_a_column_that_any_key_names_must_be_there(column: str, tmp_path: Path) -> None:
    text = WIDE
    if column == "UNIT2":
        text = '[tables.observations]\nunit_check = "UNIT2"\n'
    header = WIDE_LINES.replace(column, "X", 1) if column != "UNIT2" else LONG + "\n"
    with pytest.raises(FileRefusedError, match=f"required column '{column}' is missing"):
        extract(tmp_path, text, header)


UNITS: Final = [
    # unit, unit_check, neither told to be trusted, unit, unit_check
    ("mg/dL", "mg/dL", "mg/dL", "mg/dL", "mg/dL"),
    ("mg/dL", "MG / DL", "mg/dL", "mg/dL", "MG / DL"),
    ("mg/dL", "meq/L", "mg/dL | meq/L", "mg/dL", "meq/L"),
    ("mg/dL", "furlong", "mg/dL | furlong", "mg/dL", "furlong"),
    ("mg/dL", "mgdl", "mg/dL", "mg/dL", "mgdl"),
    ("furlong", "FURLONG", "furlong", "furlong", "FURLONG"),
    (" ", "mmol/L", "mmol/L", "mmol/L", "mmol/L"),
    ("mmol/L", " ", "mmol/L", "mmol/L", "mmol/L"),
    (" ", "", None, None, None),
]


@pytest.mark.parametrize(("choice", "at"), [("", 2), ("unit", 3), ("unit_check", 4)])
def test_two_unit_columns_agree_or_the_profile_says_which_speaks(
    choice: str, at: int, tmp_path: Path
) -> None:
    lines = f"{LONG},U2\n" + "".join(f"P,C,1,{row[0]},,{row[1]}\n" for row in UNITS)
    text = f'unit_from = "{choice}"\n' if choice else ""
    text += '[tables.observations]\nunit_check = "U2"\n[units]\nmgdl = "mg/dL"\n'
    assert cells(extract(tmp_path, text, lines), "unit") == [(row[at],) for row in UNITS]


AGES: Final = [
    # age, when it held, birth date
    ("18", "2026-06-30", "2007-07-01"),
    ("18", "2026-07-01", "2008-07-01"),
    ("18", "2026-06-30T22:30:00Z", "2008-07-01"),
    ("0", "2026-01-05 10:00", "2025-07-01"),
    ("64.0", "2026-12-31", "1962-07-01"),
    ("", "2026-12-31", None),
    ("64", "", None),
    ("64", "soon", None),
    # Kept as a birth date that nothing reads: a check counts it.
    ("64 Y", "2026-12-31", "age 64 Y"),
    ("-3", "2026-12-31", "age -3"),
]


def test_an_age_gives_a_birth_date_that_is_true_to_it_on_its_day(tmp_path: Path) -> None:
    text = 'timezone = "Europe/Berlin"\n[tables.patients.columns]\nage = "AGE"\nage_at = "DAY"\n'
    lines = "patient_id,AGE,DAY\n" + "".join(f"P,{age},{day}\n" for age, day, _ in AGES)
    found = extract(tmp_path, text, lines, "patients")
    assert found.unknown_columns == ()
    assert cells(found, "birth_date") == [(born,) for _, _, born in AGES]


def test_a_birth_date_that_is_told_needs_no_estimate(tmp_path: Path) -> None:
    text = (
        '[tables.patients.columns]\nage = "AGE"\n'
        '[tables.patients.constants]\nage_at = "2026-11-20"\n'
    )
    lines = "patient_id,birth_date,AGE\nP1,1950-03-04,30\nP2, ,30\n"
    found = cells(extract(tmp_path, text, lines, "patients"), "birth_date")
    assert found == [("1950-03-04",), ("1996-07-01",)]


def test_our_own_names_are_read_without_case_where_nobody_names_columns(tmp_path: Path) -> None:
    """A status that was passed over for its capitals would make every row final."""
    lines = LONG.upper() + ", Status \nP1,C,1,u,2026-11-20,P\n"
    found = extract(tmp_path, "", lines)
    assert found.unknown_columns == ()
    assert cells(found, "patient_id", "status") == [("P1", "P")]


def test_among_columns_of_theirs_our_names_keep_their_case(tmp_path: Path) -> None:
    lines = LONG.replace("patient_id", "PAT") + ",NAME,STATUS\nP1,C,1,u,2026-11-20,PERSON,single\n"
    found = extract(tmp_path, COLUMNS + 'patient_id = "PAT"\n', lines)
    assert found.unknown_columns == ("NAME", "STATUS")
    assert cells(found, "name", "status") == [(None, "final")]


def test_two_columns_that_differ_in_case_alone_refuse_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileRefusedError, match="line 1: columns 3 and 6 are both 'value'; keep"):
        extract(tmp_path, "", LONG + ",VALUE\n")


def test_padded_names_of_parquet_are_the_same_names(tmp_path: Path) -> None:
    path = tmp_path / "observations.parquet"
    frame = pl.DataFrame({f" {name} ": ["1"] for name in LONG.split(",")})
    frame.write_parquet(path)
    found = canonical.read(StagedDelivery("observations", path.name, path, {}), profile(""))
    assert cells(found, "value", "unit") == [("1", "1")]


FLAT: Final = """
[facility_timezones]
EAST = "Europe/Athens"
[tables.observations]
files = "flat*"
timezone = "Europe/Berlin"
unit_check = "UNIT2"
[tables.observations.columns]
patient_id = "PAT"
[tables.patients]
files = "flat*"
[tables.patients.columns]
patient_id = "PAT"
age = "AGE"
age_at = "collected_at"
"""
FLAT_LINES: Final = """PAT,code,value,unit,UNIT2,collected_at,facility,AGE,sex,OTHER,name
P1,19123-9,1.0,mg/dL,meq/L,2026-11-20T10:00,WEST,70,F,x,PERSON
P2,19123-9,1.0,mg/dL,,2026-11-20T10:00,WEST,17,M,x,PERSON
P3,19123-9,1.0,mg/dL,mg/dl,2026-11-20T10:00, EAST ,70,M,x,PERSON
P3,2823-3,4.0,mmol/L,,2026-11-20T10:00,,70,M,x,PERSON
"""


def test_one_flat_file_feeds_results_and_patients(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.path / "sources").mkdir()
    (home.path / "sources" / "lab.toml").write_text(FLAT, encoding="utf-8")
    (home.inbox / "lab").mkdir()
    (home.inbox / "lab" / "FLAT.CSV").write_text(FLAT_LINES, encoding="utf-8")
    night = home.night(AS_OF)
    assert ingest(night, lambda _: None) == (2, 0, 8, 0, 0, 0)
    with opened(night) as store:
        assert store.rows(
            "SELECT table_name, rows, accepted, quarantined, ignored, unknown_columns FROM files "
            "ORDER BY table_name"
        ) == [("observations", 4, 3, 1, 0, "OTHER"), ("patients", 4, 3, 0, 1, "OTHER")]
        hours = "SELECT patient_id, hour(collected_time) FROM observation_versions ORDER BY row"
        assert store.rows(hours) == [("P1", 9), ("P2", 9), ("P3", 8), ("P3", 9)]
        assert store.rows("SELECT DISTINCT name FROM wordings") == [(None,)]
        assert store.rows("SELECT DISTINCT name FROM patient_versions") == [("PERSON",)]
        reasons = "SELECT reason FROM observation_versions ORDER BY row"
        assert store.rows(reasons) == [("unit_not_allowed",), (None,), (None,), (None,)]
    listed = assess(night, lambda _: None).listed
    assert (listed["iv_replacement"], listed["review"]) == (1, 2)
    assert ingest(night, lambda _: None) == (2, 0, 8, 0, 0, 0)


def test_a_wide_line_sent_again_is_a_copy_but_for_the_cell_that_changed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.path / "sources").mkdir()
    (home.path / "sources" / "lab.toml").write_text(WIDE, encoding="utf-8")
    (home.inbox / "lab").mkdir()
    again = WIDE_LINES.replace("F,1.0,3.4", "F,1.1,3.4")
    for name, lines in (("observations_1", WIDE_LINES), ("observations_2", again)):
        (home.inbox / "lab" / f"{name}.csv").write_text(lines, encoding="utf-8")
    night = home.night(AS_OF)
    ingest(night, lambda _: None)
    with opened(night) as store:
        counts = "SELECT rows, accepted + quarantined, superseded, ignored FROM files ORDER BY name"
        assert store.rows(counts) == [(5, 5, 0, 0), (5, 1, 0, 4)]
        held = "SELECT row, value FROM observation_versions WHERE observation_id LIKE 'A/%'"
        assert store.rows(held + " ORDER BY file_id, value") == [(1, "1.0"), (1, "3.4"), (1, "1.1")]


def test_a_changed_profile_judges_each_cell_of_a_wide_line_again_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.path / "sources").mkdir()
    (home.inbox / "lab").mkdir()
    (home.inbox / "lab" / "observations.csv").write_text(WIDE_LINES, encoding="utf-8")
    for zone in ("UTC", "Asia/Tokyo"):
        text = f"timezone = '{zone}'\n{WIDE}"
        (home.path / "sources" / "lab.toml").write_text(text, encoding="utf-8")
        ingest(home.night(AS_OF), lambda _: None)
    with opened(home.night(AS_OF)) as store:
        assert store.rows("SELECT rows, reclassed FROM files") == [(5, 5)]


def test_a_file_feeds_each_table_whose_pattern_it_matches(tmp_path: Path) -> None:
    feed = profile(FLAT)
    for name in ("FLAT_1.csv", "Patients_1.csv", "other.csv"):
        (tmp_path / "lab" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "lab" / name).touch()
    files = list(dropped_files(tmp_path, {"lab": feed}))
    found = [(one.file.path.name, one.table) for one in canonical.deliveries(files, feed)]
    assert found == [
        ("FLAT_1.csv", "observations"),
        ("FLAT_1.csv", "patients"),
        ("Patients_1.csv", "patients"),
        ("other.csv", None),
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_endings_fold_case_in_every_layout(layout: str, tmp_path: Path) -> None:
    feed = profile(f'layout = "{layout}"\n')
    ending = {"hl7v2": "HL7", "fhir": "NDJSON"}.get(layout, "CSV")
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / f"A.{ending}").write_text("x", encoding="utf-8")
    (tmp_path / "lab" / f"B.{ending}.Gz").write_bytes(gzip.compress(b"x"))
    files = list(dropped_files(tmp_path, {"lab": feed}))
    staged = [stage(file, tmp_path / "staging" / file.path.name) for file in files]
    assert [copy.path.read_bytes() for copy in staged] == [b"x", b"x"]
    assert {copy.path.suffix for copy in staged} == {f".{ending.lower()}"}


def test_every_table_may_be_named_in_capitals(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    for table in CANONICAL:
        (tmp_path / "lab" / f"{table.upper()}_1.CSV").touch()
    files = list(dropped_files(tmp_path, {"lab": profile("")}))
    found = {one.table for one in canonical.deliveries(files, profile(""))}
    assert found == set(CANONICAL)


def test_a_header_alone_holds_no_wide_rows(tmp_path: Path) -> None:
    found = extract(tmp_path, WIDE, WIDE_LINES.splitlines()[0] + "\n")
    assert sum(frame.height for frame in found.frames) == 0
