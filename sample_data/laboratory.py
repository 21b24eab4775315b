"""Turns a drawn level into the rows a laboratory sends, with the ways real feeds go wrong."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sample_data.extract import Extract, Row, instant_text
from sample_data.people import Person

HAEMOLYSED_SHARE = 0.02
SENT_TWICE_SHARE = 0.002
DETECTION_LIMIT_MG_DL = 0.5
MAGNESIUM_MG_DL_PER_MMOL_L = 2.4305
CREATININE_UMOL_L_PER_MG_DL = 88.4


@dataclass(frozen=True)
class Analyte:
    """One test as the laboratory prints it, with its usual limits."""

    code: str
    name: str
    unit: str
    decimals: int
    reference_low: str
    reference_high: str
    specimen: str = "serum"


MAGNESIUM = Analyte("19123-9", "Magnesium", "mg/dL", 1, "1.6", "2.6")
MAGNESIUM_MOLES = Analyte("2601-3", "Magnesium", "mmol/L", 2, "0.66", "1.07")
CREATININE = Analyte("2160-0", "Creatinine", "mg/dL", 2, "0.50", "1.20")
CREATININE_MOLES = Analyte("14682-9", "Creatinine", "umol/L", 0, "44", "106")
POTASSIUM = Analyte("2823-3", "Potassium", "mmol/L", 1, "3.5", "5.1")
CALCIUM = Analyte("17861-6", "Calcium", "mg/dL", 1, "8.5", "10.5")
IONISED_CALCIUM = Analyte("1994-3", "Calcium, ionised", "mmol/L", 2, "1.12", "1.32", "blood")
ALBUMIN = Analyte("1751-7", "Albumin", "g/dL", 1, "3.5", "5.2")
SODIUM = Analyte("2951-2", "Sodium", "mmol/L", 0, "136", "145")
HAEMOGLOBIN = Analyte("718-7", "Haemoglobin", "g/dL", 1, "12.0", "17.0", "blood")
URINE_MAGNESIUM = Analyte("19124-7", "Magnesium, urine", "mg/dL", 1, "", "", "urine")
URINE_CREATININE = Analyte("2161-8", "Creatinine, urine", "mg/dL", 0, "", "", "urine")
WEIGHT = Analyte("29463-7", "Body weight", "kg", 1, "", "", "")
HEIGHT = Analyte("8302-2", "Body height", "cm", 0, "", "", "")

# What becomes of a magnesium result, with its weight in a thousand.
MAGNESIUM_FATES = {
    "plain": 898, "provisional_first": 50, "corrected": 12, "late": 10, "withdrawn": 6,
    "unreadable": 6, "unit_missing": 6, "unit_contradicts": 5, "below_1_5": 6,
}  # fmt: skip


@dataclass
class Laboratory:
    """Numbers specimens and results, and sends rows to the extract."""

    rng: Random
    person: Person
    extract: Extract
    results: int = 0

    def send(
        self, analyte: Analyte, level: float, collected_at: datetime, specimen: str
    ) -> datetime:
        """Send one result that nothing happens to, and return when it was reported."""
        row = self._row(analyte, level, collected_at, specimen)
        reported_at = collected_at + timedelta(minutes=self.rng.randint(25, 150))
        self._report(row, reported_at, "F")
        if self.rng.random() < SENT_TWICE_SHARE:
            copy = row | {"status": "F", "reported_at": instant_text(reported_at)}
            self.extract.add("observations", reported_at + timedelta(days=1), copy)
        return reported_at

    def send_magnesium(self, level_mg_dl: float, collected_at: datetime, specimen: str) -> datetime:
        """Send one magnesium result with whatever happens to it, and return its first report."""
        fate = self.rng.choices(list(MAGNESIUM_FATES), list(MAGNESIUM_FATES.values()))[0]
        is_moles = self.person.is_north
        analyte = MAGNESIUM_MOLES if is_moles else MAGNESIUM
        level = level_mg_dl / MAGNESIUM_MG_DL_PER_MMOL_L if is_moles else level_mg_dl
        row = self._row(analyte, level, collected_at, specimen)
        if level_mg_dl < DETECTION_LIMIT_MG_DL and not is_moles:
            row["value"] = f"<{DETECTION_LIMIT_MG_DL}"
        reported_at = collected_at + timedelta(minutes=self.rng.randint(25, 150))
        later_at = reported_at + timedelta(minutes=self.rng.randint(60, 1_800))
        match fate:
            case "provisional_first":
                self._report(row, reported_at, "P")
                self._report(row, later_at, "F")
            case "corrected":
                wrong = f"{level * self.rng.choice((0.6, 0.8, 1.3)):.{analyte.decimals}f}"
                self._report(row | {"value": wrong}, reported_at, "F")
                self._report(row, later_at, "C")
            case "late":
                self._report(row, reported_at + timedelta(hours=self.rng.randint(20, 60)), "F")
            case "withdrawn":
                self._report(row, reported_at, "F")
                self._report(row, later_at, "W")
            case "unreadable":
                self._report(
                    row | {"value": "HEMOLYZED", "is_haemolysed": "true"}, reported_at, "F"
                )
            case "unit_missing":
                self._report(row | {"unit": ""}, reported_at, "F")
            case "unit_contradicts":
                self._report(row | {"unit": "mg/dL" if is_moles else "mmol/L"}, reported_at, "F")
            case "below_1_5":
                self._report(row | {"value": "<0.62" if is_moles else "<1.5"}, reported_at, "F")
            case _:
                self._report(row, reported_at, "F")
        return reported_at

    def _row(self, analyte: Analyte, level: float, collected_at: datetime, specimen: str) -> Row:
        """Return the row without status and report time, under the next result number."""
        self.results += 1
        is_drawn = bool(analyte.specimen)
        return {
            "observation_id": f"O{self.person.number:05d}-{self.results:04d}",
            "patient_id": self.person.patient_id,
            "encounter_id": self.person.encounter_id,
            "specimen_id": specimen if is_drawn else "",
            "facility": self.person.facility,
            "code": analyte.code,
            "name": analyte.name,
            "value": f"{level:.{analyte.decimals}f}",
            "unit": analyte.unit,
            "specimen": analyte.specimen,
            "collected_at": instant_text(collected_at),
            "reference_low": analyte.reference_low,
            "reference_high": analyte.reference_high,
            "is_haemolysed": str(self.rng.random() < HAEMOLYSED_SHARE).lower() if is_drawn else "",
        }

    def _report(self, row: Row, reported_at: datetime, status: str) -> None:
        """Send one version of a result."""
        stamped = row | {"status": status, "reported_at": instant_text(reported_at)}
        self.extract.add("observations", reported_at, stamped)
