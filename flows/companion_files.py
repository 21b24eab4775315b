"""What stands beside a dropped file and vouches for it: a manifest, a hash, a plain mark."""

import json
import os
import re
import stat
from pathlib import Path
from typing import Any, Final

from flows.errors import FileRefusedError

# Strongest first: what vouches for a file is told in this order.
_KINDS: Final = ("manifest", "sha256", "done")
_ENDINGS: Final = {"manifest": ".manifest.json", "sha256": ".sha256", "done": ".done"}
_MOST_BYTES: Final = 1 << 16
_HASH: Final = re.compile("(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])")


def companions_of(path: Path) -> str:
    """The kinds that stand beside a file, joined by `+`; links and folders are none."""
    return "+".join(kind for kind in _KINDS if _is_file(_beside(path, kind)))


def check_hash(path: Path, companion: str, digest: str) -> None:
    """Hold a file's hash to what its companions say.

    Raises `FileRefusedError` when one says otherwise or cannot be read.
    """
    said = {}
    if "sha256" in companion:
        found = _HASH.search(_text(_beside(path, "sha256")))
        said[".sha256"] = found.group().lower() if found else ""
    if "manifest" in companion:
        of_manifest = _manifest(path).get("sha256")
        if of_manifest is not None:
            said[_ENDINGS["manifest"]] = str(of_manifest).lower()
    for name, hashed in said.items():
        if hashed != digest:
            message = f"its content is not what its {name} says; send the file again"
            raise FileRefusedError(message)


def rows_said(path: Path, companion: str) -> int | None:
    """The rows that a file's manifest says it holds; null without a manifest or a count in it.

    Raises `FileRefusedError` when the count is no whole number.
    """
    if "manifest" not in companion:
        return None
    said = _manifest(path).get("rows")
    if said is None or (type(said) is int and said >= 0):
        return said
    message = 'its .manifest.json must give "rows" as a whole number of 0 or more; mend it'
    raise FileRefusedError(message)


def _manifest(path: Path) -> dict[str, Any]:
    try:
        given = json.loads(_text(_beside(path, "manifest")))
    except json.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        message = 'its .manifest.json is no JSON object; write e.g. {"rows": 1200}'
        raise FileRefusedError(message)
    return given


def _beside(path: Path, kind: str) -> Path:
    return path.with_name(path.name + _ENDINGS[kind])


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _text(path: Path) -> str:
    """The beginning of a companion, opened without following links."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        ending = "".join(path.suffixes[-2:])
        message = f"its {ending} cannot be read ({error.strerror}); give hypomag the right to"
        raise FileRefusedError(message) from None
    with os.fdopen(handle, "rb") as raw:
        return raw.read(_MOST_BYTES).decode("utf-8-sig", errors="replace")
