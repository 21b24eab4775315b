"""What another policy would have listed: counted a second time by programs that share nothing."""

import json
import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.homes import make_home
from flows.night import Night
from flows.stages import assess, ingest, opened, publish
from flows.store import Store
from sample_data import hospital
from tests.flows.plain_count import on_iv_list, rows_of
from tests.home import Home
from tests.oracle.night import Night as Told
from tests.oracle.night import judge

pytestmark = pytest.mark.long

ZONE: Final = "Europe/London"
UNTIL: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
REAL: Final = Path(__file__).parents[3] / "shared/data/mimic-iv-demo-canonical"
REAL_AS_OF: Final = datetime(2026, 6, 14, 15, tzinfo=UTC)  # 11:00 in New York
REAL_ZONE: Final = "America/New_York"
TABLES: Final = ("observations", "patients", "encounters", "conditions", "medications")
_LIMIT: Final = 1.2
_DUE: Final = "recheck_due_on"
Rows = dict[str, list[dict[str, str]]]


def _say(_: str) -> None:
    pass


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HYPOMAG_"):
            monkeypatch.delenv(name)


def _publish(night: Night, files: Sequence[Path]) -> None:
    for path in files:
        shutil.copyfile(path, night.inbox / path.name)
        (night.inbox / f"{path.name}.done").touch()
    for stage in (ingest, assess, publish):
        stage(night, _say)


@pytest.fixture(scope="module")
def extracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample hospital's fourteen nights as files."""
    folder = tmp_path_factory.mktemp("extracts")
    hospital.write_hospital(folder, 7, 14, UNTIL)
    return folder


@pytest.fixture(scope="module")
def nights(extracts: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Night]:
    """The first three nights of the sample hospital, each ingested and published as it came."""
    path = tmp_path_factory.mktemp("simulated")
    make_home(path, "Saint Exampla's", ZONE)
    told = [Home(path).night(UNTIL - timedelta(days=ago)) for ago in range(13, 10, -1)]
    for night in told:
        _publish(night, sorted(extracts.glob(f"*_{night.date}.csv")))
    return told


def _dropped(extracts: Path, night: Night) -> Rows:
    """All that had been dropped by a night."""
    return {
        table: rows_of(
            path for path in extracts.glob(f"{table}_*") if path.stem[-10:] <= str(night.date)
        )
        for table in TABLES
    }


def _simulated(home: Path, limit: float, folder: Path, *words: str) -> dict[str, Any]:
    policy = folder / f"{limit}.toml"
    policy.write_text(f"[magnesium]\nsevere_limit = {limit}\n")
    given = ["simulate", "--home", str(home), "--policy", str(policy), "--json", *words]
    ran = CliRunner().invoke(app, given)
    assert ran.exit_code == 0, ran.output
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def _listed(night: Told) -> dict[tuple[str, str], tuple[object, ...]]:
    """Each list's patients with what makes an item another one: section, severity, due day."""
    found: dict[tuple[str, str], tuple[object, ...]] = {}
    for worklist, patients in night.lists.items():
        for patient in patients:
            said: Mapping[str, object] = night.assessments.get(patient, {})
            section = night.sections[patient] if worklist == "recheck" else "main"
            found[worklist, patient] = (section, said.get("severity"), said.get(_DUE))
    return found


def _counted(own: Told, other: Told, night: str) -> list[dict[str, object]]:
    was, now = _listed(own), _listed(other)

    def of(worklist: str, keys: set[tuple[str, str]]) -> int:
        return sum(key[0] == worklist for key in keys)

    both = was.keys() & now.keys()
    return [
        {
            "night": night,
            "worklist": worklist,
            "listed": of(worklist, set(was)),
            "simulated": of(worklist, set(now)),
            "added": of(worklist, now.keys() - was.keys()),
            "removed": of(worklist, was.keys() - now.keys()),
            "changed": of(worklist, {key for key in both if was[key] != now[key]}),
        }
        for worklist in own.lists
    ]


@pytest.mark.parametrize("limit", [1.0, 1.4])
def test_an_oracle_that_judges_the_files_counts_the_same(
    extracts: Path, nights: list[Night], tmp_path: Path, limit: float
) -> None:
    """All lists of every night, under both policies; the IV list by a plain count beside it."""
    told = _simulated(nights[0].home, limit, tmp_path, "--out", str(tmp_path / "out"))
    expected: list[dict[str, object]] = []
    for night in nights:
        rows = _dropped(extracts, night)
        own, other = (
            judge(rows, night.as_of, ZONE, {"severe_limit": each}) for each in (_LIMIT, limit)
        )
        counts = _counted(own, other, str(night.date))
        assert counts[0]["listed"] == len(on_iv_list(rows, night.as_of, ZONE, _LIMIT))
        assert counts[0]["simulated"] == len(on_iv_list(rows, night.as_of, ZONE, limit))
        expected += counts
    assert told["counts"] == expected
    assert any(row["added"] or row["removed"] for row in expected)


@pytest.mark.skipif(not REAL.is_dir(), reason="the MIMIC-IV demo is not beside the repository")
def test_a_plain_count_of_the_real_extract_says_the_same(tmp_path: Path) -> None:
    """The IV list of real patients with the limit lower and higher."""
    home = tmp_path / "home"
    make_home(home, "MIMIC-IV demo", REAL_ZONE)
    _publish(Home(home).night(REAL_AS_OF, REAL_ZONE), sorted(REAL.glob("*.csv.gz")))
    rows = {table: rows_of(REAL.glob(f"{table}*.csv.gz")) for table in TABLES}
    was = on_iv_list(rows, REAL_AS_OF, REAL_ZONE, _LIMIT)
    for limit in (1.0, 1.4):
        told = _simulated(home, limit, tmp_path)["counts"][0]
        now = on_iv_list(rows, REAL_AS_OF, REAL_ZONE, limit)
        assert told["worklist"] == "iv_replacement"
        assert (told["listed"], told["simulated"]) == (len(was), len(now))
        assert (told["added"], told["removed"]) == (len(now - was), len(was - now))


def _state(home: Path) -> dict[str, bytes]:
    """Everything published, and every table of the store."""
    return {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted((home / "published").rglob("*"))
        if path.is_file()
    }


def _tables(store: Store) -> dict[str, pl.DataFrame]:
    named = store.rows("SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1")
    return {str(name): store.frame(f"SELECT * FROM {name} ORDER BY ALL") for (name,) in named}  # noqa: S608 - names from the store itself


def test_nothing_is_published_and_the_store_is_unchanged(
    nights: list[Night], tmp_path: Path
) -> None:
    """Also when the policy reads rows otherwise, and what it leaves is for its owner alone."""
    home = nights[0].home
    policy = tmp_path / "plausible.toml"
    policy.write_text("[plausible]\nmagnesium = [0, 1.9]\n")
    before = _state(home)
    with opened(nights[-1]) as store:
        tables = _tables(store)
    given = ["--home", str(home), "--policy", str(policy), "--nights", "2"]
    ran = CliRunner().invoke(app, ["simulate", *given])
    assert ran.exit_code == 0, ran.output
    assert _state(home) == before
    with opened(nights[-1]) as store:
        after = _tables(store)
    assert all(tables[name].equals(after[name]) for name in tables)
    (folder,) = (home / "simulations").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    kept = sorted(folder.iterdir())
    assert [path.name for path in kept] == [
        *("counts.csv", "patients.csv", "simulation.html", "wards.csv"),
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    patients = pl.read_csv(folder / "patients.csv", infer_schema=False)
    assert patients.filter(worklist="review", change="added").height
    assert not any(one in ran.output for one in patients.get_column("patient_id").to_list())
    wards, counts = (pl.read_csv(folder / f"{name}.csv") for name in ("wards", "counts"))
    figures = ("listed", "simulated", "added", "removed", "changed")
    assert wards.select(figures).sum().equals(counts.select(figures).sum())
    assert patients.height == sum(counts.select("added", "removed", "changed").sum().row(0))


def test_a_simulated_patient_is_opened_with_explain(nights: list[Night], tmp_path: Path) -> None:
    """Under the instants that stand in the row, explain says that the patient would be listed."""
    out = tmp_path / "out"
    _simulated(nights[0].home, 1.4, tmp_path, "--out", str(out))
    rows = pl.read_csv(out / "patients.csv", infer_schema=False)
    for row in rows.filter(pl.col("change") != "changed")[::7].to_dicts():
        given = ["--home", str(nights[0].home), "--policy", str(tmp_path / "1.4.toml"), "--json"]
        instants = ["--as-of", row["as_of"], "--received-by", row["received_by"]]
        ran = CliRunner().invoke(app, ["explain", row["patient_id"], *given, *instants])
        is_on = json.loads(ran.stdout)["lists"][row["worklist"]]["is_on"]
        assert is_on == (row["change"] == "added"), row


def test_the_page_holds_counts_and_runs_nothing(nights: list[Night], tmp_path: Path) -> None:
    """It may be mailed: no patient, no script, nothing fetched."""
    out = tmp_path / "out"
    _simulated(nights[0].home, 1.4, tmp_path, "--out", str(out))
    page = (out / "simulation.html").read_text()
    patients = pl.read_csv(out / "patients.csv", infer_schema=False).get_column("patient_id")
    assert "default-src 'none'; style-src 'sha256-" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert not any(f">{patient}<" in page for patient in patients)


def test_received_by_now_lets_late_files_count(nights: list[Night], tmp_path: Path) -> None:
    """By default a night knows its own files; received by the last night also what came since."""
    out = ("--nights", "2", "--out", str(tmp_path / "out"))
    at = ("--received-by", nights[-1].received_at.isoformat())
    then = _simulated(nights[0].home, 1.2, tmp_path, *out)["counts"]
    later = _simulated(nights[0].home, 1.2, tmp_path, *out, *at)["counts"]
    assert all(not row["added"] and not row["removed"] for row in (*then, *later))
    assert then[-5:] == later[-5:]


def test_a_bad_policy_and_an_unpublished_home_are_refused(
    nights: list[Night], tmp_path: Path
) -> None:
    """Exit 50, and what to do."""
    policy = tmp_path / "bad.toml"
    policy.write_text("[magnesium]\nsevere_limit = -1\n")
    given = ["simulate", "--policy", str(policy), "--home"]
    assert CliRunner().invoke(app, [*given, str(nights[0].home)]).exit_code == 50
    policy.write_text("")
    make_home(tmp_path / "empty", "Hospital", ZONE)
    ran = CliRunner().invoke(app, [*given, str(tmp_path / "empty")])
    assert ran.exit_code == 50
    assert "run hypomag night first" in ran.output
