"""Texts that feeds send, drawn often at the thresholds: figures, units, times."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

AS_OF = datetime(2026, 11, 21, 2, tzinfo=UTC)
ZONE = "Europe/London"

Draw = st.DrawFn
Texts = tuple[str, ...]


def chance(draw: Draw, one_in: int) -> bool:
    """Draw true once in so many times; it shrinks to false."""
    return draw(st.sampled_from((False,) * (one_in - 1) + (True,)))


def pick(draw: Draw, *choices: str) -> str:
    """Draw one of the texts; it shrinks to the first."""
    return draw(st.sampled_from(choices))


MAGNESIUM_FIGURES: dict[str, dict[str, Texts]] = {
    "severe": {
        "mg/dL": ("1.0", "1.2", "0.9", "1.19", "1.20", ".8", "<0.9", "<=1.2", "<1.2", "1.1 L"),
        "mmol/L": ("0.49", "0.493", "0.4", "<0.49", "0.493725"),
        "mEq/L": ("0.98", "0.987", "≤0.9"),
        "mg/L": ("12", "10"),
    },
    "low": {
        "mg/dL": ("1.4", "1.5", "1.21", "1.200001", "1.3L", " 1.4 "),
        "mmol/L": ("0.50", "0.494", "0.61", "0.617"),
        "mEq/L": ("1.2", "0.988", "1.234"),
        "mg/L": ("12.1", "15"),
    },
    "target_met": {
        "mg/dL": ("1.9", "1.51", "1.500001", "2.6", "1.6"),
        "mmol/L": ("0.8", "0.618", "1.069", "1.001"),
        "mEq/L": ("1.6", "1.235", "2.139"),
        "mg/L": ("19", "15.1", "26"),
    },
    "high": {
        "mg/dL": ("2.7", "4.0", "2.61", "3.99", "7.29", "7.3", "> 9.5 HH", ">2.6", ">=4.0"),
        "mmol/L": ("1.2", "1.07", "1.645", "1.646", "GREATER THAN 2"),
        "mEq/L": ("2.14", "3.29", "3.3"),
        "mg/L": ("26.1", "40"),
    },
    "undetermined": {
        "mg/dL": ("<1.5", ">1.2", ">=1.21", "<=1.5", "<1.8", ">=2.6", "LESS THAN 1.6", ">1"),
        "mmol/L": ("<0.6", ">=0.6"),
    },
    "unreadable": {
        "mg/dL": (
            *("HEMOLYZED", "QNS", "", "1,1", "1.2345678", "see note 0.9", "-1.1", "0", "51"),
            *("1e1", "NaN", "1.1.1", "\uff11.1", "1-2", "1_0", "3,4"),
        ),
        "mmol/L": ("cancelled", "21"),
    },
}

FIGURES: dict[str, dict[str, Texts]] = {
    "creatinine": {
        "mg/dL": ("1.0", "0.8", "1.3", "1.5", "2.5", "4.5", "<0.5", ">5", "0.7", "0.9", "abc"),
        "umol/L": ("88.4", "114.9", "70.72", "300", "132.6"),
        "mmol/L": ("0.1", "0.4"),
    },
    "potassium": {
        "mmol/L": ("4.1", "3.5", "3.4", "3.0", "6.0", "7.2", "5.9", "<3.5", ">6", "16"),
        "mEq/L": ("3.4", "4.0", "6.1"),
    },
    "calcium": {
        "mg/dL": ("9.0", "8.5", "8.49", "7.6", "6.9", "7.0", "4.9", "<7.0", "0.5"),
        "mmol/L": ("2.2", "2.1", "1.7"),
    },
    "ionised_calcium": {"mmol/L": ("1.2", "1.12", "1.11", "<1.12"), "mg/dL": ("4.4", "4.8")},
    "albumin": {"g/dL": ("4.0", "2.0", "2.9", "<2"), "g/L": ("20", "40", "35")},
    "clearance": {
        "mL/min": ("90", "19.9", "20", "29", "30", "59", "60", "<20", ">20", "<30", ">60"),
        "mL/min/1.73m2": ("15", "61"),
        "mg/dL": ("15",),
    },
    "egfr": {"mL/min/1.73m2": ("80", "19", "20", "25", "<15", ">60", ">15"), "mL/min": ("60",)},
    "weight": {
        "kg": ("80", "60", "45", "120", "19", "<70"),
        "lb": ("176", "250"),
        "g": ("70000",),
    },
    "height": {
        "cm": ("170", "152.4", "152.3", "180", "49"),
        "in": ("60", "68"),
        "m": ("1.8", "1.6"),
    },
    "urine_magnesium": {
        "mg/dL": ("5", "1", "1.68", "2.1", "<1", "0"),
        "mmol/L": ("2",),
    },
    "urine_creatinine": {"mg/dL": ("100", "50"), "umol/L": ("8840",), "mmol/L": ("8.84",)},
    "urine_calcium": {"mg/dL": ("10", "5"), "mmol/L": ("2.5",)},
}

CODES: dict[str, Texts] = {
    "creatinine": ("2160-0", "14682-9"),
    "potassium": ("2823-3", "6298-4"),
    "calcium": ("17861-6", "2000-8"),
    "ionised_calcium": ("1994-3", "47596-2", "17864-0"),
    "albumin": ("1751-7", "61151-7"),
    "clearance": ("35591-7", "2164-2"),
    "egfr": ("98979-8",),
    "weight": ("29463-7", "3141-9"),
    "height": ("8302-2",),
    "urine_magnesium": ("19124-7", "2598-1"),
    "urine_creatinine": ("2161-8", "14683-7"),
    "urine_calcium": ("17862-4", "2004-0"),
}

SPELLINGS: dict[str, Texts] = {
    "mg/dL": ("mg/dL", "mg/dL", "MG/DL", "mg %", "mg / dl"),
    "mmol/L": ("mmol/L", "mmol/l", "MMOL/L"),
    "mEq/L": ("mEq/L", "meq/L", "MEQ/L", "mval/L"),
    "umol/L": ("umol/L", "µmol/L", "μmol/L", "mcmol/L"),
    "g/dL": ("g/dL", "gm/dL"),
    "mL/min/1.73m2": ("mL/min/1.73m2", "mL/min/{1.73_m2}", "ml/min/1.73m²"),
    "kg": ("kg", "kgs", "KG"),
    "lb": ("lb", "[lb_av]", "lbs"),
    "in": ("in", "[in_i]", "inches"),
    "cm": ("cm", "cms"),
}

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
FRESH = (10 * _HOUR, 3 * _HOUR, 20 * _HOUR, 24 * _HOUR, 40 * _HOUR, 72 * _HOUR)
WEEKS = (
    *(72 * _HOUR + _MINUTE, 4 * _DAY, 5 * _DAY, 6 * _DAY, 7 * _DAY, 7 * _DAY + 3 * _HOUR),
    *(8 * _DAY, 12 * _DAY, 13 * _DAY, 14 * _DAY, 14 * _DAY + 3 * _HOUR, 15 * _DAY, 17 * _DAY),
)
OLD = (
    *(30 * _DAY, 30 * _DAY + 3 * _HOUR, 31 * _DAY, 44 * _DAY, 45 * _DAY, 60 * _DAY, 90 * _DAY),
    *(91 * _DAY, 93 * _DAY, 94 * _DAY, 104 * _DAY, 105 * _DAY, 365 * _DAY, 366 * _DAY),
    *(400 * _DAY, 400 * _DAY + 3 * _HOUR, 401 * _DAY),
)
FUTURE = (-30 * _MINUTE, -_HOUR, -_HOUR - _MINUTE, -3 * _HOUR, -60 * _DAY)
NEARBY = (
    *(0 * _HOUR, 0 * _HOUR, 0 * _HOUR, 5 * _MINUTE, 6 * _MINUTE, _HOUR, 2 * _HOUR, -_HOUR),
    *(24 * _HOUR, 24 * _HOUR + _MINUTE, 48 * _HOUR, 48 * _HOUR + _MINUTE, -2 * _HOUR),
    *(-5 * _MINUTE, 168 * _HOUR, 90 * _DAY),
)


def time_before(draw: Draw, distances: tuple[timedelta, ...]) -> datetime:
    """Draw an instant that lies one of the distances before `as_of`."""
    return AS_OF - draw(st.sampled_from(distances))


def index_time(draw: Draw) -> datetime:
    """Draw when a magnesium was collected: often fresh, often at a limit."""
    return time_before(draw, draw(st.sampled_from((FRESH, FRESH, FRESH, WEEKS, WEEKS, OLD))))


def written(draw: Draw, time: datetime) -> str:
    """Write an instant the way one feed or another does."""
    local = time.astimezone(ZoneInfo(ZONE))
    clock = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    return pick(
        draw,
        *(clock,) * 6,
        time.strftime("%Y-%m-%d %H:%M:%S+00:00"),
        (time + _HOUR).strftime("%Y-%m-%dT%H:%M:%S+01:00"),
        local.strftime("%Y-%m-%dT%H:%M:%S"),
        local.strftime("%Y-%m-%d %H:%M"),
    )


def odd_time(draw: Draw) -> str:
    """Draw a cell that is blank, not readable, not existing, repeated, or a bare date."""
    return pick(
        draw,
        *("", "", "yesterday", "2026-13-01", "2026-03-29T01:30:00", "2026-03-29 01:00"),
        *(
            "2026-10-25T01:30:00",
            "2026-11-20",
            "2026-11-14",
            "2026-11-19T25:00:00Z",
            "21/11/2026 01:00",
        ),
    )
