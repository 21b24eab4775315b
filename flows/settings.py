"""Settings of a home: flag over environment over hypomag.toml over default."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flows.errors import ConfigurationError

FILE: Final = "hypomag.toml"
PREFIX: Final = "HYPOMAG_"
_OTHERS: Final = frozenset({"HYPOMAG_HOME"})


@dataclass(frozen=True, slots=True)
class Settings:
    """A home's settings, each with its default."""

    hospital: str = "Hospital"
    timezone: str = "UTC"
    policy: str = "policy.toml"
    quiet_seconds: int = 10
    threads: int = 2
    memory_limit_mb: int = 700
    persons_at_once: int = 30_000
    published_group: str = ""


def load_settings(home: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of `home`; raises `ConfigurationError` for unknown keys, wrong types, no zone."""
    known = {field.name: field.type for field in fields(Settings)}
    path = home / FILE
    values: dict[str, object] = {}
    if path.exists():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            message = f"{FILE}: not readable as TOML ({error}); mend that line"
            raise ConfigurationError(message) from None
    for name, text in environment.items():
        if name.startswith(PREFIX) and name not in _OTHERS:
            values[name.removeprefix(PREFIX).lower()] = text
    for name in values:
        if name not in known:
            message = (
                f"unknown setting '{name}' in {FILE} or {PREFIX}{name.upper()}; "
                f"known: {', '.join(sorted(known))}"
            )
            raise ConfigurationError(message)
    typed = {name: _typed(name, value, known[name]) for name, value in values.items()}
    settings = Settings(**typed)  # type: ignore[arg-type]  # checked by _typed, key by key
    check_zone(settings.timezone)
    return settings


def check_zone(name: str) -> None:
    """Raises `ConfigurationError` for a name that is no time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        message = f"timezone '{name}' is not an IANA zone; write e.g. Europe/London"
        raise ConfigurationError(message) from None


def _typed(name: str, value: object, kind: object) -> object:
    if kind is int:
        try:
            number = int(value) if isinstance(value, int | str) else None
        except ValueError:
            number = None
        if number is None or isinstance(value, bool) or number < 0:
            message = f"setting '{name}': expected a whole number of 0 or more"
            raise ConfigurationError(message)
        return number
    if not isinstance(value, str):
        message = f"setting '{name}': expected text in quotes"
        raise ConfigurationError(message)
    return value
