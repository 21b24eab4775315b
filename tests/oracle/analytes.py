"""The analytes of rules.md section 2: codes, accepted units, plausible limits, specimens."""

from dataclasses import dataclass
from decimal import Decimal

from .policy import Policy
from .values import Interval

MAGNESIUM = "magnesium"
CREATININE = "creatinine"
POTASSIUM = "potassium"
CALCIUM = "calcium"
IONISED_CALCIUM = "ionised_calcium"
ALBUMIN = "albumin"
CLEARANCE = "clearance"
EGFR = "egfr"
WEIGHT = "weight"
HEIGHT = "height"
URINE_MAGNESIUM = "urine_magnesium"
URINE_CREATININE = "urine_creatinine"
URINE_CALCIUM = "urine_calcium"

WHOLE_BLOOD_MAGNESIUM_CODE = "21377-7"

_CODES = {
    "19123-9": MAGNESIUM,
    "2601-3": MAGNESIUM,
    "2160-0": CREATININE,
    "14682-9": CREATININE,
    "2823-3": POTASSIUM,
    "6298-4": POTASSIUM,
    "17861-6": CALCIUM,
    "2000-8": CALCIUM,
    "1994-3": IONISED_CALCIUM,
    "47596-2": IONISED_CALCIUM,
    "17864-0": IONISED_CALCIUM,
    "1751-7": ALBUMIN,
    "61151-7": ALBUMIN,
    "35591-7": CLEARANCE,
    "2164-2": CLEARANCE,
    "98979-8": EGFR,
    "29463-7": WEIGHT,
    "3141-9": WEIGHT,
    "8302-2": HEIGHT,
    "19124-7": URINE_MAGNESIUM,
    "2598-1": URINE_MAGNESIUM,
    "2161-8": URINE_CREATININE,
    "14683-7": URINE_CREATININE,
    "17862-4": URINE_CALCIUM,
    "2004-0": URINE_CALCIUM,
}


@dataclass(frozen=True)
class Factor:
    """How a unit becomes the canonical one: times the one, divided by the other."""

    times: Decimal = Decimal(1)
    over: Decimal = Decimal(1)


_SAME = Factor()
_MAGNESIUM_UNITS = {
    "mg/dL": _SAME,
    "mmol/L": Factor(times=Decimal("2.4305")),
    "mEq/L": Factor(times=Decimal("1.21525")),
    "mg/L": Factor(over=Decimal(10)),
}
_CREATININE_UNITS = {
    "mg/dL": _SAME,
    "umol/L": Factor(over=Decimal("88.4")),
    "mmol/L": Factor(times=Decimal(1000), over=Decimal("88.4")),
}
_CALCIUM_UNITS = {"mg/dL": _SAME, "mmol/L": Factor(times=Decimal("4.0078"))}
_CLEARANCE_UNITS = {"mL/min": _SAME, "mL/min/1.73m2": _SAME}

UNITS: dict[str, dict[str, Factor]] = {
    MAGNESIUM: _MAGNESIUM_UNITS,
    CREATININE: _CREATININE_UNITS,
    POTASSIUM: {"mmol/L": _SAME, "mEq/L": _SAME},
    CALCIUM: _CALCIUM_UNITS,
    IONISED_CALCIUM: {"mmol/L": _SAME, "mg/dL": Factor(over=Decimal("4.0078"))},
    ALBUMIN: {"g/dL": _SAME, "g/L": Factor(over=Decimal(10))},
    CLEARANCE: _CLEARANCE_UNITS,
    EGFR: _CLEARANCE_UNITS,
    WEIGHT: {
        "kg": _SAME,
        "lb": Factor(times=Decimal("0.45359237")),
        "g": Factor(over=Decimal(1000)),
    },
    HEIGHT: {"cm": _SAME, "in": Factor(times=Decimal("2.54")), "m": Factor(times=Decimal(100))},
    URINE_MAGNESIUM: _MAGNESIUM_UNITS,
    URINE_CREATININE: _CREATININE_UNITS,
    URINE_CALCIUM: _CALCIUM_UNITS,
}

PLAUSIBLE: dict[str, Interval] = {
    MAGNESIUM: Interval(Decimal(0), Decimal(50), low_closed=False),
    CREATININE: Interval(Decimal(0), Decimal(60), low_closed=False),
    POTASSIUM: Interval(Decimal("0.5"), Decimal(15)),
    CALCIUM: Interval(Decimal(1), Decimal(35)),
    IONISED_CALCIUM: Interval(Decimal("0.1"), Decimal(5)),
    ALBUMIN: Interval(Decimal("0.3"), Decimal(8)),
    CLEARANCE: Interval(Decimal(0), Decimal(1000)),
    EGFR: Interval(Decimal(0), Decimal(1000)),
    WEIGHT: Interval(Decimal(20), Decimal(650)),
    HEIGHT: Interval(Decimal(50), Decimal(275)),
    URINE_MAGNESIUM: Interval(Decimal(0), None, low_closed=False),
    URINE_CREATININE: Interval(Decimal(0), None, low_closed=False),
    URINE_CALCIUM: Interval(Decimal(0), None, low_closed=False),
}

_URINE = {URINE_MAGNESIUM, URINE_CREATININE, URINE_CALCIUM}
_BODY = {WEIGHT, HEIGHT}
_NO_SPECIMEN = _BODY | {CLEARANCE, EGFR}  # a clearance is often sent as urine
_NOT_BLOOD = {
    "urine",
    "ur",
    "csf",
    "fluid",
    "body fluid",
    "cerebrospinal fluid",
    "stool",
    "sweat",
}
_NOT_URINE = {"serum", "plasma", "blood", "csf"}
_CONTRADICTED = {
    "19123-9": {"mmol/L", "mEq/L"},
    "21377-7": {"mmol/L", "mEq/L"},
    "2601-3": {"mg/dL", "mg/L"},
}


def analyte_of(code: str, policy: Policy) -> str | None:
    """Return the analyte that a code means, None for a code that is stored but not counted."""
    if code == WHOLE_BLOOD_MAGNESIUM_CODE and code in policy.also_count_as_serum_magnesium:
        return MAGNESIUM
    return _CODES.get(code)


def needs_status(analyte: str | None) -> bool:
    """Say whether a blank status refuses the row: weight and height need none."""
    return analyte not in _BODY


def is_specimen_conflict(analyte: str, specimen: str) -> bool:
    """Say whether the specimen word contradicts the analyte."""
    word = " ".join(specimen.lower().split())
    if analyte in _NO_SPECIMEN:
        return False
    return word in (_NOT_URINE if analyte in _URINE else _NOT_BLOOD)


def is_unit_against_code(code: str, unit: str) -> bool:
    """Say whether a magnesium code for mass came in moles, or the other way round."""
    return unit in _CONTRADICTED.get(code, set())
