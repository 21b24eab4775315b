"""One value of a hospital's policy: read in the shipped unit, or refused with what to change."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Final

from hypomag_rules.definitions import FACTORS

_NUMBER_KEYS: Final = frozenset({"value", "unit", "source", "why", "reviewed_on", "review_by"})
_ANALYTE_OF_LIMIT: Final = {"potassium_low": "potassium", "edta_potassium": "potassium"} | {
    "calcium_low": "calcium",
    "edta_calcium": "calcium",
    "ionised_calcium_low": "ionised_calcium",
    "unstable_rise": "creatinine",
}
_ENDS: Final = 2
_KINDS: Final[Mapping[type, str]] = {
    str: "a text",
    bool: "true or false",
    list: "a list",
    date: "a date",
    datetime: "a time",
}
_PLACE: Final = re.compile(r"\{[a-z_]*\}")
# A hundred years: beyond it dates end.
_LONGEST: Final = {"days": 36_500, "h": 876_000, "min": 52_560_000, "years": 200}
MAGNESIUM_LIMITS: Final = frozenset(
    {"severe_limit", "target", "upper_limit", "critical_high", "obstetric_high"}
)


class PolicyError(ValueError):
    """The policy says something that cannot be; the message names the key and the way out."""


def value_in_force(key: str, given: object, shipped: Mapping[str, Any], where: str) -> object:
    """One overriding value, bare or as a table, in the shipped unit.

    Raises `PolicyError` that says which key, what was found and what to write.
    """
    unit = None
    value = given
    if isinstance(given, dict):
        unknown = set(given) - _NUMBER_KEYS
        if unknown or "value" not in given:
            message = f"{where}: a number is a table with {', '.join(sorted(_NUMBER_KEYS))}"
            raise PolicyError(message)
        value, unit = given["value"], given.get("unit")
        _refuse_grounds(given, where)
    expected = shipped["value"]
    if is_number(expected):
        if isinstance(value, bool) or not isinstance(value, int | float):
            message = (
                f"{where}: expected a number like {expected}, found "
                f"{_KINDS.get(type(value), 'something else')}; write it with a decimal point and "
                "without quotes"
            )
            raise PolicyError(message)
        if not 0 <= value < float("inf"):
            message = f"{where}: {value} is negative or not finite; give a number of 0 or more"
            raise PolicyError(message)
        number = _in_unit(key, value, unit, shipped.get("unit"), where)
        most = _LONGEST.get(shipped.get("unit", ""), float("inf"))
        if number > most:
            message = f"{where}: {value} is too long; give at most {most:g} {shipped['unit']}"
            raise PolicyError(message)
        return number
    if isinstance(expected, list):
        return _list(key, value, unit, shipped, where)
    if isinstance(expected, str):
        _refuse_text(value, expected, where)
    if type(value) is not type(expected):
        message = f"{where}: expected {type(expected).__name__}, found {type(value).__name__}"
        raise PolicyError(message)
    return value


def _refuse_grounds(given: Mapping[str, Any], where: str) -> None:
    """Refuse a table whose unit, grounds or dates are not what they are called."""
    for key in _NUMBER_KEYS - {"value"}:
        found = given.get(key, "")
        is_date = isinstance(found, date) and not isinstance(found, datetime)
        if key.startswith("review") and not (is_date or found == ""):
            message = f"{where}: {key} is no date; write it without quotes, e.g. 2027-11-01"
            raise PolicyError(message)
        if not key.startswith("review") and not isinstance(found, str):
            message = f"{where}: {key} is {type(found).__name__}; write a text"
            raise PolicyError(message)


def _list(
    key: str, value: object, unit: str | None, shipped: Mapping[str, Any], where: str
) -> list[object]:
    """A list of codes, or the two ends of what is plausible in the shipped unit."""
    if not shipped["value"]:
        if isinstance(value, list) and all(isinstance(code, str) for code in value):
            return value
        message = f"{where}: expected a list of codes in quotes"
        raise PolicyError(message)
    ends = value if isinstance(value, list) else []
    if len(ends) != _ENDS or not all(is_number(end) for end in ends) or not ends[0] < ends[1]:
        message = f"{where}: expected two numbers, the lower first, like {shipped['value']}"
        raise PolicyError(message)
    return [_in_unit(key, end, unit, shipped.get("unit"), where) for end in ends]


def _refuse_text(value: object, shipped: str, where: str) -> None:
    """Refuse a blank text, one that lost its figure, or one with a place that nobody fills."""
    if not isinstance(value, str):
        return
    places = _PLACE.findall(value)
    if not value.strip():
        message = f"{where}: the text is blank; write what is to be printed"
        raise PolicyError(message)
    if places.count("{grams}") != shipped.count("{grams}"):
        message = f"{where}: {{grams}} must stand in the text {shipped.count('{grams}')} times"
        raise PolicyError(message)


def _in_unit(
    key: str, value: float, unit: str | None, shipped_unit: str | None, where: str
) -> float:
    if unit is None or unit == shipped_unit:
        return value
    analyte = "magnesium" if key in MAGNESIUM_LIMITS else _ANALYTE_OF_LIMIT.get(key, key)
    factors = FACTORS.get(analyte, {})
    if unit not in factors:
        known = ", ".join(factors) or str(shipped_unit)
        message = f"{where}: unit '{unit}' is not accepted here; use one of: {known}"
        raise PolicyError(message)
    return float(round(Fraction(str(value)) * factors[unit], 6))


def is_number(value: object) -> bool:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def approval_day(given: object, where: str) -> str:
    """The day of approval as text, blank while there is none; raises `PolicyError` for another."""
    try:
        return str(date.fromisoformat(str(given))) if str(given) else ""
    except ValueError:
        message = f"{where}: approved_on is no date; write e.g. 2026-11-01, or leave it blank"
        raise PolicyError(message) from None
