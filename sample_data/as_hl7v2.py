"""A ward as HL7 v2.5.1: one ORU message for each tube or measure, all of them in one file."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from sample_data.as_csv import Tables, night_of
from sample_data.extract import HOSPITAL_ZONE, Row

_CLASSES: Final = {
    "inpatient": "I",
    "observation": "OBS",  # a class of this hospital: its profile words it
    "emergency": "E",
    "outpatient": "O",
}
_SEXES: Final = {"female": "F", "male": "M"}
_SPECIMENS: Final = {"serum": "SER^Serum", "blood": "BLD^Whole blood", "urine": "UR^Urine"}
_COMPARATORS: Final = "<>"
_ESCAPES: Final = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}


def write(folder: Path, ward: Tables, until: datetime) -> None:
    """Write patients, stays and results; what else a ward has finds no place in an ORU."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"oru_{night_of(until)}.hl7"
    path.write_text("".join(messages(ward)), encoding="utf-8", newline="")


def messages(ward: Tables) -> Iterable[str]:
    """Return the messages in the order of patients and tubes, the lines of each ended by CR."""
    patients = {row["patient_id"]: row for row in ward["patients"]}
    stays = {row["encounter_id"]: row for row in ward["encounters"]}
    ordered = sorted(ward["observations"], key=_order)
    for number, (_, results) in enumerate(groupby(ordered, _order), 1):
        rows = list(results)
        first = rows[0]
        yield message(number, patients[first["patient_id"]], stays[first["encounter_id"]], rows)


def _order(row: Row) -> tuple[str, ...]:
    return (row["patient_id"], row["collected_at"], row["specimen_id"], row["specimen"])


def message(number: int, patient: Row, stay: Row, results: list[Row]) -> str:
    """Return one message: who, where, and the results of one tube."""
    first = results[0]
    drawn = _time(first["collected_at"])
    sent = max(_time(row["reported_at"]) for row in results)
    kind = "ORU^R01^ORU_R01"
    head = ["MSH", "^~\\&", "LAB", _escaped(first["facility"]), "HYPOMAG", "", sent, "", kind]
    segments = [
        _joined([*head, f"W{number:05d}", "P", "2.5.1"]),
        _pid(patient),
        _pv1(stay),
        _segment("OBR", {1: "1", 3: f"{number:06d}", 4: "LAB^Laboratory^L", 7: drawn}),
        *(_obx(place, row) for place, row in enumerate(results, 1)),
    ]
    if first["specimen_id"]:
        kind = f"{_SPECIMENS[first['specimen']]}^HL70487"
        segments.append(_segment("SPM", {1: "1", 2: f"^{first['specimen_id']}", 4: kind}))
    return "".join(f"{segment}\r" for segment in segments)


def _pid(patient: Row) -> str:
    family, given = patient["name"].split(", ")
    died = patient["died_at"]
    return _segment(
        "PID",
        {
            1: "1",
            3: f"{patient['patient_id']}^^^SX^PI~{patient['mrn']}^^^SX-BAND^MR",
            5: f"{_escaped(family)}^{_escaped(given)}",
            7: patient["birth_date"].replace("-", ""),
            8: _SEXES[patient["sex"]],
            29: _time(died),
            30: "Y" if died else "",
        },
    )


def _pv1(stay: Row) -> str:
    return _segment(
        "PV1",
        {
            1: "1",
            2: _CLASSES[stay["care_setting"]],
            3: f"{_escaped(stay['ward'])}^^^{_escaped(stay['facility'])}",
            10: _escaped(stay["care_team"]),
            19: stay["encounter_id"],
            44: _time(stay["started_at"]),
            45: _time(stay["ended_at"]),
        },
    )


def _obx(place: int, row: Row) -> str:
    value = row["value"]
    kind, told = "NM", value
    if value[0] in _COMPARATORS:
        kind, told = "SN", f"{value[0]}^{value[1:]}"
    elif not value[0].isdigit():
        kind, told = "ST", _escaped(value)
    low, high = row["reference_low"], row["reference_high"]
    return _segment(
        "OBX",
        {
            1: str(place),
            2: kind,
            3: f"{row['code']}^{_escaped(row['name'])}^LN",
            5: told,
            6: row["unit"],
            7: f"{low}-{high}" if low and high else f">={low}" if low else "",
            11: row["status"],
            19: _time(row["reported_at"]),
            21: row["observation_id"],
        },
    )


def _segment(name: str, fields: Mapping[int, str]) -> str:
    return _joined([name, *(fields.get(at, "") for at in range(1, max(fields) + 1))])


def _joined(fields: list[str]) -> str:
    return "|".join(fields).rstrip("|")


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def _time(instant: str) -> str:
    """Return an instant in the hospital's own time, as HL7 writes it."""
    if not instant:
        return ""
    return datetime.fromisoformat(instant).astimezone(HOSPITAL_ZONE).strftime("%Y%m%d%H%M%S")
