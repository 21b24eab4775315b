"""One ward told in six layouts is judged alike: same people, same lists, same words."""

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb
import hl7  # type: ignore[import-untyped]
import polars as pl
import pytest
from fhir.resources.R4B import get_fhir_model_class
from polars.testing import assert_frame_equal

from flows.night import Night
from flows.stages import assess, ingest
from flows.tonight import tonight_path
from sample_data.ward import COMMITTED_PATIENTS, LAYOUTS, UNTIL, one_ward, write_ward
from tests.home import Home

# What an ORU has no place for comes canonically, in the same home.
CANONICALLY: Final = {"hl7v2": ("conditions", "medications")}
KEYS: Final = {"assessments": ["patient_id"], "worklist_items": ["worklist", "patient_id"]}
# Which feed it was, its own ids, its own words for the state of a result.
OWN: Final = ("source", "observation_id", "file", "row", "status_as_sent")
NO_PLACE_FOR: Final = {"omop": ("name", "care_team")}
# Texts as the laboratory printed them: this one prints decimal commas and units of its own, beside
# which a sentence says the figure once more.
PRINTED: Final = {
    "semicolons": (
        (r"(\d),(\d)", "$1.$2"),
        ("mmol/l", "mmol/L"),
        ("mg/dl", "mg/dL"),
        (r"\([<>]?[0-9.]+ mg/dL; ", "("),
        (r"([0-9]) mg/dL( or below| target)?\)", "$1$2)"),
    )
}

Judged = dict[str, pl.DataFrame]


def home_of(folder: Path, written: Path, layout: str) -> Home:
    """A home in which the ward of a layout was dropped, beside its profile."""
    home = Home(folder)
    (folder / "sources").mkdir(parents=True)
    if layout == "canonical":
        drop(written / layout, home.inbox)
        return home
    shutil.copy(LAYOUTS / layout / "profile.toml", folder / "sources" / "ward.toml")
    drop(written / layout, home.inbox / "ward")
    for table in CANONICALLY.get(layout, ()):
        drop(written / "canonical", home.inbox, f"{table}_*")
    return home


def drop(written: Path, folder: Path, pattern: str = "*") -> None:
    folder.mkdir(exist_ok=True)
    for path in written.glob(pattern):
        shutil.copy(path, folder)


def judged(home: Home, as_of: datetime = UNTIL) -> Judged:
    """What a night publishes of the ward."""
    night = home.night(as_of)
    assert ingest(night, lambda _: None).refused == 0
    return assessed(night)


def assessed(night: Night) -> Judged:
    assess(night, lambda _: None)
    with duckdb.connect(str(tonight_path(night)), read_only=True) as database:
        tonight = pl.col("night") == night.date
        return {
            table: rows_of(database, table).filter(tonight).sort(keys)
            for table, keys in KEYS.items()
        }


def rows_of(database: duckdb.DuckDBPyConnection, table: str) -> pl.DataFrame:
    answer = database.execute(f"SELECT * FROM {table}")  # noqa: S608 - a constant
    names = [column[0] for column in answer.description or ()]
    return pl.DataFrame(answer.fetchall(), schema=names, orient="row", infer_schema_length=None)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    write_ward(folder, one_ward())
    return folder


@pytest.fixture(scope="module")
def expected(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """The canonical ward as judged: it has something on every list."""
    told = judged(home_of(tmp_path_factory.mktemp("canonical") / "home", written, "canonical"))
    lists = told["worklist_items"].get_column("worklist").cast(pl.String)
    assert set(lists) == {"iv_replacement", "recheck", "review", "work_up", "high_watch"}
    assert told["assessments"].height > 30
    return told


@pytest.mark.long
@pytest.mark.parametrize("layout", ["hl7v2", "fhir", "omop", "semicolons", "pipes"])
def test_the_ward_is_judged_alike_in_every_layout(
    layout: str, written: Path, expected: Judged, tmp_path: Path
) -> None:
    found = judged(home_of(tmp_path / "home", written, layout))
    assert_alike(found, expected, layout)


def assert_alike(found: Judged, expected: Judged, layout: str) -> None:
    """Every column and row the same but what the layout cannot say or words its own way."""
    left_out = (*OWN, *NO_PLACE_FOR.get(layout, ()))
    texts = pl.col(pl.String)
    for theirs, ours in PRINTED.get(layout, ()):
        texts = texts.str.replace_all(theirs, ours)
    for table in KEYS:
        told, wanted = (
            judgement[table].drop(left_out, strict=False).with_columns(texts)
            for judgement in (found, expected)
        )
        assert_frame_equal(told, wanted)


def test_the_committed_ward_is_what_the_code_writes(tmp_path: Path) -> None:
    """And sound by the readers of others: each message, each resource."""
    write_ward(tmp_path, one_ward(COMMITTED_PATIENTS))
    assert bytes_of(LAYOUTS) == bytes_of(tmp_path)
    (messages,) = (tmp_path / "hl7v2").glob("*.hl7")
    for message in messages.read_bytes().decode().split("MSH")[1:]:
        assert hl7.parse("MSH" + message)["OBX"]
    for path in (tmp_path / "fhir").iterdir():
        for line in path.read_text(encoding="utf-8").splitlines():
            kind = json.loads(line)["resourceType"]
            get_fhir_model_class(kind).model_validate_json(line)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """The files of each layout, without what stands there for readers and for hypomag."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.glob("*/*"))
        if path.name != "profile.toml"
    }
