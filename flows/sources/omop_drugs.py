"""Medications out of the OMOP CDM: the drug_exposure table."""

from typing import Final

import polars as pl

from data_contracts.medications import MEDICATIONS
from flows.profile import Profile
from flows.sources.mimic_iv_tables import canonical
from flows.sources.omop_lookups import worded
from flows.sources.omop_tables import Columns

EXPOSURE: Final = Columns(
    needed=("drug_exposure_id", "person_id", "drug_concept_id", "drug_type_concept_id"),
    any_of=(
        ("drug_exposure_start_datetime", "drug_exposure_start_date"),
        ("drug_exposure_end_datetime", "drug_exposure_end_date"),
    ),
    optional=(
        "quantity",
        "dose_unit_source_value",
        "route_concept_id",
        "route_source_value",
        "drug_source_value",
        "visit_occurrence_id",
    ),
)
EXPOSURE_CODED: Final = ("drug_concept_id", "route_concept_id")
# Types that tell neither (dispensed, on a list, claimed) are for the profile's [words.kind].
_KINDS: Final = {
    "32818": "administration",  # EHR administration record
    "38000180": "administration",  # inpatient administration
    "32833": "order",  # EHR order
    "32838": "order",  # EHR prescription
    "32839": "order",  # EHR prescription issue record
    "38000177": "order",  # prescription written
}
_CODE_SYSTEMS: Final = {"RxNorm": "RxNorm", "RxNorm Extension": "RxNorm", "ATC": "ATC"}
_ZERO: Final = r"^\s*0*\.?0*\s*$"


def exposures(rows: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Orders and administrations; the table has no order id and no status."""
    own = profile.reading.words.get("kind", {})
    kind = pl.coalesce(worded("drug_type_concept_id", _KINDS, own), "drug_type_concept_id")
    is_given = kind.replace(dict(own)).str.to_lowercase() == "administration"
    # Blank says that a dose of zero is none, where `given` would say that it is one.
    is_zero = pl.col("quantity").str.contains(_ZERO).fill_null(value=False)
    system = pl.col("drug_concept_vocabulary").replace_strict(
        _CODE_SYSTEMS, default=None, return_dtype=pl.String
    )
    return canonical(
        rows,
        MEDICATIONS,
        medication_id=pl.col("drug_exposure_id"),
        patient_id=pl.col("person_id"),
        encounter_id=pl.col("visit_occurrence_id"),
        kind=kind,
        code=pl.when(system.is_not_null())
        .then(pl.col("drug_concept_code"))
        .otherwise(pl.col("drug_source_value")),
        code_system=system.fill_null("local"),
        name=_name(),
        route=_route(profile),
        dose=pl.col("quantity"),
        dose_unit=pl.col("dose_unit_source_value"),
        started_at=pl.coalesce("drug_exposure_start_datetime", "drug_exposure_start_date"),
        ended_at=pl.coalesce("drug_exposure_end_datetime", "drug_exposure_end_date"),
        status=pl.when(is_given & ~is_zero).then(pl.lit("given")),
    )


def _name() -> pl.Expr:
    """What the source calls the drug, and in brackets what the vocabulary does.

    The source value is often the number of a package: no rule knows magnesium by that.
    """
    source, standard = pl.col("drug_source_value"), pl.col("drug_concept_name")
    is_same = source.str.to_lowercase() == standard.str.to_lowercase()
    both = pl.format("{} ({})", source, standard)
    return pl.coalesce(pl.when(~is_same).then(both), source, standard)


def _route(profile: Profile) -> pl.Expr:
    """The route's concept, which older vocabularies call `Oral route`, else the source's word."""
    own = list(profile.reading.words.get("route", {}))
    name = pl.col("route_concept_name")
    short = name.str.replace(r"(?i)\s+route$", "")
    return pl.coalesce(pl.when(name.is_in(own)).then(name), short, "route_source_value")
