"""Magnesium rows of one patient, with corrections, withdrawals and updates."""

from datetime import datetime, timedelta

from hypothesis import strategies as st

from .drawn_texts import (
    FUTURE,
    MAGNESIUM_FIGURES,
    NEARBY,
    SPELLINGS,
    Draw,
    chance,
    index_time,
    odd_time,
    pick,
    time_before,
    written,
)

Row = dict[str, str]

_FINALS = ("F",) * 8 + ("C", "A", "V", "B", "U", "final", "amended", "corrected", "appended")
_OTHERS = ("P", "R", "S", "preliminary", "I", "X", "O", "cancelled", "registered", "unknown")
_WITHDRAWN = ("D", "W", "entered-in-error")
_UNKNOWN = ("", "Q", "done")
_HOUR = timedelta(hours=1)


def magnesium_row(draw: Draw, patient_id: str, row_id: str, kind: str, time: datetime) -> Row:
    """Draw one magnesium row of a severity (or `unreadable`), mostly final and well formed."""
    units = MAGNESIUM_FIGURES[kind]
    unit = draw(st.sampled_from((next(iter(units)), *units)))
    is_mass = unit in {"mg/dL", "mg/L"}
    if chance(draw, 30):
        is_mass = not is_mass
    row = {
        "observation_id": row_id,
        "patient_id": patient_id,
        "code": "19123-9" if is_mass else "2601-3",
        "value": pick(draw, *units[unit]),
        "unit": pick(draw, *SPELLINGS.get(unit, (unit,))),
        "specimen": pick(draw, "serum", "serum", "", "plasma", "Blood"),
        "status": pick(draw, *_FINALS),
        "collected_at": written(draw, time),
    }
    if chance(draw, 8):
        row["status"] = pick(draw, *_OTHERS, *_UNKNOWN)
    if chance(draw, 4):
        row["reported_at"] = written(draw, time + pick_delay(draw))
    if chance(draw, 5):
        row["specimen_id"] = pick(draw, "S1", "S2")
        if chance(draw, 2):
            row["observation_id"] = ""
    elif chance(draw, 15):
        row["observation_id"] = ""
    if chance(draw, 8):
        row["is_haemolysed"] = pick(draw, "true", "false", "TRUE")
    if chance(draw, 9):
        _spoil(draw, row)
    return row


def pick_delay(draw: Draw) -> timedelta:
    """Draw how long after a collection a report, a correction or a withdrawal came."""
    hours = draw(st.sampled_from((1, 0, 0, 2, 2, 5, 9, 24, 90)))
    return hours * _HOUR


def _spoil(draw: Draw, row: Row) -> None:
    """Break one cell the way feeds do."""
    cells = ("unit", "specimen", "collected_at", "future", "reported_at", "code", "patient_id")
    match pick(draw, "unit", "unit", "collected_at", *cells):
        case "unit":
            row["unit"] = pick(draw, "", "", "mg", "mmol", "g/dL", "mg/dL/h")
        case "specimen":
            row["specimen"] = pick(draw, "urine", "CSF", "Body Fluid", "UR")
        case "collected_at":
            row["collected_at"] = odd_time(draw)
        case "future":
            row["collected_at"] = written(draw, time_before(draw, FUTURE))
        case "reported_at":
            row["reported_at"] = pick(draw, odd_time(draw), "2026-11-21T03:00:00Z", "soon")
        case "code":
            row["code"] = pick(draw, "", "21377-7", "26746-8", "24447-5")
        case _:
            row["patient_id"] = ""


def versions_of(draw: Draw, first: Row, time: datetime) -> list[Row]:
    """Draw later or equal versions of a row: corrections, withdrawals, updates without value."""
    versions: list[Row] = []
    for _ in range(draw(st.sampled_from((1, 1, 2, 3)))):
        later = dict(first)
        later["reported_at"] = written(draw, time + pick_delay(draw))
        match pick(draw, "correction", "withdrawal", "update", "provisional", "odd", "copy"):
            case "correction":
                kind = draw(st.sampled_from(tuple(MAGNESIUM_FIGURES)))
                later["value"] = pick(draw, *MAGNESIUM_FIGURES[kind]["mg/dL"])
                later["status"] = pick(draw, "C", "corrected", "A", "F", "amended", "appended")
            case "withdrawal":
                later["status"] = pick(draw, *_WITHDRAWN)
                if chance(draw, 4):
                    later["reported_at"] = ""
                    later["collected_at"] = pick(draw, first["collected_at"], "", "unknown")
            case "update":
                later |= {"status": "U", "value": "", "unit": pick(draw, "", "mg/dL")}
                later["collected_at"] = pick(draw, first["collected_at"], "")
            case "provisional":
                later["status"] = pick(draw, "P", "preliminary")
                later["value"] = pick(draw, "1.1", "1.4", "4.2")
            case "odd":
                later["status"] = pick(draw, *_OTHERS, *_UNKNOWN)
            case _:
                later["reported_at"] = first.get("reported_at", "")
        # Without an id the collection time is the key: then it must stay as it was.
        if not first["observation_id"]:
            later["collected_at"] = first["collected_at"]
        versions.append(later)
    return versions


def magnesium_rows(draw: Draw, patient_id: str, kinds: tuple[str, ...]) -> list[Row]:
    """Draw free magnesium rows of a patient, some with further versions."""
    rows: list[Row] = []
    time = index_time(draw)
    for number in range(draw(st.sampled_from((1, 1, 2, 2, 3, 4)))):
        kind = pick(draw, *kinds)
        row = magnesium_row(draw, patient_id, f"{patient_id}-MG{number}", kind, time)
        rows.append(row)
        if chance(draw, 5):
            rows += versions_of(draw, row, time)
        time = time - draw(st.sampled_from(NEARBY)) if chance(draw, 2) else index_time(draw)
    return rows
