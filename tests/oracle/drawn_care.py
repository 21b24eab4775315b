"""What else is known of a drawn patient: medications, diagnoses, stays, birth and death."""

from datetime import datetime, timedelta

from hypothesis import strategies as st

from .drawn_texts import AS_OF, Draw, chance, odd_time, pick, written

Row = dict[str, str]

_HOUR = timedelta(hours=1)
_MAGNESIUM = (
    *(("6585", "RxNorm", "magnesium sulfate"), ("", "", "Mag Sulfate 2 g IVPB")),
    *(("B05XA05", "ATC", "infusion additive"), ("A12CC02", "ATC", "magnesium sulfate")),
    *(("", "local", "MgSO4 50 %"), ("9", "local", "Magnesium Sulfate in water")),
)
_ORAL = (("6582", "RxNorm", "magnesium oxide"), ("A12CC10", "ATC", "x"), ("", "", "Mag-Ox 400"))
_OTHER = (
    *(("3407", "RxNorm", "digoxin"), ("", "", "Lanoxin 125 mcg"), ("7052", "RxNorm", "morphine")),
    *(("", "", "Aldactone 25 mg"), ("", "", "Fentanyl 50 mcg"), ("C03DA04", "ATC", "x")),
    *(("N05BA06", "ATC", "lorazepam"), ("9997", "RxNorm", "spironolactone")),
    *(("", "", "esomeprazole magnesium 40 mg"), ("", "", "Plasma-Lyte 148 with magnesium")),
    *(("", "", "paracetamol"), ("", "", "magnesiumish powder")),
)
_DOSES = (
    *(("2", "g"), ("1", "g"), ("2", "grams"), ("0.5", "g"), ("0.949", "g"), ("0.9495", "gm")),
    *(("500", "mg"), ("2,000", "mg"), ("8", "mEq"), ("7.7", "meq"), ("4", "mmol"), ("50", "mL")),
    *(("0", "g"), ("", ""), ("1,5", "g"), ("1-2", "g"), ("2", "bags")),
)
_DISTANCES = tuple(
    _HOUR * hours
    for hours in (0, 1, 2, 8, 23, 24, 25, 48, 71, 72, 120, 168, 169, 192, 193, 240, 400, 900)
)
_AFTER = tuple(_HOUR * hours for hours in (1, 2, 0, 5, 24, 25, -1, -2, -24, 48, 100, 168, 200))


def medication(
    draw: Draw, patient_id: str, number: int, around: datetime, purpose: str
) -> list[Row]:
    """Draw a medication row: for `iv`, `oral` or `other` purpose, an order or administration."""
    drugs = {"iv": _MAGNESIUM, "oral": _ORAL, "other": _OTHER}[purpose]
    code, code_system, name = draw(st.sampled_from(drugs))
    dose, dose_unit = draw(st.sampled_from(_DOSES[:3] + _DOSES))
    start = around + draw(st.sampled_from(_AFTER))
    if chance(draw, 3):
        start = AS_OF - draw(st.sampled_from(_DISTANCES))
    is_order = chance(draw, 4) if purpose == "iv" else chance(draw, 2)
    routes = {
        "iv": ("IV", "ivpb", "intravenous", "IM", "intramuscular", "", "IV push", "topical"),
        "oral": ("PO", "oral", "by mouth", "NG", "po", ""),
        "other": ("PO", "IV", ""),
    }[purpose]
    row = {
        "medication_id": f"{patient_id}-M{number}",
        "patient_id": patient_id,
        "order_id": pick(draw, "", "", "R1", "R2"),
        "kind": "order" if is_order else "administration",
        "code": code,
        "code_system": code_system,
        "name": name,
        "route": pick(draw, *routes),
        "dose": dose,
        "dose_unit": dose_unit,
        "started_at": written(draw, start),
        "ended_at": _end(draw, start),
        "volume_ml": pick(draw, "", "50", "10", "15", "1,000", "0", "50 mL"),
        "status": _medication_status(draw, is_order=is_order),
    }
    if chance(draw, 30):
        column = pick(draw, "started_at", "ended_at", "kind", "medication_id")
        row[column] = (
            pick(draw, "", odd_time(draw)) if column.endswith("_at") else pick(draw, "", "dispense")
        )
    rows = [row]
    if chance(draw, 10):
        newer = row | {"updated_at": written(draw, AS_OF - draw(st.sampled_from(_DISTANCES)))}
        newer["status"] = _medication_status(draw, is_order=is_order)
        rows.append(newer)
    if row["order_id"] and chance(draw, 3):
        twin_dose, twin_unit = draw(st.sampled_from(_DOSES))
        twin = row | {"medication_id": f"{patient_id}-M{number}T", "dose": twin_dose}
        rows.append(twin | {"dose_unit": twin_unit, "route": pick(draw, *routes)})
    return rows


def _end(draw: Draw, start: datetime) -> str:
    if chance(draw, 2):
        return ""
    hours = draw(st.sampled_from((1, 0.25, 2, 3, 0.125, 12, 24, 48, -1, 400)))
    return written(draw, start + hours * _HOUR)


def _medication_status(draw: Draw, *, is_order: bool) -> str:
    if is_order:
        return pick(
            draw, "active", "active", "", "completed", "stopped", "cancelled", "held", "refused"
        )
    return pick(
        draw,
        *("given", "given", "given", "", "completed", "partial", "active", "not_given", "held"),
        *("refused", "stopped", "cancelled", "charted"),
    )


_DIAGNOSES = (
    *(("I50.9", "ICD-10-CM"), ("I48.91", "ICD-10-CM"), ("4280", "ICD-9-CM")),
    *(("Z99.2", "ICD-10-CM"), ("N18.6", "ICD-10-CM"), ("585.6", "ICD-9-CM")),
    *(("Z94.0", "ICD-10-CM"), ("V42.0", "ICD-9-CM"), ("O14.10", "ICD-10-CM")),
    *(("O15.9", "ICD-10-CM"), ("I44.2", "ICD-10-CM"), ("G70.00", "ICD-10-CM")),
    *(("R00.1", "ICD-10-CM"), ("I10", "ICD-10-CM"), ("I11.0", "ICD-10-CM"), ("V56.0", "ICD-9-CM")),
    *(("E11.9", "ICD-10-CM"), ("N18.6", "ICD-10")),
)
_DIAGNOSED = tuple(timedelta(days=days) for days in (5, 0, 1, 30, 299, 300, 301, 700, -1))


def diagnoses(draw: Draw, patient_id: str) -> list[Row]:
    """Draw up to three diagnoses, some told twice with different states."""
    rows: list[Row] = []
    for code, code_system in draw(st.lists(st.sampled_from(_DIAGNOSES), max_size=3)):
        row = {"patient_id": patient_id, "code": code, "code_system": code_system}
        if chance(draw, 25):
            row[pick(draw, "code", "recorded_at")] = pick(draw, "", "2026-02-30")
        rows.append(row | _diagnosis_state(draw))
        if chance(draw, 4):
            again = row | _diagnosis_state(draw)
            rows.append(again | {"code": code.replace(".", "")})
    return rows


def _diagnosis_state(draw: Draw) -> Row:
    recorded = pick(draw, "", written(draw, AS_OF - draw(st.sampled_from(_DIAGNOSED))))
    status = pick(draw, "active", "", "active", "active", "resolved", "refuted", "family_history")
    state = {"status": status, "recorded_at": recorded}
    if status == "resolved" or chance(draw, 12):
        state["resolved_at"] = pick(
            draw, "", written(draw, AS_OF - draw(st.sampled_from(_DIAGNOSED))), "2026-12-01"
        )
    return state


def stays(draw: Draw, patient_id: str) -> list[Row]:
    """Draw an encounter or two."""
    rows: list[Row] = []
    for number in range(draw(st.sampled_from((0, 1, 1, 2)))):
        start = AS_OF - draw(st.sampled_from(_DISTANCES))
        rows.append(
            {
                "encounter_id": f"{patient_id}-E{number}",
                "patient_id": patient_id,
                "care_setting": pick(
                    draw, "inpatient", "inpatient", "emergency", "outpatient", "Observation", "spa"
                ),
                "started_at": written(draw, start),
                "ended_at": _end(draw, start),
            }
        )
        if chance(draw, 20):
            rows[-1][pick(draw, "started_at", "ended_at", "encounter_id")] = pick(
                draw, "", "2026-11-20T99:00:00Z"
            )
    return rows


_BIRTH_DATES = (
    *("1970-03-10", "1950-01-01", "1961-11-21", "1961-11-22", "1960-02-29", "2000-02-29"),
    *("1985-07-01", "", "1970-13-40", "1899-01-01", "1905-11-20", "1906-11-21"),
)
_YOUNG_BIRTH_DATES = (
    "2015-05-05",
    "2008-11-20",
    "2008-11-21",
    "2008-11-22",
    "2008-02-29",
    "2026-11-20",
    "2026-11-21",
)


def person(draw: Draw, patient_id: str, *, is_young: bool) -> list[Row]:
    """Draw the patients rows of one patient, sometimes none, sometimes two versions."""
    if chance(draw, 20):
        return []
    births = _YOUNG_BIRTH_DATES if is_young else _BIRTH_DATES
    row = {
        "patient_id": patient_id,
        "birth_date": pick(draw, births[0], *births),
        "sex": pick(draw, "male", "female", "F", "M", "other", "", "unknown"),
    }
    if chance(draw, 20):
        row["died_at"] = pick(
            draw, "2026-11-21T01:00:00Z", "2026-11-21T03:00:00Z", "2026-11-20", "gone"
        )
    if chance(draw, 12):
        newer = row | {"updated_at": pick(draw, "2026-11-20T10:00:00Z", "2026-11-21T05:00:00Z")}
        newer["birth_date"] = pick(draw, *births)
        return [row, newer]
    return [row]
