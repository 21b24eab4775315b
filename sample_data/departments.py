"""The invented departments: their wards, teams, ages, usual conditions, drugs and chemistry."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Drug:
    """One drug as ordered: RxNorm ingredient, usual dose, and the hours it is given at."""

    code: str
    name: str
    route: str
    dose: str
    dose_unit: str
    hours: tuple[int, ...]


PANTOPRAZOLE = Drug("40790", "Pantoprazole 40 mg tablet", "PO", "40", "mg", (8,))
FUROSEMIDE = Drug("4603", "Furosemide 40 mg tablet", "PO", "40", "mg", (8, 16))
DIGOXIN = Drug("3407", "Digoxin 125 microgram tablet", "PO", "0.125", "mg", (9,))
SPIRONOLACTONE = Drug("9997", "Spironolactone 25 mg tablet", "PO", "25", "mg", (8,))
METOPROLOL = Drug("6918", "Metoprolol 50 mg tablet", "PO", "50", "mg", (8, 20))
PARACETAMOL = Drug("161", "Paracetamol 1 g tablet", "PO", "1,000", "mg", (8, 14, 22))
ENOXAPARIN = Drug("67108", "Enoxaparin 40 mg syringe", "SC", "40", "mg", (18,))
MORPHINE = Drug("7052", "Morphine 5 mg injection", "IV", "5", "mg", (7, 23))


@dataclass(frozen=True)
class Department:
    """One department; `magnesium_shift` is in mg/dL, creatinine in mg/dL."""

    share: float
    care_team: str
    wards: tuple[str, ...]
    ages: tuple[float, float]
    sure_conditions: tuple[str, ...]
    possible_conditions: tuple[tuple[str, float], ...]
    possible_drugs: tuple[tuple[Drug, float], ...]
    creatinine_mg_dl: tuple[float, float]
    magnesium_shift: float = 0.0
    is_female_only: bool = False
    is_on_magnesium_infusion: bool = False


DEPARTMENTS = (
    Department(
        33, "Acute Medicine", ("Alder 2", "Alder 3", "Birch 4"), (20, 95), (),
        (("J18.9", 0.2), ("E11.9", 0.25), ("F10.20", 0.1), ("I48.91", 0.15), ("I50.9", 0.12)),
        ((PANTOPRAZOLE, 0.5), (FUROSEMIDE, 0.3), (PARACETAMOL, 0.4), (ENOXAPARIN, 0.5)),
        (0.5, 1.9),
    ),
    Department(
        20, "Surgery", ("Cedar 1", "Cedar 2"), (19, 88), (),
        (("K56.609", 0.3), ("K91.2", 0.1), ("E11.9", 0.15), ("I25.10", 0.1)),
        ((PARACETAMOL, 0.6), (MORPHINE, 0.4), (ENOXAPARIN, 0.6), (PANTOPRAZOLE, 0.3)),
        (0.5, 1.4), -0.05,
    ),
    Department(
        15, "Cardiology", ("Dogwood CCU", "Elm 5"), (38, 93), ("I50.9",),
        (("I48.91", 0.4), ("I25.10", 0.4), ("I44.2", 0.12), ("Z95.0", 0.1)),
        ((FUROSEMIDE, 0.7), (METOPROLOL, 0.6), (DIGOXIN, 0.3), (SPIRONOLACTONE, 0.3)),
        (0.7, 2.2), -0.05,
    ),
    Department(
        12, "Oncology", ("Fir 6",), (24, 84), ("C34.90",), (("R63.4", 0.3), ("I48.91", 0.08)),
        ((PANTOPRAZOLE, 0.6), (MORPHINE, 0.3), (ENOXAPARIN, 0.4)), (0.4, 1.5), -0.15,
    ),
    Department(
        7, "Nephrology", ("Gorse 7",), (30, 86), ("N18.6", "Z99.2"), (("I50.9", 0.25),),
        ((PANTOPRAZOLE, 0.5), (METOPROLOL, 0.4)), (3.5, 9.5), 0.15,
    ),
    Department(
        7, "Intensive Care", ("Hazel ICU",), (21, 86), ("A41.9",),
        (("N17.9", 0.4), ("I48.91", 0.25), ("J96.01", 0.5)),
        ((MORPHINE, 0.7), (PANTOPRAZOLE, 0.8), (ENOXAPARIN, 0.5)), (0.6, 2.8), -0.1,
    ),
    Department(
        3, "Obstetrics", ("Ivy Maternity",), (19, 42), ("O14.13",), (("O99.810", 0.2),),
        ((PARACETAMOL, 0.6),), (0.4, 0.9), 0.0,
        is_female_only=True, is_on_magnesium_infusion=True,
    ),
    Department(
        3, "Children's", ("Juniper 8",), (12, 17.5), (), (("A09", 0.4), ("J45.909", 0.3)),
        ((PARACETAMOL, 0.7),), (0.2, 0.7), -0.1,
    ),
)  # fmt: skip
