"""Provisionals, corrections and withdrawals: the same lists in each layout that can say them."""

import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from flows.stages import ingest
from sample_data import as_csv, as_fhir, as_hl7v2
from sample_data.extract import COLUMNS, NIGHT, Row, instant_text
from sample_data.ward import LAYOUTS, UNTIL, Tables, one_ward
from tests.flows.test_same_ward import Judged, assert_alike, assessed, drop, judged
from tests.home import Home

NIGHTS: Final = 4
WRITERS: Final = {
    "canonical": as_csv.write_canonical,
    "hl7v2": as_hl7v2.write,
    "fhir": as_fhir.write,
}
# Of each patient's result, as sent before each night: its status (W: withdrawn) and value.
COURSES: Final = (
    ("P 1.0", "F 1.1", "C 1.9", "W 1.9"),
    ("F 1.0", "C 1.4", "W 1.4", ""),
    ("P 1.8", "", "C 0.9", "C 1.0"),
    ("F 0.8", "W 0.8", "", ""),
)
BEFORE: Final = "1.4"  # an older result of everybody, final and never touched
# What counts at each night: the value, its class, and `?` where it is provisional.
JUDGED: Final = (
    ("1.0 severe ?", "1.1 severe", "1.9 target_met", "1.4 low"),
    ("1.0 severe", "1.4 low", "1.4 low", "1.4 low"),
    ("1.4 low", "1.4 low", "0.9 severe", "1.0 severe"),
    ("0.8 severe", "1.4 low", "1.4 low", "1.4 low"),
)


FIRST: Final = UNTIL - (NIGHTS - 1) * NIGHT


def sent_before(night: int, ward: Tables) -> Tables:
    """All that was said in the day before a night, from 1 on; who the patients are each time."""
    undated = {"updated_at": "", "died_at": ""}
    patients = [row | undated for row in ward["patients"]]
    arrived = {"updated_at": "", "started_at": instant_text(FIRST - 5 * NIGHT), "ended_at": ""}
    stays = [row | arrived for row in ward["encounters"]]
    rows: list[Row] = []
    for stay, course in zip(stays, COURSES, strict=True):
        rows += [version(stay, "now", said, night) for said in course[night - 1 : night] if said]
        rows += [version(stay, "before", f"F {BEFORE}", night)] if night == 1 else []
    told = {"patients": patients, "encounters": stays, "observations": rows}
    return {table: told.get(table, []) for table in COLUMNS}


def version(stay: Row, name: str, said: str, night: int) -> Row:
    """One version of a result that was drawn before the first night."""
    drawn = FIRST - timedelta(hours=20 if name == "now" else 90)
    reported = FIRST + (night - 1) * NIGHT - timedelta(hours=3)
    number = f"{stay['patient_id']}-{name}"
    status, value = said.split()
    return dict.fromkeys(COLUMNS["observations"], "") | {
        "observation_id": number,
        "patient_id": stay["patient_id"],
        "encounter_id": stay["encounter_id"],
        "specimen_id": number,
        "facility": stay["facility"],
        "code": "19123-9",
        "name": "Magnesium",
        "value": value,
        "unit": "mg/dL",
        "specimen": "serum",
        "status": status,
        "collected_at": instant_text(drawn),
        "reported_at": instant_text(reported),
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder a night, with a folder a layout."""
    folder = tmp_path_factory.mktemp("written")
    ward = one_ward(len(COURSES))
    for night in range(1, NIGHTS + 1):
        sent = sent_before(night, ward)
        for layout, write in WRITERS.items():
            write(folder / str(night) / layout, sent, UNTIL - (NIGHTS - night) * NIGHT)
    return folder


def home_of(folder: Path, layout: str) -> tuple[Home, Path]:
    home = Home(folder)
    (folder / "sources").mkdir(parents=True)
    if layout == "canonical":
        return home, home.inbox
    shutil.copy(LAYOUTS / layout / "profile.toml", folder / "sources" / "ward.toml")
    return home, home.inbox / "ward"


def night_by_night(written: Path, folder: Path, layout: str) -> Sequence[Judged]:
    """What each night says when it gets what was sent in the day before it."""
    home, inbox = home_of(folder, layout)
    told = []
    for night in range(1, NIGHTS + 1):
        drop(written / str(night) / layout, inbox)
        told.append(judged(home, UNTIL - (NIGHTS - night) * NIGHT))
    return told


def all_at_once(written: Path, folder: Path, layout: str) -> Sequence[Judged]:
    """What each night says of a store that has read all files, the last ones first."""
    home, inbox = home_of(folder, layout)
    for night in range(NIGHTS, 0, -1):
        inbox.mkdir(exist_ok=True)
        for path in (written / str(night) / layout).iterdir():
            kind, ending = path.name.split("_", 1)
            shutil.copy(path, inbox / f"{kind}_{NIGHTS - night}_{ending}")
    last = home.night(UNTIL)
    assert ingest(last, lambda _: None).refused == 0
    return [assessed(home.night(UNTIL - before * NIGHT)) for before in range(NIGHTS - 1, -1, -1)]


@pytest.fixture(scope="module")
def expected(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Judged]:
    """The canonical nights, which say what the table above says."""
    nights = night_by_night(written, tmp_path_factory.mktemp("canonical") / "home", "canonical")
    for night, told in enumerate(nights):
        rows = told["assessments"].select("magnesium_mg_dl", "severity", "is_provisional").rows()
        said = [f"{value} {severity}{' ?' * sure}" for value, severity, sure in rows]
        assert said == [course[night] for course in JUDGED]
    return nights


@pytest.mark.long
@pytest.mark.parametrize("layout", ["canonical", "hl7v2", "fhir"])
def test_each_night_says_the_same_in_each_layout_and_order_of_files(
    layout: str, written: Path, expected: Sequence[Judged], tmp_path: Path
) -> None:
    if layout != "canonical":
        nights = night_by_night(written, tmp_path / "nightly", layout)
        for told, wanted in zip(nights, expected, strict=True):
            assert_alike(told, wanted, layout)
    at_once = all_at_once(written, tmp_path / "at-once", layout)
    for told, wanted in zip(at_once, expected, strict=True):
        assert_alike(told, wanted, layout)
