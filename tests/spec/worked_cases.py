"""The worked cases of the specification, read once for every test that answers them."""

import csv
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.product import Tables

AS_OF: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
ZONE: Final = "Europe/London"
PATIENT: Final = "P1"
_PATH: Final = Path(__file__).parent / "cases.csv"


@dataclass(frozen=True)
class Case:
    """One row of cases.csv: what was delivered, what is expected, and why."""

    name: str
    section: str
    tables: Tables
    policy: str
    expected: dict[str, Any]


def worked_cases() -> list[Case]:
    """All cases, in their written order."""
    with _PATH.open(encoding="utf-8", newline="") as file:
        return [
            Case(
                name=row["case"],
                section=row["section"],
                tables=json.loads(row["given"]),
                policy=row["policy"],
                expected=json.loads(row["expected"]),
            )
            for row in csv.DictReader(file)
        ]
