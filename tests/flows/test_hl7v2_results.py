"""What a result of HL7 v2 says: value, code, unit, limits, times and specimen."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.flows.hl7v2_messages import (
    MSH,
    OBR,
    OBX,
    PID,
    SPM,
    column,
    obx,
    only,
    replaced,
    rows_of,
    text_of,
)


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


def test_the_day_alone_does_not_replace_the_orders_time(tmp_path: Path) -> None:
    segments = (MSH, PID, replaced(OBR, 7, "202611200600"))
    for drawn, expected in {
        "20261120": "2026-11-20T06:00:00",
        "20261121": "2026-11-21",
        "2026112007": "2026-11-20T07:00:00",
    }.items():
        assert only(tmp_path, "collected_at", *segments, obx(f14=drawn)) == expected


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
