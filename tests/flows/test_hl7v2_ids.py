"""A result of HL7 v2 and its corrections have one id, and other results have others."""

from pathlib import Path

import pytest

from flows.profile import parse_profile
from tests.flows.hl7v2_messages import (
    MSH,
    OBR,
    OBX,
    ORC,
    PID,
    column,
    obx,
    profile,
    replaced,
    rows_of,
    text_of,
)


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
        "FL1/19123-9",
        "R1",
        "FL1/19123-9/2",
        "FL1/19123-9#2",
        "FL1/19123-9/20261120071000+0100",
        "FL1/19123-9/2#2",
        "FL1/19123-9#3",
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
