"""HL7 v2 messages and FHIR Observations beside `hl7` and `fhir.resources`, in the same run.

Parse against parse, from the file: the libraries a sample, its first messages, ours all of it.
HL7 v2: `hl7.parse` cuts each message into segments, fields, repeats and components. Ours cuts the
file into messages and segments, finds whose each is, and cuts every field into its components.
FHIR: `Observation.model_validate_json` makes an object of each line. Ours makes typed columns of
the elements that are read, each line found to be whole, with every key once and types as in FHIR.
Rows are the whole way from the file to canonical rows, of results alone and of all tables. The
lines of `keys shuffled` have their keys in an order of their own each, so that every one of them
is parsed alone. CPU stands beside wall, for ours may use two threads and the libraries use one.
"""

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.feed_sides import (
    MESSAGES,
    PROFILES,
    RESOURCES,
    SAMPLE,
    SHUFFLED,
    SIDES,
    START,
    WHOLE,
    Side,
)
from benchmarks.messages_hl7v2 import write_messages
from benchmarks.nights import Spent, hypomag, median
from benchmarks.resources_fhir import write_observations

_AS_OF: Final = "2026-11-21T02:00:00Z"
_REPEATS: Final = 3
_WARM_UP: Final = 50


def main() -> None:
    """Generate, parse by each side in turn, ingest, print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=2_000)
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side is not None:
        _time(SIDES[asked.side], asked.folder)
        return
    with tempfile.TemporaryDirectory(prefix="hypomag-bench-") as folder:
        _run(Path(folder), asked.rows, min(asked.sample, asked.rows))


def _time(side: Side, folder: Path) -> None:
    """Say what a side takes, after a few messages have warmed it up."""
    side.parse(folder / "warm" / side.file)
    wall, cpu = time.perf_counter(), time.process_time()
    side.parse(folder / side.part / side.file)
    told = (time.perf_counter() - wall, time.process_time() - cpu)
    sys.stdout.write(json.dumps(told))


def _run(folder: Path, rows: int, sample: int) -> None:
    whole = folder / WHOLE
    whole.mkdir()
    write_messages(whole / MESSAGES, rows)
    write_observations(whole / RESOURCES, rows)
    _cut(whole, folder / "warm", _WARM_UP)
    _cut(whole, folder / SAMPLE, sample)
    times: dict[int, list[list[float]]] = {at: [] for at in range(len(SIDES))}
    ingests: dict[str, list[Spent]] = {layout: [] for layout in PROFILES}
    for _ in range(_REPEATS):
        for at, told in times.items():
            told.append(_timed(at, folder))
        for layout, found in ingests.items():
            home = _home(folder, layout)
            found.append(hypomag(home, "ingest", "--as-of", _AS_OF))
    _print_sides(times, {SAMPLE: sample, WHOLE: rows})
    sys.stdout.write(f"hypomag ingest of {rows:,}, from the dropped file into the store\n")
    for (layout, found), name in zip(ingests.items(), ("messages", "Observations"), strict=True):
        took = median(found)
        sys.stdout.write(
            f"  {layout:31s} {took.wall_seconds:9.1f} s wall {took.cpu_seconds:8.1f} s CPU "
            f"{took.peak_gigabytes:5.2f} GB, {rows / took.cpu_seconds:,.0f} {name} a CPU-second\n"
        )


def _cut(whole: Path, part: Path, count: int) -> None:
    """The first messages and resources of each feed, and those with their keys shuffled."""
    part.mkdir()
    messages = (whole / MESSAGES).read_bytes().split(START)[1 : count + 1]
    (part / MESSAGES).write_bytes(b"".join(START + message for message in messages))
    with (whole / RESOURCES).open("rb") as file:
        lines = list(itertools.islice(file, count))
    (part / RESOURCES).write_bytes(b"".join(lines))
    order = random.Random(1)  # noqa: S311 - an order of keys
    told = [list(json.loads(line).items()) for line in lines]
    shuffled = [dict(order.sample(keys, len(keys))) for keys in told]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in shuffled)
    (part / SHUFFLED).write_text(text, encoding="utf-8")


def _timed(at: int, folder: Path) -> list[float]:
    """Wall and CPU seconds of a side, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.feeds", "--side", str(at), "--folder", str(folder)]
    told = subprocess.run(  # noqa: S603 - our own command
        command, check=True, capture_output=True, text=True
    )
    wall, cpu = json.loads(told.stdout)
    return [wall, cpu]


def _home(folder: Path, layout: str) -> Path:
    """A fresh home in whose inbox the whole feed lies."""
    home = Path(tempfile.mkdtemp(dir=folder))
    inbox = home / "inbox" / layout
    inbox.mkdir(parents=True)
    (home / "sources").mkdir()
    (home / "sources" / f"{layout}.toml").write_text(PROFILES[layout], encoding="utf-8")
    (home / "hypomag.toml").write_text("quiet_seconds = 0\n", encoding="utf-8")
    name = {"hl7v2": MESSAGES, "fhir": RESOURCES}[layout]
    os.link(folder / "whole" / name, inbox / name)
    return home


def _print_sides(times: dict[int, list[list[float]]], counts: dict[str, int]) -> None:
    """Print the medians of each side, and how often each goes into that of its library."""
    out = sys.stdout.write
    told_of = f"{counts[SAMPLE]:,} by the libraries, {counts[WHOLE]:,} by hypomag"
    out(f"{told_of}, median of {_REPEATS}, µs for one\n")
    feed, walls, cpus = "", 0.0, 0.0
    for at, told in times.items():
        side = SIDES[at]
        wall, cpu = (
            statistics.median(part) / counts[side.part] * 1e6 for part in zip(*told, strict=True)
        )
        line = f"  {side.feed:7s} {side.name:31s} {wall:9.1f} wall {cpu:8.1f} CPU"
        if side.feed != feed:
            feed, walls, cpus = side.feed, wall, cpu
            out(f"{line}\n")
        else:
            out(f"{line}  {walls / wall:6.1f} × {cpus / cpu:6.1f} ×\n")


if __name__ == "__main__":
    main()
