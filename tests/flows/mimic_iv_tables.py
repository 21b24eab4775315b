"""Invented tables in the original layout of MIMIC-IV: two patients, a few rows each."""

# ruff: noqa: E501 - a row of a wide table reads best as one line
import csv
import gzip
import io
from pathlib import Path

HOSP = {
    "patients": """
        subject_id | gender | anchor_age | anchor_year | anchor_year_group | dod
        70000001   | F      | 61         | 2150        | 2011 - 2013       | 2152-05-04
        70000002   | M      | 40         | 2160        | 2011 - 2013       |
        70000003   | M      | 80         | 2140        | 2011 - 2013       | 2141-01-09
        """,
    "admissions": """
        subject_id | hadm_id | admittime | dischtime | deathtime | admission_type
        70000001 | 501 | 2152-05-01 10:00:00 | 2152-05-04 07:00:00 | 2152-05-04 06:45:00 | EW EMER.
        70000002 | 502 | 2160-03-01 09:00:00 | 2160-03-02 12:00:00 |  | EU OBSERVATION
        """,
    "transfers": """
        subject_id | hadm_id | transfer_id | eventtype | careunit | intime | outtime
        70000001 | 501 | 9002 | transfer  | Medicine | 2152-05-02 08:00:00 | 2152-05-04 07:00:00
        70000001 | 501 | 9001 | admit     | Med ICU  | 2152-05-01 10:00:00 | 2152-05-02 08:00:00
        70000001 | 501 | 9003 | discharge |          | 2152-05-04 07:00:00 |
        70000002 |     | 9004 | ED        | Emergency Department | 2160-02-01 20:00:00 | 2160-02-01 23:00:00
        70000002 | 502 | 9005 | ED        | Emergency Department | 2160-03-01 07:00:00 | 2160-03-01 09:00:00
        """,
    "services": """
        subject_id | hadm_id | transfertime        | prev_service | curr_service
        70000001   | 501     | 2152-05-02 08:00:00 | MED          | CMED
        70000001   | 501     | 2152-05-01 10:00:00 |              | MED
        """,
    "diagnoses_icd": """
        subject_id | hadm_id | seq_num | icd_code | icd_version
        70000001   | 501     | 1       | I4820    | 10
        70000002   | 502     | 1       | 4271     | 9
        """,
    "d_labitems": """
        itemid | label                | fluid | category
        50960  | Magnesium            | Blood | Chemistry
        50808  | Free Calcium         | Blood | Blood Gas
        51082  | Creatinine, Urine    | Urine | Chemistry
        50931  | Glucose              | Blood | Chemistry
        """,
    "labevents": """
        labevent_id | subject_id | hadm_id | specimen_id | itemid | charttime | storetime | value | valuenum | valueuom | ref_range_lower | ref_range_upper | comments
        11 | 70000001 | 501 | 81 | 50960 | 2152-05-01 11:00:00 | 2152-05-01 12:00:00 | 1.10 | 1.1 | mg/dL | 1.6 | 2.6 |
        12 | 70000001 | 501 | 81 | 50931 | 2152-05-01 11:00:00 | 2152-05-01 12:00:00 | 99   | 99  | mg/dL | 70  | 105 |
        13 | 70000001 |     | 82 | 50960 | 2152-05-02 11:00:00 | 2152-05-02 12:00:00 | ___  | 1.3 | mg/dL | 1.6 | 2.6 | HEMOLYSIS FALSELY ELEVATES MG..
        14 | 70000001 | 501 | 83 | 50808 | 2152-05-02 11:30:00 | 2152-05-02 11:31:00 | 1.05 | 1.05 | mmol/L | 1.12 | 1.32 | Specimen not Hemolyzed.
        15 | 70000002 | 502 | 84 | 51082 | 2160-03-01 11:00:00 | 2160-03-01 12:00:00 | 88 | 88 | mg/dL |  |  | Random, spot
        """,
    "omr": """
        subject_id | chartdate  | seq_num | result_name    | result_value
        70000001   | 2152-01-05 | 1       | Blood Pressure | 120/80
        70000001   | 2152-01-05 | 1       | Weight (Lbs)   | 150.5
        70000001   | 2152-01-05 | 1       | Height (Inches) | 64
        70000002   | 2160-01-05 | 1       | Weight         | 80
        70000002   | 2160-01-06 | 1       | Weight (kg)    | 80
        """,
    "emar": """
        subject_id | hadm_id | emar_id | poe_id | pharmacy_id | charttime | medication | event_txt
        70000001 | 501 | 70000001-1 | 70000001-90 | 601 | 2152-05-01 13:00:00 | Magnesium Sulfate | Administered
        70000001 | 501 | 70000001-2 | 70000001-91 | 602 | 2152-05-01 14:00:00 | Magnesium Oxide | Hold Dose
        70000001 | 501 | 70000001-3 | 70000001-92 | 603 | 2152-05-01 15:00:00 | Magnesium Sulfate |
        70000001 | 501 | 70000001-4 | 70000001-93 |     | 2152-05-01 16:00:00 | Fentanyl Citrate | Started
        70000001 | 501 | 70000001-5 | 70000001-93 |     | 2152-05-01 17:00:00 | Fentanyl Citrate | Confirmed
        70000001 | 501 | 70000001-6 | 70000001-93 |     | 2152-05-01 19:30:00 | Fentanyl Citrate | Stopped - Unscheduled
        70000001 | 501 | 70000001-7 | 70000001-94 | 604 | 2152-05-01 20:00:00 |                  | Administered
        70000002 | 502 | 70000002-1 | 70000002-90 | 605 | 2160-03-01 20:00:00 | Digoxin          | Something New
        """,
    "emar_detail": """
        subject_id | emar_id | emar_seq | parent_field_ordinal | dose_due | dose_given | dose_given_unit | route
        70000001 | 70000001-3 | 3 | 1.2 |   | 2 | gm |
        70000001 | 70000001-1 | 1 |     | 2 |   |    | IV
        70000001 | 70000001-1 | 1 | 1.1 |   | 2 | gm |
        70000001 | 70000001-3 | 3 |     | 4 |   |    |
        70000001 | 70000001-3 | 3 | 1.1 |   | 1.5 | gm |
        70000001 | 70000001-2 | 2 |     | 400 |   |    | PO
        """,
    "prescriptions": """
        subject_id | hadm_id | pharmacy_id | starttime | stoptime | drug_type | drug | dose_val_rx | dose_unit_rx | route
        70000001 | 501 | 601 | 2152-05-01 12:00:00 | 2152-05-01 23:00:00 | MAIN | Magnesium Sulfate | 2 | gm | IV
        70000001 | 501 | 603 | 2152-05-01 14:00:00 | 2152-05-02 14:00:00 | MAIN | Magnesium Sulfate | 4 | gm | IV DRIP
        """,
}
ICU = {
    "d_items": """
        itemid | label             | linksto
        222011 | Magnesium Sulfate | inputevents
        225943 | Solution          | inputevents
        """,
    "inputevents": """
        subject_id | hadm_id | stay_id | starttime | endtime | itemid | amount | amountuom | rate | rateuom | orderid | ordercategoryname | patientweight | totalamount | totalamountuom | statusdescription
        70000001 | 501 | 301 | 2152-05-01 18:00:00 | 2152-05-01 20:00:00 | 222011 | 2.0000001043081284 | grams | 1 | grams/hour | 401 | 02-Fluids (Crystalloids) | 68.5 | 100 | ml | FinishedRunning
        70000001 | 501 | 301 | 2152-05-01 12:30:00 | 2152-05-01 13:00:00 | 225943 | 50 | ml | | | 402 | 05-Med Bolus | 68.5 | | | Stopped
        70000001 | 501 | 301 | 2152-05-02 12:30:00 | 2152-05-02 13:00:00 | 225943 | 50 | ml | | | 403 | 11-Prophylaxis (Non IV) | 70 | 2 | dose | Paused
        """,
}


def write_drop(folder: Path, without: tuple[str, ...] = ()) -> None:
    """Write the tables as they come, hosp/ packed and icu/ plain, except those to leave out."""
    for module, tables in (("hosp", HOSP), ("icu", ICU)):
        (folder / module).mkdir(parents=True)
        for name, text in tables.items():
            if name not in without:
                _write(folder / module / name, as_csv(text), is_packed=module == "hosp")


def as_csv(pipes: str) -> str:
    """A pipe table as CSV."""
    lines = [line.split("|") for line in pipes.strip().splitlines()]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [cell.strip() for cell in line] for line in lines
    )
    return text.getvalue()


def _write(stem: Path, text: str, *, is_packed: bool) -> None:
    if is_packed:
        stem.with_name(stem.name + ".csv.gz").write_bytes(gzip.compress(text.encode()))
    else:
        stem.with_name(stem.name + ".csv").write_text(text, encoding="utf-8")
