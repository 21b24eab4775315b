"""One night: where it reads and writes, the instant it speaks for, the policy in force."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from flows.settings import Settings
from hypomag_rules.policy import Policy


@dataclass(frozen=True, slots=True)
class Night:
    """`as_of` and `received_at` are aware UTC instants; the clock was read once, in the CLI.

    `policy_text` is the hospital's own policy as written, of which `policy` is made. With
    `received_by`, an aware UTC instant, the night speaks of what had been received by then.
    """

    home: Path
    inbox: Path
    as_of: datetime
    received_at: datetime
    settings: Settings
    policy: Policy
    policy_text: str = ""
    received_by: datetime | None = None

    @property
    def date(self) -> date:
        """The local day of `as_of`."""
        return self.as_of.astimezone(ZoneInfo(self.settings.timezone)).date()

    @property
    def naive_as_of(self) -> datetime:
        """`as_of` as naive UTC, as the rules and the store keep instants."""
        return self.as_of.replace(tzinfo=None)

    def as_run(self, as_of: object, received_at: object) -> Self:
        """The same place in an earlier run, whose instants are naive UTC as the ledger has them."""
        return replace(self, as_of=aware(as_of), received_at=aware(received_at))

    def day_start(self, instant: datetime, days: int) -> datetime:
        """The start, naive UTC, of the local day so many days before that of a naive instant."""
        zone = ZoneInfo(self.settings.timezone)
        day = instant.replace(tzinfo=UTC).astimezone(zone).date() - timedelta(days=days)
        return datetime.combine(day, time(), zone).astimezone(UTC).replace(tzinfo=None)

    @property
    def window_start(self) -> datetime:
        """The start, naive UTC, of the days whose results and doses are published."""
        return self.day_start(self.naive_as_of, self.policy.assessment.days)

    @property
    def store(self) -> Path:
        """The private folder: database, journal, staging."""
        return self.home / "store"

    @property
    def published(self) -> Path:
        """The folder that others read."""
        return self.home / "published"


def aware(instant: object) -> datetime:
    """An instant as the store has it, naive UTC, as an aware one."""
    return datetime.fromisoformat(str(instant)).replace(tzinfo=UTC)
