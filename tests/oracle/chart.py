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
    charts: list[Chart] = []
    for patient_id in sorted({_patient_of(observation) for observation in observations}):
        own = [one for one in observations if _patient_of(one) == patient_id]
        drugs = [drug for owner, drug in medications if owner == patient_id]
        persons = [row for row in patients if row.cells["patient_id"] == patient_id]
        charts.append(
            Chart(
                patient_id=patient_id,
                person=person_of(persons[0], moment) if persons else Person(),
                results=_counted_by_analyte(own, policy),
                observations=own,
                conditions=active_conditions(_rows_of(tables[CONDITIONS], patient_id), moment),
                medications=drugs,
                doses=magnesium_doses(drugs, moment),
                is_in_hospital=any(
                    is_in_hospital(row, moment) for row in _rows_of(encounters, patient_id)
                ),
                last_administration_in_feed=max(administrations, default=None),
            )
        )
    return charts


def _patient_of(observation: Observation) -> str:
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
