"""First and ordinary nights beside a plain DuckDB read of the same files, in the same run."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_AS_OF: Final = "2026-11-21T02:00:00Z"
_NEXT: Final = "2026-11-22T02:00:00Z"
_DELTA: Final = 100_000
_REPEATS: Final = 3
_THREADS: Final = 2
_READ: Final = """
import duckdb, sys
con = duckdb.connect(config={"threads": int(sys.argv[2])})
con.execute(
    "CREATE TEMP TABLE plain AS SELECT * FROM read_csv(?, all_varchar=true)",
    [sys.argv[1] + "/observations_*.csv"],
)
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command took."""

    wall_seconds: float
    cpu_seconds: float
    peak_gigabytes: float


def main() -> None:
    """Generate, read, run nights, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="hypomag-bench-") as folder:
        _run(Path(folder), rows)


def _run(folder: Path, rows: int) -> None:
    base, delta = folder / "base", folder / "delta"
    _generate(base, rows)
    _generate(delta, rows, "--delta", str(_DELTA))
    reads, ingests, nights, ordinary = [], [], [], []
    for _ in range(_REPEATS):
        reads.append(spent([sys.executable, "-c", _READ, str(base), str(_THREADS)]))
        home = _home(folder, base)
        ingests.append(hypomag(home, "ingest", "--as-of", _AS_OF))
        home = _home(folder, base)
        nights.append(hypomag(home, "night", "--direct", "--as-of", _AS_OF))
        for path in delta.iterdir():
            shutil.copy(path, home / "inbox" / path.name)
        ordinary.append(hypomag(home, "night", "--direct", "--as-of", _NEXT))
    read, ingest, night = median(reads), median(ingests), median(nights)
    out = sys.stdout.write
    out(f"{rows:,} observation rows, median of {_REPEATS}, {_THREADS} threads\n")
    for name, took in (
        ("plain read", read),
        ("ingest", ingest),
        ("first night", night),
        (f"ordinary night, {_DELTA:,} new rows", median(ordinary)),
    ):
        out(
            f"  {name:36s} {took.wall_seconds:7.1f} s wall {took.cpu_seconds:7.1f} s CPU "
            f"{took.peak_gigabytes:5.2f} GB\n"
        )
    all_rows = _all_rows(base)
    out(f"  first night / plain read: {night.wall_seconds / read.wall_seconds:.1f} in wall time\n")
    out(
        f"  ingest: {rows / ingest.cpu_seconds / 1e6:.2f} million observation rows "
        f"({all_rows / ingest.cpu_seconds / 1e6:.2f} million rows of all tables) per CPU-second\n"
    )


def _generate(folder: Path, rows: int, *more: str) -> None:
    command = [sys.executable, "-m", "benchmarks.generate", str(folder), "--rows", str(rows)]
    subprocess.run(  # noqa: S603 - our own generator
        [*command, "--seed", "1", "--as-of", _AS_OF, *more],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _home(folder: Path, base: Path) -> Path:
    """A fresh home whose inbox holds the generated files, hard-linked."""
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    inbox = home / "inbox"
    inbox.mkdir(parents=True)
    (home / "hypomag.toml").write_text('timezone = "Europe/London"\n', encoding="utf-8")
    for path in base.iterdir():
        os.link(path, inbox / path.name)
    return home


def hypomag(home: Path, *words: str) -> Spent:
    """Run our own command in a home and say what it took."""
    return spent([sys.executable, "-m", "flows.cli", *words, "--home", str(home)])


def spent(command: Sequence[str]) -> Spent:
    """Run a command to its end and say what it took; exit codes up to 11 are fine."""
    started = time.perf_counter()
    child = subprocess.Popen(  # noqa: S603 - our own commands
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    child.returncode = code
    if code not in {0, 10, 11}:
        message = f"{' '.join(command[:4])} ended with {code}"
        raise RuntimeError(message)
    return Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6)


def median(runs: list[Spent]) -> Spent:
    """The median times of some runs, and the highest peak."""
    return Spent(
        statistics.median(run.wall_seconds for run in runs),
        statistics.median(run.cpu_seconds for run in runs),
        max(run.peak_gigabytes for run in runs),
    )


def _all_rows(folder: Path) -> int:
    """Data rows of all generated files."""
    total = 0
    for path in folder.glob("*.csv"):
        with path.open("rb") as raw:
            total += sum(chunk.count(b"\n") for chunk in iter(lambda: raw.read(1 << 20), b"")) - 1
    return total


if __name__ == "__main__":
    main()
