"""Writes one invented ward in every layout that hypomag reads: the same people, told six ways.

Run as `python -m sample_data.ward OUT_DIR`; the same arguments write the same bytes.
"""

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sample_data import as_csv, as_fhir, as_hl7v2, as_omop, hospital
from sample_data import laboratory as lab
from sample_data.courses import SEVERE_MG_DL, TARGET_MG_DL
from sample_data.extract import COLUMNS, Row
from sample_data.hospital import instant, invent
from sample_data.laboratory import Analyte

UNTIL: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
NIGHTS: Final = 14
SEED: Final = 13
PATIENTS: Final = 36
COMMITTED_PATIENTS: Final = 4
LASTING: Final = timedelta(days=8)
LAYOUTS: Final = Path(__file__).parent / "one-ward"

# What the rules read beside what the hospital draws: analyte, value, and of which patients.
EXTRAS: Final = (
    (Analyte("98979-8", "eGFR (CKD-EPI 2021)", "mL/min/1.73m2", 0, "60", ""), "62", 6),
    (Analyte("35591-7", "Creatinine clearance", "mL/min", 0, "", ""), "48", 7),
)
URINE_CALCIUM: Final = Analyte("17862-4", "Calcium, urine", "mg/dL", 1, "", "", "urine")
_IDS: Final = {
    "observations": ("observation_id",),
    "patients": ("patient_id",),
    "encounters": ("encounter_id",),
    "conditions": ("patient_id", "code"),
    "medications": ("medication_id",),
}
_RELEASED: Final = ("F", "C")

Tables = dict[str, list[Row]]


def one_ward(patients: int = PATIENTS, seed: int = SEED, until: datetime = UNTIL) -> Tables:
    """Invent the canonical rows of a ward by table: each thing once, as it stands at `until`.

    Every result is final. Nothing is said that some layout has no place for: no haemolysis.
    """
    extract = invent(seed, hospital.PATIENTS, NIGHTS, until)
    whole: Tables = {}
    for table in COLUMNS:
        known = sorted(
            ((at, row) for at, row in extract.rows[table] if at <= until),
            key=lambda pair: (pair[0], *pair[1].values()),
        )
        newest = {tuple(row[name] for name in _IDS[table]): row for _, row in known}
        blank = dict.fromkeys(COLUMNS[table], "")
        whole[table] = [blank | _renumbered(newest[key]) for key in sorted(newest)]
    whole["observations"] = [_final(row) for row in whole["observations"] if _is_released(row)]
    chosen = _chosen(whole, patients)
    ward = {
        table: [row for row in rows if row["patient_id"] in chosen] for table, rows in whole.items()
    }
    ward["observations"] += _beside(ward["observations"])
    for patient in ward["patients"]:
        given, family = patient["name"].split(" ", 1)
        patient["name"] = f"{family}, {given}"
    return ward


def _chosen(whole: Tables, patients: int) -> set[str]:
    """Choose patients of each kind in turn, so that a small ward shows much."""
    kinds: dict[str, str] = {}
    low_since: dict[str, datetime] = {}
    for row in sorted(whole["observations"], key=lambda row: row["collected_at"]):
        if row["code"] not in {lab.MAGNESIUM.code, lab.MAGNESIUM_MOLES.code}:
            continue
        patient, at = row["patient_id"], datetime.fromisoformat(row["collected_at"])
        kinds[patient] = _kind(row)
        if not kinds[patient].startswith(("severe", "low")):
            low_since.pop(patient, None)
        elif at - low_since.setdefault(patient, at) > LASTING:
            kinds[patient] = "lasting"
    died = {row["patient_id"] for row in whole["patients"] if row["died_at"]}
    turns: dict[str, list[str]] = {}
    for patient, kind in sorted(kinds.items()):
        turns.setdefault("died" if patient in died else kind, []).append(patient)
    ordered = sorted((at, who) for kind in turns.values() for at, who in enumerate(kind))
    return {who for _, who in ordered[:patients]}


def _kind(magnesium: Row) -> str:
    """Tell which kind of answer the newest magnesium of a patient asks for."""
    if not magnesium["value"].replace(".", "").isdigit() or not magnesium["unit"]:
        return "odd"
    moles = magnesium["unit"] == lab.MAGNESIUM_MOLES.unit
    level = float(magnesium["value"]) * (lab.MAGNESIUM_MG_DL_PER_MMOL_L if moles else 1)
    bands = ((SEVERE_MG_DL, "severe"), (TARGET_MG_DL, "low"), (2.6, "usual"))
    band = next((name for most, name in bands if level <= most), "high")
    return f"{band} {magnesium['unit']}"


def _renumbered(row: Row) -> Row:
    """Number the patient as every layout can: a whole number without leading zeros."""
    return row | {"patient_id": f"7{row['patient_id'][1:]}"}


def _is_released(row: Row) -> bool:
    return row["status"] in _RELEASED


def _final(row: Row) -> Row:
    is_number = any(letter.isdigit() for letter in row["value"])
    return row | {"status": "F", "is_haemolysed": "", "unit": row["unit"] if is_number else ""}


def _beside(results: list[Row]) -> list[Row]:
    """Add results that the hospital does not draw, to tubes that it did."""
    added = []
    for at, row in enumerate(results):
        number = int(row["patient_id"])
        if row["code"] in {lab.CREATININE.code, lab.CREATININE_MOLES.code}:
            added += [
                _also(row, at, analyte, value)
                for analyte, value, every in EXTRAS
                if number % every == 0
            ]
        if row["code"] == lab.URINE_CREATININE.code:
            added.append(_also(row, at, URINE_CALCIUM, "6.2"))
    return added


def _also(row: Row, at: int, analyte: Analyte, value: str) -> Row:
    return row | {
        "observation_id": f"X{at:05d}-{analyte.code}",
        "code": analyte.code,
        "name": analyte.name,
        "value": value,
        "unit": analyte.unit,
        "reference_low": analyte.reference_low,
        "reference_high": analyte.reference_high,
    }


def write_ward(folder: Path, ward: Tables, until: datetime = UNTIL) -> None:
    """Write the ward in each layout into a folder of its name."""
    as_csv.write_canonical(folder / "canonical", ward, until)
    as_hl7v2.write(folder / "hl7v2", ward, until)
    as_fhir.write(folder / "fhir", ward, until)
    as_omop.write(folder / "omop", ward)
    for name in ("semicolons", "pipes"):
        as_csv.write_by_profile(folder / name, ward, until, LAYOUTS / name / "profile.toml")


def main() -> None:
    """Read the command line and write the layouts."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.ward", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="OUT_DIR")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--until", type=instant, default=UNTIL)
    given = parser.parse_args()
    ward = one_ward(given.patients, given.seed, given.until)
    write_ward(given.folder, ward, given.until)


if __name__ == "__main__":
    main()
