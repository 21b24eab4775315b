"""Mutate `hypomag_rules` module by module, in copies of the project, and name the survivors.

Each is asked the rule tables, the worked cases and some hundred drawn nights that the oracle has
answered, then the tests of its own module. One that survives must stand in `survivors.toml` with
the reason why it cannot matter; exit 1 when one does not, or when a listed one is dead.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from tests.mutants.trying import (
    QUESTIONS,
    ROOT,
    RULES,
    Mutant,
    commands_of,
    copied,
    enter,
    mutants_of,
    tried,
)

_WORKERS: Final = 2
_EXAMPLES: Final = "400"


def main() -> int:
    """Run, report and compare; 1 when the survivors are not those that are listed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="names within hypomag_rules; all by default")
    chosen = parser.parse_args().modules
    paths = sorted((ROOT / RULES).glob("*.py"))
    modules = chosen or [path.stem for path in paths if path.stem != "__init__"]
    mutants = [mutant for module in modules for mutant in mutants_of(module)]
    sys.stdout.write(f"{len(mutants)} mutants of {len(modules)} modules\n")
    survivors = []
    with tempfile.TemporaryDirectory(prefix="hypomag-mutants-") as folder:
        subprocess.run(
            [sys.executable, "-m", "tests.mutants.questions", Path(folder) / QUESTIONS],
            cwd=ROOT,
            env=os.environ | {"HYPOMAG_EXAMPLES": _EXAMPLES},
            check=True,
        )
        context = get_context("spawn")
        queue = context.Queue()
        for number in range(_WORKERS):
            copy = copied(Path(folder) / str(number))
            shutil.copy(Path(folder) / QUESTIONS, copy)
            queue.put(str(copy))
        for command in sorted({one for module in modules for one in commands_of(module)}):
            # A test that fails anyway would kill every mutant.
            subprocess.run(shlex.split(command), cwd=copy, stdout=subprocess.DEVNULL, check=True)
        with ProcessPoolExecutor(_WORKERS, context, enter, (queue,)) as workers:
            for at, survivor in enumerate(workers.map(tried, mutants), 1):
                if survivor is not None:
                    survivors.append(survivor)
                    sys.stdout.write(f"{survivor.module}: {survivor.was}  ->  {survivor.becomes}\n")
                if at % 50 == 0:
                    sys.stdout.write(f"{at} of {len(mutants)}, {len(survivors)} survive\n")
                sys.stdout.flush()
    return _compared(survivors, modules, len(mutants))


def _compared(survivors: Sequence[Mutant], modules: Sequence[str], tried: int) -> int:
    """Say which survivors nobody has given a reason for, and which listed ones are dead."""
    text = (Path(__file__).parent / "survivors.toml").read_text(encoding="utf-8")
    listed = [
        (entry["module"], entry["was"], entry["becomes"])
        for entry in tomllib.loads(text).get("survivor", [])
        if entry["module"] in modules
    ]
    found = [(mutant.module, mutant.was, mutant.becomes) for mutant in survivors]
    new = [one for one in found if one not in listed]
    dead = [one for one in listed if one not in found]
    for title, rows in (("without a reason", new), ("listed but dead", dead)):
        for row in rows:
            sys.stdout.write(f"{title}: {': '.join(row[:2])}  ->  {row[2]}\n")
    sys.stdout.write(
        f"{tried} mutants, {tried - len(found)} killed, {len(found)} survive, "
        f"{len(new)} without a reason\n"
    )
    return 1 if new or dead else 0


if __name__ == "__main__":
    sys.exit(main())
