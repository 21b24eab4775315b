"""Whether the rules still give the answers that were written down: `python -m ... FILE`.

Nothing but the rules runs, in two seconds. Exit 1 says that a change was noticed.
"""

import pickle
import sys
from pathlib import Path
from types import MappingProxyType

from tests.agreement import differences
from tests.oracle.night import Night
from tests.product import Reading
from tests.spec.checking import check
from tests.spec.worked_cases import Case

Question = tuple[Reading, list[Case] | list[Night]]


def frozen(held: dict[str, object]) -> MappingProxyType[str, object]:
    """The texts of a policy, put back behind their proxy."""
    return MappingProxyType(held)


def main() -> int:
    """Ask every question; 1 at the first answer that is another one."""
    for reading, expected in pickle.loads(Path(sys.argv[1]).read_bytes()):  # noqa: S301 - ours
        for found, wanted in zip(reading.nights(), expected, strict=True):
            if isinstance(wanted, Case):
                check(wanted, found)
            elif differences(found, wanted):
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
