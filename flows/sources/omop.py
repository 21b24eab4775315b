"""The OMOP Common Data Model 5.4 as CSV or Parquet, one file a table, concepts beside them."""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import polars as pl

from flows.errors import FileRefusedError
from flows.inbox import Dropped
from flows.profile import Profile
from flows.sources.extract import Delivery, Extract, StagedDelivery, folder_of, lookups_beside
from flows.sources.omop_drugs import EXPOSURE, EXPOSURE_CODED, exposures
from flows.sources.omop_lookups import CONCEPT, keys_of, picked, with_concepts, with_lookup
from flows.sources.omop_people import (
    CARE_SITE,
    CONDITION,
    CONDITION_CODED,
    DEATH,
    PERSON,
    VISIT,
    deaths,
    diagnoses,
    patients,
    stays,
)
from flows.sources.omop_results import MEASUREMENT, MEASUREMENT_CODED, results
from flows.sources.omop_tables import CdmTable, Columns, batches

_CONCEPT: Final = "concept"
NAMES: Final = "the name of a table of the CDM, e.g. measurement"


class _Beside(NamedTuple):
    """A table that adds columns by a key where it is delivered, and nothing where it is not."""

    name: str
    key: str
    columns: Columns


class _Reading(NamedTuple):
    """What a table of the CDM becomes; `coded` are its columns that name concepts."""

    table: str
    columns: Columns
    rows: Callable[[pl.DataFrame, Profile], pl.DataFrame]
    coded: tuple[str, ...] = ()
    beside: _Beside | None = None

    @property
    def lookups(self) -> tuple[str, ...]:
        """The tables that are read beside it."""
        return (*([_CONCEPT] if self.coded else []), *([self.beside.name] if self.beside else []))


_READINGS: Final[dict[str, _Reading]] = {
    "measurement": _Reading("observations", MEASUREMENT, results, MEASUREMENT_CODED),
    "person": _Reading("patients", PERSON, patients),
    "death": _Reading("patients", DEATH, deaths, beside=_Beside("person", "person_id", PERSON)),
    "visit_occurrence": _Reading(
        "encounters", VISIT, stays, beside=_Beside("care_site", "care_site_id", CARE_SITE)
    ),
    "condition_occurrence": _Reading("conditions", CONDITION, diagnoses, CONDITION_CODED),
    "drug_exposure": _Reading("medications", EXPOSURE, exposures, EXPOSURE_CODED),
}
# Tables of the model and of its vocabularies that are lookups, or hold nothing that a rule reads.
_OTHERS: Final = frozenset(
    """
    care_site cdm_source cohort cohort_definition concept concept_ancestor concept_class
    concept_cpt4 concept_relationship concept_synonym condition_era cost device_exposure domain
    dose_era drug_era drug_strength episode episode_event fact_relationship location metadata note
    note_nlp observation observation_period payer_plan_period procedure_occurrence provider
    relationship source_to_concept_map specimen visit_detail vocabulary
    """.split()  # noqa: SIM905 - one name a line would fill a page
)
_TABLES: Final = sorted({*_READINGS, *_OTHERS}, key=lambda name: (-len(name), name))


def deliveries(files: list[Dropped], profile: Profile) -> list[Delivery]:  # noqa: ARG001
    """One delivery for each table that we read; a file that is no table of the CDM is not known."""
    found = []
    for file in files:
        name = _name(file.path.name)
        if name is None:
            found.append(Delivery(file, None))
        elif name in _READINGS:
            reading = _READINGS[name]
            lookups = lookups_beside(file, reading.lookups, files, _name, folder_of)
            found.append(Delivery(file, reading.table, lookups))
    return found


def _name(file_name: str) -> str | None:
    """The table that a file's name begins with, without case: `MEASUREMENT_2026-11-20.csv.gz`."""
    folded = file_name.lower()
    return next((name for name in _TABLES if re.match(rf"{name}[._-]", folded)), None)


def read(staged: StagedDelivery, profile: Profile) -> Extract:
    """The canonical rows of a staged table of the CDM.

    Columns that we do not read are known ones: none is named, but how many concepts the
    vocabulary lacks is. Raises `FileRefusedError` when a lookup or a column is missing.
    """
    reading = _READINGS[str(_name(staged.name))]
    if reading.coded and _CONCEPT not in staged.lookups:
        message = (
            "cannot be read without the concept table; put concept.csv or concept.parquet of the "
            "vocabularies beside it"
        )
        raise FileRefusedError(message)
    cdm = CdmTable(staged.path, staged.lookups, profile.separator)
    rows = cdm.rows(reading.columns)
    if reading.coded:
        ids = keys_of(rows, reading.coded)
        concepts = picked(cdm.lookup(_CONCEPT, CONCEPT), "concept_id", ids)
        frames = (with_concepts(batch, concepts, reading.coded) for batch in batches(rows))
        return _extract(frames, reading, profile, _lost(ids.len(), concepts.height))
    return _extract(_completed(cdm, rows, reading.beside), reading, profile, ())


def _extract(
    frames: Iterator[pl.DataFrame], reading: _Reading, profile: Profile, told: tuple[str, ...]
) -> Extract:
    return Extract((reading.rows(frame, profile) for frame in frames), told)


def _lost(asked: int, found: int) -> tuple[str, ...]:
    """What the vocabulary lacks; without any concept nothing could be recognised."""
    if asked and not found:
        message = (
            f"concept: none of the {asked} concepts that are used is in it; send the concept table "
            "of the vocabularies that the CDM was made with"
        )
        raise FileRefusedError(message)
    return (f"{asked - found} of {asked} concepts are not in concept",) if asked > found else ()


def _completed(cdm: CdmTable, rows: pl.LazyFrame, beside: _Beside | None) -> Iterator[pl.DataFrame]:
    """The rows with the columns of the table beside them; null where that was not delivered."""
    if beside is None:
        yield from batches(rows)
        return
    names = [name for name in beside.columns.names if name != beside.key]
    lookup = pl.DataFrame(schema=dict.fromkeys((beside.key, *names), pl.String))
    if beside.name in cdm.lookups:
        stored = cdm.lookup(beside.name, beside.columns)
        lookup = picked(stored, beside.key, keys_of(rows, (beside.key,)))
    for batch in batches(rows):
        yield with_lookup(batch, lookup, beside.key)
