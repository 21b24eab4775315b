"""Text to numbers and intervals, spellings of units, conversion in decimals (sections 2 and 3)."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

_VALUE = re.compile(
    r"(?P<comparator><=|>=|<|>|≤|≥|LESS THAN|GREATER THAN)?\s*"
    r"(?P<number>[+-]?([0-9]+([.][0-9]{0,6})?|[.][0-9]{1,6}))\s*"
    r"(LL|HH|L|H|[*])?",
)
_COMPARATORS = {"≤": "<=", "≥": ">=", "LESS THAN": "<", "GREATER THAN": ">"}
_PRINTED_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+")
_DOSE = re.compile(r"([0-9]{1,3}(,[0-9]{3})+|[0-9]+)([.][0-9]*)?|[.][0-9]+")

_SPELLINGS = {
    "mg/dl": "mg/dL",
    "mg%": "mg/dL",
    "mg/l": "mg/L",
    "mmol/l": "mmol/L",
    "meq/l": "mEq/L",
    "mval/l": "mEq/L",
    "umol/l": "umol/L",
    "mcmol/l": "umol/L",
    "g/dl": "g/dL",
    "gm/dl": "g/dL",
    "g/l": "g/L",
    "ml/min": "mL/min",
    "ml/min/173m2": "mL/min/1.73m2",
    "ml/min/173m²": "mL/min/1.73m2",
    "ml/min/{173_m2}": "mL/min/1.73m2",
    "kg": "kg",
    "kgs": "kg",
    "lb": "lb",
    "lbs": "lb",
    "[lb_av]": "lb",
    "g": "g",
    "cm": "cm",
    "cms": "cm",
    "in": "in",
    "inches": "in",
    "[in_i]": "in",
    "m": "m",
}


@dataclass(frozen=True)
class Number:
    """A number as sent, with its comparator (`<`, `<=`, `>`, `>=`) or none."""

    comparator: str | None
    figure: Decimal


@dataclass(frozen=True)
class Interval:
    """All values a result may have; None is no bound on that side."""

    low: Decimal | None
    high: Decimal | None
    low_closed: bool = True
    high_closed: bool = True

    def is_inside(self, band: "Interval") -> bool:
        """Say whether every value of this interval lies in the band."""
        if band.low is not None:
            if self.low is None or self.low < band.low:
                return False
            if self.low == band.low and self.low_closed and not band.low_closed:
                return False
        if band.high is not None:
            if self.high is None or self.high > band.high:
                return False
            if self.high == band.high and self.high_closed and not band.high_closed:
                return False
        return True

    def is_below(self, limit: Decimal) -> bool:
        """Say whether every value is below the limit."""
        return self.is_inside(Interval(None, limit, high_closed=False))

    def is_at_least(self, limit: Decimal) -> bool:
        """Say whether every value is at or above the limit."""
        return self.is_inside(Interval(limit, None))


def interval_of(number: Number) -> Interval:
    """Return the interval that a comparator makes of a figure."""
    match number.comparator:
        case None:
            return Interval(number.figure, number.figure)
        case "<" | "<=":
            return Interval(None, number.figure, high_closed=number.comparator == "<=")
        case _:
            return Interval(number.figure, None, low_closed=number.comparator == ">=")


def rounded(value: Decimal, places: int = 6) -> Decimal:
    """Round half away from zero."""
    with localcontext() as context:
        context.prec = 400
        return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def read_number(text: str) -> Number | None:
    """Read a value cell; None when it is not numeric."""
    found = _VALUE.fullmatch(text.strip())
    if found is None:
        return None
    sign = found["comparator"]
    comparator = _COMPARATORS.get(sign, sign) if sign else None
    return Number(comparator, Decimal(found["number"]))


def unit_of(text: str) -> str | None:
    """Return the unit that a spelling means, folding case, blanks and dots; None if unknown."""
    folded = "".join(text.split()).replace(".", "").replace("µ", "u").replace("μ", "u").lower()
    return _SPELLINGS.get(folded)


def converted(figure: Decimal, multiplier: Decimal, divisor: Decimal) -> Decimal:
    """Return a figure in the canonical unit, rounded once to 6 decimals."""
    with localcontext() as context:
        context.prec = 400
        return rounded(figure * multiplier / divisor)


def printed_numbers(text: str) -> list[Decimal]:
    """Return every figure standing in a text that may not be numeric as a whole."""
    return [Decimal(found.replace(",", ".")) for found in _PRINTED_NUMBER.findall(text)]


def read_dose(text: str) -> Decimal | None:
    """Read a dose figure (section 10); ranges and `1,5` are not numbers."""
    text = text.strip()
    return Decimal(text.replace(",", "")) if _DOSE.fullmatch(text) else None
