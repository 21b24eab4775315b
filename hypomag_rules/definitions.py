"""Constants that are definitions, not choices: factors and published formulas, with source."""

from fractions import Fraction
from typing import Final

# Canonical value = reported value × factor. Magnesium: molar mass 24.305 g/mol (IUPAC), valence 2.
# Calcium: 40.078 g/mol (IUPAC). Creatinine: 1 mg/dL = 88.4 µmol/L (NKDEP).
# Pound and inch: international yard and pound agreement, 1959.
MG_PER_MMOL_MAGNESIUM: Final = Fraction("24.305")
_MAGNESIUM: Final = {
    "mg/dL": Fraction(1),
    "mmol/L": Fraction("2.4305"),
    "mEq/L": Fraction("1.21525"),
    "mg/L": Fraction(1, 10),
}
_CREATININE: Final = {
    "mg/dL": Fraction(1),
    "umol/L": 1 / Fraction("88.4"),
    "mmol/L": 1000 / Fraction("88.4"),
}
_CALCIUM: Final = {"mg/dL": Fraction(1), "mmol/L": Fraction("4.0078")}
_FILTRATION: Final = {"mL/min": Fraction(1), "mL/min/1.73m2": Fraction(1)}

FACTORS: Final[dict[str, dict[str, Fraction]]] = {
    "magnesium": _MAGNESIUM,
    "creatinine": _CREATININE,
    "potassium": {"mmol/L": Fraction(1), "mEq/L": Fraction(1)},
    "calcium": _CALCIUM,
    "ionised_calcium": {"mmol/L": Fraction(1), "mg/dL": 1 / Fraction("4.0078")},
    "albumin": {"g/dL": Fraction(1), "g/L": Fraction(1, 10)},
    "clearance": _FILTRATION,
    "egfr": _FILTRATION,
    "weight": {"kg": Fraction(1), "lb": Fraction("0.45359237"), "g": Fraction(1, 1000)},
    "height": {"cm": Fraction(1), "in": Fraction("2.54"), "m": Fraction(100)},
    "urine_magnesium": _MAGNESIUM,
    "urine_creatinine": _CREATININE,
    "urine_calcium": _CALCIUM,
}
CANONICAL_UNITS: Final[dict[str, str]] = {
    "magnesium": "mg/dL",
    "creatinine": "mg/dL",
    "potassium": "mmol/L",
    "calcium": "mg/dL",
    "ionised_calcium": "mmol/L",
    "albumin": "g/dL",
    "clearance": "mL/min",
    "egfr": "mL/min/1.73m2",
    "weight": "kg",
    "height": "cm",
    "urine_magnesium": "mg/dL",
    "urine_creatinine": "mg/dL",
    "urine_calcium": "mg/dL",
}
MOLAR_UNITS: Final = ("mmol/L", "mEq/L")

# Magnesium sulfate heptahydrate, 246.47 g/mol: 1 g is 8.1146 mEq or 4.0573 mmol (US label).
MEQ_PER_GRAM_SULFATE: Final = 8.1146
MMOL_PER_GRAM_SULFATE: Final = 4.0573
# Elemental magnesium: 24.305 mg is 1 mmol or 2 mEq (IUPAC, valence 2).
MG_PER_MEQ_MAGNESIUM: Final = float(MG_PER_MMOL_MAGNESIUM / 2)

# Cockcroft and Gault, Nephron 1976;16:31-41.
COCKCROFT_AGE: Final = 140
COCKCROFT_DIVISOR: Final = 72
COCKCROFT_FEMALE: Final = 0.85
# Both formulas for the kidneys were made from adults.
FORMULA_AGE: Final = 18
# Devine, Drug Intell Clin Pharm 1974;8:650-655: ideal weight in kg, height in inches.
DEVINE_MALE: Final = 50.0
DEVINE_FEMALE: Final = 45.5
DEVINE_PER_INCH: Final = 2.3
DEVINE_INCHES: Final = 60
CM_PER_INCH: Final = 2.54
# CKD-EPI 2021 without race: Inker et al., N Engl J Med 2021;385:1737-1749.
CKD_EPI_SCALE: Final = 142
CKD_EPI_KAPPA: Final = {"female": 0.7, "male": 0.9}
CKD_EPI_ALPHA: Final = {"female": -0.241, "male": -0.302}
CKD_EPI_EXPONENT: Final = -1.200
CKD_EPI_AGE: Final = 0.9938
CKD_EPI_FEMALE: Final = 1.012
# Payne et al., BMJ 1973;4:643: calcium adjusted for an albumin of 4 g/dL.
PAYNE_SLOPE: Final = 0.8
PAYNE_ALBUMIN: Final = 4.0
# Elisaf et al., Magnes Res 1997;10:315: the ultrafiltrable share of serum magnesium.
FILTERED_SHARE_MAGNESIUM: Final = 0.7
