"""What a layout makes of dropped files: deliveries to read, and the rows that come of one."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import polars as pl

from flows.inbox import Dropped
from flows.profile import Profile


@dataclass(frozen=True, slots=True)
class Delivery:
    """One canonical table out of one dropped file; `lookups` are files read beside it, by name.

    `table` is null when the layout does not know the file: that is a file refused. What was read
    beside other lookups is read again, unless `is_read_once`.
    """

    file: Dropped
    table: str | None
    lookups: Mapping[str, Dropped] = field(default_factory=dict)
    is_read_once: bool = False

    def shape(self, profile: Profile) -> str:
        """What decides which rows come of these bytes: where they are read, and beside what."""
        if not self.lookups or self.is_read_once:
            return profile.shape
        beside = sorted((name, file.identity) for name, file in self.lookups.items())
        return hashlib.sha256(f"{profile.shape}{beside}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Extract:
    """Canonical rows of one table, all text; `unknown_columns` were not read.

    Frames of observations may have one column more, `layout_fault`: why nothing of a row can be
    relied on, one of `LAYOUT_REASONS`, or null. Frames may also say `row`, the line that a row
    comes from: several rows of one line, such as those of its analytes, have the same.
    """

    frames: Iterator[pl.DataFrame]
    unknown_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StagedDelivery:
    """The private copies that a delivery is read from; `name` is what was dropped."""

    table: str
    name: str
    path: Path
    lookups: Mapping[str, Path]


def lookups_beside(
    file: Dropped,
    names: Sequence[str],
    files: Sequence[Dropped],
    name_of: Callable[[str], str | None],
    drop_of: Callable[[Dropped], PurePosixPath],
) -> dict[str, Dropped]:
    """The lookups of a file by name: of several the one of its own drop, else the newest.

    `name_of` tells the table that a file name announces, `drop_of` the folder that was dropped.
    """
    found = {}
    for name in names:
        same_name = [other for other in files if name_of(other.path.name) == name]
        if same_name:
            found[name] = max(
                same_name,
                key=lambda other: (
                    drop_of(other) == drop_of(file),
                    other.modified_ns,
                    other.relative,
                ),
            )
    return found


def folder_of(file: Dropped) -> PurePosixPath:
    """The folder of a dropped file, within the inbox."""
    return PurePosixPath(file.relative).parent
