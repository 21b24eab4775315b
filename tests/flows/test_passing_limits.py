"""One patient a limit: quiet on the first night, and something else on the next by time alone."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import polars as pl
import pytest

from flows.night import Night
from flows.stages import assess, ingest, publish
from hypomag_rules.policy import load
from hypomag_rules.quiet import is_quiet, limits
from tests.home import Home

AS_OF: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
DAY: Final = timedelta(days=1)
Rows = list[dict[str, str]]
Case = dict[str, Rows]
Published = dict[str, dict[str, Any]]


def at(days: float = 0, hours: float = 0) -> str:
    """An instant so long after the first night."""
    return (AS_OF + timedelta(days=days, hours=hours)).isoformat()


LATER: Final = at(hours=10)  # after the first night, before the second


def result(code: str, value: str, unit: str, days: float) -> dict[str, str]:
    return {"code": code, "value": value, "unit": unit, "status": "F", "collected_at": at(days, 9)}


def drug(code: str, name: str, **cells: str) -> dict[str, str]:
    given = {"kind": "administration", "status": "given", "dose": "2", "dose_unit": "g"}
    return given | {"code": code, "code_system": "RxNorm", "name": name} | cells


def magnesium_iv(**cells: str) -> dict[str, str]:
    return drug("6585", "magnesium sulfate", route="IV", **cells)


def digoxin(**cells: str) -> dict[str, str]:
    return drug("3407", "digoxin", route="PO", **cells)


AT_TARGET: Final = result("19123-9", "1.9", "mg/dL", -5)
RUN_OUT: Final = result("19123-9", "1.4", "mg/dL", -60)
CREATININE, WEIGHT = ("2160-0", "1.0", "mg/dL"), ("29463-7", "70", "kg")
OLD_ORDER: Final = {"kind": "order", "route": "PO", "status": "active"}

# Which limit, and the patient who passes it between the nights.
CASES: Final[dict[str, Case]] = {
    "magnesium 400 days": {"observations": [AT_TARGET | {"collected_at": at(-400, 9)}]},
    "creatinine 90 days": {
        "observations": [AT_TARGET, result(*CREATININE, -90), result(*WEIGHT, -5)]
    },
    "weight 365 days": {
        "observations": [AT_TARGET, result(*CREATININE, -5), result(*WEIGHT, -365)]
    },
    "albumin 7 days": {
        "observations": [
            RUN_OUT,
            result("17861-6", "8.0", "mg/dL", -3),
            result("1751-7", "3.0", "g/dL", -7),
        ]
    },
    "patients died": {"observations": [RUN_OUT], "patients": [{"died_at": LATER}]},
    "patients updated": {
        "observations": [AT_TARGET],
        "patients": [{}, {"birth_date": "1951-01-01", "updated_at": LATER}],
    },
    "conditions recorded": {
        "observations": [AT_TARGET],
        "conditions": [{"code": "I50.9", "recorded_at": LATER}],
    },
    "conditions resolved": {
        "observations": [AT_TARGET],
        "conditions": [{"code": "I50.9", "status": "resolved", "resolved_at": LATER}],
    },
    "conditions recorded 300 days": {
        "observations": [AT_TARGET],
        "conditions": [{"code": "O14.9", "recorded_at": at(-300, 9)}],
    },
    "medications started": {
        "observations": [AT_TARGET],
        "medications": [magnesium_iv(started_at=LATER)],
    },
    "medications updated": {
        "observations": [AT_TARGET],
        "medications": [magnesium_iv(started_at=at(-4), updated_at=LATER)],
    },
    "medications ended": {
        "observations": [RUN_OUT],
        "medications": [
            drug("6582", "magnesium oxide", started_at=at(-50), ended_at=LATER) | OLD_ORDER
        ],
    },
    "medications started 24 hours": {
        "observations": [RUN_OUT],
        "medications": [digoxin(started_at=at(hours=-15))],
    },
    "medications ended 24 hours": {
        "observations": [RUN_OUT],
        "medications": [digoxin(started_at=at(hours=-30), ended_at=at(hours=-15))],
    },
    "birthday": {"observations": [AT_TARGET], "patients": [{"birth_date": "1960-11-22"}]},
}
_PERSON: Final = {"birth_date": "1950-01-01", "sex": "female", "updated_at": at(-90)}
_DEFAULTS: Final = {
    "observations": {},
    "patients": _PERSON,
    "conditions": {"code_system": "ICD-10-CM", "status": "active"},
    "medications": {},
}


def test_there_is_a_patient_for_each_limit() -> None:
    assert len(limits(load())) + 1 == len(CASES)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Published, Published, Published]:
    """What was published of each patient: the first night, the next, and that one judged anew."""
    home = Home(tmp_path_factory.mktemp("limits"))
    for table, defaults in _DEFAULTS.items():
        rows = [
            {"patient_id": name} | defaults | row
            for name, case in CASES.items()
            for row in case.get(table, [{}] if table == "patients" else [])
        ]
        if table == "medications":
            somebody = digoxin(patient_id="somebody else", started_at=at(-1))
            rows = [row | {"medication_id": str(n)} for n, row in enumerate([*rows, somebody])]
        home.drop(table, rows)
    return _three(home, AS_OF)


def _three(home: Home, as_of: datetime) -> tuple[Published, Published, Published]:
    first, then = home.night(as_of), home.night(as_of + DAY)
    ingest(first, lambda _: None)
    return _published(first), _published(then), _published(then)


def _published(night: Night) -> Published:
    assess(night, lambda _: None)
    publish(night, lambda _: None)
    with duckdb.connect(str(night.published / "hypomag.duckdb"), read_only=True) as database:
        found = database.execute(
            "SELECT * EXCLUDE (night, as_of) FROM assessments WHERE night = ?", [night.date]
        )
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    return {str(row["patient_id"]): row for row in rows}


@pytest.mark.parametrize("name", CASES)
def test_time_alone_wakes_a_quiet_patient(
    name: str, nights: tuple[Published, Published, Published]
) -> None:
    first, then, anew = nights
    assert pl.DataFrame([first[name]]).select(is_quiet()).item(), "the case must begin quiet"
    assert first[name] != anew.get(name), "the case must turn between the nights"
    assert then.get(name) == anew.get(name)


def test_who_was_born_on_a_leap_day_grows_older_on_1_march(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.drop("observations", [AT_TARGET | {"patient_id": "leap"}])
    home.drop("patients", [{"patient_id": "leap", "birth_date": "1960-02-29"}])
    first, then, anew = _three(home, datetime(2027, 2, 28, 2, tzinfo=UTC))
    assert (first["leap"]["age_years"], then["leap"]["age_years"]) == (66, 67)
    assert then == anew


def test_a_new_row_of_any_table_wakes_a_quiet_patient(tmp_path: Path) -> None:
    home = Home(tmp_path)
    names = ("condition", "dose", "person", "moved from", "moved to")
    home.drop("observations", [AT_TARGET | {"patient_id": name} for name in names])
    home.drop("patients", [{"patient_id": name} | _PERSON for name in names])
    moved = magnesium_iv(medication_id="M", patient_id="moved from", started_at=at(-4))
    home.drop("medications", [moved])
    first, then = home.night(AS_OF), home.night(AS_OF + DAY)
    ingest(first, lambda _: None)
    before = _published(first)
    again = moved | {"patient_id": "moved to", "updated_at": at(-1)}
    own = magnesium_iv(medication_id="N", patient_id="dose", started_at=at(-4))
    home.drop("medications", [again, own], "medications_2.csv")
    heart = {"code": "I50.9", "patient_id": "condition"}
    home.drop("conditions", [_DEFAULTS["conditions"] | heart])
    older = {"patient_id": "person", "birth_date": "1940-01-01", "updated_at": at(-1)}
    home.drop("patients", [older], "patients_2.csv")
    ingest(then, lambda _: None)
    found, anew = _published(then), _published(then)
    assert found == anew
    assert all(before[name] != found[name] for name in names)


def test_a_store_put_back_from_a_copy_repeats_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.drop("observations", [AT_TARGET | {"patient_id": "A"}])
    before, first, then = (home.night(AS_OF + days * DAY) for days in (-1, 0, 1))
    ingest(before, lambda _: None)
    _published(before)
    shutil.copytree(before.store, tmp_path / "copy")
    home.drop("patients", [{"patient_id": "B"} | _PERSON])
    ingest(first, lambda _: None)
    _published(first)
    shutil.rmtree(before.store)
    (tmp_path / "copy").rename(before.store)
    # The next file gets the number that the lost one had.
    (home.inbox / "patients.csv").unlink()
    home.drop("conditions", [_DEFAULTS["conditions"] | {"code": "I50.9", "patient_id": "A"}])
    ingest(then, lambda _: None)
    assert _published(then)["A"]["is_cardiac"]


def update(patient: str, observation: str, days: float) -> dict[str, str]:
    """An update without value and code: it inherits both, and has a collection time of its own."""
    cells = {"patient_id": patient, "observation_id": observation, "code": "", "value": ""}
    return cells | {"status": "U", "collected_at": at(days, 9), "reported_at": at(days + 1, 9)}


def test_a_row_that_inherits_its_analyte_passes_its_limit(tmp_path: Path) -> None:
    home = Home(tmp_path)
    weight = result(*WEIGHT, -366) | {"observation_id": "W"}
    rows = [AT_TARGET, result(*CREATININE, -5), weight]
    told = [row | {"patient_id": "A"} for row in rows] + [update("A", "W", -365)]
    home.drop("observations", told)
    home.drop("patients", [{"patient_id": "A"} | _PERSON])
    first, then, anew = _three(home, AS_OF)
    assert first["A"]["renal_method"] == "cockcroft_gault"
    assert then["A"]["renal_method"] == anew["A"]["renal_method"] == "egfr"


def test_an_index_that_inherits_from_a_version_out_of_the_window_is_listed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    old = result("19123-9", "0.9", "mg/dL", -450) | {"observation_id": "M", "patient_id": "A"}
    told = update("A", "M", -1) | {"reported_at": at(-1, 9)}
    home.drop("observations", [old, told])
    night = home.night(AS_OF)
    ingest(night, lambda _: None)
    assert assess(night, lambda _: None).listed["iv_replacement"] == 1


def test_the_longest_limits_that_a_policy_may_name_are_no_fault(tmp_path: Path) -> None:
    """A hundred years: a hospital's way of saying that there is no limit."""
    home = Home(tmp_path)
    home.drop("observations", [AT_TARGET | {"patient_id": "A"}])
    longest = "[renal]\ncreatinine_days = 36500\n[assessment]\ndays = 36500\n"
    longest += "[companions]\nobstetric_days = 36500\nactive_hours = 876000\n"
    policy = load(longest)
    first, then = (home.night(AS_OF + days * DAY, policy=policy) for days in (0, 1))
    ingest(first, lambda _: None)
    assert _published(first).keys() == _published(then).keys() == {"A"}
