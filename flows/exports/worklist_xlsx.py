"""To be written."""

from pathlib import Path

from flows.exports.edition import Edition


def write(edition: Edition, *rest: object) -> None:
    path = rest[-1]
    assert isinstance(path, Path)
    path.write_text("")


def write_quarantine(edition: Edition, path: Path) -> None:
    path.write_text("")
