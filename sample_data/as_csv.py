"""A ward as CSV: in the canonical layout, and as a hospital with a profile of its own sends it."""

import csv
import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from sample_data.extract import COLUMNS, HOSPITAL_ZONE, Row, write_rows

Tables = Mapping[str, list[Row]]

_FIGURES: Final = ("value", "reference_low", "reference_high", "dose", "volume_ml", "rate")
# The profile's word lists that are not named for their column.
_WORD_LISTS: Final = {
    ("medications", "status"): "medication_status",
    ("conditions", "status"): "condition_status",
}


def night_of(until: datetime) -> str:
    """Return the local date that the files of a night are named for."""
    return until.astimezone(HOSPITAL_ZONE).date().isoformat()


def write_canonical(folder: Path, ward: Tables, until: datetime) -> None:
    """Write the ward as hypomag's own layout has it."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, columns in COLUMNS.items():
        write_rows(folder / f"{table}_{night_of(until)}.csv", columns, ward[table])


def write_by_profile(folder: Path, ward: Tables, until: datetime, profile: Path) -> None:
    """Write the ward so that this profile reads it: its columns, codes, words, times, figures."""
    folder.mkdir(parents=True, exist_ok=True)
    own = tomllib.loads(profile.read_text(encoding="utf-8"))
    for table, spec in own["tables"].items():
        columns: dict[str, str] = spec["columns"]
        path = folder / spec["files"].replace("*", night_of(until))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=own["separator"], lineterminator="\n")
            writer.writerow(columns.values())
            writer.writerows(
                [_told(table, column, row[column], own) for column in columns]
                for row in ward[table]
            )


def _told(table: str, column: str, cell: str, own: Mapping[str, Any]) -> str:
    """Return a canonical cell as the profile's hospital prints it."""
    if not cell:
        return ""
    if column.endswith("_at"):
        local = datetime.fromisoformat(cell).astimezone(ZoneInfo(own["timezone"]))
        return local.strftime(own["time_format"])
    if column in _FIGURES:
        plain = cell.replace(",", "")
        return plain.replace(".", ",") if own.get("decimal_comma") else plain
    if (table, column) == ("observations", "code"):
        return _inverse(own["codes"])[cell]
    if column == "unit":
        return _inverse(own["units"]).get(cell, cell)
    words = own["words"].get(_WORD_LISTS.get((table, column), column), {})
    return _inverse(words).get(cell, cell)


def _inverse(theirs: Mapping[str, str]) -> dict[str, str]:
    return {ours: their for their, ours in theirs.items()}
