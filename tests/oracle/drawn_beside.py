"""What is measured beside magnesium: single rows, and sets that the rules look for together."""

from datetime import datetime, timedelta

from hypothesis import strategies as st

from .drawn_texts import CODES, FIGURES, NEARBY, SPELLINGS, Draw, chance, odd_time, pick, written

Row = dict[str, str]

_HOUR = timedelta(hours=1)
_BESIDE = (
    *("creatinine", "creatinine", "potassium", "calcium", "ionised_calcium", "albumin"),
    *("weight", "height", "clearance", "egfr", "urine_magnesium", "urine_creatinine"),
    "urine_calcium",
)


def measured(draw: Draw, patient_id: str, row_id: str, analyte: str, time: datetime) -> Row:
    """Draw one row of another analyte."""
    units = FIGURES[analyte]
    unit = draw(st.sampled_from(tuple(units)))
    row = {
        "observation_id": row_id,
        "patient_id": patient_id,
        "code": pick(draw, *CODES[analyte]),
        "value": pick(draw, *units[unit]),
        "unit": pick(draw, *SPELLINGS.get(unit, (unit,))),
        "specimen": "urine" if analyte.startswith("urine") else "",
        "status": "F",
        "collected_at": written(draw, time),
    }
    if analyte in {"weight", "height"}:
        row["status"] = pick(draw, "", "F")
    elif chance(draw, 10):
        row["status"] = pick(draw, "P", "C", "X", "W", "")
    if chance(draw, 6):
        row["reference_low"] = pick(draw, "3.6", "3.0", "8.8", "1.15", "8.0", "n/a")
    if chance(draw, 6):
        row["specimen_id"] = pick(draw, "S1", "S2")
    if chance(draw, 25):
        row["unit"] = pick(draw, "", "mg/dL", "%")
    if chance(draw, 25):
        row["specimen"] = pick(draw, "serum", "urine", "csf")
    if chance(draw, 25):
        row["collected_at"] = odd_time(draw)
    return row


def beside(draw: Draw, patient_id: str, time: datetime) -> list[Row]:
    """Draw what else was measured around an instant."""
    analytes = draw(st.lists(st.sampled_from(_BESIDE), min_size=1, max_size=6))
    return [
        measured(
            draw,
            patient_id,
            f"{patient_id}-X{number}",
            analyte,
            time - draw(st.sampled_from(NEARBY)),
        )
        for number, analyte in enumerate(analytes)
    ]


def kidneys(draw: Draw, patient_id: str, time: datetime) -> list[Row]:
    """Draw what the formulas need: creatinine, often an earlier one, weight and height."""
    earlier = draw(st.sampled_from((48 * _HOUR, 49 * _HOUR, 168 * _HOUR, 169 * _HOUR)))
    plan = (
        ("creatinine", time),
        ("weight", time),
        ("height", time),
        ("creatinine", time - earlier),
    )
    wanted = plan[: draw(st.sampled_from((2, 3, 4, 4, 1)))]
    return [
        measured(draw, patient_id, f"{patient_id}-K{number}", analyte, at)
        for number, (analyte, at) in enumerate(wanted)
    ]


def tidy_urine(draw: Draw, patient_id: str, time: datetime) -> list[Row]:
    """Draw a complete, well formed set for the fractional excretion, often exactly 2 %."""
    figures = {
        "19123-9": ("1.2",),
        "19124-7": ("1.68", "1.68", "5", "1"),
        "2161-8": ("100",),
        "2160-0": ("1.0", "1.0", "1.0", "2.0"),
        "35591-7": ("90", "60", "59"),
    }
    return [
        {
            "observation_id": f"{patient_id}-{code}",
            "patient_id": patient_id,
            "code": code,
            "value": pick(draw, *values),
            "unit": "mL/min" if code == "35591-7" else "mg/dL",
            "status": "F",
            "collected_at": written(draw, time),
        }
        for code, values in figures.items()
    ]


def contaminated(draw: Draw, patient_id: str, time: datetime, specimen_id: str) -> list[Row]:
    """Draw the potassium and calcium of a tube with EDTA, or nearly."""
    minutes = draw(st.sampled_from((0, 5, 5, 6)))
    figures = (
        ("2823-3", "mmol/L", ("6.0", "7.2", ">6", "5.99")),
        ("17861-6", "mg/dL", ("4.9", "6.99", "<7.0", "7.0")),
    )
    return [
        {
            "observation_id": f"{patient_id}-EDTA{code}",
            "patient_id": patient_id,
            "code": code,
            "value": pick(draw, *values),
            "unit": unit,
            "status": "F",
            "specimen_id": specimen_id,
            "collected_at": written(draw, time + timedelta(minutes=minutes)),
        }
        for code, unit, values in figures
    ]
