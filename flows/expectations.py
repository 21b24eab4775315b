"""What a source profile expects of its feed: a file of a table at least every so many hours."""

from collections.abc import Mapping
from typing import Any, Final

from flows.errors import ConfigurationError
from flows.schema import CANONICAL

_EVERY: Final = "every_hours"


def expected_hours(given: Mapping[str, Any], where: str) -> Mapping[str, float]:
    """The longest wait for each table that `[expect.TABLE]` names, in hours.

    Raises `ConfigurationError` for a table or key that is not known, and for no positive number.
    """
    hours = {}
    expected = given.get("expect", {})
    if not isinstance(expected, Mapping):
        message = f"{where}: [expect.TABLE] holds {_EVERY} for each table; write it as a section"
        raise ConfigurationError(message)
    for table, spec in expected.items():
        if table not in CANONICAL:
            message = f"{where}: [expect.{table}] is no table; known: {', '.join(CANONICAL)}"
            raise ConfigurationError(message)
        every = spec.get(_EVERY) if isinstance(spec, Mapping) and set(spec) == {_EVERY} else None
        if isinstance(every, bool) or not isinstance(every, int | float) or not every > 0:
            message = f"{where}: [expect.{table}] holds {_EVERY} alone, more than 0; write e.g. 24"
            raise ConfigurationError(message)
        hours[table] = float(every)
    return hours
