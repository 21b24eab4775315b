"""Invents the patients of Saint Exampla's: who they are, where they lie, what they suffer from."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from sample_data.departments import DEPARTMENTS, Department
from sample_data.extract import Extract, instant_text

GIVEN_NAMES = (
    "Quillon", "Marvelyn", "Tobrin", "Isaphine", "Ordwell", "Lunetta", "Fennick", "Calindra",
    "Brixley", "Eudowyn", "Hartigan", "Pellara", "Zephrin", "Ottoline", "Wendrake", "Sorcha-Mae",
    "Ludovane", "Merrin", "Tamsyne", "Corvid",
)  # fmt: skip
FAMILY_NAMES = (
    "Testmere", "Samplewick", "Mockridge", "Fictley", "Dummerton", "Placehold", "Exempleby",
    "Inventall", "Nonesuch", "Proxworth", "Pretendale", "Makebury", "Trialstone", "Synthwell",
    "Imaginor", "Fabrichurst", "Demoleigh", "Shamford", "Phantomley", "Specimoor",
)  # fmt: skip
FRONT_DOOR = {"emergency": "Emergency Department", "outpatient": "Day Unit"}
DAYS_PER_YEAR = 365.25
CARE_SETTINGS = {"inpatient": 80, "observation": 5, "emergency": 9, "outpatient": 6}
SHORT_STAY_DAYS = {"observation": 1.1, "emergency": 0.3, "outpatient": 0.1}
LONGEST_STAY_DAYS = 21.0
NORTH_SITE_SHARE = 0.08
DEATH_SHARE = 0.03


@dataclass(frozen=True)
class Person:
    """One invented patient with one stay; `left_at` may lie after the last night."""

    number: int
    department: Department
    is_female: bool
    birth_date: date
    weight_kg: float
    height_cm: float
    is_north: bool
    started_at: datetime
    left_at: datetime
    care_setting: str
    is_dying: bool

    @property
    def patient_id(self) -> str:
        """Return the hospital's number of the patient, with its leading zeros."""
        return f"00{self.number:05d}"

    @property
    def encounter_id(self) -> str:
        """Return the number of the stay."""
        return f"E{self.number:06d}"

    @property
    def facility(self) -> str:
        """Return the site whose laboratory and wards look after the patient."""
        return "Saint Exampla's North" if self.is_north else "Saint Exampla's"


def invent_person(rng: Random, number: int, opened_at: datetime, until: datetime) -> Person:
    """Invent a patient whose stay touches the time between `opened_at` and `until`."""
    department = rng.choices(DEPARTMENTS, [each.share for each in DEPARTMENTS])[0]
    is_female = department.is_female_only or rng.random() < 1 / 2
    age_years = rng.uniform(*department.ages)
    height_cm = rng.gauss(164 if is_female else 177, 7) * min(1.0, 0.38 + age_years / 28)
    care_setting = rng.choices(list(CARE_SETTINGS), list(CARE_SETTINGS.values()))[0]
    days = SHORT_STAY_DAYS.get(care_setting, min(LONGEST_STAY_DAYS, rng.lognormvariate(1.7, 0.6)))
    earliest_days = (until - opened_at) / timedelta(days=1) + 0.7 * days
    started_at = until - timedelta(seconds=int(86_400 * rng.uniform(0.1, earliest_days)))
    return Person(
        number=number,
        department=department,
        is_female=is_female,
        birth_date=(until - timedelta(days=age_years * DAYS_PER_YEAR)).date(),
        weight_kg=height_cm**2 / 10_000 * max(14.0, rng.gauss(27 if age_years > 16 else 18, 5)),
        height_cm=height_cm,
        is_north=rng.random() < NORTH_SITE_SHARE,
        started_at=started_at,
        left_at=started_at + timedelta(days=days),
        care_setting=care_setting,
        is_dying=care_setting == "inpatient" and rng.random() < DEATH_SHARE,
    )


def register(rng: Random, person: Person, extract: Extract) -> None:
    """Send the patient's registration, stay and conditions, and later the discharge or death."""
    delay = timedelta(minutes=rng.randint(2, 40))
    name = f"{rng.choice(GIVEN_NAMES)} {rng.choice(FAMILY_NAMES)}"
    patient = {
        "patient_id": person.patient_id,
        "birth_date": person.birth_date.isoformat(),
        "sex": "female" if person.is_female else "male",
        "mrn": f"SX{person.number * 7919 % 1_000_000:06d}",
        "name": name,
    }
    encounter = {
        "encounter_id": person.encounter_id,
        "patient_id": person.patient_id,
        "care_setting": person.care_setting,
        "facility": person.facility,
        "ward": FRONT_DOOR.get(person.care_setting) or rng.choice(person.department.wards),
        "care_team": person.department.care_team,
        "started_at": instant_text(person.started_at),
    }
    arrived_at, gone_at = person.started_at + delay, person.left_at + delay
    arrived, gone = instant_text(arrived_at), instant_text(gone_at)
    extract.add("patients", arrived_at, patient | {"died_at": "", "updated_at": arrived})
    extract.add("encounters", arrived_at, encounter | {"ended_at": "", "updated_at": arrived})
    left = instant_text(person.left_at)
    extract.add("encounters", gone_at, encounter | {"ended_at": left, "updated_at": gone})
    if person.is_dying:
        extract.add("patients", gone_at, patient | {"died_at": left, "updated_at": gone})
    for code in person.department.sure_conditions:
        _record_condition(person, code, arrived_at, extract)
    for code, probability in person.department.possible_conditions:
        if rng.random() < probability:
            _record_condition(person, code, arrived_at, extract)


def _record_condition(person: Person, code: str, at: datetime, extract: Extract) -> None:
    """Send one active condition of the patient."""
    row = {
        "patient_id": person.patient_id,
        "code": code,
        "code_system": "ICD-10-CM",
        "status": "active",
        "recorded_at": instant_text(at),
    }
    extract.add("conditions", at, row)
