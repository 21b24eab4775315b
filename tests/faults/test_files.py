"""Files that cannot be read as they say: refused by name and line, the others processed."""

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from flows.stages import assess, ingest, opened
from tests.home import Home

AS_OF: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
HEADER: Final = "observation_id,patient_id,code,value,unit,status,collected_at\n"
ROW: Final = "X1,CANARY-77,19123-9,1.0,mg/dL,F,2026-11-20T10:00:00Z\n"
GOOD: Final = HEADER + "G1,GOOD,19123-9,1.0,mg/dL,F,2026-11-20T10:00:00Z\n"

FAULTS: Final[dict[str, tuple[str, bytes, str]]] = {
    "a missing required column": (
        "observations.csv",
        (HEADER.replace("unit,", "") + ROW.replace("mg/dL,", "")).encode(),
        "line 1: required column 'unit' is missing",
    ),
    "a doubled column": (
        "observations.csv",
        (HEADER.replace("status", "value") + ROW).encode(),
        "line 1: columns 4 and 6 have the same name",
    ),
    "UTF-16": ("observations.csv", (HEADER + ROW).encode("utf-16"), "line 1: is UTF-16"),
    "Latin-1": (
        "observations.csv",
        (HEADER + ROW + ROW.replace("mg/dL", "µg/dL")).encode("latin-1"),
        "UTF-8",
    ),
    "an empty file": ("observations.csv", b"", "is empty"),
    "no header": ("observations.csv", ROW.encode(), "required column"),
    "a short line": (
        "observations.csv",
        (HEADER + ROW + "X2,CANARY-77,19123-9\n" + ROW).encode(),
        "line 3: 3 fields where the header has 7",
    ),
    "a long line": (
        "observations.csv",
        (HEADER + ROW + ROW.strip().encode().decode() + ",more\n").encode(),
        "line 3: 8 fields where the header has 7",
    ),
    "a short and a long line that make up for each other": (
        "observations.csv",
        (HEADER + ROW.strip() + ",more\n" + ROW.replace(",F,", ",")).encode(),
        "line 2: 8 fields",
    ),
    "an unclosed quote": (
        "observations.csv",
        (HEADER + ROW.replace("1.0", '"1.0') + ROW).encode(),
        "line",
    ),
    "NUL bytes": ("observations.csv", (HEADER + ROW + "\x00").encode(), "NUL"),
    "lines that end in CR alone": (
        "observations.csv",
        (HEADER + ROW).replace("\n", "\r").encode(),
        "CR alone",
    ),
    "another separator": (
        "observations.csv",
        (HEADER + ROW).replace(",", ";").encode(),
        "required column",
    ),
    "a cut gzip": (
        "observations.csv.gz",
        gzip.compress((HEADER + ROW * 5000).encode(), compresslevel=1)[:-30],
        "gzip stream is cut",
    ),
    "a gzip bomb": (
        "observations.csv.gz",
        gzip.compress(HEADER.encode() + b" " * 50_000_000),
        "unpacks to more than",
    ),
    "a cut Parquet": ("observations.parquet", b"PAR1" + b"\x15\x04" * 40, "Parquet"),
    "a name that says nothing": ("results.csv", (HEADER + ROW).encode(), "announces no table"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_is_refused_with_the_way_out_and_the_others_go_on(
    fault: str, tmp_path: Path
) -> None:
    name, content, said = FAULTS[fault]
    home = Home(tmp_path / "home")
    (home.inbox / name).write_bytes(content)
    (home.inbox / "observations_good.csv").write_text(GOOD, encoding="utf-8")
    night = home.night(AS_OF)
    found = ingest(night, lambda _: None)
    with opened(night) as store:
        ((problem,),) = store.rows("SELECT problem FROM files WHERE problem IS NOT NULL")
    assert found.refused == 1
    assert said in str(problem)
    assert ";" in str(problem)
    assert "CANARY" not in str(problem)
    assert assess(night, lambda _: None).listed["iv_replacement"] == 1


def test_a_file_whose_hash_disagrees_with_its_companion_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (home.inbox / "observations.csv").write_text(GOOD, encoding="utf-8")
    (home.inbox / "observations.csv.sha256").write_text("0" * 64, encoding="ascii")
    assert ingest(home.night(AS_OF), lambda _: None).refused == 1


def test_a_header_alone_is_a_quiet_night(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (home.inbox / "observations.csv").write_text(HEADER, encoding="utf-8")
    assert ingest(home.night(AS_OF), lambda _: None) == (1, 0, 0)


def test_byte_order_marks_and_quoted_newlines_are_no_fault(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    quoted = GOOD.replace("G1", '"G\n1"')
    (home.inbox / "observations.csv").write_text(quoted, encoding="utf-8-sig")
    night = home.night(AS_OF)
    assert ingest(night, lambda _: None) == (1, 0, 1)
    assert assess(night, lambda _: None).listed["iv_replacement"] == 1


def test_links_pipes_and_folders_are_not_read(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    target = tmp_path / "elsewhere.csv"
    target.write_text(GOOD, encoding="utf-8")
    (home.inbox / "observations_link.csv").symlink_to(target)
    os.mkfifo(home.inbox / "observations_pipe.csv")
    assert ingest(home.night(AS_OF), lambda _: None).files == 0


def test_a_literal_star_in_a_name_is_a_name(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (home.inbox / "observations_*.csv").write_text(GOOD, encoding="utf-8")
    (home.inbox / "observations_b.csv").write_text(GOOD.replace("G1", "G2"), encoding="utf-8")
    found = ingest(home.night(AS_OF), lambda _: None)
    assert found == (2, 0, 2)
