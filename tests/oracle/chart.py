"""Everything known of one patient at `as_of`, gathered once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from .analytes import MAGNESIUM
from .conditions import Condition, active_conditions
from .counted import counted_results
from .medications import Dose, Medication, magnesium_doses, medication_of
from .policy import Policy
from .tables import (
    CONDITIONS,
    ENCOUNTERS,
    MEDICATIONS,
    PATIENTS,
    Person,
    Row,
    is_in_hospital,
    is_known,
    person_of,
    standing_rows,
)
from .times import Moment, age_on
from .versions import Observation, Result


@dataclass(frozen=True)
class Chart:
    """One patient's counted results by analyte (oldest first) and other facts."""

    patient_id: str
    person: Person
    results: Mapping[str, list[Result]]
    observations: list[Observation]
    conditions: list[Condition]
    medications: list[Medication]
    doses: list[Dose]
    is_in_hospital: bool
    last_administration_in_feed: datetime | None

    @property
    def magnesium(self) -> list[Result]:
        """All counted magnesium results, oldest first."""
        return self.of(MAGNESIUM)

    @property
    def parenteral_doses(self) -> list[Dose]:
        """The IV and IM magnesium doses, by start."""
        return [dose for dose in self.doses if dose.is_parenteral]

    def of(self, analyte: str) -> list[Result]:
        """Return the counted results of an analyte, oldest first."""
        return self.results.get(analyte, [])

    def age_on(self, day: date) -> int | None:
        """Return the age in whole years on a local day."""
        return age_on(self.person.birth_date, day)


def charts_of(
    observations: list[Observation],
    tables: Mapping[str, list[Row]],
    moment: Moment,
    policy: Policy,
) -> list[Chart]:
    """Return one chart per patient with any known observation row, by patient id."""
    patients = standing_rows(tables[PATIENTS], "patient_id", moment)
    encounters = standing_rows(tables[ENCOUNTERS], "encounter_id", moment)
    medication_rows = standing_rows(tables[MEDICATIONS], "medication_id", moment)
    medications = [
        (row.cells["patient_id"], medication)
        for row in medication_rows
        if (medication := medication_of(row, moment)) is not None
    ]
    administrations = [
        drug.started_at
        for row in tables[MEDICATIONS]
        if not row.reason and is_known(row, moment)
        if (drug := medication_of(row, moment)) is not None and not drug.is_order
    ]
    found = sorted({patient_of(observation) for observation in observations})
    return [
        Chart(
            patient_id=patient_id,
            person=_person(patients, patient_id, moment),
            results=_counted_by_analyte(_own(observations, patient_id), policy),
            observations=_own(observations, patient_id),
            conditions=active_conditions(_rows_of(tables[CONDITIONS], patient_id), moment),
            medications=(drugs := [drug for owner, drug in medications if owner == patient_id]),
            doses=magnesium_doses(drugs, moment),
            is_in_hospital=any(
                is_in_hospital(row, moment) for row in _rows_of(encounters, patient_id)
            ),
            last_administration_in_feed=max(administrations, default=None),
        )
        for patient_id in found
    ]


def chart_at_a_dose(
    patient_id: str,
    observations: list[Observation],
    tables: Mapping[str, list[Row]],
    moment: Moment,
    policy: Policy,
) -> Chart:
    """Return what the kidneys, the weight and the level of a patient rest on, nothing more."""
    patients = standing_rows(tables[PATIENTS], "patient_id", moment)
    own = _own(observations, patient_id)
    return Chart(
        patient_id=patient_id,
        person=_person(patients, patient_id, moment),
        results=_counted_by_analyte(own, policy),
        observations=own,
        conditions=active_conditions(_rows_of(tables[CONDITIONS], patient_id), moment),
        medications=[],
        doses=[],
        is_in_hospital=False,
        last_administration_in_feed=None,
    )


def _own(observations: list[Observation], patient_id: str) -> list[Observation]:
    return [one for one in observations if patient_of(one) == patient_id]


def _person(patients: list[Row], patient_id: str, moment: Moment) -> Person:
    rows = [row for row in patients if row.cells["patient_id"] == patient_id]
    return person_of(rows[0], moment) if rows else Person()


def patient_of(observation: Observation) -> str:
    """Return whose observation it is."""
    return observation.versions[0].cells["patient_id"]


def _rows_of(rows: list[Row], patient_id: str) -> list[Row]:
    return [row for row in rows if row.cells["patient_id"] == patient_id]


def _counted_by_analyte(observations: list[Observation], policy: Policy) -> dict[str, list[Result]]:
    results = [one.result for one in observations if one.result is not None]
    analytes = {result.analyte for result in results}
    return {
        analyte: counted_results(
            [result for result in results if result.analyte == analyte], policy
        )
        for analyte in analytes
    }
