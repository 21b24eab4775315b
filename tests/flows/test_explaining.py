"""What `hypomag explain` says is what was published, and each step decides as it says."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.explaining import explain, in_words
from flows.night import Night
from flows.stages import assess, ingest, opened, publish
from hypomag_rules.policy import load
from tests.home import Home
from tests.oracle.steps import DECIDE, decide_again

AS_OF: Final = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
EVERY: Final = 20
REAL: Final = Path(__file__).parents[3] / "shared/data/mimic-iv-demo-canonical"
REAL_AS_OF: Final = datetime(2026, 6, 14, 15, 0, tzinfo=UTC)  # 11:00 in New York


def _quiet(_: str) -> None:
    """Say nothing."""


def _published(home: Home) -> dict[str, dict[str, Any]]:
    with duckdb.connect(str(home.path / "published/hypomag.duckdb"), read_only=True) as database:
        found = database.execute("SELECT * FROM assessments ORDER BY patient_id")
        names = [column[0] for column in found.description]
        return {
            row[names.index("patient_id")]: dict(zip(names, map(_plain, row), strict=True))
            for row in found.fetchall()
        }


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    return value.isoformat() if isinstance(value, date) else value


def _walk(
    home: Home, patients: list[str], night: Night | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    night = night or home.night(AS_OF, "Europe/London")
    with opened(night) as store:
        for patient in patients:
            told = explain(store, night, patient)
            assert told is not None
            yield patient, told


def _agree(home: Home, patients: list[str], night: Night | None = None) -> int:
    """Every field as published; the oracle decides every printed step again."""
    published, decided = _published(home), 0
    for patient, told in _walk(home, patients, night):
        assert told["published"] == published[patient]
        for name, entry in told["lists"].items():
            assert entry["is_on"] == published[patient][f"is_on_{name}"]
        for name, finding in told["findings"].items():
            assert finding["answer"] == published[patient][name]
        decided += decide_again(told)
    return decided


def test_an_explanation_agrees_with_what_was_published(home: Home) -> None:
    """Some of those who are listed, and of the others: the soak walks all."""
    published = _published(home)
    listed = [
        patient
        for patient, row in published.items()
        if any(value for name, value in row.items() if name.startswith("is_on_"))
    ]
    others = sorted(set(published) - set(listed))
    assert _agree(home, listed[::3] + others[::EVERY]) > 150


@pytest.mark.soak
def test_every_explanation_agrees_with_what_was_published(home: Home) -> None:
    assert _agree(home, list(_published(home))) > 2000


@pytest.mark.parametrize(
    "every", [pytest.param(10, marks=pytest.mark.long), pytest.param(1, marks=pytest.mark.soak)]
)
def test_explanations_of_real_patients_agree_too(every: int, tmp_path: Path) -> None:
    """The canonical cut of the MIMIC-IV demo, where it stands beside the project."""
    if not REAL.is_dir():
        pytest.skip("the MIMIC-IV demo does not stand in ../shared/data")
    home = Home(tmp_path)
    for path in REAL.glob("*.csv.gz"):
        shutil.copyfile(path, home.inbox / path.name)
        (home.inbox / f"{path.name}.done").touch()
    night = home.night(REAL_AS_OF, "America/New_York")
    ingest(night, _quiet)
    assess(night, _quiet)
    publish(night, _quiet)
    assert _agree(home, list(_published(home))[::every], night) > 50


def test_the_nearest_rule_says_by_how_much(tmp_path: Path) -> None:
    """1.21 is above 1.2 by 0.01: the one thing between this patient and the IV list."""
    home = Home(tmp_path)
    drawn = (AS_OF - timedelta(hours=10)).isoformat()
    home.drop(
        "observations",
        [
            {
                "observation_id": "O1",
                "patient_id": "P1",
                "code": "19123-9",
                "value": "1.21",
                "unit": "mg/dL",
                "status": "F",
                "collected_at": drawn,
            }
        ],
    )
    ingest(home.night(AS_OF), _quiet)
    ((_, told),) = _walk(home, ["P1"])
    assert told["nearest"][0] == (
        "iv_replacement: all but “the index is severe”: 1.21 is above 1.2 by 0.01 mg/dL"
    )
    words = in_words(told)
    assert "iv_replacement: not listed" in words
    assert "NO   the index is severe (S1, S2)" in words


def test_the_command_answers_in_json_and_says_when_nobody_is_known(home: Home) -> None:
    patient = next(iter(_published(home)))
    asked = ["--home", str(home.path), "--as-of", "2026-11-21T02:00:00Z"]
    found = CliRunner().invoke(app, ["explain", patient, "--json", *asked])
    assert json.loads(found.stdout)["patient_id"] == patient
    now = CliRunner().invoke(app, ["explain", patient, *asked[:2]])
    assert "to read them, --as-of 2026-11-21T02:00:00Z" in now.stdout
    unknown = CliRunner().invoke(app, ["explain", "nobody", *asked])
    assert unknown.exit_code == 50
    assert "nobody" not in unknown.stderr


def test_every_step_that_the_oracle_decides_is_asked(home: Home) -> None:
    ((_, told),) = _walk(home, [next(iter(_published(home)))])
    parts = [*told["findings"].values(), *told["lists"].values()]
    rungs = [
        rung for part in parts for name in ("gate", "steps", "rungs") for rung in part.get(name, [])
    ]
    limbs = [one for rung in rungs for limb in rung.get("limbs", []) for one in limb]
    assert {rung["asks"] for rung in [*rungs, *limbs] if "limbs" not in rung} == set(DECIDE)


def _asked(home: Home, patient: str, rows: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    """What is explained of a patient who is the only one of a home."""
    for table, sent in rows.items():
        home.drop(table, [{"patient_id": patient, **row} for row in sent])
    ingest(home.night(AS_OF), _quiet)
    ((_, told),) = _walk(home, [patient])
    assert decide_again(told) > 30
    return told


def _magnesium(value: str, unit: str = "mg/dL", days: int = 1) -> dict[str, str]:
    drawn = (AS_OF - timedelta(days=days)).isoformat()
    told = {"observation_id": f"O{value}{days}", "code": "19123-9", "value": value, "unit": unit}
    return told | {"status": "F", "collected_at": drawn}


def test_without_a_counted_result_that_is_the_reason_told(tmp_path: Path) -> None:
    """Not a birth date, though dialysis and a dose on board bring the patient near a list."""
    dose = {"medication_id": "M1", "kind": "administration", "name": "magnesium sulfate"}
    given = {"dose": "2", "dose_unit": "g", "route": "iv", "status": "given"}
    told = _asked(
        Home(tmp_path),
        "P1",
        {
            "observations": [_magnesium("1.0", "")],
            "conditions": [{"code": "Z99.2", "code_system": "ICD-10-CM", "status": "active"}],
            "medications": [
                dose | given | {"started_at": (AS_OF - timedelta(hours=9)).isoformat()}
            ],
        },
    )
    closed = [rung["asks"] for rung in told["lists"]["high_watch"]["rungs"] if not rung["holds"]]
    assert closed == ["a magnesium result of the days that are judged counts"]
    assert told["findings"]["severity"]["gate"][0]["holds"] is False
    assert told["lists"]["review"]["is_on"]


def test_how_far_a_printed_bound_is_from_a_limit_is_not_told(tmp_path: Path) -> None:
    told = _asked(Home(tmp_path), "P1", {"observations": [_magnesium("<1.3")]})
    assert told["nearest"] == ["iv_replacement: all but “the index is severe”"]
    assert told["lists"]["review"]["is_on"]


def test_a_millionth_above_the_limit_is_told(tmp_path: Path) -> None:
    told = _asked(Home(tmp_path), "P1", {"observations": [_magnesium("1.200001")]})
    assert told["nearest"][0].endswith(": 1.200001 is above 1.2 by 0.000001 mg/dL")


def test_a_complete_set_of_somebody_else_s_work_up_is_not_called_incomplete(tmp_path: Path) -> None:
    told = _asked(Home(tmp_path), "P1", {"observations": [_magnesium("1.4")]})
    gate = [rung["asks"] for rung in told["findings"]["femg_finding"]["gate"] if not rung["holds"]]
    assert gate[0] == "on the work-up list"


def test_explaining_makes_nothing_where_nothing_was_read(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["explain", "P1", "--home", str(tmp_path)])
    assert found.exit_code == 50
    assert "run hypomag night first" in found.stderr
    assert not list(tmp_path.iterdir())


def test_the_results_are_told_from_the_newest_on_and_no_other_analyte(tmp_path: Path) -> None:
    potassium = _magnesium("4.0", "mmol/L") | {"observation_id": "K", "code": "2823-3"}
    older = _magnesium("1.0", days=3) | {"observation_id": "O3"}
    rows = [older, _magnesium("1.4"), potassium]
    told = _asked(Home(tmp_path), "P1", {"observations": rows})
    found = [(result["value"], result["is_index"]) for result in told["results"]]
    assert found == [("1.4", True), ("1.0", False)]


def test_only_a_limit_of_severity_says_by_how_much(tmp_path: Path) -> None:
    told = _asked(Home(tmp_path), "P1", {"observations": [_magnesium("1.4", days=2)]})
    others = [said for said in told["nearest"] if not said.startswith("iv_replacement")]
    assert others
    assert not [said for said in others if "is above" in said]


def test_a_list_of_limbs_rests_on_the_statements_of_its_limbs(tmp_path: Path) -> None:
    told = _asked(Home(tmp_path), "P1", {"observations": [_magnesium("3.0")]})
    on_watch = told["lists"]["high_watch"]["rungs"][-1]
    assert on_watch["limbs"]
    assert "S11" in on_watch["statement"].split(", ")


def test_a_result_on_a_limit_that_it_does_not_reach_is_above_it_by_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.drop("observations", [{"patient_id": "P1", **_magnesium("1.2")}])
    below = load("[magnesium]\nsevere_includes_limit = false")
    night = home.night(AS_OF, policy=below)
    ingest(night, _quiet)
    ((_, told),) = _walk(home, ["P1"], night)
    assert told["nearest"][0] == "iv_replacement: all but “the index is severe”"
