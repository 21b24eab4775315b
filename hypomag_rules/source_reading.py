"""How one source is to be read: the part of a profile that changes what a row means."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# Where a time format comes to the clock, with what parts it from the day.
_CLOCK: Final = re.compile(r"[\s,T]*%[-_0]?[HIklMSpPTRXrcsf]")


@dataclass(frozen=True, slots=True)
class SourceReading:
    """Zone, spellings and trust of one source; `{}` and defaults mean the canonical layout.

    `date_format` is how days are written, of birth or of a time without a clock; without it they
    are the part of `time_format` before the hours. `facility_zones` are the zones of facilities
    whose rows are not of `zone`.
    """

    zone: str
    decimal_comma: bool
    round_long_decimals: bool
    time_format: str | None = None
    date_format: str | None = None
    facility_zones: Mapping[str, str] = field(default_factory=dict)
    default_status: str | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    trust: Mapping[str, str] = field(default_factory=dict)

    @property
    def day_format(self) -> str | None:
        """How a day without a clock is written; null where nothing but ISO 8601 is known."""
        if self.date_format is not None or self.time_format is None:
            return self.date_format
        return _CLOCK.split(self.time_format, maxsplit=1)[0] or None
