"""The history judged day by day is each day judged alone; a severe that no list shows is found."""

import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

import duckdb
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.backtesting import look_back
from flows.cli import app
from tests.home import Home
from tests.oracle.night import judge
from tests.product import read_together, whole

pytestmark = pytest.mark.long

ZONE: Final = "Europe/London"
DAYS: Final = [datetime(2026, 11, day, 2, tzinfo=UTC) for day in range(9, 24)]
_LISTS: Final = ("iv_replacement", "recheck", "review", "work_up", "high_watch")
_PATIENTS: Final = [
    {"patient_id": "P1", "birth_date": "1950-02-01", "sex": "female"},
    {"patient_id": "P2", "birth_date": "2015-02-01", "sex": "male"},
    {"patient_id": "P3", "birth_date": "1970-01-01", "died_at": "2026-11-17T12:00:00Z"},
]
_STAMP: Final = "%Y-%m-%dT%H:%M:%SZ"
_DRAWN: Final = st.tuples(
    st.sampled_from(["P1", "P1", "P2", "P3", "P4"]),
    st.sampled_from(["0.9", "1.2", "1.3", "1.4", "2.0", "3.0", "<1.5", "clotted"]),
    st.integers(0, 12),  # days after the first
    st.sampled_from([2, 20, 60]),  # hours to the report
)
_GIVEN: Final = st.tuples(
    st.sampled_from(["P1", "P3", "P4"]), st.integers(0, 12), st.sampled_from(["IV", "oral"])
)
_HISTORY: Final = st.tuples(st.lists(_DRAWN, max_size=7), st.lists(_GIVEN, max_size=2))
Rows = dict[str, list[dict[str, str]]]


def _rows(history: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]) -> Rows:
    drawn, given_doses = history
    observations = []
    for at, (patient, value, day, hours) in enumerate(drawn):
        collected = DAYS[0] + timedelta(days=day, hours=4, minutes=at)
        observations.append(
            {
                "observation_id": f"O{at}",
                "patient_id": patient,
                "code": "19123-9",
                "value": value,
                "unit": "mg/dL",
                "status": "F",
                "collected_at": collected.strftime(_STAMP),
                "reported_at": (collected + timedelta(hours=hours)).strftime(_STAMP),
            }
        )
    medications = [
        {
            "medication_id": f"M{at}",
            "patient_id": patient,
            "kind": "administration",
            "name": "magnesium sulfate" if route == "IV" else "magnesium oxide",
            "route": route,
            "dose": "2",
            "dose_unit": "g",
            "started_at": (DAYS[0] + timedelta(days=day, hours=9)).strftime(_STAMP),
            "status": "given",
        }
        for at, (patient, day, route) in enumerate(given_doses)
    ]
    return {"observations": observations, "medications": medications, "patients": _PATIENTS}


def _known(rows: Rows, day: datetime) -> Rows:
    """What was written by a day: the oracle reads files of that day alone."""
    stamp = day.strftime(_STAMP)
    written = [row for row in rows["observations"] if row["reported_at"] <= stamp]
    started = [row for row in rows["medications"] if row["started_at"] <= stamp]
    return {**rows, "observations": written, "medications": started}


def _dull(rows: Rows) -> tuple[list[list[int]], list[tuple[str, str, int | None]], int]:
    """Day by day by the oracle: rows of each list, who became severe how early, how many missed."""
    nights = [judge(_known(rows, day), day, ZONE) for day in DAYS]
    counts = [[len(night.lists[name]) for name in _LISTS] for night in nights]
    severe: dict[tuple[str, object], bool] = {}
    for day, night in zip(DAYS, nights, strict=True):
        for patient, said in night.assessments.items():
            has_died = patient == "P3" and day >= datetime(2026, 11, 17, 12, tzinfo=UTC)
            if said["severity"] == "severe" and not has_died:
                shown = any(patient in night.lists[name] for name in _LISTS[:3])
                key = (patient, said["observation_id"])
                severe[key] = severe.get(key, False) or shown
    early = []
    for patient in ("P1", "P3", "P4"):
        for severe_at, started_at in _first_severes(_known(rows, DAYS[-1]), patient):
            warned = [
                day
                for day, night in zip(DAYS, nights, strict=True)
                if day.strftime(_STAMP) < severe_at
                and patient in night.lists["recheck"]
                and night.assessments[patient]["severity"] == "low"
                and night.assessments[patient]["collected_at"] >= started_at  # type: ignore[operator]  # an instant
            ]
            at = datetime.strptime(severe_at, _STAMP).replace(tzinfo=UTC)
            early.append(
                (patient, severe_at, (at.date() - warned[0].date()).days if warned else None)
            )
    return counts, sorted(early, key=str), sum(not shown for shown in severe.values())


def _first_severes(rows: Rows, patient: str) -> list[tuple[str, datetime]]:
    """The first severe of each episode of a patient, with the episode's start."""
    found: list[tuple[str, datetime]] = []
    started: datetime | None = None
    is_severe = False
    for row in sorted(rows["observations"], key=lambda one: one["collected_at"]):
        if row["patient_id"] != patient or row["value"] in {"<1.5", "clotted"}:
            continue
        value = float(row["value"])
        if value > 1.5:
            started, is_severe = None, False
            continue
        started = started or datetime.strptime(row["collected_at"], _STAMP).replace(tzinfo=UTC)
        if value <= 1.2 and not is_severe:
            is_severe = True
            found.append((row["collected_at"], started))
    return found


@settings(max_examples=6, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
@given(st.lists(_HISTORY, min_size=12, max_size=12))
def test_days_together_are_the_days_the_oracle_judges(histories: list[Any]) -> None:
    """Rows of each list on each day, who was early, and how many were missed: a late report may."""
    tables = [_rows(history) for history in histories]
    with read_together([whole(one) for one in tables], DAYS[-1], ZONE) as (store, night, _):
        looked = look_back(store, night, [day.replace(tzinfo=None) for day in DAYS])
    expected = [_dull(one) for one in tables]
    counts = [
        [sum(one[0][day][place] for one in expected) for place in range(len(_LISTS))]
        for day in range(len(DAYS))
    ]
    assert [list(row) for row in looked.nights.drop("as_of").rows()] == counts
    found: list[list[tuple[str, str, int | None]]] = [[] for _ in tables]
    for row in looked.early.to_dicts():
        tag, patient = row["person_id"].split("~")
        told = (patient, row["severe_at"].strftime(_STAMP), row["days_early"])
        found[int(tag[1:])].append(told)
    assert [sorted(each, key=str) for each in found] == [one[1] for one in expected]
    assert looked.missed.height == sum(one[2] for one in expected)


def _backtest(home: Home, folder: Path, *words: str) -> tuple[int, str]:
    given_words = ["backtest", "--home", str(home.path), "--out", str(folder), *words]
    ran = CliRunner().invoke(app, given_words)
    return ran.exit_code, ran.stdout


@pytest.fixture(autouse=True)
def _hospital_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HYPOMAG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HYPOMAG_TIMEZONE", ZONE)


def test_the_sample_hospital_misses_nobody(home: Home, tmp_path: Path) -> None:
    """The last day has the rows that were published, and every severe was shown."""
    code, said = _backtest(home, tmp_path / "out", "--json")
    told = json.loads(said)
    assert (code, told["missed"]) == (0, 0)
    nights = pl.read_csv(tmp_path / "out" / "nights.csv")
    with duckdb.connect(str(home.path / "published/hypomag.duckdb"), read_only=True) as published:
        listed = dict(
            published.execute("SELECT worklist, count(*) FROM worklist_items GROUP BY 1").fetchall()
        )
    assert {name: nights.get_column(name).to_list()[-1] for name in _LISTS} == listed
    for name, rows in told["rows"].items():
        column = nights.get_column(name).to_list()
        assert rows == {"median": median(column), "max": max(column), "total": sum(column)}
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    kept = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert kept == {0o600}


def test_a_list_that_forgets_the_treated_is_found_out(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the recheck list gone those who had their dose in time stand nowhere: exit 10."""
    monkeypatch.setattr(
        "hypomag_rules.assess.recheck_section", lambda *_: pl.lit(None, dtype=pl.String)
    )
    code, said = _backtest(home, tmp_path / "out")
    missed = pl.read_csv(tmp_path / "out" / "missed.csv", infer_schema=False)
    assert code == 10
    assert missed.height
    assert f"{missed.height} severe results that neither" in said
    assert not any(one in said for one in missed.get_column("person_id").to_list())


def test_days_may_be_chosen_and_must_hold_something(home: Home, tmp_path: Path) -> None:
    """What was severe before the first day is not held against the days that are looked at."""
    code, said = _backtest(
        home, tmp_path / "out", "--from", "2026-11-15", "--to", "2026-11-17", "--json"
    )
    told = json.loads(said)
    assert (code, told["nights"], told["from"]) == (0, 3, "2026-11-15")
    code, _ = _backtest(home, tmp_path / "out", "--from", "2026-11-17", "--to", "2026-11-15")
    assert code == 50
