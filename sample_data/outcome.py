"""What a night's exit code means, in words."""

import sys
from pathlib import Path
from typing import Final

_MEANING: Final = {
    0: "every row was classified",
    10: "done; look by hand at the review list and at quarantine.csv",
    11: "done; a feed is late, absent or far too small, the report says which",
    20: "done; a file was refused, the report says which and why",
    30: "the store or the disk failed; nothing was published",
    40: "another run holds the home; nothing was published",
    50: "a setting, a profile or a permission is wrong; nothing was published",
    60: "the lists could not be put in place; yesterday's stand",
    70: "the accounting does not add up; nothing was published",
}
_FINE: Final = (0, 10, 11)


def tell(code: int, home: Path) -> int:
    """Say what the code means and where to look; 0 for codes of a night that did its work."""
    out = sys.stdout.write
    out(f"\nThe night ended with exit code {code}: {_MEANING.get(code, 'unexpected')}.\n")
    if code in _FINE:
        current = home / "published" / "current"
        out(f"Open {current / 'report.html'} in a browser; the lists for the teams are in\n")
        out(f"{current / 'worklists'}, analysts query {home / 'published' / 'hypomag.duckdb'}.\n")
        return 0
    return code
