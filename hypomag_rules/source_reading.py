"""How one source is to be read: the part of a profile that changes what a row means."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SourceReading:
    """Zone, spellings and trust of one source; `{}` and defaults mean the canonical layout."""

    zone: str
    decimal_comma: bool
    round_long_decimals: bool
    time_format: str | None = None
    default_status: str | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    trust: Mapping[str, str] = field(default_factory=dict)
