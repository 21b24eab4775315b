"""Which files are whole, new and ours, and a private copy of each to read from."""

import gzip
import hashlib
import io
import os
import re
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from flows.companion_files import check_hash, companions_of
from flows.errors import ConfigurationError, FileRefusedError
from flows.file_names import is_partition, is_table_folder, plain_name, plain_path, problem_with
from flows.profile import Profile

_CHUNK: Final = 1 << 18
_MOST_BYTES: Final = 64 << 30
_MOST_RATIO: Final = 200
_OPENED_ONCE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# A folder named otherwise may carry a patient's name; messages end in logs.
_PLAIN_NAME: Final = re.compile("[a-z][a-z0-9_-]{0,30}")
_GZIP: Final = ".gz"
_TABLES: Final = (".csv", ".csv.gz", ".parquet")
# What a layout's files end in, case folded; others in its folder are none of ours.
_ENDINGS: Final = {
    "canonical": _TABLES,
    "mimic_iv": _TABLES,
    "omop": _TABLES,
    "hl7v2": (".hl7", ".hl7.gz"),
    "fhir": (".ndjson", ".ndjson.gz"),
}


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file as it lies in the inbox; `companion` says what vouches for its wholeness.

    Kinds joined by `+`, the strongest first: manifest, sha256, done; blank when nothing does.
    `problem` says why it cannot be read, where its name or its kind tells already.
    """

    source: str
    path: Path
    relative: str
    size: int
    modified_ns: int
    inode: int
    companion: str
    problem: str = ""

    @property
    def name(self) -> str:
        """Its base name as one line of plain text."""
        return plain_name(self.path.name)

    @property
    def identity(self) -> tuple[str, int, int, int]:
        """What tells an unchanged file without opening it."""
        return (self.relative, self.size, self.modified_ns, self.inode)


@dataclass(frozen=True, slots=True)
class Staged:
    """The private, unpacked copy of a dropped file; its name says nothing about a patient."""

    path: Path
    sha256: str
    ending: str


def dropped_files(inbox: Path, profiles: dict[str, Profile]) -> Iterator[Dropped]:
    """The data files of every source, in a stable order, and what only looks like one.

    Raises `ConfigurationError` for a drop folder without a profile, or one that cannot be opened.
    """
    if not inbox.is_dir():
        message = f"inbox '{inbox.name}' is not a folder; make it, or name another with --inbox"
        raise ConfigurationError(message)
    for entry in sorted(inbox.iterdir()):
        is_feed = entry.is_dir() and not is_table_folder(entry.name)
        if is_feed and entry.name not in profiles:
            name = entry.name if _PLAIN_NAME.fullmatch(entry.name) else "NAME"
            message = f"inbox/{name}/ has no profile; write sources/{name}.toml or remove it"
            raise ConfigurationError(message)
    for source in sorted(profiles):
        folder = inbox if source == "canonical" else inbox / source
        if folder != inbox and folder.is_symlink():
            message = (
                f"inbox/{source} is a link, and links are not followed; make it a folder or a mount"
            )
            raise ConfigurationError(message)
        if folder.is_dir():
            for path in sorted(_paths(folder, is_deep=source != "canonical")):
                found = dropped_file(profiles[source], path, inbox)
                if found is not None:
                    yield found


def _paths(folder: Path, *, is_deep: bool) -> Iterator[Path]:
    """All that lies in a folder, and below it when deep; links are not followed."""
    for above, folders, files in os.walk(folder, onerror=_refuse_closed):
        # What lies in the folders of a partitioned table is met one by one, unless nobody looks.
        met = (name for name in folders if not is_deep or not is_partition(name))
        yield from (Path(above, name) for name in (*met, *files))
        if not is_deep:
            return


def _refuse_closed(error: OSError) -> None:
    message = f"a folder of inbox/ cannot be opened ({error.strerror}); give hypomag the right to"
    raise ConfigurationError(message)


def dropped_file(profile: Profile, path: Path, inbox: Path) -> Dropped | None:
    """A path of the inbox as a file of a feed; null for one that is none of its business."""
    if path.name.startswith("."):
        return None
    try:
        status = path.lstat()
    except FileNotFoundError:  # renamed since the folder was listed
        return None
    endings = _ENDINGS[profile.layout]
    problem = problem_with(path.relative_to(inbox), status.st_mode, endings)
    if problem is None:
        return None
    return Dropped(
        profile.name,
        path,
        plain_path(path, inbox),
        status.st_size,
        status.st_mtime_ns,
        status.st_ino,
        companions_of(path),
        problem,
    )


def youngest_age_seconds(files: list[Dropped], now_ns: int) -> float:
    """Seconds since the last change of the youngest file that nothing vouches for.

    A time that lies ahead, by a clock that goes wrong, is an age of none.
    """
    ages = [max(now_ns - file.modified_ns, 0) / 1e9 for file in files if not file.companion]
    return min(ages, default=float("inf"))


def stage(file: Dropped, folder: Path) -> Staged:
    """Copy a dropped file under a name of ours while hashing it; gzip is unpacked on the way.

    Opened once without following links or waiting for a pipe. Raises `FileRefusedError` when it
    changes underway, when a companion's hash disagrees, when it is cut or grows beyond reason.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ending = Path(file.path.name.lower().removesuffix(_GZIP)).suffix
    target = folder / f"copy{ending}"
    try:
        handle = os.open(file.path, _OPENED_ONCE)
    except OSError as error:
        message = f"cannot be opened ({error.strerror}); give hypomag the right to read it"
        raise FileRefusedError(message) from None
    with os.fdopen(handle, "rb") as raw:
        status = os.fstat(raw.fileno())
        seen = (file.size, file.modified_ns, file.inode)
        is_same = (status.st_size, status.st_mtime_ns, status.st_ino) == seen
        if not is_same or not stat.S_ISREG(status.st_mode):
            message = "changed while the night began; drop it whole, or with a .done beside it"
            raise FileRefusedError(message)
        hashed = _Hashed(raw)
        _copy(hashed, target, file)
        if hashed.size != file.size:
            message = "changed while it was read; drop it whole, or with a .done beside it"
            raise FileRefusedError(message)
    digest = hashed.digest.hexdigest()
    check_hash(file.path, file.companion, digest)
    return Staged(target, digest, ending)


class _Hashed(io.RawIOBase):
    """A file that is hashed and measured as it is read."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__()
        self._raw = raw
        self.digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, as sent."""
        chunk = self._raw.read(size)
        self.digest.update(chunk)
        self.size += len(chunk)
        return chunk


def _copy(raw: _Hashed, target: Path, file: Dropped) -> None:
    is_gzip = file.path.name.lower().endswith(_GZIP)
    source = gzip.GzipFile(fileobj=raw) if is_gzip else raw
    most = min(_MOST_BYTES, max(file.size, 1024) * _MOST_RATIO) if is_gzip else _MOST_BYTES
    written = 0
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as copy:
        try:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > most:
                    message = f"unpacks to more than {most} bytes; split it or send it plain"
                    raise FileRefusedError(message)
                copy.write(chunk)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            message = (
                f"the gzip stream is cut, damaged or followed by something else after {written} "
                "bytes of content; send it again"
            )
            raise FileRefusedError(message) from None
