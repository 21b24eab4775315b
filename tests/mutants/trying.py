"""One mutant: where it is, what becomes of it when the tests are run on it."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Queue
from os import chdir
from pathlib import Path
from typing import Final

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_item import MutationSpec

from tests.mutants.operators import OPERATORS

ROOT: Final = Path(__file__).parents[2]
RULES: Final = "hypomag_rules"
_COPIED: Final = (
    *("data_contracts", RULES, "flows", "sample_data", "tests", "docs"),
    "pyproject.toml",
)
_SECONDS: Final = 300
_HOLD: Final = f"{sys.executable} -m tests.mutants.hold"
_PYTEST: Final = f"{sys.executable} -m pytest -x -q -p no:cacheprovider -m 'not soak and not long' "
# What happens before facts are facts: asked of whole files.
_READ: Final = (
    "tests/spec/test_records.py tests/spec/test_promises.py tests/spec/test_cases.py "
    "tests/oracle/test_against_oracle.py -k 'not oracle_keeps and not home_of_files'"
)
_WORDS: Final = "tests/flows/test_exports.py tests/spec/test_guideline_texts.py"
_POLICY: Final = "tests/spec/test_policy.py tests/flows/test_policy_commands.py"
_READING: Final = (
    "drugs",
    "instants",
    "numbers",
    "reading",
    "records",
    "source_reading",
    "wordings",
)
QUESTIONS: Final = "questions.pickle"
# What a module's own promise is kept by, beside the rules' tables.
_OWN: Final = {
    "audit": "tests/flows/test_audit.py",
    "doses": "tests/flows/test_audit.py",
    "electrolytes": "tests/flows/test_exports.py",
    "episodes": "tests/flows/test_work_up_and_high_watch.py",
    "instants": "tests/spec/test_reading.py",
    "numbers": "tests/spec/test_reading.py",
    "people": "tests/flows/test_two_sources.py tests/flows/test_exports.py",
    "review": "tests/flows/test_explaining.py",
    "explaining": "tests/flows/test_explaining.py",
    "facts": "tests/flows/test_work_up_and_high_watch.py",
    "guidance": "tests/spec/test_guidance.py",
    "index_words": "tests/spec/test_sentences.py",
    "policy": _POLICY,
    "policy_page": _POLICY,
    "policy_sections": _POLICY,
    "policy_values": _POLICY,
    "drugs": "tests/flows/test_found_in_review.py",
    # Of two marks the last one speaks: who is repeated is asked of random nights.
    "quiet": "tests/spec/test_quiet.py tests/flows/test_passing_limits.py "
    "tests/flows/test_repeated_answers.py -m 'not soak'",
    "replacement": _WORDS,
    "rungs": "tests/flows/test_explaining.py",
    "sentences": "tests/spec/test_sentences.py",
    "unit_guard": "tests/spec/test_unit_guard.py",
    "spoken": f"tests/spec/test_sentences.py {_WORDS} {_POLICY}",
    "work_up": "tests/flows/test_work_up_and_high_watch.py",
    "worklists": f"{_WORDS} tests/spec/test_life.py tests/flows/test_listed_items.py "
    "tests/flows/test_work_up_and_high_watch.py tests/flows/test_unit_guard.py",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one place: its line before and after."""

    module: str
    operator: str
    occurrence: int
    was: str
    becomes: str = ""


def mutants_of(module: str) -> Iterator[Mutant]:
    """Every mutant of a module of the rules."""
    path = ROOT / RULES / f"{module}.py"
    lines = path.read_text(encoding="utf-8").splitlines()
    for name in OPERATORS:
        operator = get_operator(name)()
        places = [
            start
            for node in ast_nodes(get_ast_from_path(path))
            for start, _ in operator.mutation_positions(node)
        ]
        for occurrence, (line, _) in enumerate(places):
            yield Mutant(module, name, occurrence, lines[line - 1].strip())


def copied(folder: Path) -> Path:
    """The project copied into a new folder, for one worker to spoil."""
    folder.mkdir()
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    return folder


def enter(queue: "Queue[str]") -> None:
    """A worker lives in its own copy."""
    chdir(queue.get())


def tried(mutant: Mutant) -> Mutant | None:
    """The mutant with its changed line when nothing notices it."""
    spec = MutationSpec(
        module_path=Path(RULES) / f"{mutant.module}.py",
        operator_name=mutant.operator,
        occurrence=mutant.occurrence,
        start_pos=(0, 0),
        end_pos=(0, 1),
    )
    diff = ""
    for command in commands_of(mutant.module):
        result = mutate_and_test([spec], command, _SECONDS)
        if result.is_killed:
            return None
        diff = result.diff or ""
    changed = [
        line[1:].strip() for line in diff.splitlines() if line.startswith("+") and line[1:2] != "+"
    ]
    return Mutant(mutant.module, mutant.operator, mutant.occurrence, mutant.was, "".join(changed))


def commands_of(module: str) -> Iterator[str]:
    """What is asked of a mutant, the quickest first, until something notices it."""
    if module not in _READING:
        yield f"{_HOLD} {QUESTIONS}"
    if module in _OWN:
        yield _PYTEST + _OWN[module]
    if module in _READING:
        yield _PYTEST + _READ
