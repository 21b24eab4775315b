"""FHIR R4 bulk data: NDJSON files, one kind of resource each, as US Core codes them."""

import re
from collections.abc import Iterator
from typing import Final

import polars as pl

from flows.inbox import Dropped
from flows.profile import Profile
from flows.sources.extract import Delivery, Extract, StagedDelivery
from flows.sources.fhir_drugs import KIND as _LOOKUP
from flows.sources.fhir_drugs import Drugs, medication_files
from flows.sources.fhir_ndjson import first_line, resources
from flows.sources.fhir_resources import READINGS

# What else a server puts into a bulk export; no rule reads it, and a file of it is no delivery.
_NOT_READ: Final = frozenset(
    """
    Account AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic Binary
    BodyStructure CarePlan CareTeam ChargeItem Claim ClaimResponse ClinicalImpression CodeSystem
    Communication CommunicationRequest Composition ConceptMap Consent Contract Coverage
    CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue Device DeviceDefinition
    DeviceMetric DeviceRequest DeviceUseStatement DiagnosticReport DocumentManifest
    DocumentReference Endpoint EnrollmentRequest EnrollmentResponse EpisodeOfCare
    ExplanationOfBenefit FamilyMemberHistory Flag Goal Group GuidanceResponse HealthcareService
    ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation InsurancePlan
    Invoice Library List Location Measure MeasureReport Media Medication MedicationDispense
    MedicationKnowledge MedicationStatement MolecularSequence NutritionOrder ObservationDefinition
    OperationOutcome Organization OrganizationAffiliation PaymentNotice PaymentReconciliation Person
    PlanDefinition Practitioner PractitionerRole Procedure Provenance Questionnaire
    QuestionnaireResponse RelatedPerson RequestGroup ResearchStudy ResearchSubject RiskAssessment
    Schedule ServiceRequest Slot Specimen SpecimenDefinition StructureDefinition Substance
    SupplyDelivery SupplyRequest Task ValueSet VerificationResult VisionPrescription
    """.lower().split()
)
_WITH_DRUGS: Final = "medications"
_LETTERS: Final = re.compile("[a-z]*")
_KIND: Final = re.compile(r'"resourceType"\s*:\s*"([A-Za-z]+)"')
NAMES: Final = "the kind of its resources as FHIR names it, e.g. Observation"


def deliveries(files: list[Dropped], profile: Profile) -> list[Delivery]:
    """One delivery a file of resources that a rule reads; its name begins with their kind.

    The profile's patterns come first. Files of other resources are none; what begins with no
    resource's name is not known. Orders and doses have the files of Medications beside them; they
    are not read again for each that comes, which with daily exports would be all of them, daily.
    """
    drugs = medication_files(
        [file for file in files if _letters(file.path.name) == _LOOKUP.lower()]
    )
    return [
        Delivery(file, table, drugs if table == _WITH_DRUGS else {}, is_read_once=True)
        for file in files
        if (table := _table_of(file.path.name, profile)) is not None or not _is_other(file)
    ]


def _table_of(name: str, profile: Profile) -> str | None:
    for table, spec in profile.tables.items():
        if spec.takes(name):
            return table
    kind = _kind_of(name)
    if kind is not None:
        return READINGS[kind].table
    plain = name.lower()
    return next((r.table for r in READINGS.values() if plain.startswith(r.table)), None)


def _is_other(file: Dropped) -> bool:
    return _letters(file.path.name) in _NOT_READ


def _letters(name: str) -> str:
    found = _LETTERS.match(name.lower())
    return found.group() if found else ""


def _kind_of(name: str) -> str | None:
    """The resource that a file name begins with; an ObservationDefinition is no Observation."""
    if _letters(name) in _NOT_READ:
        return None
    return next((kind for kind in READINGS if name.lower().startswith(kind.lower())), None)


def read(staged: StagedDelivery, profile: Profile) -> Extract:
    """The canonical rows of a staged file of resources.

    Elements that we do not read are known ones: none is named. A file is refused with its line,
    while its frames are read, for what is no resource of its kind.
    """
    kind = _kind_in(staged)
    return Extract(_rows(staged, kind, profile), ())


def _kind_in(staged: StagedDelivery) -> str:
    """The kind of a staged file: by its name, else by its first line, else the table's first."""
    of_table = [kind for kind, reading in READINGS.items() if reading.table == staged.table]
    named = _kind_of(staged.name)
    if named in of_table:
        return named
    found = _KIND.search(first_line(staged.path)) if len(of_table) > 1 else None
    return found.group(1) if found and found.group(1) in of_table else of_table[0]


def _rows(staged: StagedDelivery, kind: str, profile: Profile) -> Iterator[pl.DataFrame]:
    reading = READINGS[kind]
    text = pl.col(pl.String)
    drugs = Drugs(staged.lookups)
    for frame in resources(staged.path, kind, reading.resource):
        told = frame.hstack(drugs.of(frame)) if reading.table == _WITH_DRUGS else frame
        rows = reading.rows(told, profile)
        # A cell of blanks alone says nothing, and an id is the same with blanks around it.
        stripped = rows.with_columns(pl.col("^.*_id$").str.strip_chars())
        yield stripped.with_columns(pl.when(text.str.contains(r"\S")).then(text))
