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
from flows.profile import Profile

_CHUNK: Final = 1 << 18
_MOST_BYTES: Final = 64 << 30
_MOST_RATIO: Final = 200
_OPENED_ONCE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# A folder named otherwise may carry a patient's name; messages end in logs.
_PLAIN_NAME: Final = re.compile("[a-z][a-z0-9_-]{0,30}")
_TABLES: Final = (".csv", ".csv.gz", ".parquet")
# What a layout's files end in; others in its folder are none of ours.
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
    """

    source: str
    path: Path
    relative: str
    size: int
    modified_ns: int
    inode: int
    companion: str

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
    """The data files of every source, in a stable order; links and devices are no files.

    Raises `ConfigurationError` for a drop folder without a profile.
    """
    if not inbox.is_dir():
        message = f"inbox '{inbox.name}' is not a folder; make it, or name another with --inbox"
        raise ConfigurationError(message)
    for entry in sorted(inbox.iterdir()):
        if entry.is_dir() and entry.name not in profiles:
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
            paths = folder.glob("*") if source == "canonical" else folder.rglob("*")
            for path in sorted(paths):
                found = _dropped(profiles[source], path, inbox)
                if found is not None:
                    yield found


def _dropped(profile: Profile, path: Path, inbox: Path) -> Dropped | None:
    if not path.name.endswith(_ENDINGS[profile.layout]) or path.name.startswith("."):
        return None
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return None
    return Dropped(
        profile.name,
        path,
        path.relative_to(inbox).as_posix(),
        status.st_size,
        status.st_mtime_ns,
        status.st_ino,
        companions_of(path),
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
    ending = Path(file.path.name.removesuffix(".gz")).suffix
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
    is_gzip = file.path.name.endswith(".gz")
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
            message = f"the gzip stream is cut or damaged after {written} bytes; send it again"
            raise FileRefusedError(message) from None
