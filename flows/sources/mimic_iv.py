"""The original tables of MIMIC-IV, as PhysioNet gives them: hosp/NAME.csv.gz, icu/NAME.csv.gz."""

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Final, NamedTuple

import polars as pl

from flows.errors import ConfigurationError, FileRefusedError
from flows.inbox import Dropped
from flows.profile import Profile
from flows.sources.extract import Delivery, Extract, StagedDelivery, folder_of, lookups_beside
from flows.sources.mimic_iv_drugs import infusions, orders
from flows.sources.mimic_iv_emar import administrations
from flows.sources.mimic_iv_people import diagnoses, patients, stays, visits
from flows.sources.mimic_iv_results import clinic_measures, infusion_weights, laboratory
from flows.sources.mimic_iv_tables import Original

_ENDINGS: Final = (".csv.gz", ".csv")
_MODULES: Final = ("hosp", "icu")
NAMES: Final = "the name of a table of hosp or icu, and end it in .csv or .csv.gz right after that"


class _Reading(NamedTuple):
    """What one original table becomes, and which tables must lie beside it."""

    table: str
    lookups: tuple[str, ...]
    rows: Callable[[Original], Iterator[pl.DataFrame]]


# Tables that are not named here are lookups, or hold nothing that a rule reads.
_READINGS: Final[dict[str, tuple[_Reading, ...]]] = {
    "labevents": (_Reading("observations", ("d_labitems",), laboratory),),
    "omr": (_Reading("observations", (), clinic_measures),),
    "inputevents": (
        _Reading("medications", ("d_items",), infusions),
        _Reading("observations", (), infusion_weights),
    ),
    "emar": (_Reading("medications", ("emar_detail", "prescriptions"), administrations),),
    "prescriptions": (_Reading("medications", (), orders),),
    "patients": (_Reading("patients", ("admissions",), patients),),
    "admissions": (_Reading("encounters", ("transfers", "services"), stays),),
    "transfers": (_Reading("encounters", (), visits),),
    "diagnoses_icd": (_Reading("conditions", ("admissions",), diagnoses),),
}


def deliveries(files: list[Dropped], profile: Profile) -> list[Delivery]:
    """A delivery for each canonical table that an original one holds; lookups give none.

    What is named like a table but not as the original is not known. Raises `ConfigurationError`
    when the profile chooses no laboratory items.
    """
    if not profile.items.get("laboratory"):
        message = (
            f"sources/{profile.name}.toml: [items.laboratory] is missing; "
            "name each item of d_labitems that counts with its LOINC code"
        )
        raise ConfigurationError(message)
    return [
        Delivery(file, reading.table, lookups_beside(file, reading.lookups, files, _name, _drop))
        for file in files
        for reading in _READINGS.get(_name(file.path.name), ())
    ] + [Delivery(file, None) for file in files if _is_misnamed(file.path.name)]


def _is_misnamed(file_name: str) -> bool:
    """Whether a file is named like a table that we read, with more to its name or another ending.

    Passed over in silence, `labevents_2026-11.csv` would be nobody's results.
    """
    stem = file_name.partition(".")[0].lower()
    is_like = any(re.match(rf"{name}(?:[^a-z]|$)", stem) for name in _READINGS)
    return is_like and _name(file_name) not in {*_READINGS, "emar_detail"}


def _name(file_name: str) -> str:
    """The original table's name; a file that is no CSV has none."""
    folded = file_name.lower()
    ending = next((ending for ending in _ENDINGS if folded.endswith(ending)), None)
    return folded.removesuffix(ending) if ending else ""


def _drop(file: Dropped) -> PurePosixPath:
    """The folder that holds hosp/ and icu/, or the file itself when there are none."""
    folder = folder_of(file)
    return folder.parent if folder.name in _MODULES else folder


def read(staged: StagedDelivery, profile: Profile) -> Extract:
    """The canonical rows of a staged original table.

    Columns that we do not read are known ones: none is named. Raises `FileRefusedError` when a
    lookup or a column is missing.
    """
    name = _name(staged.name)
    reading = next(known for known in _READINGS[name] if known.table == staged.table)
    missing = [lookup for lookup in reading.lookups if lookup not in staged.lookups]
    if missing:
        message = (
            f"cannot be read without {' and '.join(f'{lookup}.csv.gz' for lookup in missing)}; "
            f"put it beside {staged.name}, then drop {staged.name} again"
        )
        raise FileRefusedError(message)
    original = Original(staged.path, staged.lookups, profile.items)
    return Extract(reading.rows(original), ())
