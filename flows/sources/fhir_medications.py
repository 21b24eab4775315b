"""MedicationRequests and MedicationAdministrations of FHIR R4 as rows: orders and doses."""

from typing import Final

import polars as pl

from data_contracts.medications import MEDICATIONS
from flows.profile import Profile
from flows.sources.fhir_drugs import DRUG
from flows.sources.fhir_elements import (
    AMOUNT,
    CONCEPT,
    META,
    PERIOD,
    REFERENCE,
    SUBJECT,
    TEXT,
    TRUTH,
    Resource,
    at,
    coding_of,
    referred,
    subject_id,
    translated,
    words_of,
)
from flows.sources.mimic_iv_tables import canonical

REQUEST: Final[Resource] = {
    "resourceType": TEXT,
    "id": TEXT,
    "meta": META,
    "status": TEXT,
    "doNotPerform": TRUTH,
    **DRUG,
    "subject": SUBJECT,
    "encounter": REFERENCE,
    "authoredOn": TEXT,
    "dosageInstruction": [
        {
            "timing": {"repeat": {"boundsPeriod": PERIOD}},
            "route": CONCEPT,
            "doseAndRate": [{"doseQuantity": AMOUNT, "rateQuantity": AMOUNT}],
        }
    ],
}
ADMINISTRATION: Final[Resource] = {
    "resourceType": TEXT,
    "id": TEXT,
    "meta": META,
    "status": TEXT,
    **DRUG,
    "subject": SUBJECT,
    "context": REFERENCE,
    "effectiveDateTime": TEXT,
    "effectivePeriod": PERIOD,
    "request": REFERENCE,
    "dosage": {"route": CONCEPT, "dose": AMOUNT, "rateQuantity": AMOUNT},
}
_SYSTEMS: Final = {
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://www.whocc.no/atc": "ATC",
}
_LOCAL: Final = "local"
# As no magnesium such a dose would leave its patient untreated without a word.
_OF_NO_DRUG: Final = " of an unknown drug"
_ORDERED: Final = {"on-hold": "held", "entered-in-error": "cancelled"}
_PROHIBITED: Final = "cancelled"
_GIVEN: Final = {
    "completed": "given",
    "in-progress": "given",
    "stopped": "partial",
    "not-done": "not_given",
    "entered-in-error": "not_given",
    "on-hold": "held",
}


def orders(resources: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """The rows of MedicationRequests with what `Drugs` says of them.

    One ends where its bounds end, and else is open. What must not be given (`doNotPerform`) counts
    as cancelled.
    """
    words = profile.reading.words.get("medication_status", {})
    status = translated(pl.col("status"), _ORDERED, words)
    dosage = pl.col("dosageInstruction").list.first()
    amounts = dosage.struct.field("doseAndRate").list.first()
    told = resources.with_columns(
        route=dosage.struct.field("route"),
        bounds=dosage.struct.field("timing").struct.field("repeat").struct.field("boundsPeriod"),
        dose=amounts.struct.field("doseQuantity"),
        rate=amounts.struct.field("rateQuantity"),
    )
    return canonical(
        told,
        MEDICATIONS,
        medication_id=pl.col("id"),
        patient_id=subject_id("subject", profile.identifiers.get("patient")),
        encounter_id=referred("encounter", "Encounter"),
        order_id=pl.col("id"),
        kind=_kind("order"),
        started_at=pl.coalesce(at("bounds.start"), "authoredOn"),
        ended_at=at("bounds.end"),
        status=pl.when("doNotPerform").then(pl.lit(_PROHIBITED)).otherwise(status),
        **_cells(profile),
    )


def administrations(resources: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """The rows of MedicationAdministrations with what `Drugs` says of them."""
    words = profile.reading.words.get("medication_status", {})
    told = resources.with_columns(
        route=at("dosage.route"), dose=at("dosage.dose"), rate=at("dosage.rateQuantity")
    )
    return canonical(
        told,
        MEDICATIONS,
        medication_id=pl.col("id"),
        patient_id=subject_id("subject", profile.identifiers.get("patient")),
        encounter_id=referred("context", "Encounter"),
        order_id=referred("request", "MedicationRequest"),
        kind=_kind("administration"),
        started_at=pl.coalesce("effectiveDateTime", at("effectivePeriod.start")),
        ended_at=at("effectivePeriod.end"),
        status=translated(pl.col("status"), _GIVEN, words),
        **_cells(profile),
    )


def _kind(word: str) -> pl.Expr:
    """The kind of a row; of an unknown drug it is none, and the row is quarantined."""
    return pl.when("is_drug_known").then(pl.lit(word)).otherwise(pl.lit(word + _OF_NO_DRUG))


def _cells(profile: Profile) -> dict[str, pl.Expr]:
    """What orders and doses say alike."""
    drug = coding_of(pl.col("drug"), *_SYSTEMS)
    code = drug.struct.field("code")
    system = drug.struct.field("system").replace_strict(_SYSTEMS, default=_LOCAL)
    return {
        "code": code,
        "code_system": pl.when(code.is_not_null()).then(system.fill_null(_LOCAL)),
        "name": pl.coalesce(at("drug.text"), drug.struct.field("display"), "drug_display"),
        "route": words_of(pl.col("route")),
        "dose": at("dose.value"),
        "dose_unit": _unit("dose", profile),
        "rate": at("rate.value"),
        "rate_unit": _unit("rate", profile),
        "updated_at": at("meta.lastUpdated"),
    }


def _unit(amount: str, profile: Profile) -> pl.Expr:
    names = ("code", "unit") if profile.unit_from == "code" else ("unit", "code")
    return pl.coalesce(at(f"{amount}.{name}") for name in names)
