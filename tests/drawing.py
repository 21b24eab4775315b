"""Random nights several at a time: judging ten costs hardly more than judging one."""

import os
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.oracle.nights import AS_OF, ZONE, nights

__all__ = ["AS_OF", "EXAMPLES", "TOGETHER", "ZONE", "Drawn", "judging", "several_nights"]

Drawn = dict[str, list[dict[str, str]]]

EXAMPLES: Final = int(os.environ.get("HYPOMAG_EXAMPLES", "150"))
TOGETHER: Final = 10

# The same nights on every run, so that CI says the same twice; a longer run looks for new ones.
judging: Final = settings(
    max_examples=-(-EXAMPLES // TOGETHER),
    deadline=None,
    derandomize="HYPOMAG_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[
        HealthCheck.too_slow,  # a night is a few hundred choices
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)


def several_nights() -> st.SearchStrategy[list[Drawn]]:
    """Nights as of `AS_OF` in `ZONE` that know nothing of each other."""
    return st.lists(nights(), min_size=TOGETHER, max_size=TOGETHER)
