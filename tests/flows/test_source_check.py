"""A profile tried on files: what a night would make of them, told without a patient, not kept."""

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from flows.schema import CANONICAL, versions_of
from flows.settings import Settings
from flows.store import open_store

SAMPLES: Final = Path(__file__).parents[2] / "sample_data"
AS_OF: Final = "2026-11-21T02:00:00Z"
HEADER: Final = "patient_id,code,value,unit,status,collected_at\n"
SOUND: Final = HEADER + "CANARY-1,19123-9,1.1,mg/dL,F,2026-11-20T06:10:00Z\n"
PUT_ASIDE: Final = """
SELECT f.name, '{table}', v.reason, count(*), min(v.row)
FROM {versions} v JOIN files f USING (file_id) WHERE v.reason IS NOT NULL
GROUP BY f.name, v.reason
"""


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HYPOMAG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HYPOMAG_QUIET_SECONDS", "0")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    made = run("init", str(folder), "--timezone", "Europe/London")
    assert made.exit_code == 0, made.output
    return folder


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def check(home: Path, name: str, *files: Path, flag: str = "--json") -> Result:
    flags = ["--home", str(home), "--as-of", AS_OF, *([flag] if flag else [])]
    result = run("source", "check", name, *map(str, files), *flags)
    assert "CANARY" not in result.output
    assert not list((home / "store").iterdir())
    return result


def answer(result: Result) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(result.stdout)
    assert told["code"] == result.exit_code
    return told


def file_of(tmp_path: Path, text: str, name: str = "observations.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_it_finds_what_the_night_finds(home: Path) -> None:
    """Every count of the dry run is that of a night over the same files: one code reads both."""
    sample = SAMPLES / "bad-night"
    files = [path for path in sample.iterdir() if path.suffix in {".csv", ".parquet"}]
    told = answer(check(home, "canonical", *sorted(files)))
    assert told["code"] == 20
    for path in files:
        shutil.copy(path, home / "inbox")
    assert run("ingest", "--home", str(home), "--as-of", AS_OF).exit_code == 20
    with open_store(home / "store", Settings()) as store:
        night = {
            row
            for table in CANONICAL
            for row in store.rows(PUT_ASIDE.format(table=table, versions=versions_of(table)))
        }
    assert night == {
        (row["file"], row["table"], row["reason"], row["rows"], row["first_row"])
        for row in told["reasons"]
    }
    assert len(night) > 20


def test_all_read_is_exit_0_and_says_so(home: Path, tmp_path: Path) -> None:
    result = check(home, "canonical", file_of(tmp_path, SOUND), flag="")
    assert result.exit_code == 0
    assert "1 row of observations: 1 accepted" in result.output
    assert "19123-9: magnesium" in result.output
    assert "nothing was stored" in result.output


def test_files_without_any_result_are_said_to_have_none(home: Path, tmp_path: Path) -> None:
    people = file_of(tmp_path, "patient_id,sex\nCANARY-1,F\n", "patients.csv")
    assert "no results: none of these files" in check(home, "canonical", people, flag="").output
    both = check(home, "canonical", people, file_of(tmp_path, SOUND), flag="")
    assert "no results" not in both.output


def test_rows_to_look_at_are_exit_10_with_the_first_by_number(home: Path, tmp_path: Path) -> None:
    rows = SOUND + "CANARY-2,19123-9,1.1,,F,2026-11-20T06:10:00Z\n" * 2
    result = check(home, "canonical", file_of(tmp_path, rows), flag="")
    assert result.exit_code == 10
    assert "unit_missing, first in data row 2 of observations.csv" in result.output


REFUSED: Final = {
    "columns": ("observations.csv", "patient_id,code\n", "required column 'value' is missing"),
    "name": ("labs.csv", SOUND, "announces no table"),
    "ending": ("observations.txt", SOUND, "a night would not look at it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_would_be_refused_is_exit_20(case: str, home: Path, tmp_path: Path) -> None:
    name, text, said = REFUSED[case]
    sound = file_of(tmp_path, "patient_id,sex\nCANARY-1,F\n", "patients.csv")
    result = check(home, "canonical", file_of(tmp_path, text, name), sound, flag="")
    assert result.exit_code == 20
    assert said in result.output
    assert "1 row of patients: 1 accepted" in result.output


def test_a_link_is_refused_as_in_a_night(home: Path, tmp_path: Path) -> None:
    link = tmp_path / "observations_link.csv"
    link.symlink_to(file_of(tmp_path, SOUND, "real.csv"))
    told = answer(check(home, "canonical", link))
    assert told["code"] == 20
    assert [file["file"] for file in told["files"]] == ["observations_link.csv"]
    assert "link" in told["files"][0]["problem"]


def test_resources_that_no_rule_reads_are_said_to_be_passed_over(home: Path) -> None:
    ward = SAMPLES / "one-ward" / "fhir"
    shutil.copy(ward / "profile.toml", home / "sources" / "ward.toml")
    other = file_of(home, '{"resourceType": "Location"}\n', "Location.ndjson")
    result = check(home, "ward", other, ward / "Patient_2026-11-21.ndjson", flag="")
    assert "Location.ndjson: holds nothing that a rule reads" in result.output
    assert "4 rows of patients: 4 accepted" in result.output


def test_an_unknown_profile_is_exit_50_and_says_the_way_out(home: Path, tmp_path: Path) -> None:
    result = check(home, "lab", file_of(tmp_path, SOUND), flag="")
    assert result.exit_code == 50
    assert "no profile sources/lab.toml" in result.output
    assert "hypomag source draft" in result.output


def test_codes_that_look_like_magnesium_want_a_look(home: Path, tmp_path: Path) -> None:
    text = SOUND.replace("19123-9", "MG-S")
    result = check(home, "canonical", file_of(tmp_path, text), flag="")
    assert result.exit_code == 10
    assert "MG-S  <- looks like magnesium" in result.output


def test_a_patients_number_taken_for_a_code_beside_a_tests_name_is_not_shown(
    home: Path, tmp_path: Path
) -> None:
    (home / "sources" / "lab.toml").write_text(
        '[tables.observations]\nfiles = "*"\n[tables.observations.columns]\n'
        'patient_id = "PAT"\ncode = "PAT"\nname = "TEST"\n',
        encoding="utf-8",
    )
    text = HEADER.replace("patient_id,code", "PAT,TEST")
    rows = "CANARY1,Magnesium,1.1,mg/dL,F,2026-11-20T06:10:00Z\n"
    sent = file_of(tmp_path, text + rows + rows.replace("1,M", "2,M"))
    result = check(home, "lab", sent, flag="")
    assert result.exit_code == 10
    assert "2 codes of few patients: not shown  <- looks like magnesium" in result.output


def test_words_of_few_patients_are_counted_and_not_shown(home: Path, tmp_path: Path) -> None:
    """A profile that takes the patient's number for a code, a unit or a word must not tell it."""
    rows = [
        f"CANARY-{at},{code},1.1,{unit},{status},2026-11-20T06:10:00Z\n"
        for at, (code, unit, status) in enumerate(
            [
                ("CANARY1", "mg/dL", "F"),
                ("19123-9", "CANARY2", "F"),
                ("19123-9", "mg/dL", "CANARY"),
                ("LOC", "IU", "done"),
                ("LOC", "IU", "done"),
                *[("CANARY NAME", "mg/dL", "CANARY WORD")] * 4,
                *[("Local test", "IU", "ready")] * 5,
            ]
        )
    ]
    sexes = "patient_id,sex,birth_date\nCANARY-1,CANARY,CANARY\nP2,W,31.01.1950\nP3,W,\n"
    files = (
        file_of(tmp_path, HEADER + "".join(rows)),
        file_of(tmp_path, sexes, "patients.csv"),
    )
    told = answer(check(home, "canonical", *files))
    codes = {code["code"]: code["results"] for code in told["codes"]}
    assert codes == {"19123-9": 2, "LOC": 2, "Local test": 5, None: 5}
    unread = {(cell["column"], cell["word"]): cell["rows"] for cell in told["unread"]}
    assert unread == {
        ("status", "ready"): 5,
        ("status", "done"): 2,
        ("status", None): 5,
        ("birth_date", None): 2,
        ("sex", "W"): 2,
        ("sex", None): 1,
    }
    assert check(home, "canonical", *files, flag="").exit_code == 10


def test_ages_that_cannot_be_read_are_counted(home: Path, tmp_path: Path) -> None:
    (home / "sources" / "lab.toml").write_text(
        '[tables.patients]\nfiles = "*"\n[tables.patients.columns]\n'
        'patient_id = "PAT"\nage = "AGE"\nage_at = "DAY"\n',
        encoding="utf-8",
    )
    ages = ["90+", "7M", "68", " ", ""]
    rows = "".join(f"CANARY{at},{age},2026-11-20\n" for at, age in enumerate(ages))
    result = check(home, "lab", file_of(tmp_path, "PAT,AGE,DAY\n" + rows))
    (cells,) = answer(result)["unread"]
    assert (cells["column"], cells["word"], cells["rows"]) == ("birth_date", None, 2)
    assert "90+" not in result.output
    assert result.exit_code == 10


def test_versions_without_a_time_are_told_to_be_decided_by_their_text(
    home: Path, tmp_path: Path
) -> None:
    text = "patient_id,sex\nCANARY-1,F\nCANARY-1,M\nCANARY-2,F\n"
    told = answer(check(home, "canonical", file_of(tmp_path, text, "patients.csv")))
    assert told["undated"] == [{"table": "patients", "ids": 2, "several": 1}]
    dated = text.replace("sex", "sex,updated_at").replace("M\n", "M,2026-11-20T06:10:00Z\n")
    dated = dated.replace("F\n", "F,\n")
    told = answer(check(home, "canonical", file_of(tmp_path, dated, "patients.csv")))
    assert told["undated"] == []


def test_what_a_killed_check_left_is_removed(home: Path, tmp_path: Path) -> None:
    left = home / "store" / "check-left"
    left.mkdir(mode=0o700)
    (left / "copy.csv").write_text("CANARY", encoding="utf-8")
    assert check(home, "canonical", file_of(tmp_path, SOUND)).exit_code == 0


def test_a_store_that_others_can_read_is_refused(home: Path, tmp_path: Path) -> None:
    (home / "store").chmod(0o750)
    result = check(home, "canonical", file_of(tmp_path, SOUND), flag="")
    assert result.exit_code == 50
    assert "chmod 700 store" in result.output


OLD_EXPORT: Final = SAMPLES / "old-export"
LISTED: Final = {
    "iv_replacement": ["00410008", "00410001", "00410007"],
    "recheck": ["00410009", "00410002"],
    "review": ["00410003", "00410006", "00410010"],
}


def test_the_old_export_is_drafted_finished_checked_and_listed(home: Path) -> None:
    """The finished profile lists who its README says; the mere draft leaves every odd row aside."""
    sent = OLD_EXPORT / "labexp_20261120.csv"
    kept = home / "sources" / "old-export.toml"
    shutil.copy(OLD_EXPORT / "drafted.toml", kept)
    counts = [
        {row["reason"]: row["rows"] for row in answer(check(home, "old-export", sent))["reasons"]}
    ]
    shutil.copy(OLD_EXPORT / "profile.toml", kept)
    counts += [
        {row["reason"]: row["rows"] for row in answer(check(home, "old-export", sent))["reasons"]}
    ]
    assert counts == [
        {"unit_contradicts_code": 7, "unit_missing": 3, "status_unknown": 2},
        {"unit_missing": 3},
    ]
    (home / "inbox" / "old-export").mkdir()
    shutil.copy(sent, home / "inbox" / "old-export")
    result = run("night", "--home", str(home), "--as-of", AS_OF, "--direct")
    assert result.exit_code == 10, result.output
    for name, patients in LISTED.items():
        path = home / "published" / "current" / "worklists" / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as text:
            assert [row["patient_id"] for row in csv.DictReader(text)] == patients, name
