"""Tonight's edition: everything that the published files say, and nothing of the run itself."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import polars as pl

from data_contracts.vocabulary import BANNER_NOTICES
from flows.hold_words import hold_sentences
from hypomag_rules.clock import local_day
from hypomag_rules.policy import Policy

_LATE_DAYS: Final = 7


@dataclass(frozen=True, slots=True, eq=False)
class Edition:
    """Frames are those of the published contracts, this night's rows only; instants naive UTC.

    An edition is equal to itself alone, so that what is worked out of it can be kept.

    `items` of all lists in rank order; `changes` the items that are gone since the last night;
    `files` the ledger of this night; `quarantine` the rows refused this night; `doses` the
    audited doses of this month and the last; `feeds` (source, table_name, known_until) how far
    each feed reaches; `results_read` counts observation rows read this night, copies of known
    rows left out; `patients_judged` counts the assessments; `unmapped` (source, code, results)
    what of all nights is named like magnesium under a local code that no profile maps; `notices`
    what readers must know beside the lists, in order; `holds` what the unit guard holds this
    night; `hidden` the items that an answer hides, as in `items`, with `answer`, `until`,
    `answered_by` and `note`; `sheets` (sheet, counted, refused, problem) the returned sheets that
    were read this night; `tables` by name a digest of this night's rows of a published table.
    """

    hospital: str
    zone: str
    night: date
    as_of: datetime
    version: str
    policy: Policy
    items: pl.DataFrame
    changes: pl.DataFrame
    files: pl.DataFrame
    quarantine: pl.DataFrame
    doses: pl.DataFrame
    feeds: pl.DataFrame
    results_read: int
    patients_judged: int
    previous_night: date | None
    is_zone_default: bool
    unmapped: pl.DataFrame
    holds: pl.DataFrame
    notices: pl.DataFrame
    hidden: pl.DataFrame
    sheets: pl.DataFrame
    tables: dict[str, str]

    @property
    def banner(self) -> tuple[str, ...]:
        """What makes tonight's lists untrue and stands above all else, on every output."""
        return (*hold_sentences(self.holds), *self.notices_of(*BANNER_NOTICES))

    def notices_of(self, *kinds: str) -> tuple[str, ...]:
        """The sentences of some kinds of notices, in the order in which they are read."""
        return tuple(self.notices.filter(pl.col("kind").is_in(kinds)).get_column("said"))

    def listed(self, worklist: str) -> pl.DataFrame:
        """The items of one list, in rank order."""
        return self.items.filter(pl.col("worklist") == worklist).sort("rank")

    def hidden_of(self, worklist: str) -> pl.DataFrame:
        """The items of one list that an answer hides."""
        return self.hidden.filter(pl.col("worklist") == worklist)

    @property
    def months(self) -> tuple[date, ...]:
        """The first day of the night's month; in its first week that of the month before too.

        By then what a ward charts late has come; the sheet of a month past stands in the folder
        of the last night that wrote it.
        """
        this = self.night.replace(day=1)
        before = (this - timedelta(days=1)).replace(day=1)
        return (this, before) if self.night.day <= _LATE_DAYS else (this,)

    def doses_of(self, month: date) -> pl.DataFrame:
        """The audited doses that started in a local month, in order."""
        day = local_day(pl.col("started_at"), self.zone)
        return self.doses.filter(day.dt.month_start() == month)

    @property
    def refused_files(self) -> pl.DataFrame:
        """The ledger rows of files that could not be read."""
        return self.files.filter(pl.col("problem").is_not_null())
