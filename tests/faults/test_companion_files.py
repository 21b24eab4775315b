"""What stands beside a file: a hash, a count of rows, a mark; each that stands is held to."""

import gzip
import hashlib
import io
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from flows import stages
from flows.errors import ConfigurationError, FileRefusedError
from flows.inbox import Dropped, youngest_age_seconds
from flows.row_counts import hold_to_count
from flows.stages import ingest, opened
from tests.home import Home

AS_OF: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
HEADER: Final = "observation_id,patient_id,code,value,unit,status,collected_at\n"
ROWS: Final = HEADER + "".join(
    f"G{number},P{number},19123-9,1.0,mg/dL,F,2026-11-20T10:00:00Z\n" for number in range(3)
)
MESSAGE: Final = (
    "MSH|^~\\&|L|H|R|H|20261120120000||ORU^R01|{n}|P|2.5\rPID|1||P{n}\r"
    "OBR|1|O{n}||19123-9|||20261120100000|||||||||||||||20261120110000|||F\r"
    "OBX|1|NM|19123-9^Mg^LN||1.0|mg/dL|||||F|||20261120100000\r"
)
PATIENT: Final = '{"resourceType":"Patient","id":"P%d","birthDate":"1950-01-01"}\n'


def met(home: Home) -> dict[str, tuple[str, str | None]]:
    """Each file of the ledger: what vouched for it, and its problem."""
    night = home.night(AS_OF)
    ingest(night, lambda _: None)
    with opened(night) as store:
        found = store.rows("SELECT name, whole_by, problem FROM files")
    return {
        str(name): (str(by), None if problem is None else str(problem))
        for name, by, problem in found
    }


def drop(home: Home, name: str, content: bytes, **beside: str) -> None:
    path = home.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    for kind, text in beside.items():
        ending = {"manifest": ".manifest.json"}.get(kind, f".{kind}")
        path.with_name(path.name + ending).write_text(text, encoding="utf-8")


def test_a_count_that_disagrees_refuses_the_file_with_both_numbers_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    right = hashlib.sha256(ROWS.encode()).hexdigest()
    spaced = ROWS.replace("G1,", '"G\n1",') + "\n\n"
    drop(home, "observations_short.csv", ROWS.encode(), manifest='{"rows": 4}')
    drop(home, "observations_whole.csv", ROWS.encode(), manifest='{"rows": 3}', done="")
    drop(home, "observations_zip.csv.gz", gzip.compress(ROWS.encode()), manifest='{"rows": 2}')
    drop(home, "observations_spaced.csv", spaced.encode(), manifest='{"rows": 3}')
    drop(home, "observations_word.csv", ROWS.encode(), manifest='{"rows": "3"}')
    drop(home, "observations_list.csv", ROWS.encode(), manifest="[3]")
    drop(home, "observations_cut.csv", ROWS.encode(), manifest='{"rows": ')
    drop(home, "observations_plain.csv", ROWS.encode(), manifest='{"sent": "2026-11-20"}')
    drop(home, "observations_hash.csv", ROWS.encode(), manifest=json.dumps({"sha256": right}))
    drop(home, "observations_other.csv", ROWS.encode(), manifest=json.dumps({"sha256": "0" * 64}))
    files = met(home)
    both = "its .manifest.json says {} rows, the file holds {}; send the whole file again"
    assert both.format(4, 3) in str(files["observations_short.csv"][1])
    assert both.format(2, 3) in str(files["observations_zip.csv.gz"][1])
    for name in ("word", "list", "cut"):
        assert ".manifest.json" in str(files[f"observations_{name}.csv"][1]), name
        assert ";" in str(files[f"observations_{name}.csv"][1]), name
    assert "not what its .manifest.json says" in str(files["observations_other.csv"][1])
    for name in ("whole", "spaced", "plain", "hash"):
        assert files[f"observations_{name}.csv"][1] is None, name
    assert files["observations_whole.csv"][0] == "manifest+done"
    assert files["observations_short.csv"][0] == "manifest"


def test_each_hash_that_stands_is_held_to_beside_a_plain_mark_too(tmp_path: Path) -> None:
    home = Home(tmp_path)
    right = hashlib.sha256(ROWS.encode()).hexdigest()
    drop(home, "observations_a.csv", ROWS.encode(), done="", sha256="0" * 64)
    drop(home, "observations_b.csv", ROWS.encode(), sha256=f"SHA256 (b.csv) = {right.upper()}\n")
    drop(home, "observations_c.csv", ROWS.encode(), sha256="")
    files = met(home)
    assert "not what its .sha256 says" in str(files["observations_a.csv"][1])
    assert files["observations_b.csv"] == ("sha256", None)
    assert "not what its .sha256 says" in str(files["observations_c.csv"][1])


def test_messages_resources_and_tables_of_others_are_counted_as_they_are_sent(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    (tmp_path / "sources").mkdir()
    for layout in ("hl7v2", "fhir", "omop"):
        text = f'layout = "{layout}"\npatient_prefix = "{layout}-"\n'
        (tmp_path / "sources" / f"{layout}.toml").write_text(text, encoding="utf-8")
    messages = "".join(MESSAGE.format(n=number) for number in range(3)).encode()
    people = "".join(PATIENT % number for number in range(2)) + "\n"
    persons = "person_id,gender_concept_id,year_of_birth,person_source_value\n1,8507,1950,5\n"
    columns = {name: ["x", "y"] for name in HEADER.strip().split(",")}
    table = io.BytesIO()
    pl.DataFrame(columns).write_parquet(table)
    drop(home, "observations.parquet", table.getvalue(), manifest='{"rows": 2}')
    drop(home, "observations_2.parquet", table.getvalue(), manifest='{"rows": 1}')
    drop(home, "hl7v2/a.hl7", messages, manifest='{"rows": 3}')
    drop(home, "hl7v2/b.hl7", messages, manifest='{"rows": 4}')
    drop(home, "fhir/Patient.ndjson", people.encode(), manifest='{"rows": 2}')
    drop(home, "fhir/Patient_cut.ndjson", people.encode(), manifest='{"rows": 3}')
    drop(home, "omop/person.csv", persons.encode(), manifest='{"rows": 1}')
    drop(home, "omop/person_2.csv", persons.encode(), manifest='{"rows": 2}')
    files = met(home)
    assert files["observations.parquet"] == ("manifest", None)
    assert "says 1 row, the file holds 2" in str(files["observations_2.parquet"][1])
    assert files["a.hl7"] == ("manifest", None)
    assert "says 4 rows, the file holds 3" in str(files["b.hl7"][1])
    assert files["Patient.ndjson"] == ("manifest", None)
    assert "says 3 rows, the file holds 2" in str(files["Patient_cut.ndjson"][1])
    assert files["person.csv"] == ("manifest", None)
    assert "says 2 rows, the file holds 1" in str(files["person_2.csv"][1])


def test_a_vocabulary_in_tabs_is_counted_by_its_lines(tmp_path: Path) -> None:
    concepts = tmp_path / "concept.csv"
    concepts.write_text('concept_id\tconcept_name\n1\t5" needle\n2\tMagnesium\n', encoding="utf-8")
    hold_to_count(concepts, 2, ",")
    with pytest.raises(FileRefusedError, match="says 3 rows, the file holds 2"):
        hold_to_count(concepts, 3, ",")


def test_a_companion_that_is_a_link_vouches_for_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    drop(home, "observations.csv", ROWS.encode())
    (tmp_path / "done").touch()
    (home.inbox / "observations.csv.done").symlink_to(tmp_path / "done")
    assert met(home) == {"observations.csv": ("quiet", None)}


def test_a_linked_drop_folder_is_said_and_not_followed(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (tmp_path / "home" / "sources").mkdir(parents=True)
    (tmp_path / "home" / "sources" / "lab.toml").write_text("", encoding="utf-8")
    drop(Home(tmp_path / "other"), "observations.csv", ROWS.encode())
    (home.inbox / "lab").symlink_to(tmp_path / "other" / "inbox")
    with pytest.raises(ConfigurationError, match="inbox/lab is a link"):
        met(home)


def test_a_file_that_was_swapped_for_a_pipe_is_refused_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    drop(home, "observations.csv", ROWS.encode())

    def swap(*_: object) -> None:
        (home.inbox / "observations.csv").unlink()
        os.mkfifo(home.inbox / "observations.csv")

    monkeypatch.setattr(stages, "_wait_until_quiet", swap)
    assert "changed while the night began" in str(met(home)["observations.csv"][1])


def test_a_file_whose_time_lies_ahead_is_waited_for(tmp_path: Path) -> None:
    now = time.time_ns()
    ahead = Dropped("canonical", tmp_path, "x", 1, now + 3_600 * 10**9, 1, "")
    assert youngest_age_seconds([ahead], now) == 0
