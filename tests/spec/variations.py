"""The same night told otherwise: scattered, renamed, in other units, with what comes too late."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from itertools import pairwise
from random import Random
from typing import Final

from tests.oracle.drawn_texts import AS_OF, SPELLINGS
from tests.product import Deliveries, Row, Tables, with_header

Change = Mapping[str, str]

_EARLIER: Final = (AS_OF - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
_LATER: Final = (AS_OF + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
_SIX_DECIMALS: Final = Decimal("0.000001")
# What speaks of the same amount: factor from the first unit to the second.
_OTHER_UNIT: Final = {
    "mg/dL": ("mg/L", Decimal(10)),
    "mEq/L": ("mmol/L", Decimal("0.5")),
    "mmol/L": ("mEq/L", Decimal(2)),
}
_SPELLED: Final = {text: unit for unit, texts in SPELLINGS.items() for text in texts}
_MASS_CODES: Final = ("19123-9",)
_MOLE_CODES: Final = ("2601-3",)


def scattered(tables: Tables, random: Random) -> Deliveries:
    """All rows in any order, over any number of files in any order, one file twice."""
    files: list[tuple[str, Sequence[Row]]] = []
    for table, rows in tables.items():
        shuffled = with_header(table, rows)
        random.shuffle(shuffled)
        cuts = sorted(random.randint(0, len(shuffled)) for _ in range(random.randint(0, 2)))
        bounds = [0, *cuts, len(shuffled)]
        parts = [shuffled[start:end] for start, end in pairwise(bounds)]
        files += [(table, part) for part in parts if part]
    files += random.sample(files, min(1, len(files)))
    random.shuffle(files)
    return files


def without(tables: Tables, patient: str) -> Tables:
    """The night without one patient's rows."""
    return {
        table: [row for row in rows if row["patient_id"] != patient]
        for table, rows in tables.items()
    }


def renamed(tables: Tables, patient: str, name: str) -> Tables:
    """The night with one patient under another id, and so behind all others in every tie."""
    return {
        table: [
            {**row, "patient_id": name} if row["patient_id"] == patient else row for row in rows
        ]
        for table, rows in tables.items()
    }


def under_several_numbers(tables: Tables, random: Random) -> Tables:
    """The night with each patient's rows under several numbers, and links that make one of them.

    Some links are not known yet or were taken back. Who the patient is stands under one number.
    """
    names = sorted({row["patient_id"] for rows in tables.values() for row in rows} - {""})
    numbers = {name: [name, f"{name}+", f"A{name}"] for name in names if name == name.strip()}
    for own in numbers.values():
        random.shuffle(own)
    told: dict[str, list[Row]] = {}
    for table, rows in tables.items():
        told[table] = []
        for row in rows:
            own = numbers.get(row["patient_id"], [row["patient_id"]])
            number = own[0] if table == "patients" else random.choice(own)
            told[table].append({**row, "patient_id": number})
    links = [
        {
            "old_patient_id": old,
            "new_patient_id": new,
            "linked_at": random.choice((_EARLIER, _EARLIER, _EARLIER, _LATER)),
            "withdrawn_at": random.choice(("", "", "", _LATER, _EARLIER)),
        }
        for own in numbers.values()
        for old, new in ((own[1], own[0]), (own[2], random.choice(own)))
    ]
    return {**told, "patient_links": links}


def with_late_rows(tables: Tables, random: Random) -> Tables:
    """The night with corrections, withdrawals and facts that are known only after `as_of`."""
    changes: dict[str, tuple[Change, ...]] = {
        "observations": (
            {"status": "C", "value": "0.4", "reported_at": _LATER},
            {"status": "W", "reported_at": _LATER},
            {"status": "U", "value": "", "reported_at": _LATER},
            {"observation_id": "LATE", "value": "2.0", "reported_at": _LATER},
            {"observation_id": "LATER", "status": "F", "collected_at": _LATER},
        ),
        "patients": ({"died_at": "2026-11-01", "updated_at": _LATER},),
        "encounters": ({"care_setting": "inpatient", "ended_at": "", "updated_at": _LATER},),
        "conditions": ({"status": "active", "recorded_at": _LATER},),
        "medications": (
            {"status": "given", "updated_at": _LATER},
            {"medication_id": "LATE", "started_at": _LATER},
        ),
    }
    told: dict[str, list[Row]] = {}
    for table, rows in tables.items():
        has_status = table != "observations" or any("status" in row for row in rows)
        late = [
            {**row, **(change if has_status else _less(change, "status"))}
            for row in rows
            for change in random.sample(changes[table], 1)
            if row["patient_id"].strip() and random.random() < 0.7
        ]
        told[table] = [*rows, *late]
    return told


def _less(change: Change, column: str) -> Change:
    return {name: value for name, value in change.items() if name != column}


def in_other_units(tables: Tables, refused: Sequence[tuple[str, int, str]]) -> Tables:
    """The night with each judged magnesium of a single version in a unit that says the same."""
    rows = tables.get("observations", [])
    kept_out = {row for table, row, _ in refused if table == "observations"}
    ids = [row.get("observation_id", "") for row in rows]
    told = [
        row if at in kept_out or not ids[at] or ids.count(ids[at]) > 1 else _in_other_unit(row)
        for at, row in enumerate(rows)
    ]
    return {**tables, "observations": told}


def _in_other_unit(row: Row) -> Row:
    unit = _SPELLED.get(row["unit"], row["unit"])
    is_magnesium = row["code"] in (_MASS_CODES if unit == "mg/dL" else _MOLE_CODES)
    if not is_magnesium or unit not in _OTHER_UNIT:
        return row
    other, factor = _OTHER_UNIT[unit]
    value = with_number(row["value"], factor)
    return row if value is None else {**row, "value": value, "unit": other}


def with_number(value: str, factor: Decimal) -> str | None:
    """The text with its number multiplied, None when it has none or no exact one."""
    start = next((at for at, letter in enumerate(value) if letter in "0123456789."), len(value))
    end = start
    while end < len(value) and value[end] in "0123456789.":
        end += 1
    try:
        number = Decimal(value[start:end]) * factor
    except InvalidOperation:
        return None
    if number != number.quantize(_SIX_DECIMALS):
        return None
    return f"{value[:start]}{number:f}{value[end:]}"


def lowered(value: str, factor: Decimal) -> str | None:
    """The text with a lower number of at most six decimals, None when it has no number."""
    digits = "".join(letter for letter in value if letter in "0123456789.")
    try:
        number = (Decimal(digits) * factor).quantize(_SIX_DECIMALS, ROUND_DOWN)
    except InvalidOperation:
        return None
    return value.replace(digits, f"{number:f}") if digits in value else None
