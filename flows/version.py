"""The version of this software, as installed, and of what it decides with."""

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Final

VERSION: Final = version("hypomag")
_DECIDING: Final = ("data_contracts", "hypomag_rules", "flows")
_LIBRARIES: Final = ("polars", "duckdb")
_KINDS: Final = (".py", ".toml", ".csv")


@cache
def rules_digest() -> str:
    """A hash of all that decides, so that whoever edits a rule has everybody judged anew."""
    digest = hashlib.sha256("|".join([VERSION, *map(version, _LIBRARIES)]).encode())
    for package in _DECIDING:
        folder = Path(str(files(package)))
        for path in sorted(folder.rglob("*")):
            if path.suffix in _KINDS:
                digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
