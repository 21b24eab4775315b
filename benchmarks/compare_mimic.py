"""Reads MIMIC-IV as PhysioNet gives it and as a re-dated canonical extract, and compares them.

Run as `python -m benchmarks.compare_mimic ORIGINAL_DIR CANONICAL_DIR`. Both are dropped into new
homes and ingested by the product's own stages. Each magnesium result that stands in both must have
the same text, magnitude, severity and clock time, and each patient's dates one shift. Prints
counts and column names, no identifiers; the exit code is 1 on any disagreement.
"""

import argparse
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import polars as pl

from flows.gathering import batches
from flows.linking import link_persons
from flows.night import Night
from flows.selection import lay_in_batches, select_dosed
from flows.settings import Settings
from flows.stages import ingest, opened
from hypomag_rules.policy import load
from hypomag_rules.severity import severity
from hypomag_rules.standing import standing

ZONE: Final = "America/New_York"
SOURCE: Final = "mimic_iv"
PROFILE: Final = Path(__file__).parents[1] / "sample_data" / "profiles" / f"{SOURCE}.toml"
# A result later than the night and the wall clock is refused, and the originals end about 2210.
AFTER_ALL: Final = datetime(2250, 1, 1, 12, tzinfo=UTC)
ALL_PERSONS: Final = 1_000_000
COMPARED: Final = ("person_id", "value", "magnitude", "severity", "clock_time")


def original_night(tables: Path, home: Path) -> Night:
    """A night over a home into which the original tables are dropped with their folders."""
    for path in sorted(tables.rglob("*.csv*")):
        target = home / "inbox" / SOURCE / path.relative_to(tables)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    (home / "sources").mkdir()
    shutil.copyfile(PROFILE, home / "sources" / PROFILE.name)
    return _night(home)


def canonical_night(tables: Path, home: Path) -> Night:
    """A night over a home into which the canonical extract is dropped."""
    (home / "inbox").mkdir(parents=True)
    for path in sorted(tables.glob("*.csv*")):
        shutil.copyfile(path, home / "inbox" / path.name)
    return _night(home)


def _night(home: Path) -> Night:
    settings = Settings(timezone=ZONE, quiet_seconds=0)
    return Night(home, home / "inbox", AFTER_ALL, datetime.now(UTC), settings, load())


def read_results(night: Night) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Ingest a night; its standing magnesium results, and what the ledger says of its files."""
    ingest(night, lambda _: None)
    with opened(night) as store:
        ledger = store.frame(
            "SELECT name, table_name, rows, quarantined, problem FROM files ORDER BY file_id",
        )
        store.run(
            "CREATE TEMP TABLE persons AS SELECT DISTINCT patient_id AS person_id, "
            "'' AS patient_prefix, true AS is_short FROM observation_versions "
            "WHERE patient_id IS NOT NULL",
        )
        for table in ("touched", "repeated", "redosed"):
            store.run(f"CREATE TEMP TABLE {table} (person_id VARCHAR)")
        link_persons(store, night)
        select_dosed(store, night)
        ((moments, _, facts),) = batches(store, night, lay_in_batches(store, ALL_PERSONS))
    results = standing(facts.observations, moments).results
    local = pl.col("collected_time").dt.replace_time_zone("UTC").dt.convert_time_zone(ZONE)
    return (
        results.filter(pl.col("analyte") == "magnesium").select(
            "observation_id",
            "person_id",
            "value",
            "magnitude",
            severity(night.policy.magnesium),
            clock_time=local.dt.time(),
            local_date=local.dt.date(),
        ),
        ledger,
    )


def disagreements(originals: pl.DataFrame, extract: pl.DataFrame) -> dict[str, int]:
    """How many results differ, by column, and how many patients have more than one shift.

    A result that stands in the extract alone counts under `observation_id`: it holds a choice of
    the originals' rows and nothing else.
    """
    both = originals.join(extract, on="observation_id", suffix="_extract")
    found = {
        name: both.filter(pl.col(name).ne_missing(pl.col(f"{name}_extract"))).height
        for name in COMPARED
    }
    shift = (pl.col("local_date") - pl.col("local_date_extract")).n_unique().alias("shifts")
    by_patient = both.group_by("person_id").agg(shift)
    only = extract.join(originals, on="observation_id", how="anti").height
    return found | {
        "local_date": by_patient.filter(pl.col("shifts") > 1).height,
        "observation_id": only + both.height - both.get_column("observation_id").n_unique(),
    }


def compare(original_dir: Path, canonical_dir: Path) -> int:
    """Ingest both in folders that are removed again, print what was compared; the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        homes = Path(folder)
        originals, read = read_results(original_night(original_dir, homes / "original"))
        extract, read_extract = read_results(canonical_night(canonical_dir, homes / "canonical"))
    both = originals.join(extract, on="observation_id", how="semi")
    refused = sum(ledger.get_column("problem").count() for ledger in (read, read_extract))
    found = disagreements(originals, extract) | {"files refused": refused}
    severities = both.get_column("severity").value_counts().sort("severity").iter_rows()
    lines = [
        "originals:",
        *_lines(read),
        "canonical extract:",
        *_lines(read_extract),
        "standing magnesium results:",
        f"  {originals.height} in the originals, {extract.height} in the extract",
        f"  {both.height} in both, of {both.get_column('person_id').n_unique()} patients",
        f"  of these {', '.join(f'{count} {word}' for word, count in severities)}",
        "disagreements:",
        *(f"  {name}: {count}" for name, count in found.items()),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if any(found.values()) or both.is_empty() else 0


def _lines(ledger: pl.DataFrame) -> list[str]:
    fate = pl.coalesce("problem", pl.format("{} quarantined", "quarantined"))
    line = pl.format("  {} as {}: {} rows, {}", "name", "table_name", "rows", fate)
    return ledger.select(line).to_series().to_list()


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("original_dir", type=Path, help="holds hosp/ and icu/")
    parser.add_argument("canonical_dir", type=Path, help="holds observations.csv.gz and others")
    arguments = parser.parse_args()
    return compare(arguments.original_dir, arguments.canonical_dir)


if __name__ == "__main__":
    sys.exit(main())
