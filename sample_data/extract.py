"""Collects canonical rows with the instant each became known, and writes them night by night."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

Row = dict[str, str]

HOSPITAL_ZONE = ZoneInfo("Europe/London")
NIGHT = timedelta(days=1)

COLUMNS: dict[str, tuple[str, ...]] = {
    "observations": (
        "observation_id", "patient_id", "encounter_id", "specimen_id", "facility", "code", "name",
        "value", "unit", "specimen", "status", "collected_at", "reported_at", "reference_low",
        "reference_high", "is_haemolysed",
    ),
    "patients": ("patient_id", "birth_date", "sex", "mrn", "name", "died_at", "updated_at"),
    "encounters": (
        "encounter_id", "patient_id", "care_setting", "facility", "ward", "care_team",
        "started_at", "ended_at", "updated_at",
    ),
    "conditions": ("patient_id", "code", "code_system", "status", "recorded_at", "resolved_at"),
    "medications": (
        "medication_id", "patient_id", "encounter_id", "order_id", "kind", "code", "code_system",
        "name", "route", "dose", "dose_unit", "volume_ml", "rate", "rate_unit", "started_at",
        "ended_at", "status", "updated_at",
    ),
}  # fmt: skip


def instant_text(instant: datetime | None) -> str:
    """Return an instant as `2026-11-21T02:00:00Z`, or a blank for an unknown one."""
    return "" if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Extract:
    """Everything the hospital's systems will have said, each row with when it was said."""

    rows: dict[str, list[tuple[datetime, Row]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, table: str, known_at: datetime, row: Row) -> None:
        """Note one row of a table, first sent at `known_at`."""
        self.rows[table].append((known_at, row))

    def write_nights(self, folder: Path, nights: int, until: datetime) -> int:
        """Write each table's rows to the night they became known in, and return how many."""
        return sum(
            self._write_table(folder, table, until - night * NIGHT, is_first=night == nights - 1)
            for night in reversed(range(nights))
            for table in COLUMNS
        )

    def _write_table(self, folder: Path, table: str, as_of: datetime, *, is_first: bool) -> int:
        """Write one table's file of one night; the first night also holds all that went before."""
        opened_at = datetime.min.replace(tzinfo=UTC) if is_first else as_of - NIGHT
        night = as_of.astimezone(HOSPITAL_ZONE).date()
        known = [(at, row) for at, row in self.rows[table] if opened_at < at <= as_of]
        known.sort(key=lambda pair: (pair[0], *pair[1].values()))
        write_rows(folder / f"{table}_{night}.csv", COLUMNS[table], (row for _, row in known))
        return len(known)


def write_rows(path: Path, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    """Write rows as CSV with line feeds, so that the same rows are the same bytes everywhere."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
