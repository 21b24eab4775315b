"""What a changed profile judges otherwise, and what no profile maps: counts for analysts."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
import pytest

from flows.night import Night
from flows.stages import Published, assess, ingest, publish
from tests.home import Home

AS_OF: Final = datetime(2026, 11, 20, 2, tzinfo=UTC)
HEADER: Final = "observation_id,patient_id,code,name,value,unit,status,collected_at\n"
MAPPED: Final = '[codes]\n"K" = "2823-3"\n'
UNITS: Final = '[units]\n"mg" = "mg/dL"\n"u" = "mmol/L"\n'


def lab(home: Home, profile: str, files: Mapping[str, list[str]]) -> None:
    (home.path / "sources").mkdir(parents=True, exist_ok=True)
    (home.path / "sources" / "lab.toml").write_text(profile, encoding="utf-8")
    folder = home.inbox / "lab"
    folder.mkdir(exist_ok=True)
    for name, rows in files.items():
        (folder / name).write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")


def published(night: Night) -> Published:
    for stage in (ingest, assess):
        stage(night, lambda _: None)
    return publish(night, lambda _: None)


def queue(home: Home) -> list[tuple[object, ...]]:
    with duckdb.connect(str(home.path / "published" / "hypomag.duckdb"), read_only=True) as held:
        return held.execute("FROM unmapped_codes").fetchall()


def row(number: int, code: str, value: str, unit: str, name: str = "") -> str:
    return f"{number},P{number},{code},{name},{value},{unit},F,2026-11-19T10:00:00Z"


def test_the_report_says_what_changed_class_when_a_profile_changed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    rows = [row(n, "19123-9", "1.4", "mg", "Mg") for n in range(3)]
    rows += [row(10, "19123-9", "0.8", "mg/dL"), row(11, "19123-9", "1.9", "mg/dL")]
    rows += [row(12, "K", "4.0", "u"), row(13, "K", "4.1", "mmol/L"), row(14, "K", "4.2", "?")]
    lab(home, "", {"observations.csv": rows})
    first = published(home.night(AS_OF))
    assert "judged otherwise" not in (first.folder / "report.html").read_text(encoding="utf-8")

    lab(home, MAPPED + UNITS, {})
    night = home.night(AS_OF + timedelta(days=1))
    said = published(night)
    page = (said.folder / "report.html").read_bytes()
    line = (
        "Feed lab: 6 results judged otherwise since its profile or the policy changed: "
        "3 unit not allowed → low, 2 not counted → judged, 1 not counted → unit not allowed."
    )
    assert f"<li>{line}</li>" in page.decode()
    manifest = json.loads((said.folder / "manifest.json").read_text(encoding="utf-8"))
    assert [notice["said"] for notice in manifest["notices"]] == [line]
    assert list(said.banner) == manifest["banner"] == []
    with duckdb.connect(str(said.folder / "hypomag.duckdb"), read_only=True) as held:
        assert held.execute("SELECT reclassed FROM files").fetchall() == [(6,)]

    again = published(night)
    assert (again.folder / "report.html").read_bytes() == page
    later = published(home.night(AS_OF + timedelta(days=2)))
    assert "judged otherwise" not in (later.folder / "report.html").read_text(encoding="utf-8")


def test_a_unit_that_makes_a_low_result_severe_is_told_as_that(tmp_path: Path) -> None:
    home = Home(tmp_path)
    rows = [row(1, "19123-9", "1.3", "x"), row(2, "19123-9", "1.0", "x")]
    lab(home, '[units]\n"x" = "mg/dL"\n', {"observations.csv": rows})
    stay = "encounter_id,patient_id,care_setting,started_at\nE1,P1,IP,2026-11-19T08:00:00Z\n"
    (home.inbox / "lab" / "encounters.csv").write_text(stay, encoding="utf-8")
    published(home.night(AS_OF))
    changed = '[units]\n"x" = "mg/L"\n[trust]\nmagnesium = "unit"\n'
    changed += '[words.care_setting]\n"IP" = "inpatient"\n'
    lab(home, changed, {})
    said = published(home.night(AS_OF + timedelta(days=1)))
    page = (said.folder / "report.html").read_text(encoding="utf-8")
    assert (
        "2 results judged otherwise since its profile or the policy changed: "
        "1 low → severe, 1 another value or time in the same class."
    ) in page
    assert (
        "1 row of encounters judged otherwise since its profile or the policy changed: "
        "1 word not known → judged."
    ) in page


@pytest.mark.long
def test_codes_that_nobody_mapped_are_a_queue_with_magnesium_first(tmp_path: Path) -> None:
    home = Home(tmp_path)
    rows = [row(n, "NA", "140", "mmol/L", "Sodium") for n in range(5)]
    rows += [row(20, "MGS", "0.4", "mmol/L", "Magnesium"), row(21, "K", "4", "mmol/L")]
    rows += [row(22, "2951-2", "140", "mmol/L"), row(23, "19123-9", "1.8", "mg/dL")]
    lab(home, MAPPED, {"observations_a.csv": rows})
    assert published(home.night(AS_OF)).code == 10
    more = [row(n, "MGS", "0.4", "mmol/L", "Magnesium") for n in (30, 31)]
    lab(home, MAPPED, {"observations_b.csv": more})
    said = published(home.night(AS_OF + timedelta(days=1)))
    first, last = date(2026, 11, 20), date(2026, 11, 21)
    assert queue(home) == [
        ("lab", "MGS", "Magnesium", "mmol/L", 3, first, last, "magnesium"),
        ("lab", "NA", "Sodium", "mmol/L", 5, first, first, None),
    ]
    page = (said.folder / "report.html").read_text(encoding="utf-8")
    assert "mapped to nothing: MGS of feed lab (3). They are on no list." in page
    assert "NA of feed" not in page
    published(home.night(AS_OF))
    assert queue(home)[0][4:7] == (1, first, first)
    lab(home, MAPPED + '"MGS" = "2601-3"\n', {})
    assert published(home.night(AS_OF + timedelta(days=2))).listed["iv_replacement"] == 3
    assert [code for _, code, *_ in queue(home)] == ["NA"]
