"""HL7 v2 result messages become the canonical rows that a hospital would send."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Final

import hl7  # type: ignore[import-untyped]
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.messages_hl7v2 import write_messages
from flows.errors import FileRefusedError
from flows.inbox import Dropped
from flows.profile import Profile, parse_profile
from flows.schema import CANONICAL
from flows.sources import hl7v2, hl7v2_pieces
from flows.sources.extract import StagedDelivery
from flows.sources.hl7v2_segments import Separators, fields_of, told
from flows.stages import ingest, opened
from tests.home import Home

AUTHORITIES: Final = '[identifiers]\npatient = "HOSP"\nmrn = "BAND"\n'
MSH: Final = r"MSH|^~\&|LAB|NORTH|EHR|HOSP|20261120070000+0100||ORU^R01^ORU_R01|C1|P|2.5.1"
PID: Final = "PID|1||P1^^^HOSP^MR||Testmere^Anna^B||19500131|F"
PV1: Final = "PV1|1|I|7B^12^1^SOUTH|||||||TEAM|||||||||V1" + "|" * 25 + "20261118101500"
ORC: Final = "ORC|RE|PL1|FL1"
OBR: Final = "OBR|1|PL1|FL1|CHEM^Chemistry^L|||20261120061000+0100" + "|" * 15 + "20261120064500"
OBX: Final = "OBX|1|NM|19123-9^Magnesium^LN||1.10|mg/dL^mg/dL^UCUM|1.6-2.6|L|||F"
SPM: Final = "SPM|1|PS1&EHR^FS1&LAB||SER^Serum^HL70487"
WHOLE: Final = (MSH, PID, PV1, ORC, OBR, OBX, SPM)
NAME: Final = "Testmere"


def profile(toml: str = "") -> Profile:
    return parse_profile("lab", f'layout = "hl7v2"\n{toml}', "Europe/London", "profile")


def text_of(*segments: str, end: str = "\r") -> str:
    return end.join(segments) + end


def replaced(segment: str, number: int, field: str) -> str:
    """A segment with another text in one field; MSH-2 is number 1 of its parts."""
    fields = segment.split("|")
    fields += [""] * (number + 1 - len(fields))
    fields[number] = field
    return "|".join(fields)


def obx(value: str = "1.1", kind: str = "NM", **more: str) -> str:
    """An OBX with the value, and the fields given as `f11="C"`."""
    segment = replaced(replaced(OBX, 2, kind), 5, value)
    for name, field in more.items():
        segment = replaced(segment, int(name.removeprefix("f")), field)
    return segment


def staged(tmp_path: Path, sent: str | bytes, table: str) -> StagedDelivery:
    path = tmp_path / "copy.hl7"
    path.write_bytes(sent if isinstance(sent, bytes) else sent.encode())
    return StagedDelivery(table, "night.hl7", path, {})


def rows_of(
    tmp_path: Path, sent: str | bytes, table: str = "observations", toml: str = ""
) -> pl.DataFrame:
    """What a file becomes."""
    frames = list(hl7v2.read(staged(tmp_path, sent, table), profile(toml)).frames)
    names = [*CANONICAL[table].names, *(["layout_fault"] if table == "observations" else [])]
    return pl.concat([pl.DataFrame(schema=dict.fromkeys(names, pl.String)), *frames])


def cells(rows: pl.DataFrame, at: int = 0) -> Mapping[str, str]:
    """The cells of a row that are not blank."""
    return {name: cell for name, cell in rows.row(at, named=True).items() if cell is not None}


def column(rows: pl.DataFrame, name: str) -> list[str | None]:
    return rows.get_column(name).to_list()


def only(tmp_path: Path, name: str, *segments: str, toml: str = "") -> str | None:
    """One cell of the only row that a message gives."""
    rows = rows_of(tmp_path, text_of(*segments), toml=toml)
    assert rows.height == 1
    cell: str | None = rows.item(0, name)
    return cell


def refusal(tmp_path: Path, sent: str | bytes) -> str:
    """Why a file is refused."""
    with pytest.raises(FileRefusedError) as refused:
        rows_of(tmp_path, sent)
    return str(refused.value)


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


def test_each_file_gives_results_patients_and_encounters() -> None:
    file = Dropped("lab", Path("night.hl7"), "lab/night.hl7", 1, 1, 1, "")
    tables = [delivery.table for delivery in hl7v2.deliveries([file], profile())]
    assert tables == ["observations", "patients", "encounters"]


def test_frames_have_exactly_the_canonical_columns_as_text(tmp_path: Path) -> None:
    for table in ("observations", "patients", "encounters"):
        read = hl7v2.read(staged(tmp_path, text_of(*WHOLE), table), profile())
        (frame,) = read.frames
        assert frame.drop("layout_fault", strict=False).schema == dict.fromkeys(
            CANONICAL[table].names, pl.String()
        )


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\x1c\r\x0b", "\r\n\r\n"])
def test_lines_end_as_they_may_and_frames_of_the_wire_are_taken_off(
    end: str, tmp_path: Path
) -> None:
    text = "\x0b" + end.join([text_of(*WHOLE, end=end.strip("\x0b\x1c"))] * 2)
    rows = rows_of(tmp_path, text)
    assert column(rows, "value") == ["1.10", "1.10"]
    assert column(rows, "layout_fault") == [None, None]


def test_each_message_is_split_by_the_separators_it_names(tmp_path: Path) -> None:
    usual = text_of(*WHOLE)
    table = str.maketrans("|^~\\&", "#*!$%")
    rows = rows_of(tmp_path, usual + usual.translate(table).replace("1.10", "0.9$F$") + usual)
    assert column(rows, "value") == ["1.10", "0.9#", "1.10"]
    for name in ("observation_id", "patient_id", "collected_at", "specimen_id"):
        assert len(set(column(rows, name))) == 1, name


def test_a_file_is_read_the_same_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "many.hl7"
    write_messages(path, 40)
    whole = rows_of(tmp_path, path.read_bytes())
    monkeypatch.setattr(hl7v2_pieces, "_PIECE", 1_000)
    assert rows_of(tmp_path, path.read_bytes()).equals(whole)
    assert whole.height == 120
    assert whole.get_column("layout_fault").null_count() == 120


# --- which files are refused ------------------------------------------------------------------


def enveloped(*messages: str, said: str = "2", batches: str = "1") -> str:
    return (
        text_of(r"FHS|^~\&|LAB", r"BHS|^~\&|LAB")
        + "".join(messages)
        + text_of(f"BTS|{said}", f"FTS|{batches}")
    )


def test_a_batch_envelope_that_holds_what_it_says_is_read(tmp_path: Path) -> None:
    one = text_of(*WHOLE)
    assert rows_of(tmp_path, enveloped(one, one)).height == 2
    assert rows_of(tmp_path, enveloped(one, one, said="", batches="")).height == 2
    assert rows_of(tmp_path, enveloped(one, one, said="2|all") * 2).height == 4


def test_an_envelope_of_pieces_is_counted_over_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hl7v2_pieces, "_PIECE", 100)
    one = text_of(*WHOLE)
    assert rows_of(tmp_path, enveloped(one, one, one, said="3")).height == 3
    assert "says 2 messages, 3 are there" in refusal(tmp_path, enveloped(one, one, one))


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        ("FTS", "line 1: FHS without its FTS before the file ends"),
        ("BTS", "line 2: BHS without its BTS before the file ends"),
        ("BHS", "line 16: BTS without the BHS before it"),
        ("FHS", "line 17: FTS without the FHS before it"),
    ],
)
def test_a_cut_envelope_is_refused(cut: str, said: str, tmp_path: Path) -> None:
    one = text_of(*WHOLE)
    kept = [line for line in enveloped(one, one).split("\r") if not line.startswith(cut)]
    assert refusal(tmp_path, "\r".join(kept)).startswith(said)


def test_an_envelope_with_another_count_is_refused_with_both_numbers(tmp_path: Path) -> None:
    one = text_of(*WHOLE)
    assert refusal(tmp_path, enveloped(one)) == (
        "line 10: BTS-1 says 2 messages, 1 are there; send the file whole, or mend the count"
    )
    assert "FTS-1 says 2 batches, 1 are there" in refusal(
        tmp_path, enveloped(one, one, batches="2")
    )


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "is empty"),
        (b"\r\n \r\n", "is empty"),
        (text_of(PID, OBR, OBX).encode(), "line 1: no MSH segment in the file"),
        (text_of(*WHOLE).encode("utf-16"), "line 1: is UTF-16 or holds NUL bytes"),
        (text_of(MSH, PID + "\0").encode(), "line 2: is UTF-16 or holds NUL bytes"),
        (text_of(MSH, PID, OBX + "|µ").encode("latin-1"), "line 3: byte 68 is not UTF-8"),
    ],
)
def test_a_file_that_is_no_text_of_messages_is_refused(
    sent: bytes, said: str, tmp_path: Path
) -> None:
    message = refusal(tmp_path, sent)
    assert message.startswith(said)
    assert NAME not in message


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert rows_of(tmp_path, b"\xef\xbb\xbf" + text_of(*WHOLE).encode()).height == 1


@pytest.mark.parametrize("said", ["8859/1", "8859/15", "UNICODE UTF-8", ""])
def test_the_first_message_names_the_character_set(said: str, tmp_path: Path) -> None:
    text = text_of(replaced(MSH, 17, said), PID, OBR, obx(f6="µmol/L"))
    charset = said.replace("8859/", "iso8859-") if said.startswith("8859") else "utf-8"
    assert column(rows_of(tmp_path, text.encode(charset)), "unit") == ["µmol/L"]


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


# --- whose a result is ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "toml", "patient", "mrn"),
    [
        ("P1^^^HOSP^MR", "", "P1", "P1"),
        ("P1", "", "P1", None),
        ("P1~~", "", "P1", None),
        ("P1^^^HOSP^MR~N1^^^NATION^NH", "", None, "P1"),
        ("N1^^^NATION^NH~P1^^^HOSP^PI~B1^^^BAND", AUTHORITIES, "P1", "B1"),
        ("N1^^^NATION^NH~P1^^^&HOSP&DNS~B1^^^X^MR", AUTHORITIES, "P1", "B1"),
        ("N1^^^NATION^NH", AUTHORITIES, None, None),
        # A visit's number of the same authority is not the patient's.
        ("A1^^^HOSP^AN~P1^^^HOSP^MR", AUTHORITIES, "P1", "P1"),
        ("A1^^^HOSP^MR~P1^^^HOSP^MR", AUTHORITIES, None, "A1"),
        ("P1^^^HOSP^MR~P1^^^HOSP^PI", AUTHORITIES, "P1", "P1"),
        ("", AUTHORITIES, None, None),
    ],
)
def test_the_patient_is_the_number_that_the_profiles_authority_gave(
    sent: str, toml: str, patient: str | None, mrn: str | None, tmp_path: Path
) -> None:
    segments = (MSH, replaced(PID, 3, sent), OBR, OBX)
    assert only(tmp_path, "patient_id", *segments, toml=toml) == patient
    persons = rows_of(tmp_path, text_of(*segments), "patients", toml)
    assert persons.select("patient_id", "mrn").rows() == [(patient, mrn)]


def test_two_patients_of_one_message_keep_their_own(tmp_path: Path) -> None:
    second = PID.replace("P1^", "P2^"), OBR.replace("FL1", "FL2"), OBX.replace("1.10", "0.9")
    rows = rows_of(tmp_path, text_of(*WHOLE, *second))
    names = ("patient_id", "encounter_id", "specimen_id", "observation_id", "value")
    assert rows.select(names).rows() == [
        ("P1", "V1", "FS1", "FL1/19123-9", "1.10"),
        ("P2", None, None, "FL2/19123-9", "0.9"),
    ]


def test_an_order_common_to_all_is_of_the_next_obr_alone(tmp_path: Path) -> None:
    nameless = replaced(replaced(OBR, 2, ""), 3, "")
    rows = rows_of(tmp_path, text_of(MSH, PID, ORC, nameless, OBX, nameless, obx(f14="20261120")))
    assert column(rows, "observation_id") == ["FL1/19123-9", None]


def test_a_result_has_the_id_of_its_own_else_that_of_order_code_part_and_time(
    tmp_path: Path,
) -> None:
    results = (
        OBX,
        obx(f21="R1^LAB"),
        obx(f4="2"),
        obx(f14="20261120061000+0100"),
        obx(f14="20261120071000+0100"),
        obx(f4="2"),
    )
    rows = rows_of(tmp_path, text_of(MSH, PID, OBR, *results, OBR, OBX))
    assert column(rows, "observation_id") == [
        "FL1/19123-9#1",
        "R1",
        "FL1/19123-9/2#1",
        "FL1/19123-9#2",
        "FL1/19123-9/20261120071000+0100",
        "FL1/19123-9/2#2",
        "FL1/19123-9#3",
    ]


def test_a_correction_alone_replaces_neither_of_two_that_nothing_tells_apart(
    tmp_path: Path,
) -> None:
    both = text_of(MSH, PID, OBR, obx(f5="0.9"), obx(f5="1.9"))
    alone = text_of(MSH, PID, OBR, obx(f5="1.8", f11="C"))
    ids = column(rows_of(tmp_path, both + both + alone), "observation_id")
    assert ids == [*["FL1/19123-9#1", "FL1/19123-9#2"] * 2, "FL1/19123-9"]


def test_a_number_of_the_ward_may_stand_for_several_draws(tmp_path: Path) -> None:
    def sent(drawn: str) -> str:
        return text_of(MSH, PID, replaced(replaced(OBR, 3, ""), 7, drawn), OBX)

    text = "".join(map(sent, ("20261120061000", "202611200610", "20261120101000")))
    assert column(rows_of(tmp_path, text), "observation_id") == [
        "PL1/19123-9/20261120061000",
        "PL1/19123-9/20261120061000",
        "PL1/19123-9/20261120101000",
    ]


def ids_of(tmp_path: Path, drawn: str, *results: str, toml: str = "") -> list[str | None]:
    """The id of each result, sent in a message of its own whose order says when."""
    order = replaced(OBR, 7, drawn)
    text = "".join(text_of(MSH, PID, order, result) for result in results)
    return column(rows_of(tmp_path, text, toml=toml), "observation_id")


@pytest.mark.parametrize(
    ("ordered", "drawn"),
    [
        ("202611200600", "20261120060000"),
        ("20261120060000", "2026112006"),
        ("2026112006+0100", "20261120060000.00+0100"),
        ("20261120060000.5", "20261120060000.500"),
        ("202611200600", "20261120"),
    ],
)
def test_the_orders_own_time_in_another_spelling_is_no_other_id(
    ordered: str, drawn: str, tmp_path: Path
) -> None:
    withdrawn = obx(f11="D", f14=drawn)
    assert ids_of(tmp_path, ordered, OBX, withdrawn) == ["FL1/19123-9"] * 2


def test_a_time_of_its_own_is_one_id_in_every_spelling(tmp_path: Path) -> None:
    spelt = [obx(f14=time) for time in ("202611200710", "20261120071000", "20261120071000.0")]
    assert set(ids_of(tmp_path, "202611200600", *spelt)) == {"FL1/19123-9/20261120071000"}
    others = [obx(f14=time) for time in ("20261120071001", "202611200710+0100", "20261121")]
    assert len(set(ids_of(tmp_path, "202611200600", *spelt, *others))) == 4


def test_the_day_alone_does_not_replace_the_orders_time(tmp_path: Path) -> None:
    segments = (MSH, PID, replaced(OBR, 7, "202611200600"))
    for drawn, expected in {
        "20261120": "2026-11-20T06:00:00",
        "20261121": "2026-11-21",
        "2026112007": "2026-11-20T07:00:00",
    }.items():
        assert only(tmp_path, "collected_at", *segments, obx(f14=drawn)) == expected


def test_a_mapped_code_and_its_loinc_are_one_id(tmp_path: Path) -> None:
    results = (OBX, obx(f3="MG^Magnesium^L", f11="D"))
    for codes, expected in {
        'MG = "19123-9"': {"FL1/19123-9"},
        'MG = "19123-9"\n"19123-9" = "19123-9"': {"FL1/19123-9"},
        # Two codes of one order stay apart: a correction of the one is none of the other.
        'MG = "19123-9"\nMG2 = "19123-9"': {"FL1/19123-9", "FL1/MG"},
    }.items():
        toml = f"[codes]\n{codes}\n"
        assert set(ids_of(tmp_path, "202611200600", *results, toml=toml)) == expected


def test_other_codes_read_messages_again() -> None:
    codes = '[codes]\nMG = "19123-9"\n'
    assert profile(codes).shape != profile().shape
    assert (
        parse_profile("lab", codes, "UTC", "p").shape == parse_profile("lab", "", "UTC", "p").shape
    )


def test_a_person_is_kept_once_until_something_changes(tmp_path: Path) -> None:
    def said(at: str, ward: str, name: str) -> str:
        whole = text_of(*WHOLE).replace("20261120070000+0100", at)
        return whole.replace("|7B^", f"|{ward}^").replace("Anna", name)

    text = "".join(
        said(f"202611200{hour}", ward, name)
        for hour, ward, name in (
            ("1", "7B", "Anna"),
            ("4", "7B", "Anna"),
            ("2", "7B", "Anna"),
            ("3", "7B", "Anna"),
            ("5", "ICU", "Anna"),
            ("6", "ICU", "Anne"),
        )
    )
    persons = rows_of(tmp_path, text, "patients").select("name", "updated_at").rows()
    assert persons == [
        ("Testmere, Anna", "2026-11-20T01:00:00"),
        ("Testmere, Anna", "2026-11-20T05:00:00"),
        ("Testmere, Anne", "2026-11-20T06:00:00"),
    ]
    stays = rows_of(tmp_path, text, "encounters").select("ward", "updated_at").rows()
    assert stays == [
        ("7B", "2026-11-20T01:00:00"),
        ("7B", "2026-11-20T04:00:00"),
        ("ICU", "2026-11-20T05:00:00"),
        ("ICU", "2026-11-20T06:00:00"),
    ]


@pytest.mark.parametrize(
    ("died", "is_dead", "expected"),
    [
        ("202611200530", "Y", "2026-11-20T05:30:00"),
        ("", "Y", "2026-11-20T07:00:00+01:00"),
        ("", "N", None),
        ('""', "", None),
    ],
)
def test_a_death_without_a_time_is_known_since_the_message(
    died: str, is_dead: str, expected: str | None, tmp_path: Path
) -> None:
    person = replaced(replaced(PID, 29, died), 30, is_dead)
    rows = rows_of(tmp_path, text_of(MSH, person, OBR, OBX), "patients")
    assert column(rows, "died_at") == [expected]


@pytest.mark.parametrize(
    ("sent", "toml", "expected"),
    [
        ("E", "", "emergency"),
        ("O", "", "outpatient"),
        ("N", "", "N"),
        ("O", '[words.care_setting]\nO = "observation"\n', "O"),
    ],
)
def test_the_class_of_a_visit_is_worded_unless_the_profile_words_it(
    sent: str, toml: str, expected: str, tmp_path: Path
) -> None:
    text = text_of(MSH, PID, replaced(PV1, 2, sent))
    assert column(rows_of(tmp_path, text, "encounters", toml), "care_setting") == [expected]


def test_a_visit_without_number_or_start_is_no_encounter(tmp_path: Path) -> None:
    text = text_of(MSH, PID, replaced(PV1, 19, "")) + text_of(MSH, PID, replaced(PV1, 44, ""))
    assert rows_of(tmp_path, text, "encounters").height == 0


# --- what a result says -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "sent", "expected"),
    [
        ("NM", " 1.10 ", " 1.10 "),
        ("NM", "", None),
        ("NM", '""', None),
        ("ST", "<0.5", "<0.5"),
        ("ST", "1.1~1.2", "1.1~1.2"),
        ("SN", "<^0.5", "<0.5"),
        ("SN", "=^0.5", "0.5"),
        ("SN", "^0.5", "0.5"),
        ("SN", ">=^9^^", ">=9"),
        ("SN", "^1^-^2", "^1^-^2"),
        ("SN", "<^0.5~<^0.6", "<^0.5~<^0.6"),
        ("SN", "0.5", "0.5"),
        ("CWE", "HEMO^HEMOLYZED^L", "HEMOLYZED"),
        ("CE", "HEMO", "HEMO"),
        ("CNE", "^^^H^haemolysed^L", "haemolysed"),
        ("CWE", r"A^a \T\ b", "a & b"),
    ],
)
def test_the_value_is_one_text(kind: str, sent: str, expected: str | None, tmp_path: Path) -> None:
    assert only(tmp_path, "value", MSH, PID, OBR, obx(sent, kind)) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", r"a|b^c&d~e\f"),
        (r"\E\F\E\ ", "\\F\\ "),
        (r"\F\E\ ", "|E\\ "),
        (r"one\.br\two\.sp3\three", "one two three"),
        (r"\H\0.9\N\ ", "0.9 "),
        (r"\X31\.\X3130\ ", "1.10 "),
        (r"\XC2B5\g\XB5\g\X0D\g", "µgµg g"),
        (r"\Zown\ C:\dir", r"\Zown\ C:\dir"),
        ("\\", "\\"),
    ],
)
def test_escapes_are_resolved_once_from_left_to_right(
    sent: str, expected: str, tmp_path: Path
) -> None:
    assert only(tmp_path, "value", MSH, PID, OBR, obx(sent, "ST")) == expected


@pytest.mark.parametrize("status", ["F", "P", "C", "W", "D", "X", "U"])
def test_the_status_stands_as_sent(status: str, tmp_path: Path) -> None:
    assert only(tmp_path, "status", MSH, PID, OBR, obx(f11=status)) == status


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("19123-9^Magnesium^LN^MG^Mg^L", ("19123-9", "Magnesium")),
        ("MG^Mg^L^19123-9^Magnesium^LN", ("19123-9", "Magnesium")),
        ("MG^Mg^L", ("MG", "Mg")),
        ("^^^MG^Mg^L", ("MG", "Mg")),
        ("MG", ("MG", None)),
        ("", (None, None)),
    ],
)
def test_the_loinc_code_goes_before_the_local_one(
    sent: str, expected: tuple[str | None, str | None], tmp_path: Path
) -> None:
    rows = rows_of(tmp_path, text_of(MSH, PID, OBR, obx(f3=sent)))
    assert rows.select("code", "name").row(0) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("24321-2^BMP^LN^19123-9^Magnesium^LN", ("19123-9", "Magnesium")),
        ("24321-2^BMP^LN^MG^Mg^L", ("MG", "Mg")),
        ("24321-2^BMP^LN^K^Potassium^L", ("24321-2", "BMP")),
        ("MG^Mg^L^24321-2^BMP^LN", ("MG", "Mg")),
        ("MG^Mg^L^2601-3^Magnesium^LN", ("2601-3", "Mg")),
        ("19123-9^Magnesium^LN^MG^Mg^L", ("19123-9", "Magnesium")),
    ],
)
def test_the_code_that_is_counted_goes_before_every_other(
    sent: str, expected: tuple[str, str], tmp_path: Path
) -> None:
    text = text_of(MSH, PID, OBR, obx(f3=sent))
    rows = rows_of(tmp_path, text, toml='[codes]\nMG = "19123-9"\n')
    assert rows.select("code", "name").row(0) == expected


def test_units_that_contradict_each_other_are_no_unit_until_the_profile_chooses(
    tmp_path: Path,
) -> None:
    segments = (MSH, PID, OBR, obx(f6="mmol/L^mg/dL^L"))
    assert only(tmp_path, "unit", *segments) == "mmol/L | mg/dL"
    assert only(tmp_path, "unit", *segments, toml='unit_from = "text"\n') == "mg/dL"
    assert only(tmp_path, "unit", MSH, PID, OBR, obx(f6="^mg/dL")) == "mg/dL"
    assert only(tmp_path, "unit", MSH, PID, OBR, obx(f6="mg/dL^milligram per deciliter")) == "mg/dL"


@pytest.mark.parametrize(
    ("sent", "low", "high"),
    [
        ("1.6-2.6", "1.6", "2.6"),
        ("1.6 - 2.6", "1.6", "2.6"),
        ("1,6-2,6", "1,6", "2,6"),
        ("-1.0-+1", "-1.0", "+1"),
        ("<2.6", None, "2.6"),
        ("<= 2.6", None, "2.6"),
        (">1.6", "1.6", None),
        (">=1.6", "1.6", None),
        ("1.6-2.6 mg/dL", None, None),
        ("negative", None, None),
        ("", None, None),
    ],
)
def test_reference_limits_are_read_from_spans_and_bounds(
    sent: str, low: str | None, high: str | None, tmp_path: Path
) -> None:
    rows = rows_of(tmp_path, text_of(MSH, PID, OBR, obx(f7=sent)))
    assert rows.select("reference_low", "reference_high").row(0) == (low, high)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("20261120", "2026-11-20"),
        ("2026112006", "2026-11-20T06:00:00"),
        ("202611200610", "2026-11-20T06:10:00"),
        ("20261120061030", "2026-11-20T06:10:30"),
        ("20261120061030.1234", "2026-11-20T06:10:30.1234"),
        ("20261120061030.1-0500", "2026-11-20T06:10:30.1-05:00"),
        ("202611200610+0100^S", "2026-11-20T06:10:00+01:00"),
        ("20261120+0100", "2026-11-20T00:00:00+01:00"),
        ("202611", "202611"),
        ("2026112006103", "2026112006103"),
        ("2026-11-20", "2026-11-20"),
        ("yesterday", "yesterday"),
    ],
)
def test_times_are_iso_and_what_is_no_day_stays_as_sent(
    sent: str, expected: str, tmp_path: Path
) -> None:
    untimed = replaced(OBR, 7, "")
    assert only(tmp_path, "collected_at", MSH, PID, untimed, obx(f14=sent)) == expected


def test_the_result_is_collected_when_it_says_then_the_order_then_the_specimen(
    tmp_path: Path,
) -> None:
    untimed, specimen = replaced(OBR, 7, ""), replaced(SPM, 17, "202611200500^202611200510")
    for expected, segments in {
        "2026-11-20T05:30:00": (MSH, PID, OBR, obx(f14="202611200530"), specimen),
        "2026-11-20T06:10:00+01:00": (MSH, PID, OBR, obx(f14='""'), specimen),
        "2026-11-20T05:00:00": (MSH, PID, untimed, OBX, specimen),
    }.items():
        assert only(tmp_path, "collected_at", *segments) == expected


def test_the_report_is_the_orders_then_the_results_then_the_messages(tmp_path: Path) -> None:
    analysed, unreported = obx(f19="202611200620"), replaced(OBR, 22, "")
    for expected, segments in {
        "2026-11-20T06:45:00": (MSH, PID, OBR, analysed),
        "2026-11-20T06:20:00": (MSH, PID, unreported, analysed),
        "2026-11-20T07:00:00+01:00": (MSH, PID, unreported, OBX),
    }.items():
        assert only(tmp_path, "reported_at", *segments) == expected


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ((OBX, SPM), ("serum", "FS1")),
        ((OBX, replaced(SPM, 4, "ABC^Serum or so")), ("ABC", "FS1")),
        ((OBX, replaced(SPM, 4, "^Serum or so")), ("Serum or so", "FS1")),
        ((OBX, replaced(SPM, 2, "PS1&EHR")), ("serum", "PS1")),
        ((OBX,), (None, None)),
    ],
)
def test_the_specimen_after_the_results_is_theirs(
    segments: Sequence[str], expected: tuple[str | None, str | None], tmp_path: Path
) -> None:
    rows = rows_of(tmp_path, text_of(MSH, PID, OBR, *segments))
    assert rows.select("specimen", "specimen_id").row(0) == expected


def test_older_versions_name_the_specimen_in_the_order(tmp_path: Path) -> None:
    for source, word in {"UR&Urine^^left": "urine", "PLAS": "plasma", "odd": "odd"}.items():
        order = replaced(OBR, 15, source)
        assert only(tmp_path, "specimen", MSH, PID, order, OBX) == word


def test_a_haemolysed_specimen_warns_of_its_own_order_alone(tmp_path: Path) -> None:
    haemolysed = replaced(SPM, 24, "CLOT^Clotted~HEM^Haemolysed")
    rows = rows_of(tmp_path, text_of(MSH, PID, OBR, OBX, OBX, haemolysed, OBR, OBX, SPM))
    assert column(rows, "is_haemolysed") == ["true", "true", None]
    assert only(tmp_path, "is_haemolysed", MSH, PID, OBR, OBX, replaced(SPM, 24, "HEMX")) is None


# --- against the library ----------------------------------------------------------------------

MARKS: Final = "|^~\\&#$%*!:;@/?"


@st.composite
def split_messages(draw: st.DrawFn) -> tuple[Separators, str]:
    """A message of OBX whose parts hold any separator, escaped, and the separators themselves."""
    marks = draw(st.permutations(MARKS))[:5]
    separators = Separators(*marks)
    names = dict(zip(marks, "FSRET", strict=True))

    def escaped(text: str) -> str:
        mark = separators.escape
        return "".join(f"{mark}{names[c]}{mark}" if c in names else c for c in text)

    texts = st.text(st.sampled_from(["a", "1", "<", "é", " ", *marks]), max_size=3)
    parts = st.lists(texts.map(escaped), min_size=1, max_size=3).map(separators.subcomponent.join)
    repeats = st.lists(parts, min_size=1, max_size=3).map(separators.component.join)
    fields = st.lists(repeats, min_size=1, max_size=3).map(separators.repeat.join)
    segments = draw(st.lists(st.lists(fields, max_size=4), min_size=1, max_size=3))
    field, component, repeat, escape, subcomponent = marks
    header = field.join(["MSH" + field + component + repeat + escape + subcomponent, "LAB"])
    return separators, "\r".join(
        [header, *(field.join(["OBX", *told_fields, "end"]) for told_fields in segments)]
    )


@pytest.mark.long
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(split_messages())
def test_segments_are_split_as_the_library_splits_them(made: tuple[Separators, str]) -> None:
    separators, text = made
    message = hl7.parse(text)
    _, *lines = text.split("\r")
    sent = fields_of(
        pl.DataFrame({"text": lines}), {f"f{n}": n for n in range(1, 5)}, separators.field
    )
    addresses = list(product(range(1, 5), range(1, 4), range(1, 4)))
    ours = told(sent, separators, **{f"{at}": (f"f{at[0]}", *at[1:]) for at in addresses})
    for at in addresses:
        theirs = [extracted(message, line, *at) for line in range(1, len(lines) + 1)]
        assert column(ours, f"{at}") == theirs, at


def extracted(message: hl7.Message, line: int, *numbers: int) -> str | None:
    """What the library finds in the first repeat of a field, where there is anything."""
    field, component, subcomponent = numbers
    try:
        found = message.extract_field("OBX", line, field, 1, component, subcomponent)
    except IndexError:
        return None
    return found.strip() or None


@pytest.mark.long
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["PID", "PV1", "OBR", "OBX", "SPM", "MSH"]), max_size=14))
def test_each_result_belongs_to_what_stands_before_it(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    text = "".join(line + "\r" for line in numbered(["MSH", "PID", "OBR", *names]))
    rows = rows_of(tmp_path_factory.mktemp("drawn"), text)
    holding = rows.filter(pl.any_horizontal(pl.col("patient_id", "value").is_not_null()))
    found = holding.select("observation_id", "patient_id", "encounter_id", "specimen_id", "value")
    expected = [row for message in messages_in(text) for row in plainly(message)]
    assert found.rows() == expected


NUMBERED: Final = {"PID": 3, "PV1": 19, "OBR": 3, "OBX": 5}


def numbered(names: list[str]) -> list[str]:
    """Segments that are told apart by their number."""
    made = {
        "MSH": r"MSH|^~\&|LAB|NORTH|||20261120||ORU^R01|C{}",
        "PID": "PID|||P{}",
        "PV1": "PV1" + "|" * 19 + "V{}",
        "OBR": "OBR|||F{}",
        "OBX": "OBX|1|NM|MG||{}",
        "SPM": "SPM||S{}",
    }
    return [made[name].format(at) for at, name in enumerate(names)]


def messages_in(text: str) -> list[hl7.Message]:
    return [hl7.parse("MSH" + part) for part in text.split("MSH")[1:]]


def plainly(message: hl7.Message) -> list[tuple[str | None, ...]]:
    """The rows of a message, read segment by segment."""
    control = str(message["MSH"][0][10])
    rows: list[dict[str, str]] = []
    last: dict[str, str] = {}
    for segment in message:
        name = str(segment[0])
        if name == "PID":
            last = {}
        if name in NUMBERED:
            last[name] = str(segment[NUMBERED[name]])
        if name == "OBX":
            rows.append(dict(last))
    specimens = specimens_of(message)
    is_broken = any("OBR" not in row for row in rows)
    found: list[tuple[str | None, ...]] = []
    for place, row in enumerate(rows, 1):
        order = row.get("OBR", "")
        alike = [at for at, other in enumerate(rows, 1) if other.get("OBR") == order]
        identifier = f"{order}/MG" + (f"#{alike.index(place) + 1}" if len(alike) > 1 else "")
        beside = (row.get("PID"), row.get("PV1"), specimens.get(order), row.get("OBX"))
        found.append((f"{control}#{place}" if is_broken else identifier, *beside))
    return found


def specimens_of(message: hl7.Message) -> dict[str, str]:
    """The first specimen of each order."""
    specimens: dict[str, str] = {}
    order = ""
    for segment in message:
        name = str(segment[0])
        if name in {"PID", "OBR"}:
            order = str(segment[3]) if name == "OBR" else ""
        if name == "SPM" and order:
            specimens.setdefault(order, str(segment[2]))
    return specimens


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
