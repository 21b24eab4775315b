"""Which files are returned sheets, whether they lie still, and what is wrong at first sight."""

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from flows.errors import ConfigurationError
from flows.file_names import plain_name
from flows.inbox import Dropped

FOLDER: Final = "dispositions"
RETURNED: Final = "returned"
_MOST_BYTES: Final = 32 << 20
_ENDINGS: Final = (".xlsx", ".csv")
# What spreadsheet programs, file servers and senders of extracts leave beside a sheet.
_NOT_OURS: Final = (".", "~", "Thumbs.db", "desktop.ini")
_COMPANIONS: Final = (".done", ".sha256", ".manifest.json")


def dropped_sheets(home: Path) -> list[Dropped]:
    """What lies directly in `dispositions/`, in a stable order.

    Raises `ConfigurationError` for a folder that cannot be opened.
    """
    folder = home / FOLDER
    if not folder.is_dir():
        return []
    try:
        return list(named_sheets(sorted(folder.iterdir())))
    except OSError as error:
        message = f"{FOLDER}/ cannot be opened ({error.strerror}); give hypomag the right to"
        raise ConfigurationError(message) from None


def named_sheets(paths: Iterable[Path]) -> Iterator[Dropped]:
    """The files of these paths that are somebody's sheet; `problem` says why one cannot be read."""
    for path in paths:
        if path.name.startswith(_NOT_OURS) or path.name.endswith(_COMPANIONS):
            continue
        try:
            status = path.lstat()
        except FileNotFoundError:  # renamed since the folder was listed
            continue
        if path.name == RETURNED and stat.S_ISDIR(status.st_mode):
            continue
        yield Dropped(
            source=FOLDER,
            path=path,
            relative=plain_name(path.name),
            size=status.st_size,
            modified_ns=status.st_mtime_ns,
            inode=status.st_ino,
            companion="",
            problem=_problem(path, status.st_mode, status.st_size),
        )


def _problem(path: Path, mode: int, size: int) -> str:
    if stat.S_ISLNK(mode):
        return "is a link, and links are not followed; drop the file itself"
    if not stat.S_ISREG(mode):
        return "is no file; drop the sheet itself"
    if not path.name.lower().endswith(_ENDINGS):
        return f"is none of {', '.join(_ENDINGS)}; save the sheet as an Excel workbook (.xlsx)"
    if size > _MOST_BYTES:
        return f"is larger than {_MOST_BYTES} bytes; send back the rows that were answered"
    return ""
