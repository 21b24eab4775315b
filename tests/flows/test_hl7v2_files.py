"""Files of HL7 v2 are read whole, in pieces alike, or refused with the reason."""

from pathlib import Path

import pytest

from benchmarks.messages_hl7v2 import write_messages
from flows.errors import FileRefusedError
from flows.inbox import Dropped
from flows.sources import hl7v2, hl7v2_pieces
from tests.flows.hl7v2_messages import (
    MSH,
    NAME,
    OBR,
    OBX,
    PID,
    WHOLE,
    column,
    obx,
    profile,
    replaced,
    rows_of,
    text_of,
)


def refusal(tmp_path: Path, sent: str | bytes) -> str:
    """Why a file is refused."""
    with pytest.raises(FileRefusedError) as refused:
        rows_of(tmp_path, sent)
    return str(refused.value)


def test_each_file_gives_results_patients_and_encounters() -> None:
    file = Dropped("lab", Path("night.hl7"), "lab/night.hl7", 1, 1, 1, "")
    tables = [delivery.table for delivery in hl7v2.deliveries([file], profile())]
    assert tables == ["observations", "patients", "encounters"]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\x1c\r\x0b", "\r\n\r\n"])
def test_lines_end_as_they_may_and_frames_of_the_wire_are_taken_off(
    end: str, tmp_path: Path
) -> None:
    text = "\x0b" + end.join([text_of(*WHOLE, end=end.strip("\x0b\x1c"))] * 2)
    rows = rows_of(tmp_path, text)
    assert column(rows, "value") == ["1.10", "1.10"]
    assert column(rows, "layout_fault") == [None, None]


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
