"""Tonight's edition: everything that the published files say, and nothing of the run itself."""

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from hypomag_rules.policy import Policy


@dataclass(frozen=True, slots=True)
class Edition:
    """Frames are those of the published contracts, this night's rows only; instants naive UTC.

    `items` of all lists in rank order; `files` the ledger of this night; `quarantine` the rows
    refused this night; `feeds` (source, table_name, known_until) how far each feed reaches;
    `results_read` counts observation rows read this night, copies of known rows left out;
    `patients_judged` counts the assessments; `unmapped_magnesium` counts rows of all nights that
    are named like magnesium under a local code that no profile maps.
    """

    hospital: str
    zone: str
    night: date
    as_of: datetime
    version: str
    policy: Policy
    items: pl.DataFrame
    files: pl.DataFrame
    quarantine: pl.DataFrame
    feeds: pl.DataFrame
    results_read: int
    patients_judged: int
    previous_night: date | None
    is_zone_default: bool
    unmapped_magnesium: int = 0

    def listed(self, worklist: str) -> pl.DataFrame:
        """The items of one list, in rank order."""
        return self.items.filter(pl.col("worklist") == worklist).sort("rank")

    @property
    def refused_files(self) -> pl.DataFrame:
        """The ledger rows of files that could not be read."""
        return self.files.filter(pl.col("problem").is_not_null())
