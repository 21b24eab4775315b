"""Run the MIMIC-IV demo, in its original tables or in the canonical layout: `make real`."""

import argparse
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Final

import polars as pl

from sample_data.outcome import tell

_ZONE: Final = "America/New_York"
_CANONICAL_AS_OF: Final = "2026-06-14T11:00-04:00"
# The original dates lie in the 22nd century: rows are read as if that were over.
_AFTER_ALL: Final = "2300-01-01T00:00Z"
_MAGNESIUM: Final = "50960"
_SEVERE: Final = 1.2


def main() -> int:
    """Copy the tables into a home's inbox, run the night, say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="folder with hosp/ and icu/, or canonical files")
    parser.add_argument("home", type=Path)
    parser.add_argument("--as-of")
    parser.add_argument("--direct", action="store_true")
    given = parser.parse_args()
    source: Path = given.source
    is_original = (source / "hosp").is_dir()
    if not is_original and not list(source.glob("observations*")):
        sys.stderr.write(f"{source}: neither hosp/ nor observations* stand there; see README\n")
        return 2
    home = given.home / ("original" if is_original else "canonical")
    hypomag = [sys.executable, "-m", "flows.cli"]
    if not (home / "hypomag.toml").exists():
        made = ["init", str(home), "--hospital", "MIMIC-IV demo", "--timezone", _ZONE]
        subprocess.run([*hypomag, *made], check=True, stdout=subprocess.DEVNULL)
    environment = os.environ | {"HYPOMAG_QUIET_SECONDS": "0"}
    as_of = given.as_of or _CANONICAL_AS_OF
    if is_original:
        _drop_original(source, home)
        as_of = given.as_of or _after_last_severe(source)
        first = [*hypomag, "ingest", "--home", str(home), "--as-of", _AFTER_ALL]
        subprocess.run(first, check=False, env=environment)
    else:
        _copy(source, home / "inbox", "*.csv.gz")
    night = [*hypomag, "night", "--home", str(home), "--as-of", as_of]
    ran = subprocess.run(
        [*night, *(["--direct"] if given.direct else [])], check=False, env=environment
    )
    return tell(ran.returncode, home)


def _drop_original(source: Path, home: Path) -> None:
    profile = Path(__file__).parent / "profiles" / "mimic_iv.toml"
    shutil.copyfile(profile, home / "sources" / "mimic.toml")
    for part in ("hosp", "icu"):
        _copy(source / part, home / "inbox" / "mimic" / part, "*.csv*")


def _copy(source: Path, target: Path, pattern: str) -> None:
    """Copy files that are not there yet; hypomag follows no links."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob(pattern)):
        if not (target / path.name).exists():
            shutil.copyfile(path, target / path.name)


def _after_last_severe(source: Path) -> str:
    """Four hours after the last severe magnesium of the original tables, a moment to look at."""
    path = next((source / "hosp").glob("labevents.csv*"))
    drawn = (
        pl.scan_csv(path, infer_schema=False)
        .filter(
            pl.col("itemid") == _MAGNESIUM,
            pl.col("valuenum").cast(pl.Float64, strict=False) <= _SEVERE,
        )
        .select(pl.col("storetime").str.to_datetime().max())
        .collect()
        .item()
    )
    return str((drawn + timedelta(hours=4)).isoformat())


if __name__ == "__main__":
    sys.exit(main())
