"""Text to instants, local days, elapsed time and ages (rules.md section 1)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

OLDEST = datetime.min.replace(tzinfo=UTC)
NEWEST = datetime.max.replace(tzinfo=UTC)

OLDEST_AGE = 120

TIME_NOT_READABLE = "time_not_readable"
TIME_DOES_NOT_EXIST = "time_does_not_exist"

_BARE_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?",
)


@dataclass(frozen=True)
class Moment:
    """The instant the night speaks for, and the hospital's zone that makes its days."""

    as_of: datetime
    zone: ZoneInfo

    @property
    def night(self) -> date:
        """The local date of `as_of`."""
        return self.local_day(self.as_of)

    def local_day(self, time: datetime) -> date:
        """Return the calendar day of an instant in the hospital's zone."""
        return time.astimezone(self.zone).date()

    def days_since(self, time: datetime) -> int:
        """Return whole local days from an instant's day to the night."""
        return (self.night - self.local_day(time)).days

    def is_within_hours(self, time: datetime, hours: int) -> bool:
        """Say whether at most so many hours passed from `time` to `as_of`."""
        return self.as_of - time <= timedelta(hours=hours)


@dataclass(frozen=True)
class ReadTime:
    """What one time cell says: an instant, nothing, or why it cannot be read."""

    instant: datetime | None
    fault: str | None


def read_time(text: str, zone: ZoneInfo) -> ReadTime:
    """Read one cell; a time without offset is local, a bare date is 00:00 local."""
    text = text.strip()
    if not text:
        return ReadTime(None, None)
    if not (_BARE_DATE.fullmatch(text) or _TIME.fullmatch(text)):
        return ReadTime(None, TIME_NOT_READABLE)
    try:
        sent = datetime.fromisoformat(text)
        if sent.tzinfo is not None:
            return ReadTime(sent.astimezone(UTC), None)
        instant = sent.replace(tzinfo=zone, fold=0).astimezone(UTC)
        back = instant.astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return ReadTime(None, TIME_NOT_READABLE)
    if back != sent:
        return ReadTime(None, TIME_DOES_NOT_EXIST)
    return ReadTime(instant, None)


def first_time_fault(times: list[ReadTime]) -> str | None:
    """Return the reason a row's times give: unreadable before not existing."""
    faults = {time.fault for time in times}
    for fault in (TIME_NOT_READABLE, TIME_DOES_NOT_EXIST):
        if fault in faults:
            return fault
    return None


def read_birth_date(text: str) -> date | None:
    """Read a birth date; an impossible one is an unknown one."""
    text = text.strip()
    if not _BARE_DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def age_on(birth_date: date | None, day: date) -> int | None:
    """Return whole years on a local day; below 0 or above 120 is unknown."""
    if birth_date is None:
        return None
    # (month, day) order puts the birthday of 29 February on 1 March in common years.
    had_birthday = (day.month, day.day) >= (birth_date.month, birth_date.day)
    years = day.year - birth_date.year - (0 if had_birthday else 1)
    return years if 0 <= years <= OLDEST_AGE else None
