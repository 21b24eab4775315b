"""Run the invented hospital's fourteen nights as of one evening: `make demo`."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from sample_data import hospital
from sample_data.outcome import tell

_HOSPITAL = "Saint Exampla's"
_ZONE = "Europe/London"


def main() -> int:
    """Make a home, fill its inbox, run the night, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--as-of", required=True)
    parser.add_argument("--direct", action="store_true")
    given = parser.parse_args()
    home: Path = given.home
    command = [sys.executable, "-m", "flows.cli"]
    if not (home / "hypomag.toml").exists():
        made = ["init", str(home), "--hospital", _HOSPITAL, "--timezone", _ZONE]
        subprocess.run([*command, *made], check=True, stdout=subprocess.DEVNULL)
    hospital.write_hospital(home / "inbox", 7, 14, hospital.instant(given.as_of))
    night = [*command, "night", "--home", str(home), "--as-of", given.as_of]
    ran = subprocess.run(
        [*night, *(["--direct"] if given.direct else [])],
        check=False,
        env=os.environ | {"HYPOMAG_QUIET_SECONDS": "0"},
    )
    return tell(ran.returncode, home)


if __name__ == "__main__":
    sys.exit(main())
