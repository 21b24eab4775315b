"""What a key of a profile may say: refused at load with file, key and way out."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from flows.errors import ConfigurationError


def refuse_unknown(given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    """Raise `ConfigurationError` for the first key that nobody reads."""
    for key in given:
        if key not in known:
            message = f"{where}: unknown key '{key}'; known: {', '.join(sorted(known))}"
            raise ConfigurationError(message)


def checked_zone(zone: object, key: str, where: str) -> str:
    """An IANA zone; raises `ConfigurationError` for anything else."""
    try:
        return ZoneInfo(str(zone)).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"{where}: {key} '{zone}' is not an IANA zone; write e.g. Europe/Berlin"
        raise ConfigurationError(message) from None


def checked_separator(given: Mapping[str, Any], where: str) -> str:
    """What parts the fields of a line; a comma where the profile says nothing."""
    separator = str(given.get("separator", ","))
    if len(separator) != 1 or not separator.isascii() or separator in '"\r\n\0':
        message = f"{where}: separator must be one character, e.g. ',' ';' '|' or '\\t'"
        raise ConfigurationError(message)
    return separator


def checked_format(given: Mapping[str, Any], key: str, where: str) -> str | None:
    """A format that times or days can be read by; null where the profile says none."""
    told = given.get(key)
    try:
        pl.Series([""]).str.to_datetime(str(told), strict=False)
    except pl.exceptions.PolarsError:
        told = 0
    if not isinstance(told, str | None):
        message = (
            f"{where}: {key} is no format of a day or of a day with hours and minutes; write e.g. "
            '"%d.%m.%Y" or "%d.%m.%Y %H:%M"'
        )
        raise ConfigurationError(message)
    return told
