"""Names of dropped files: which are ours, what is wrong with one at first sight, how to say it."""

import stat
from pathlib import Path, PurePath
from typing import Final

# Data that some layout reads, or that somebody packed: never passed over in silence.
_DATA: Final = (".csv", ".csv.gz", ".parquet", ".hl7", ".hl7.gz", ".ndjson", ".ndjson.gz")
_PACKED: Final = (".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz", ".tar.gz", ".parquet.gz")
_SHEETS: Final = (".xls", ".xlsx", ".ods", ".tsv")
_PARTITION: Final = "="


def problem_with(path: PurePath, mode: int, endings: tuple[str, ...]) -> str | None:
    """Why a path below the inbox cannot be read; blank when it can, null when it is none of ours.

    `mode` is that of the path itself, links not followed; `endings` are what the layout reads.
    """
    name = path.name.lower()
    is_ours = name.endswith(endings)
    if stat.S_ISREG(mode):
        if is_ours and any(map(is_partition, path.parts[:-1])):
            return (
                "lies in a folder of a partitioned table, whose name holds a column; write every "
                "column into the file, drop it outside of such folders"
            )
        return "" if is_ours else _problem_of_ending(name, endings)
    if stat.S_ISDIR(mode):
        told = "is a folder, not a file; drop each file of it by itself, named for its table"
        return told if is_ours or is_partition(name) else None
    if stat.S_ISLNK(mode):
        told = "is a link, and links are not followed; drop the file itself"
        return told if name.endswith((*_DATA, *_PACKED)) or "." not in name else None
    return "is a pipe or a device, not a file; drop a file" if is_ours else None


def _problem_of_ending(name: str, endings: tuple[str, ...]) -> str | None:
    wanted = ", ".join(endings)
    if name.endswith(_PACKED):
        return f"is packed; drop what is in it, ending in {wanted}"
    if name.endswith((*_DATA, *_SHEETS)):
        return f"has an ending that its feed does not read; drop it ending in {wanted}"
    return None


def is_partition(name: str) -> bool:
    """Whether a folder is a part of a table, named for the column that its files leave out."""
    return _PARTITION in name


def is_table_folder(name: str) -> bool:
    """Whether a folder is named as a table that a program wrote in parts, and so is no feed."""
    return is_partition(name) or name.endswith(_DATA)


def plain_name(name: str) -> str:
    """A file's name as one line of plain text, whatever bytes it is made of; no two alike."""
    return "".join(map(_plain, name))


def _plain(character: str) -> str:
    if character.isprintable() and character != "\\":
        return character
    return character.encode("unicode_escape").decode("ascii")


def plain_path(path: Path, inbox: Path) -> str:
    """A path below the inbox as it may be said and stored.

    The value of a folder `patient_id=X` is a patient's: the folder's inode stands for it.
    """
    parts = []
    above = inbox
    for part in path.relative_to(inbox).parts:
        above /= part
        key, mark, _ = part.partition(_PARTITION)
        is_folder = mark and above.is_dir() and not above.is_symlink()
        parts.append(f"{key}=~{above.lstat().st_ino}" if is_folder else part)
    return plain_name(PurePath(*parts).as_posix())
