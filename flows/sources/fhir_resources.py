"""The kinds of resource that a rule reads: their elements, and the table that each becomes."""

from collections.abc import Callable
from typing import Final, NamedTuple

import polars as pl

from flows.profile import Profile
from flows.sources.fhir_elements import Resource
from flows.sources.fhir_medications import ADMINISTRATION, REQUEST, administrations, orders
from flows.sources.fhir_observations import OBSERVATION, observations
from flows.sources.fhir_people import (
    CONDITION,
    ENCOUNTER,
    PATIENT,
    conditions,
    encounters,
    patients,
)


class Reading(NamedTuple):
    """What one kind of resource becomes, and which of its elements are read."""

    table: str
    resource: Resource
    rows: Callable[[pl.DataFrame, Profile], pl.DataFrame]


READINGS: Final[dict[str, Reading]] = {
    "Observation": Reading("observations", OBSERVATION, observations),
    "Patient": Reading("patients", PATIENT, patients),
    "Encounter": Reading("encounters", ENCOUNTER, encounters),
    "Condition": Reading("conditions", CONDITION, conditions),
    "MedicationRequest": Reading("medications", REQUEST, orders),
    "MedicationAdministration": Reading("medications", ADMINISTRATION, administrations),
}
