"""Panels of FHIR R4 that are withdrawn, and results with several codings."""

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from flows.profile import parse_profile
from flows.stages import assess, ingest
from flows.tonight import tonight_path
from tests.flows.fhir_resources import LOINC, Json, observation, quantity, refusal, rows_of, text_of
from tests.home import Home

PANEL = {"coding": [{"system": LOINC, "code": "24321-2", "display": "Basic panel"}]}
MG = {"system": LOINC, "code": "19123-9", "display": "Magnesium"}


def panel(**more: object) -> Json:
    """A panel of one magnesium of 2.0, drawn a day after the other result."""
    told = {
        "id": "B",
        "code": PANEL,
        "effectiveDateTime": "2026-11-20T06:10:00Z",
        "issued": "2026-11-20T07:00:00Z",
        "valueQuantity": None,
        "component": [{"code": {"coding": [MG]}, "valueQuantity": quantity(2.0, "mg/dL")}],
    }
    return observation(**(told | more))


def test_a_panel_withdrawn_without_components_hides_no_older_result(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "ours.toml").write_text('layout = "fhir"\n', encoding="utf-8")
    drop = home.inbox / "ours"
    drop.mkdir()
    older = observation(
        effectiveDateTime="2026-11-19T06:10:00Z",
        issued="2026-11-19T07:00:00Z",
        valueQuantity=quantity(1.0, "mg/dL"),
    )
    sent = [older, panel()]
    (drop / "Observation-1.ndjson").write_text("\n".join(map(text_of, sent)), encoding="utf-8")
    found = []
    for day in (21, 22):
        night = home.night(datetime(2026, 11, day, 2, tzinfo=UTC))
        assert ingest(night, lambda _: None).refused == 0
        assess(night, lambda _: None)
        with duckdb.connect(str(tonight_path(night)), read_only=True) as database:
            index = database.execute("SELECT severity FROM assessments").fetchall()
            counts = database.execute(
                "SELECT (SELECT count(*) FROM quarantine), (SELECT count(*) FROM unmapped_codes)"
            ).fetchall()
        found.append((index, counts))
        void = panel(status="entered-in-error", component=None, issued="2026-11-21T09:00:00Z")
        (drop / "Observation-2.ndjson").write_text(text_of(void), encoding="utf-8")
    (before, rest), (after, rest_after) = found
    assert (before, after) == ([("target_met",)], [("severe",)])
    # The panel's own code is a LOINC that no rule counts: neither put aside nor unmapped.
    assert rest == rest_after == [(0, 0)]


def test_a_withdrawn_panel_withdraws_what_it_could_have_held(tmp_path: Path) -> None:
    toml = '[codes]\nMGS = "19123-9"\nCBC = "718-7"\n[words.status]\ngone = "entered-in-error"\n'
    for status in ("entered-in-error", "gone"):
        line = text_of(panel(status="entered-in-error", component=None)).replace(
            "entered-in-error", status
        )
        rows = rows_of(tmp_path, "observations", line, toml=toml)
        ids = rows.get_column("observation_id")
        assert ids.n_unique() == ids.len()
        assert {"B", "B/19123-9", "B/2601-3", "B/19123-9#2", "B/MGS", "B/2160-0"} <= set(ids)
        assert "B/CBC" not in set(ids)
        assert set(rows.get_column("status")) == {status}
        parts = rows.filter(pl.col("observation_id") != "B")
        assert parts.select("value", "name").null_count().row(0) == (parts.height,) * 2
        coded = parts.get_column("observation_id").str.extract("/([^#]*)")
        assert coded.to_list() == parts.get_column("code").to_list()


def test_only_a_withdrawn_panel_without_components_does(tmp_path: Path) -> None:
    sent = [
        panel(component=None),
        panel(component=None, status="cancelled"),
        panel(status="entered-in-error"),
        observation(status="entered-in-error"),
        panel(component=None, status="entered-in-error", subject=None),
    ]
    rows = rows_of(tmp_path, "observations", *sent)
    assert rows.get_column("observation_id").to_list() == ["B", "B", "B/19123-9", "o1", "B"]


def test_of_several_codings_the_one_that_a_rule_counts_is_read(tmp_path: Path) -> None:
    basic, local = PANEL["coding"][0], {"system": "urn:ours", "code": "MGS"}
    cases = {
        "19123-9": [basic, MG],
        "2160-0": [basic, {"system": "urn:oid:2.16.840.1.113883.6.1", "code": "2160-0"}],
        "MGS": [basic, local],
        "2601-3": [local, {"system": LOINC, "code": "2601-3"}],
    }
    sent = [observation(code={"coding": codings}) for codings in cases.values()]
    parts = [{"code": {"coding": codings}, "valueInteger": 1} for codings in cases.values()]
    rows = rows_of(
        tmp_path, "observations", *sent, panel(component=parts), toml='codes.MGS = "19123-9"\n'
    )
    assert rows.get_column("code").to_list() == [*cases, *cases]
    assert rows.get_column("observation_id").to_list()[-4:] == [f"B/{code}" for code in cases]
    unmapped = rows_of(tmp_path, "observations", observation(code={"coding": [basic, local]}))
    assert unmapped.item(0, "code") == "24321-2"


def test_files_are_read_again_when_the_codes_of_a_profile_change() -> None:
    """Which coding a row has depends on them."""
    shapes = {
        parse_profile("ours", f'layout = "fhir"\n{codes}', "UTC", "ours").shape
        for codes in ("", 'codes.MGS = "19123-9"\n', 'codes.MGS = "2601-3"\n')
    }
    assert len(shapes) == 3


def test_a_contained_member_is_read_as_a_component(tmp_path: Path) -> None:
    mg = {
        "resourceType": "Observation",
        "id": "mg",
        "status": "final",
        "code": {"coding": [MG]},
        "valueQuantity": quantity(1.1, "mg/dL"),
    }
    potassium = mg | {
        "id": "k",
        "code": {"coding": [{"system": LOINC, "code": "2823-3"}]},
        "status": "preliminary",
        "effectiveDateTime": "2026-11-20T05:00:00Z",
        "issued": "2026-11-20T05:30:00Z",
    }
    members = [{"reference": name} for name in ("#mg", "Observation/o2", "#k", "#absent")]
    group = panel(component=None, contained=[mg, potassium], hasMember=members)
    line = text_of(group).replace('"value": 1.1,', '"value": 1.10,')
    columns = ("observation_id", "patient_id", "code", "value", "status")
    times = ("collected_at", "reported_at")
    rows = rows_of(tmp_path, "observations", line, observation())
    assert rows.select(*columns, *times).rows()[:2] == [
        (
            "B/19123-9",
            "p1",
            "19123-9",
            "1.10",
            "final",
            group["effectiveDateTime"],
            group["issued"],
        ),
        ("B/2823-3", "p1", "2823-3", "1.10", "preliminary", *list(potassium.values())[-2:]),
    ]
    assert rows.get_column("observation_id").to_list()[2:] == ["o1"]
    void = group | {"status": "entered-in-error", "issued": "2026-11-21T09:00:00Z"}
    gone = rows_of(tmp_path, "observations", void)
    assert set(gone.select("status", "reported_at").rows()) == {(void["status"], void["issued"])}
    assert {"B/19123-9", "B/2823-3", "B/2601-3"} <= set(gone.get_column("observation_id"))
    broken = mg | {"valueQuantity": {"value": 1}, "valueString": ["x"]}
    told = refusal(tmp_path, json.dumps(group | {"contained": [broken]}))
    assert told.startswith("line 1: 'contained.valueString' is a list")
