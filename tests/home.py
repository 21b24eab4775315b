"""A home in a folder: what a test drops, and the night that reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from flows.night import Night
from flows.settings import Settings
from hypomag_rules.policy import Policy, load


@dataclass(frozen=True)
class Home:
    """A folder with an inbox."""

    path: Path

    @property
    def inbox(self) -> Path:
        """Where files are dropped."""
        folder = self.path / "inbox"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def drop(self, table: str, rows: Sequence[Mapping[str, Any]], name: str = "") -> Path:
        """Write rows of a canonical table as CSV with a companion."""
        columns = sorted({key for row in rows for key in row})
        frame = pl.DataFrame(
            {column: [row.get(column) for row in rows] for column in columns},
            schema=dict.fromkeys(columns, pl.String),
        )
        path = self.inbox / (name or f"{table}.csv")
        frame.write_csv(path)
        path.with_name(path.name + ".done").touch()
        return path

    def night(
        self, as_of: datetime, zone: str = "Europe/London", policy: Policy | None = None
    ) -> Night:
        """A night over this home; the wall clock stands at `as_of`."""
        settings = Settings(timezone=zone, quiet_seconds=0)
        return Night(self.path, self.inbox, as_of, as_of, settings, policy or load())
