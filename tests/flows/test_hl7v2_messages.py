"""HL7 v2 messages become canonical rows, and a broken one is told by itself."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from flows.schema import CANONICAL
from flows.sources import hl7v2
from flows.stages import ingest, opened
from tests.flows.hl7v2_messages import (
    MSH,
    NAME,
    OBR,
    OBX,
    PID,
    PV1,
    WHOLE,
    column,
    obx,
    profile,
    rows_of,
    staged,
    text_of,
)
from tests.home import Home


def cells(rows: pl.DataFrame, at: int = 0) -> Mapping[str, str]:
    """The cells of a row that are not blank."""
    return {name: cell for name, cell in rows.row(at, named=True).items() if cell is not None}


def test_a_result_becomes_a_row(tmp_path: Path) -> None:
    assert cells(rows_of(tmp_path, text_of(*WHOLE))) == {
        "observation_id": "FL1/19123-9",
        "patient_id": "P1",
        "encounter_id": "V1",
        "specimen_id": "FS1",
        "facility": "NORTH",
        "code": "19123-9",
        "name": "Magnesium",
        "value": "1.10",
        "unit": "mg/dL",
        "specimen": "serum",
        "status": "F",
        "collected_at": "2026-11-20T06:10:00+01:00",
        "reported_at": "2026-11-20T06:45:00",
        "reference_low": "1.6",
        "reference_high": "2.6",
    }


def test_a_message_says_who_the_patient_is_and_where(tmp_path: Path) -> None:
    text = text_of(*WHOLE)
    assert cells(rows_of(tmp_path, text, "patients")) == {
        "patient_id": "P1",
        "birth_date": "1950-01-31",
        "sex": "F",
        "mrn": "P1",
        "name": "Testmere, Anna",
        "updated_at": "2026-11-20T07:00:00+01:00",
    }
    assert cells(rows_of(tmp_path, text, "encounters")) == {
        "encounter_id": "V1",
        "patient_id": "P1",
        "care_setting": "inpatient",
        "facility": "SOUTH",
        "ward": "7B",
        "care_team": "TEAM",
        "started_at": "2026-11-18T10:15:00",
        "updated_at": "2026-11-20T07:00:00+01:00",
    }


def test_frames_have_exactly_the_canonical_columns_as_text(tmp_path: Path) -> None:
    for table in ("observations", "patients", "encounters"):
        read = hl7v2.read(staged(tmp_path, text_of(*WHOLE), table), profile())
        (frame,) = read.frames
        assert frame.drop("layout_fault", strict=False).schema == dict.fromkeys(
            CANONICAL[table].names, pl.String()
        )


def test_each_message_is_split_by_the_separators_it_names(tmp_path: Path) -> None:
    usual = text_of(*WHOLE)
    table = str.maketrans("|^~\\&", "#*!$%")
    rows = rows_of(tmp_path, usual + usual.translate(table).replace("1.10", "0.9$F$") + usual)
    assert column(rows, "value") == ["1.10", "0.9#", "1.10"]
    for name in ("observation_id", "patient_id", "collected_at", "specimen_id"):
        assert len(set(column(rows, name))) == 1, name


# --- which messages are broken ----------------------------------------------------------------


@pytest.mark.parametrize(
    "segments",
    [
        (MSH.replace(r"|^~\&|", "|^~|"), PID, OBR, OBX),
        (MSH.replace(r"|^~\&|", "|^^~&|"), PID, OBR, OBX),
        (MSH.replace(r"|^~\&|", "|ABCD|"), PID, OBR, OBX),
        (MSH.replace("ORU^R01^ORU_R01", ""), PID, OBR, OBX),
        (MSH, PID, OBR, "what a nurse typed", OBX),
        (MSH, PID, OBR, "Obx|1", OBX),
        (MSH, PID, OBX, OBR),
        (MSH, PID, OBR, PID, OBX),
    ],
)
def test_a_broken_message_is_told_by_its_control_id_and_the_others_go_on(
    segments: Sequence[str], tmp_path: Path
) -> None:
    broken = text_of(*segments).replace("|C1|", "|C7|")
    rows = rows_of(tmp_path, text_of(*WHOLE) + broken + text_of(*WHOLE))
    assert column(rows, "layout_fault") == [None, "message_not_readable", None]
    assert column(rows, "observation_id") == ["FL1/19123-9", "C7#1", "FL1/19123-9"]
    # What can be read of it is there for those who look at it.
    assert column(rows, "patient_id") == ["P1", "P1", "P1"]
    assert column(rows, "value") == ["1.10", "1.10", "1.10"]
    assert column(rows, "code") == ["19123-9"] * 3


def test_each_result_of_a_broken_message_is_seen_and_one_without_any_too(tmp_path: Path) -> None:
    many = text_of(MSH, PID, OBX, OBR, OBX, OBX)
    none = text_of(MSH.replace("|C1|", "|C2|"), PID, PV1, "???")
    rows = rows_of(tmp_path, many + none)
    assert column(rows, "observation_id") == ["C1#1", "C1#2", "C1#3", "C2"]
    assert set(column(rows, "layout_fault")) == {"message_not_readable"}
    assert cells(rows, 3) == {
        "observation_id": "C2",
        "patient_id": "P1",
        "encounter_id": "V1",
        "facility": "NORTH",
        "reported_at": "2026-11-20T07:00:00+01:00",
        "layout_fault": "message_not_readable",
    }


def test_a_broken_message_says_nothing_of_patients_and_encounters(tmp_path: Path) -> None:
    text = text_of(*WHOLE, "???") + text_of(*WHOLE).replace("P1^^^HOSP", "P2^^^HOSP")
    assert column(rows_of(tmp_path, text, "patients"), "patient_id") == ["P2"]
    assert column(rows_of(tmp_path, text, "encounters"), "patient_id") == ["P2"]


def test_lines_before_the_first_message_are_a_broken_one_without_a_control_id(
    tmp_path: Path,
) -> None:
    rows = rows_of(tmp_path, text_of(PID, OBR, OBX, *WHOLE))
    assert column(rows, "observation_id") == [None, "FL1/19123-9"]
    assert column(rows, "layout_fault") == ["message_not_readable", None]
    assert column(rows_of(tmp_path, text_of("junk", *WHOLE)), "layout_fault") == [
        "message_not_readable",
        None,
    ]


def test_messages_of_another_type_are_named_once_and_give_no_rows(tmp_path: Path) -> None:
    texts = [
        text_of(MSH.replace("ORU^R01^ORU_R01", kind), PID, PV1, "ZZZ|odd")
        for kind in ("ADT^A08", "ADT^A08^ADT_A01", "ACK", f"ADT^{NAME}", "ORM^O01")
    ]
    text = "".join([*texts, text_of(*WHOLE), *texts])
    named = ("messages ACK", "messages ADT^A08", "messages ORM^O01", "messages of another type")
    read = hl7v2.read(staged(tmp_path, text, "observations"), profile())
    assert read.unknown_columns == named
    assert pl.concat(read.frames).height == 1
    for table in ("patients", "encounters"):
        other = hl7v2.read(staged(tmp_path, text, table), profile())
        assert other.unknown_columns == ()
        assert pl.concat(other.frames).height == 1


def test_separators_that_were_not_escaped_shift_fields_and_leave_no_status(
    tmp_path: Path,
) -> None:
    rows = rows_of(tmp_path, text_of(MSH, PID, OBR, obx("seen|below|0.5", kind="ST")))
    assert cells(rows)["value"] == "seen"
    assert cells(rows)["unit"] == "below"
    assert "status" not in cells(rows)


# --- a whole night ----------------------------------------------------------------------------


def test_a_night_quarantines_a_broken_message_by_itself_and_takes_corrections(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path / "home")
    sources = home.path / "sources"
    sources.mkdir(parents=True)
    (sources / "lab.toml").write_text('layout = "hl7v2"\n', encoding="utf-8")
    folder = home.inbox / "lab"
    folder.mkdir()
    broken = text_of(MSH.replace("|C1|", "|C7|"), PID, OBR, f"what {NAME} wrote", obx("0.8"))
    corrected = text_of(*WHOLE).replace("1.10", "1.20").replace("||F", "||C")
    later = corrected.replace("20261120064500", "20261120065500")
    withdrawn = text_of(*WHOLE).replace("FL1", "FL2").replace("||F", "||W")
    shifted = text_of(MSH, PID, OBR.replace("FL1", "FL3"), obx("a|b", kind="ST"))
    text = text_of(*WHOLE) + broken + later + withdrawn + shifted
    (folder / "night.hl7").write_text(text, encoding="utf-8")
    night = home.night(datetime(2026, 11, 21, 2, tzinfo=UTC))
    said: list[str] = []
    ingest(night, said.append)
    assert NAME not in " ".join(said)
    with opened(night) as store:
        told_rows = store.rows(
            "SELECT observation_id, reason, magnitude FROM observation_versions ORDER BY row"
        )
        assert told_rows == [
            ("FL1/19123-9", None, 1.1),
            ("C7#1", "message_not_readable", 0.8),
            ("FL1/19123-9", None, 1.2),
            ("FL2/19123-9", None, 1.1),
            ("FL3/19123-9", "status_unknown", None),
        ]
        counts = "rows, accepted + superseded + quarantined + ignored"
        ledger = store.rows(f"SELECT table_name, {counts}, problem FROM files ORDER BY table_name")  # noqa: S608 - a constant
        assert ledger == [
            ("encounters", 2, 2, None),
            ("observations", 5, 5, None),
            ("patients", 2, 2, None),
        ]
