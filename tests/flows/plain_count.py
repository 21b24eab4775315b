"""Who should stand on the IV list, counted in plain Python over the dropped files.

It shares nothing with the product or the oracle and knows only what the counted files hold:
sulfate and oxide by weight, magnesium in three units, one result an id.
"""

import csv
import gzip
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

MG_PER_UNIT = {"mg/dl": 1.0, "mmol/l": 2.4305, "meq/l": 1.21525}
MAGNESIUM = {"19123-9": {"mg/dl", "meq/l"}, "2601-3": {"mmol/l", "meq/l"}}
FINAL = {"F", "C", "A", "FINAL", "AMENDED", "CORRECTED"}
PROVISIONAL = {"P", "R", "PRELIMINARY"}
GRAMS = {"g": 1.0, "gm": 1.0, "gram": 1.0, "mg": 0.001, "meq": 1 / 8.1146, "mmol": 1 / 4.0573}
GIVEN = {"given", "partial", "completed", "active", ""}


def rows_of(paths: Iterable[Path]) -> list[dict[str, str]]:
    """The rows of CSV files, packed or not."""
    rows: list[dict[str, str]] = []
    for path in sorted(paths):
        if path.suffix == ".gz":
            with gzip.open(path, "rt", encoding="utf-8") as packed:
                rows += list(csv.DictReader(packed))
        else:
            with path.open(encoding="utf-8") as plain:
                rows += list(csv.DictReader(plain))
    return rows


def on_iv_list(
    tables: dict[str, list[dict[str, str]]], as_of: datetime, zone: str, limit: float
) -> set[str]:
    """Latest counted magnesium at or below the limit, at most 72 h old; alive, adult, untreated."""
    place = ZoneInfo(zone)
    latest: dict[str, tuple[datetime, float]] = {}
    for rows in _by_id(tables["observations"], "observation_id").values():
        result = _standing(rows, as_of, place, limit)
        if result is not None:
            patient, at, value = result
            latest[patient] = min(
                latest.get(patient, (at, value)),
                (at, value),
                key=lambda one: (-one[0].timestamp(), one[1]),
            )
    people = _people(tables.get("patients", []), as_of, place)
    listed = set()
    for patient, (at, value) in latest.items():
        born, died = people.get(patient, (None, False))
        is_adult = born is None or _years(born, at.astimezone(place).date()) >= 18
        is_fresh = as_of - at <= timedelta(hours=72)
        if value > limit or not is_fresh or not is_adult or died:
            continue
        if not _is_treated(tables.get("medications", []), patient, at, as_of, place):
            listed.add(patient)
    return listed


def _by_id(rows: list[dict[str, str]], column: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    return found


def _time(text: str | None, place: ZoneInfo) -> datetime | None:
    if not text or not text.strip():
        return None
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=place)


def _standing(
    rows: list[dict[str, str]], as_of: datetime, place: ZoneInfo, limit: float
) -> tuple[str, datetime, float] | None:
    """The counted magnesium of one id: its last final version, else a severe provisional one."""
    known = []
    for row in rows:
        collected, reported = (
            _time(row["collected_at"], place),
            _time(row.get("reported_at"), place),
        )
        written = reported or collected
        if (
            row["code"] in MAGNESIUM
            and written is not None
            and max(written, collected or written) <= as_of
        ):
            known.append((written, (row.get("status") or "F").strip().upper(), row))
    withdrawn = [
        written for written, status, _ in known if status in {"D", "W", "ENTERED-IN-ERROR"}
    ]
    known = [one for one in known if not withdrawn or one[0] > max(withdrawn)]
    final = [one for one in known if one[1] in FINAL]
    provisional = [one for one in known if one[1] in PROVISIONAL]
    if not (final or provisional):
        return None
    _, _, row = max(
        final or provisional, key=lambda one: (one[0], one[1] in {"C", "CORRECTED", "AMENDED"})
    )
    collected = _time(row["collected_at"], place)
    unit = (row["unit"] or "").strip().lower()
    try:
        value = float(row["value"].strip().lstrip("<=>").rstrip("*HL ").strip())
    except ValueError:
        return None
    is_read = unit in MG_PER_UNIT and (unit == "mmol/l") == (row["code"] == "2601-3")
    if (
        collected is None
        or not is_read
        or (row.get("specimen") or "serum").lower() not in {"serum", "plasma", "blood"}
    ):
        return None
    value = round(value * MG_PER_UNIT[unit], 6)
    may_be_either = row["value"].strip().startswith("<") and value > limit
    if may_be_either or not 0 < value <= 50 or (not final and value > limit and value < 4.0):
        return None
    return row["patient_id"], collected, value


def _people(
    rows: list[dict[str, str]], as_of: datetime, place: ZoneInfo
) -> dict[str, tuple[date | None, bool]]:
    told: dict[str, tuple[date | None, bool]] = {}
    for row in sorted(rows, key=lambda one: one.get("updated_at") or ""):
        updated = _time(row.get("updated_at"), place)
        if updated is None or updated <= as_of:
            died = _time(row.get("died_at"), place)
            born = date.fromisoformat(row["birth_date"]) if row.get("birth_date") else None
            before = told.get(row["patient_id"], (None, False))
            told[row["patient_id"]] = (born or before[0], died is not None and died <= as_of)
    return told


def _years(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _is_treated(
    rows: list[dict[str, str]], patient: str, index_at: datetime, as_of: datetime, place: ZoneInfo
) -> bool:
    """Whether IV or IM magnesium after the index reaches 0.95 g, or is of unknown mass."""
    grams = 0.0
    for versions in _by_id(
        [row for row in rows if row["patient_id"] == patient], "medication_id"
    ).values():
        known = [row for row in versions if (_time(row.get("updated_at"), place) or as_of) <= as_of]
        if not known:
            continue
        row = max(known, key=lambda one: one.get("updated_at") or "")
        started, ended = _time(row["started_at"], place), _time(row.get("ended_at"), place)
        is_magnesium = "magnesium sul" in row["name"].lower()
        is_given = row["kind"] == "administration" and (row.get("status") or "").lower() in GIVEN
        is_parenteral = (row.get("route") or "").lower() in {
            "iv",
            "im",
            "intravenous",
            "intramuscular",
        }
        if not (is_magnesium and is_given and is_parenteral) or started is None or started > as_of:
            continue
        if (ended or started) <= index_at:
            continue
        unit = (row.get("dose_unit") or "").strip().lower()
        if unit not in GRAMS or not row.get("dose"):
            return True
        grams += float(row["dose"]) * GRAMS[unit]
    return round(grams, 3) >= 0.95
