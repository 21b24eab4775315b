"""Whole small nights for Hypothesis: one to three patients, drawn often at the thresholds."""

from datetime import datetime, timedelta

from hypothesis import strategies as st

from .drawn_beside import beside, contaminated, kidneys, measured, tidy_urine
from .drawn_care import Row, diagnoses, medication, person, stays
from .drawn_results import magnesium_row, magnesium_rows
from .drawn_texts import AS_OF, FRESH, WEEKS, ZONE, Draw, chance, index_time, time_before

__all__ = ["AS_OF", "ZONE", "nights"]

Tables = dict[str, list[Row]]

_TABLES = ("observations", "patients", "encounters", "conditions", "medications")
_ANY_KIND = (
    *("severe", "severe", "severe", "low", "low", "low", "target_met", "high", "high"),
    *("undetermined", "unreadable"),
)
_STORIES = ("free", "free", "treated", "treated", "confirm", "work_up", "high", "child", "doubt")
_HOUR = timedelta(hours=1)


@st.composite
def nights(draw: Draw) -> Tables:
    """Draw the canonical tables of a night as of `AS_OF` in `ZONE`, as text."""
    tables: Tables = {table: [] for table in _TABLES}
    for patient_id in ("P1", "P2", "P3")[: draw(st.sampled_from((1, 1, 2, 3)))]:
        _add_patient(draw, tables, patient_id)
    if chance(draw, 4):
        tables["medications"] += medication(draw, "P9", 0, AS_OF - 2 * _HOUR, "other")
    for table in _TABLES[1:]:
        if not tables[table] or chance(draw, 20):
            del tables[table]  # never delivered
    if chance(draw, 25):
        for row in tables["observations"]:
            row.pop("status", None)
    if tables["observations"] and chance(draw, 8):
        tables["observations"].append(dict(draw(st.sampled_from(tables["observations"]))))
    if chance(draw, 3):
        tables["observations"].reverse()
    return tables


def _add_patient(draw: Draw, tables: Tables, patient_id: str) -> None:
    story = draw(st.sampled_from(_STORIES))
    around = AS_OF - 16 * _HOUR
    match story:
        case "treated":
            around = _tell_treated(draw, tables, patient_id)
        case "confirm":
            around = _tell_confirm(draw, tables, patient_id)
        case "work_up":
            around = _tell_work_up(draw, tables, patient_id)
        case "high":
            around = time_before(draw, FRESH + WEEKS)
            row = magnesium_row(draw, patient_id, f"{patient_id}-H", "high", around)
            tables["observations"].append(row)
            tables["medications"] += _medications(draw, patient_id, around, ("oral", "iv"))
        case "doubt":
            kinds = ("unreadable", "undetermined", "unreadable", *_ANY_KIND)
            tables["observations"] += magnesium_rows(draw, patient_id, kinds)
        case _:
            around = index_time(draw)
            tables["observations"] += magnesium_rows(draw, patient_id, _ANY_KIND)
    tables["observations"] += beside(draw, patient_id, around)
    if chance(draw, 3):
        tables["observations"] += kidneys(draw, patient_id, around)
    if chance(draw, 2):
        tables["medications"] += _medications(
            draw, patient_id, around, ("other", "iv", "oral", "other")
        )
    tables["conditions"] += diagnoses(draw, patient_id) if chance(draw, 2) else []
    tables["encounters"] += stays(draw, patient_id)
    tables["patients"] += person(draw, patient_id, is_young=story == "child")


def _medications(
    draw: Draw, patient_id: str, around: datetime, purposes: tuple[str, ...]
) -> list[Row]:
    rows: list[Row] = []
    first = draw(st.sampled_from((100, 200, 300)))
    for number in range(draw(st.sampled_from((1, 1, 2, 3)))):
        purpose = draw(st.sampled_from(purposes))
        rows += medication(draw, patient_id, first + number, around, purpose)
    return rows


def _tell_treated(draw: Draw, tables: Tables, patient_id: str) -> datetime:
    """Tell of a severe or low level, and magnesium around it."""
    time = time_before(draw, FRESH + WEEKS)
    kind = draw(st.sampled_from(("severe", "severe", "low")))
    row = magnesium_row(draw, patient_id, f"{patient_id}-T", kind, time)
    tables["observations"].append(row)
    if chance(draw, 6):
        tables["observations"] += contaminated(draw, patient_id, time, row.get("specimen_id", ""))
    tables["medications"] += _medications(draw, patient_id, time, ("iv", "iv", "oral"))
    return time


def _tell_confirm(draw: Draw, tables: Tables, patient_id: str) -> datetime:
    """Tell of a severe level, a dose, and a target level during or after it."""
    distances = (2 * _HOUR, 10 * _HOUR, 40 * _HOUR, 96 * _HOUR, 120 * _HOUR, 18 * 24 * _HOUR)
    target = time_before(draw, (*distances, 19 * 24 * _HOUR))
    severe = target - draw(st.sampled_from((5, 8, 30, 300))) * _HOUR
    for row_id, kind, time in (("S", "severe", severe), ("C", "target_met", target)):
        row = magnesium_row(draw, patient_id, f"{patient_id}-{row_id}", kind, time)
        tables["observations"].append(row)
    tables["medications"] += medication(draw, patient_id, 0, target - 3 * _HOUR, "iv")
    if chance(draw, 3):
        tables["medications"] += medication(draw, patient_id, 1, target, "oral")
    return target


def _tell_work_up(draw: Draw, tables: Tables, patient_id: str) -> datetime:
    """Tell of low levels on days apart, with urine and serum near each other."""
    latest = time_before(draw, FRESH + WEEKS)
    first = latest - draw(st.sampled_from((7, 7, 6, 8, 14))) * 24 * _HOUR
    is_tidy = chance(draw, 3)
    for row_id, time in (("1", first), ("2", latest))[: 1 if is_tidy else 2]:
        kind = draw(st.sampled_from(("low", "low", "severe")))
        row = magnesium_row(draw, patient_id, f"{patient_id}-W{row_id}", kind, time)
        tables["observations"].append(row)
    if is_tidy:
        tables["observations"] += tidy_urine(draw, patient_id, latest)
        return latest
    urine = latest - draw(st.sampled_from((0, 2, 24, 25, -1))) * _HOUR
    if not chance(draw, 5):
        for analyte in ("urine_magnesium", "urine_creatinine"):
            row_id = f"{patient_id}-{analyte}"
            tables["observations"].append(measured(draw, patient_id, row_id, analyte, urine))
    for analyte in ("creatinine", "clearance"):
        time = urine - draw(st.sampled_from((0, 1, 24, -1))) * _HOUR
        row_id = f"{patient_id}-{analyte}"
        tables["observations"].append(measured(draw, patient_id, row_id, analyte, time))
    return latest
