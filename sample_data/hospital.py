"""Writes the nightly extracts of Saint Exampla's, a hospital that does not exist.

Run as `python -m sample_data.hospital OUT_DIR --seed 7 --nights 14 --until 2026-11-21T02:00:00Z`.
The same arguments write the same bytes; the first night also brings what was registered before.
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from sample_data.courses import Course
from sample_data.extract import NIGHT, Extract
from sample_data.laboratory import Laboratory
from sample_data.people import invent_person, register
from sample_data.pharmacy import Pharmacy

PATIENTS = 380


def write_hospital(folder: Path, seed: int, nights: int, until: datetime) -> int:
    """Write the extracts of all nights up to `until` into `folder`, and return the row count."""
    folder.mkdir(parents=True, exist_ok=True)
    return invent(seed, PATIENTS, nights, until).write_nights(folder, nights, until)


def invent(seed: int, patients: int, nights: int, until: datetime) -> Extract:
    """Invent what the hospital's systems say of so many patients."""
    opened_at = until - nights * NIGHT
    extract = Extract()
    for number in range(1, patients + 1):
        # One stream per patient: a change to one patient's course leaves the others as they were.
        rng = Random(f"{seed}/{number}")
        person = invent_person(rng, number, opened_at, until)
        register(rng, person, extract)
        pharmacy = Pharmacy(rng, person, extract, opened_at, until)
        Course(Laboratory(rng, person, extract), pharmacy).live()
    return extract


def instant(text: str) -> datetime:
    """Read an ISO 8601 instant; one without an offset is UTC."""
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def main() -> None:
    """Read the command line and write the nights."""
    parser = argparse.ArgumentParser(prog="python -m sample_data.hospital", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="OUT_DIR")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--nights", type=int, default=14)
    parser.add_argument("--until", type=instant, default=datetime(2026, 11, 21, 2, tzinfo=UTC))
    arguments = parser.parse_args()
    rows = write_hospital(arguments.folder, arguments.seed, arguments.nights, arguments.until)
    print(f"{rows} rows of {arguments.nights} nights in {arguments.folder}")  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
