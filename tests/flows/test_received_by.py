"""Asked as received by then, nothing that came since counts: explained, and published."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.homes import make_home
from flows.night import Night
from flows.replaying import replay
from flows.stages import assess, ingest, opened, publish
from tests.home import Home

pytestmark = pytest.mark.long

AS_OF: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
_NIGHT: Final = timedelta(days=1)


def _result(value: str, status: str, reported_at: str) -> dict[str, str]:
    return {
        "observation_id": "A",
        "patient_id": "P1",
        "code": "19123-9",
        "value": value,
        "unit": "mg/dL",
        "status": status,
        "collected_at": "2026-11-18T06:00Z",
        "reported_at": reported_at,
    }


# The correction was written before the second night and delivered after it.
_DELIVERED: Final = (
    _result("1.0", "F", "2026-11-18T08:00Z"),
    _result("60", "P", "2026-11-18T07:00Z") | {"observation_id": "B"},
    _result("1.9", "C", "2026-11-19T20:00Z"),
)


def _publish(night: Night) -> None:
    for stage in (assess, publish):
        stage(night, lambda _: None)


def _lists(night: Night) -> dict[str, bytes]:
    folder = night.published / "nights" / str(night.date)
    return {
        path.name: path.read_bytes()
        for path in (*folder.glob("worklists/*.csv"), folder / "report.html")
    }


@pytest.fixture
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Night]:
    """Three published nights; the third brought a late correction."""
    for name in list(os.environ):
        if name.startswith("HYPOMAG_"):
            monkeypatch.delenv(name)
    make_home(tmp_path, "Hospital", "Europe/London")
    home = Home(tmp_path)
    told = []
    for at, row in enumerate(_DELIVERED):
        night = home.night(AS_OF - _NIGHT * (2 - at))
        home.drop("observations", [row], f"observations_{at}.csv")
        ingest(night, lambda _: None)
        _publish(night)
        told.append(night)
    return told


def _explained(night: Night, *words: str) -> dict[str, object]:
    home = ["--home", str(night.home), "--as-of", night.as_of.isoformat(), "--json"]
    ran = CliRunner().invoke(app, ["explain", "P1", *home, *words])
    assert ran.exit_code == 0, ran.output
    told: dict[str, object] = json.loads(ran.stdout)["published"]
    return told


def test_explain_leaves_out_what_was_received_later(nights: list[Night]) -> None:
    """The correction was known to the laboratory that night, and not to us."""
    second = nights[1]
    received_by = second.received_at.isoformat()
    assert _explained(second)["magnesium_mg_dl"] == 1.9
    assert _explained(second, "--received-by", received_by)["magnesium_mg_dl"] == 1.0


def test_explain_judges_by_another_policy_and_keeps_nothing_of_it(
    nights: list[Night], tmp_path: Path
) -> None:
    """Another limit, and another range of what is plausible, for which rows are read again."""
    policy = tmp_path / "other.toml"
    policy.write_text("[magnesium]\nsevere_limit = 0.9\n[plausible]\nmagnesium = [0, 1.5]\n")
    third = nights[2]
    told = _explained(nights[1], "--policy", str(policy), "--received-by", "2026-11-20T02:00Z")
    assert told["severity"] == "low"
    assert _explained(third, "--policy", str(policy)) == {}
    assert _explained(third)["magnesium_mg_dl"] == 1.9


def test_a_night_is_published_again_as_it_was_known(nights: list[Night]) -> None:
    """The same bytes as then, and the night after it repeats nothing of that."""
    second, third = nights[1:]
    before = [_lists(second), _lists(third)]
    asked = ["--home", str(second.home), "--as-of", second.as_of.isoformat(), "--json"]
    CliRunner().invoke(app, ["night", *asked, "--direct"])
    assert _lists(second)["iv_replacement.csv"] != before[0]["iv_replacement.csv"]
    ran = CliRunner().invoke(
        app, ["night", *asked, "--received-by", second.received_at.isoformat()]
    )
    assert ran.exit_code in {0, 10}, ran.output
    again = _lists(second)
    page = again.pop("report.html").decode()
    assert "Files and answers received after Fri 20 Nov 02:00 are left out of these lists." in page
    assert again.items() <= before[0].items()
    manifest = json.loads((second.published / "current" / "manifest.json").read_text("utf-8"))
    assert manifest["received_by"] == "2026-11-20T02:00:00.000000Z"
    assert [notice["kind"] for notice in manifest["notices"]] == ["received_by"]
    _publish(third)
    assert _lists(third) == before[1]
    with opened(third) as store:
        runs = store.rows("SELECT night, is_published FROM runs ORDER BY run_id")
    assert [night for night, _ in runs] == [
        nights[0].date,
        *([second.date, third.date, second.date, second.date]),
        third.date,
    ]
    assert all(is_published for _, is_published in runs)


def test_a_night_published_as_it_was_known_replays(nights: list[Night]) -> None:
    """Neither what came after that time counts, nor an answer to it, nor a night of later."""
    first, second, third = nights
    for now in (second, third):
        _publish(replace(now, received_at=third.received_at, received_by=first.received_at))
    assert "P1" in _lists(second)["iv_replacement.csv"].decode()
    for day in (first, second, third):
        found = replay(third, day.date, lambda _: None)
        assert found.is_identical, (day.date, found.files, found.rows, found.grounds)


def test_a_time_that_is_none_is_refused(nights: list[Night]) -> None:
    """The flag is named."""
    words = ["explain", "P1", "--home", str(nights[0].home), "--received-by", "yesterday"]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 50
    assert "--received-by 'yesterday'" in ran.output


def test_an_earlier_night_told_again_leaves_the_newest_lists_current(nights: list[Night]) -> None:
    second, third = nights[1:]
    current = third.published / "current"
    _publish(replace(second, received_at=third.received_at + _NIGHT, received_by=second.as_of))
    assert current.resolve().name == str(third.date)
    assert (third.published / "nights" / f"{second.date}.1").exists()
    _publish(replace(third, received_at=third.received_at + _NIGHT, received_by=third.as_of))
    assert current.resolve().name == str(third.date)
