"""What the rules must answer, read once before anything is changed: `python -m ... FILE`.

The rule tables and the worked cases with what they expect, and drawn nights with what the oracle
says of them. Only reading is done here: the rules run anew on each mutant.
"""

import copyreg
import json
import pickle
import sys
from pathlib import Path
from types import MappingProxyType

from tests.drawing import drawn_nights
from tests.mutants.hold import Question, frozen
from tests.oracle.found_nights import FOUND
from tests.oracle.night import judge
from tests.product import read_nights, whole
from tests.spec.promises import promises
from tests.spec.worked_cases import AS_OF, ZONE, worked_cases


def questions() -> list[Question]:
    """Each reading with its expected answers, in order."""
    cases = [*promises(), *worked_cases()]
    asked: list[Question] = []
    for policy in sorted({case.policy for case in cases}):
        own = [case for case in cases if case.policy == policy]
        changed = json.loads(policy) if policy else None
        reading = read_nights([whole(case.tables) for case in own], AS_OF, ZONE, changed)
        asked.append((reading, own))
    drawn = [*drawn_nights(), *(found.tables for found in FOUND.values())]
    reading = read_nights([whole(tables) for tables in drawn], AS_OF, ZONE)
    asked.append((reading, [judge(tables, AS_OF, ZONE) for tables in drawn]))
    return asked


if __name__ == "__main__":
    # A policy keeps its texts behind one.
    copyreg.pickle(MappingProxyType, lambda held: (frozen, (dict(held),)))
    Path(sys.argv[1]).write_bytes(pickle.dumps(questions()))
