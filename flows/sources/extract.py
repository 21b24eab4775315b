"""What a layout makes of dropped files: deliveries to read, and the rows that come of one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from flows.inbox import Dropped


@dataclass(frozen=True, slots=True)
class Delivery:
    """One canonical table out of one dropped file; `lookups` are files read beside it, by name.

    `table` is null when the layout does not know the file: that is a file refused.
    """

    file: Dropped
    table: str | None
    lookups: Mapping[str, Dropped] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extract:
    """Canonical rows of one table, all text; `unknown_columns` were not read.

    Frames of observations may have one column more, `layout_fault`: why nothing of a row can be
    relied on, one of `LAYOUT_REASONS`, or null.
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
