"""One night: where it reads and writes, the instant it speaks for, the policy in force."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from flows.settings import Settings
from hypomag_rules.policy import Policy


@dataclass(frozen=True, slots=True)
class Night:
    """`as_of` and `received_at` are aware UTC instants; the clock was read once, in the CLI."""

    home: Path
    inbox: Path
    as_of: datetime
    received_at: datetime
    settings: Settings
    policy: Policy

    @property
    def date(self) -> date:
        """The local day of `as_of`."""
        return self.as_of.astimezone(ZoneInfo(self.settings.timezone)).date()

    @property
    def naive_as_of(self) -> datetime:
        """`as_of` as naive UTC, as the rules and the store keep instants."""
        return self.as_of.replace(tzinfo=None)

    @property
    def store(self) -> Path:
        """The private folder: database, journal, staging."""
        return self.home / "store"

    @property
    def published(self) -> Path:
        """The folder that others read."""
        return self.home / "published"
