"""One observation row: what it says, and the first reason to refuse it (section 2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from .analytes import (
    PLAUSIBLE,
    UNITS,
    analyte_of,
    is_specimen_conflict,
    is_unit_against_code,
    needs_status,
)
from .policy import Policy
from .times import OLDEST, Moment, first_time_fault, read_time
from .values import Interval, Number, converted, interval_of, read_number, unit_of

COLUMNS = (
    "observation_id",
    "patient_id",
    "encounter_id",
    "specimen_id",
    "facility",
    "code",
    "name",
    "value",
    "unit",
    "specimen",
    "status",
    "collected_at",
    "reported_at",
    "reference_low",
    "reference_high",
    "is_haemolysed",
)

FINAL, PROVISIONAL, NONE, WITHDRAWN, UNKNOWN = (
    "final",
    "provisional",
    "none",
    "withdrawn",
    "unknown",
)
_KINDS = {
    FINAL: ("f", "c", "a", "v", "b", "u", "final", "amended", "corrected", "appended"),
    PROVISIONAL: ("p", "r", "s", "preliminary"),
    NONE: ("i", "n", "o", "x", "registered", "cancelled", "unknown"),
    WITHDRAWN: ("d", "w", "entered-in-error"),
}
_KIND_OF = {word: kind for kind, words in _KINDS.items() for word in words}
_CORRECTIONS = {"c", "a", "corrected", "amended"}


@dataclass(frozen=True)
class Version:
    """One row of `observations` as read: a version of a result."""

    row_index: int
    cells: Mapping[str, str]
    text: str
    analyte: str | None
    kind: str
    collected_at: datetime | None
    reported_at: datetime | None
    reason: str | None
    number: Number | None
    interval: Interval | None
    reference_low: Decimal | None

    @property
    def is_correction(self) -> bool:
        """Say whether the row calls itself corrected or amended."""
        return self.cells["status"].strip().lower() in _CORRECTIONS

    @property
    def is_bare_update(self) -> bool:
        """Say whether this is a `U` without a value: final now, the value stands elsewhere."""
        return is_bare_update(self.cells)

    @property
    def time(self) -> datetime | None:
        """The version's time: report, else collection; None when neither can be read."""
        return self.reported_at or self.collected_at

    def known_at(self, as_of: datetime) -> datetime:
        """Return from when the row is known; without a readable time it always is."""
        if self.reason == "collected_in_future":
            return self.reported_at or as_of
        return max(self.collected_at or OLDEST, self.reported_at or OLDEST)


def is_bare_update(cells: Mapping[str, str]) -> bool:
    """Say whether cells are a `U` without a value."""
    return cells["status"].strip().lower() == "u" and not cells["value"].strip()


def read_observations(rows: list[dict[str, str]], moment: Moment, policy: Policy) -> list[Version]:
    """Read all rows, an exact copy of an earlier one left out."""
    has_status_column = any("status" in row for row in rows)
    versions: list[Version] = []
    seen: set[str] = set()
    for row_index, row in enumerate(rows):
        cells = {column: row.get(column) or "" for column in COLUMNS}
        text = "\x1f".join(cells.values())
        if text in seen:
            continue
        seen.add(text)
        analyte = analyte_of(cells["code"].strip(), policy)
        kind = _kind(cells["status"], analyte, has_status_column=has_status_column)
        versions.append(_read(row_index, cells, kind, moment, policy))
    return versions


def _read(
    row_index: int, cells: dict[str, str], kind: str, moment: Moment, policy: Policy
) -> Version:
    analyte = analyte_of(cells["code"].strip(), policy)
    collected = read_time(cells["collected_at"], moment.zone)
    reported = read_time(cells["reported_at"], moment.zone)
    reason: str | None = None
    number: Number | None = None
    reference_low: Decimal | None = None
    if not cells["patient_id"].strip():
        reason = "patient_id_missing"
    elif not cells["code"].strip():
        reason = "code_missing"
    elif analyte is None or kind in {NONE, WITHDRAWN} or is_bare_update(cells):
        reason = None
    elif kind == UNKNOWN:
        reason = "status_unknown"
    elif fault := first_time_fault([collected, reported]):
        reason = fault
    elif collected.instant is None:
        reason = "collected_at_missing"
    elif collected.instant > moment.as_of + timedelta(hours=policy.future_hours):
        reason = "collected_in_future"
    elif is_specimen_conflict(analyte, cells["specimen"]):
        reason = "specimen_conflict"
    else:
        number, reason = _read_value(cells, analyte)
        reference_low = _read_reference(cells, analyte)
    return Version(
        row_index=row_index,
        cells=cells,
        text="\x1f".join(cells.values()),
        analyte=analyte,
        kind=kind,
        collected_at=collected.instant,
        reported_at=reported.instant,
        reason=reason,
        number=number,
        interval=interval_of(number) if number else None,
        reference_low=reference_low,
    )


def _kind(status: str, analyte: str | None, *, has_status_column: bool) -> str:
    word = status.strip().lower()
    if not word and (not has_status_column or not needs_status(analyte)):
        return FINAL
    return _KIND_OF.get(word, UNKNOWN)


def _read_value(cells: Mapping[str, str], analyte: str) -> tuple[Number | None, str | None]:
    number = read_number(cells["value"])
    if number is None:
        return None, "value_not_numeric"
    if not cells["unit"].strip():
        return None, "unit_missing"
    unit = unit_of(cells["unit"])
    if unit is None or unit not in UNITS[analyte]:
        return None, "unit_not_allowed"
    if is_unit_against_code(cells["code"].strip(), unit):
        return None, "unit_contradicts_code"
    factor = UNITS[analyte][unit]
    figure = converted(number.figure, factor.times, factor.over)
    if not Interval(figure, figure).is_inside(PLAUSIBLE[analyte]):
        return None, "value_out_of_range"
    return Number(number.comparator, figure), None


def _read_reference(cells: Mapping[str, str], analyte: str) -> Decimal | None:
    limit = read_number(cells["reference_low"])
    unit = unit_of(cells["unit"])
    if limit is None or limit.comparator or unit is None or unit not in UNITS[analyte]:
        return None
    factor = UNITS[analyte][unit]
    return converted(limit.figure, factor.times, factor.over)
