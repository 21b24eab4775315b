"""What a review found: each once made a severe patient vanish, or stopped a night."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
import polars as pl
import pytest

from flows.errors import ConfigurationError, ExitCode
from flows.profile import load_profiles, parse_profile
from flows.schema import as_sent
from flows.stages import assess, ingest, opened, publish
from tests.home import Home

AS_OF: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
COLUMNS: Final = ("observation_id", "patient_id", "code", "value", "unit", "status", "collected_at")
SEVERE: Final = ("X", "P1", "19123-9", "0.9", "mg/dL", "F", "2026-11-20T10:00:00Z")


def result(**changes: str) -> dict[str, str]:
    return dict(zip(COLUMNS, SEVERE, strict=True)) | changes


def listed(home: Home, as_of: datetime = AS_OF) -> dict[str, int]:
    night = home.night(as_of)
    ingest(night, lambda _: None)
    return assess(night, lambda _: None).listed


def source(home: Home, profile: str, text: str, name: str = "results.csv") -> None:
    (home.path / "sources").mkdir(parents=True, exist_ok=True)
    (home.path / "sources" / "lab.toml").write_text(profile, encoding="utf-8")
    folder = home.inbox / "lab"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def test_a_version_with_an_unknown_code_does_not_hide_the_corrected_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = result(code="MGLOCAL", reported_at="2026-11-20T10:30:00Z")
    then = result(status="C", reported_at="2026-11-20T12:00:00Z")
    home.drop("observations", [first, then])
    assert listed(home)["iv_replacement"] == 1


def test_a_version_with_an_unknown_code_after_the_night_is_not_known_yet(tmp_path: Path) -> None:
    home = Home(tmp_path)
    later = result(code="MGLOCAL", status="C", reported_at="2026-11-21T03:00:00Z")
    home.drop("observations", [result(reported_at="2026-11-20T10:30:00Z"), later])
    assert listed(home)["iv_replacement"] == 1


def test_a_refused_file_is_read_once_its_profile_is_mended(tmp_path: Path) -> None:
    home = Home(tmp_path)
    text = "ID,PatNr,code,value,unit,status,collected_at\n" + ",".join(SEVERE) + "\n"
    named = '[tables.observations]\nfiles = "results*"\n[tables.observations.columns]\n'
    source(home, named, text)
    assert ingest(home.night(AS_OF), lambda _: None).refused == 1
    source(home, named + 'patient_id = "PatNr"\n', text)
    night = home.night(AS_OF)
    assert ingest(night, lambda _: None).refused == 0
    assert assess(night, lambda _: None).listed["iv_replacement"] == 1


def test_a_refused_file_that_lies_there_is_refused_again_each_night(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.inbox / "observations.csv").write_text("patient_id\nP1\n", encoding="utf-8")
    for night in range(3):
        found = ingest(home.night(AS_OF + timedelta(days=night)), lambda _: None)
        assert (found.files, found.refused) == (1, 1)


def test_a_mended_column_mapping_reads_the_file_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    text = ",".join((*COLUMNS, "text")) + "\n" + ",".join((*SEVERE, "see comment")) + "\n"
    files = '[tables.observations]\nfiles = "results*"\n'
    source(home, files + '[tables.observations.columns]\nvalue = "text"\n', text)
    assert +Counter(listed(home)) == {"review": 1}
    source(home, files, text)
    assert +Counter(listed(home)) == {"iv_replacement": 1}
    with opened(home.night(AS_OF)) as store:
        assert store.number("SELECT count(*) FROM files") == 1
        assert store.number("SELECT count(*) FROM observation_versions") == 1


def test_a_huge_urine_value_stops_no_night(tmp_path: Path) -> None:
    home = Home(tmp_path)
    urine = result(observation_id="U", code="2161-8", value="99999999")
    home.drop("observations", [result(), urine])
    assert listed(home)["iv_replacement"] == 1


@pytest.mark.parametrize("dose", ["0,500", "0.5"])
def test_half_a_gram_with_a_decimal_comma_does_not_treat(dose: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.drop("observations", [result()])
    (home.path / "sources").mkdir(parents=True)
    profile = 'decimal_comma = true\npatient_prefix = ""\n'
    (home.path / "sources" / "ward.toml").write_text(profile, encoding="utf-8")
    (home.inbox / "ward").mkdir()
    (home.inbox / "ward" / "medications.csv").write_text(
        "medication_id,patient_id,kind,name,route,dose,dose_unit,started_at,status\n"
        f'M,P1,administration,Magnesium sulfate,IV,"{dose}",g,2026-11-20T12:00:00Z,given\n',
        encoding="utf-8",
    )
    assert listed(home)["iv_replacement"] == 1


def test_one_birth_date_in_another_format_changes_nobody_elses_age(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.drop("observations", [result()])
    home.drop(
        "patients",
        [
            {"patient_id": "OTHER", "birth_date": "04.03.1950"},
            {"patient_id": "P1", "birth_date": "2015-03-04"},
        ],
    )
    assert +Counter(listed(home)) == {"review": 1}


def test_ids_that_parquet_holds_as_floats_are_the_same_patients(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.drop("observations", [result(patient_id="123")])
    dead = pl.DataFrame({"patient_id": [123.0, None], "died_at": ["2026-11-20T20:00:00Z", None]})
    dead.write_parquet(home.inbox / "patients.parquet")
    assert listed(home)["iv_replacement"] == 0


def test_a_column_that_the_profile_names_must_be_there(tmp_path: Path) -> None:
    home = Home(tmp_path)
    profile = (
        '[tables.observations]\nfiles = "results*"\n'
        '[tables.observations.columns]\nstatus = "RES_STATUS"\n'
    )
    source(home, profile, ",".join(COLUMNS) + "\n" + ",".join(SEVERE) + "\n")
    assert ingest(home.night(AS_OF), lambda _: None).refused == 1


def test_one_prefix_may_not_begin_another(tmp_path: Path) -> None:
    for name, prefix in (("a", "A"), ("ab", "AB")):
        text = f'patient_prefix = "{prefix}"\n'
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="begins 'AB'"):
        load_profiles(tmp_path, "UTC")


@pytest.mark.parametrize(
    "text",
    [
        "[tables.observation]\n",
        "[tables.observations.columns]\nvalu = 'V'\n",
        "[trust]\nmg = 'x'\n",
    ],
)
def test_a_misspelt_name_in_a_profile_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="unknown"):
        parse_profile("lab", text, "UTC", where="sources/lab.toml")


@pytest.mark.parametrize("separator", ["", ";;", "§", '\\"', "\\n"])
def test_a_separator_that_cannot_part_fields_is_refused(separator: str) -> None:
    with pytest.raises(ConfigurationError, match="separator must be one character"):
        parse_profile("lab", f'separator = "{separator}"\n', "UTC", where="sources/lab.toml")


def test_rows_refused_on_another_night_than_the_published_one_stay_in_quarantine(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    home.drop("observations", [result(unit="")])
    ingest(home.night(AS_OF - timedelta(hours=6)), lambda _: None)
    night = home.night(AS_OF + timedelta(days=1))
    assess(night, lambda _: None)
    with opened(night) as store:
        path = night.store / "tonight" / "hypomag.duckdb"
        store.run(f"ATTACH '{path}' AS tonight (READ_ONLY)")
        assert store.number("SELECT count(*) FROM tonight.quarantine") == 1
        store.run("DETACH tonight")


def test_magnesium_under_a_code_that_nobody_mapped_is_said_and_ends_with_10(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.drop("observations", [result(code="MGX", name="Magnesium")])
    night = home.night(AS_OF)
    ingest(night, lambda _: None)
    assess(night, lambda _: None)
    published = publish(night, lambda _: None)
    page = (published.folder / "report.html").read_text(encoding="utf-8")
    assert published.code == ExitCode.ROWS_TO_SEE
    assert "mapped to nothing: MGX of feed canonical (1)" in page


def test_a_dose_moved_to_another_patient_treats_the_first_no_more(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.drop("observations", [result(), result(observation_id="Y", patient_id="P2")])
    dose = {
        "medication_id": "M",
        "kind": "administration",
        "name": "Magnesium sulfate",
        "route": "IV",
        "dose": "2",
        "dose_unit": "g",
        "started_at": "2026-11-20T12:00:00Z",
        "status": "given",
    }
    first = dose | {"patient_id": "P1", "updated_at": "2026-11-20T13:00:00Z"}
    then = dose | {"patient_id": "P2", "updated_at": "2026-11-20T15:00:00Z"}
    home.drop("medications", [first, then])
    night = home.night(AS_OF)
    ingest(night, lambda _: None)
    was_listed = assess(night, lambda _: None).listed
    assert +Counter(was_listed) == {"iv_replacement": 1, "recheck": 1}
    with opened(night) as store:
        found = store.rows("SELECT patient_id FROM run_items WHERE worklist = 'iv_replacement'")
    assert found == [("P1",)]


@pytest.mark.parametrize(
    "spelling", ["2026-11- 1T10:00:00Z", "+026-11-20T10:00:00Z", " 026-11-20T10:00:00Z"]
)
def test_a_time_is_read_alike_whatever_stands_beside_it(tmp_path: Path, spelling: str) -> None:
    home = Home(tmp_path)
    rows = [result(), result(observation_id="Y", patient_id="P2", collected_at=spelling)]
    home.drop("observations", rows)
    night = home.night(AS_OF)
    ingest(night, lambda _: None)
    with opened(night) as store:
        found = store.rows("SELECT patient_id, reason FROM observation_versions ORDER BY row")
    assert found == [("P1", None), ("P2", "time_not_readable")]


def test_a_cell_is_kept_as_it_was_sent(tmp_path: Path) -> None:
    home = Home(tmp_path)
    times = ["2026-11-20T10:00:00Z", "2026-11-20 10:00", "2026-11-20T10:00:00.5Z", "soon"]
    home.drop(
        "observations",
        [result(observation_id=str(at), collected_at=sent) for at, sent in enumerate(times)],
    )
    night = home.night(AS_OF)
    ingest(night, lambda _: None)
    cell = as_sent("observations", "collected_at")
    with opened(night) as store:
        found = store.rows(f"SELECT {cell} FROM observation_versions v ORDER BY row")  # noqa: S608 - ours
    assert [text for (text,) in found] == times


def test_what_an_older_version_published_grows_the_columns_that_came_since(tmp_path: Path) -> None:
    """A home is not begun anew with each version: last night's database is added to."""
    home = Home(tmp_path)
    home.drop("observations", [result()])
    listed(home)
    publish(home.night(AS_OF), lambda _: None)
    database = home.path / "published" / "current" / "hypomag.duckdb"
    database.chmod(0o600)
    with duckdb.connect(str(database)) as older:
        older.execute("ALTER TABLE worklist_items DROP COLUMN femg_percent")
    assert listed(home, AS_OF + timedelta(days=1))["iv_replacement"] == 1
    publish(home.night(AS_OF + timedelta(days=1)), lambda _: None)
    with duckdb.connect(str(database), read_only=True) as now:
        found = now.execute("SELECT night, femg_percent FROM worklist_items").fetchall()
    assert len(found) == 2
