"""The hospital's policy on the command line, and a hospital that thinks in mmol/L."""

from fractions import Fraction
from pathlib import Path
from typing import Final

import duckdb
import pytest
from typer.testing import CliRunner

from flows.cli import app
from sample_data import hospital
from tests.home import Home

AS_OF: Final = "2026-11-21T02:00:00Z"
MMOL: Final = """
name = "mmol"
[magnesium]
severe_limit = { value = 0.5, unit = "mmol/L" }
target = { value = 0.6, unit = "mmol/L" }
"""
PER_MMOL: Final = {"mg/dL": Fraction("2.4305"), "mmol/L": Fraction(1), "mEq/L": Fraction(2)}


def test_check_says_what_a_sound_policy_changes(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(MMOL, encoding="utf-8")
    found = CliRunner().invoke(app, ["policy", "check", str(file)])
    assert found.exit_code == 0
    assert "policy.toml is sound: policy mmol+" in found.stdout
    assert "[magnesium] target: 1.5 mg/dL, here 0.6 mmol/L" in found.stdout


def test_check_says_all_that_is_wrong_and_ends_with_50(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    text = 'approved_on = "soon"\n[magnesium]\nsevere = 1\ntarget = -1\nupper_limit = "2,6"\n'
    file.write_text(text, encoding="utf-8")
    found = CliRunner().invoke(app, ["policy", "check", str(file)])
    assert found.exit_code == 50
    assert "unknown key 'severe'" in found.stderr
    assert "-1 is negative" in found.stderr
    assert "found a text; write it with a decimal point" in found.stderr
    assert "approved_on is no date" in found.stderr


def test_check_of_a_file_that_is_not_there_ends_with_50(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["policy", "check", str(tmp_path / "own.toml")])
    assert found.exit_code == 50
    assert "own.toml cannot be read" in found.stderr


def test_show_prints_the_policy_of_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.path / "policy.toml").write_text(MMOL, encoding="utf-8")
    found = CliRunner().invoke(app, ["policy", "show", "--home", str(home.path)])
    assert found.exit_code == 0
    assert "severe_limit = 0.5 mmol/L; shipped: 1.2 mg/dL" in found.stdout
    assert found.stdout.startswith("POLICY mmol+")


@pytest.fixture(scope="module")
def mmol_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample hospital under limits in mmol/L, one night over its fortnight."""
    folder = tmp_path_factory.mktemp("mmol")
    (folder / "inbox").mkdir()
    hospital.write_hospital(folder / "inbox", 7, 14, hospital.instant(AS_OF))
    (folder / "hypomag.toml").write_text("quiet_seconds = 0\n", encoding="utf-8")
    (folder / "policy.toml").write_text(MMOL, encoding="utf-8")
    found = CliRunner().invoke(app, ["night", "--direct", "--home", str(folder), "--as-of", AS_OF])
    assert found.exit_code == 10, found.output
    return folder


def test_limits_in_mmol_judge_the_sample_hospital(mmol_home: Path) -> None:
    """Each plain result is severe up to 0.5 and low up to 0.6 mmol/L, whatever its unit."""
    path = str(mmol_home / "published" / "hypomag.duckdb")
    with duckdb.connect(path, read_only=True) as database:
        judged = database.execute(
            "SELECT reported_value, reported_unit, severity FROM assessments "
            "WHERE comparator IS NULL AND severity IN ('severe', 'low', 'target_met') "
            "AND regexp_matches(trim(reported_value), '^[0-9.]+$')"
        ).fetchall()
    found = [
        (severity, _band(Fraction(value.strip()) / PER_MMOL[unit]))
        for value, unit, severity in judged
    ]
    assert len(found) > 200
    assert {expected for _, expected in found} == {"severe", "low", "target_met"}
    assert all(severity == expected for severity, expected in found)


def _band(mmol: Fraction) -> str:
    if mmol <= Fraction("0.5"):
        return "severe"
    return "low" if mmol <= Fraction("0.6") else "target_met"


def test_the_words_name_the_limits_as_the_hospital_wrote_them(mmol_home: Path) -> None:
    current = mmol_home / "published" / "current"
    page = (current / "report.html").read_text("utf-8")
    assert "severe: 0.5 mmol/L or below" in page
    assert "ontinue until above 0.6 mmol/L" in page
    assert "1.21525" not in page
