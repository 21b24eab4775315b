"""Numbers and times as feeds write them, with what a source profile may say of its own."""

from typing import Final

import polars as pl
import pytest

from hypomag_rules.instants import read_days, read_instants, read_times
from hypomag_rules.numbers import read_numbers
from hypomag_rules.source_reading import SourceReading

NUMBERS: Final = """
profile       | text           | comparator | millionths
              | 1.2            |            | 1200000
              | .8             |            | 800000
              | 1.             |            | 1000000
              | .              |            | -
              | -1.5           |            | -1500000
              | 0              |            | 0
              | 1.234567       |            | 1234567
              | 1.2345678      |            | -
              | 1,2            |            | -
              | <0.5           | <          | 500000
              | ≤ 0.5          | <=         | 500000
              | 1.2 L          |            | 1200000
              | 1.2 LX         |            | -
              | 000000000001.2 |            | 1200000
              | 999999999      |            | 999999999000000
              | 1000000000     |            | 1000000000000000
              | 12345678901    |            | 1000000000000000
decimal comma | 1,2            |            | 1200000
decimal comma | 1.2            |            | 1200000
decimal comma | 1,2,3          |            | -
rounding      | 1.2345678      |            | 1234568
rounding      | 1.2345675      |            | 1234568
rounding      | 1.2345674      |            | 1234567
rounding      | -1.2345675     |            | -1234568
rounding      | 1.23456799999  |            | 1234568
"""
INSTANTS: Final = """
zone          | format         | text                      | instant             | fault
UTC           |                | 2026-11-20T16:00:00Z      | 2026-11-20 16:00:00 |
Europe/London |                | 2026-07-20T16:00:00       | 2026-07-20 15:00:00 |
Europe/London |                | 2026-07-20 16:00          | 2026-07-20 15:00:00 |
Europe/London |                | 2026-07-20                | 2026-07-19 23:00:00 |
Europe/London |                | 2026-10-25T01:30:00       | 2026-10-25 00:30:00 |
Europe/London |                | 2026-03-29T01:30:00       | -                 | time_does_not_exist
UTC           |                | 2026-11-20T16:00:00+05:30 | 2026-11-20 10:30:00 |
UTC           |                | 2026-11-20T16:00:00-0330  | 2026-11-20 19:30:00 |
UTC           |                | 2026-11-20T16:00:00+05    | 2026-11-20 11:00:00 |
UTC           |                | 2026-11-20T16:00:00+14:00 | 2026-11-20 02:00:00 |
UTC           |                | 2026-11-20T16:00:00+15:00 | -                   | time_not_readable
UTC           |                | 2026-02-30T16:00:00Z      | -                   | time_not_readable
UTC           |                | 2026-11- 1T16:00:00Z      | -                   | time_not_readable
UTC           |                | +026-11-01T16:00:00Z      | -                   | time_not_readable
UTC           |                | 2026-11-20T16:00:60Z      | -                   | time_not_readable
UTC           |                | 2026-11-20T16:00:00.5Z    | 2026-11-20 16:00:00.500000 |
UTC           |                | yesterday                 | -                   | time_not_readable
Europe/Berlin | %d.%m.%Y %H:%M | 20.11.2026 16:00          | 2026-11-20 15:00:00 |
Europe/Berlin | %d.%m.%Y %H:%M | 2026-11-20T16:00:00Z      | 2026-11-20 16:00:00 |
Europe/Berlin | %d.%m.%Y %H:%M | 32.11.2026 16:00          | -                   | time_not_readable
Europe/Berlin |                | 20.11.2026 16:00          | -                   | time_not_readable
"""


DAYS: Final = """
time format       | date format | text       | instant             | fault
%d.%m.%Y %H:%M    |             | 20.11.2026 | 2026-11-19 23:00:00 |
%d.%m.%YT%H:%M:%S |             | 20.11.2026 | 2026-11-19 23:00:00 |
%Y%m%d%H%M%S      |             | 20261120   | 2026-11-19 23:00:00 |
%d.%m.%Y %H:%M    | %d/%m/%Y    | 20/11/2026 | 2026-11-19 23:00:00 |
%d.%m.%Y %H:%M    | %d/%m/%Y    | 20.11.2026 | -                   | time_not_readable
                  | %d/%m/%Y    | 03/12/2025 | 2025-12-02 23:00:00 |
                  | %d/%m/%Y    | 2025-12-03 | 2025-12-02 23:00:00 |
%H:%M %d.%m.%Y    |             | 20.11.2026 | -                   | time_not_readable
%d.%m.%Y %H:%M    |             | 20.11.26   | -                   | time_not_readable
%d.%m.%Y %H:%M    |         | 20.11.26 06:10 | -                   | time_not_readable
%d.%m.%y %H:%M    |             | 20.11.26   | 2026-11-19 23:00:00 |
"""


def _rows(table: str) -> list[tuple[str, ...]]:
    lines = table.strip().splitlines()[1:]
    return [tuple(cell.strip() for cell in line.split("|")) for line in lines]


@pytest.mark.parametrize(("profile", "text", "comparator", "millionths"), _rows(NUMBERS))
def test_a_number_is_read_as_it_is_written(
    profile: str, text: str, comparator: str, millionths: str
) -> None:
    (found,) = read_numbers(
        pl.Series([text]),
        decimal_comma=profile == "decimal comma",
        round_long_decimals=profile == "rounding",
    ).rows(named=True)
    assert found["comparator"] == (comparator or None)
    assert found["millionths"] == (None if millionths == "-" else int(millionths))


@pytest.mark.parametrize(("zone", "own_format", "text", "instant", "fault"), _rows(INSTANTS))
@pytest.mark.parametrize("beside", ["2026-11-20T16:00:00Z", "2026-11-20 16:00", None])
def test_a_time_is_read_as_it_is_written_whatever_stands_beside_it(
    zone: str, own_format: str, text: str, instant: str, fault: str, beside: str | None
) -> None:
    times = pl.Series("at", [text, beside], dtype=pl.String)
    found = read_instants(times, zone, own_format or None).row(0, named=True)
    assert (None if found["instant"] is None else str(found["instant"])) == (
        None if instant == "-" else instant
    )
    assert found["fault"] == (fault or None)


@pytest.mark.parametrize(("time_format", "date_format", "text", "instant", "fault"), _rows(DAYS))
def test_a_day_is_read_as_the_source_writes_days(
    time_format: str, date_format: str, text: str, instant: str, fault: str
) -> None:
    """A year of two digits under four is none: read as the year 26 a result would not be listed."""
    reading = SourceReading(
        zone="Europe/Berlin",
        decimal_comma=False,
        round_long_decimals=False,
        time_format=time_format or None,
        date_format=date_format or None,
    )
    rows = pl.DataFrame({"collected_at": [text]})
    found = read_times(rows, "collected_at", reading).row(0, named=True)
    assert str(found["instant"] or "-") == instant
    assert found["fault"] == (fault or None)
    born = rows.select(read_days(pl.col("collected_at"), reading)).item()
    assert (born is None) == (instant == "-")


def test_each_facility_has_its_own_clock() -> None:
    reading = SourceReading(
        zone="Europe/Berlin",
        decimal_comma=False,
        round_long_decimals=False,
        facility_zones={"EAST": "Europe/Athens", "WEST": "Europe/Lisbon"},
    )
    facilities = ["EAST", None, " WEST", "NORTH", "EAST"]
    clocks = ["2026-11-20T10:00"] * 4 + ["2026-11-20T10:00:00Z"]
    rows = pl.DataFrame({"facility": facilities, "collected_at": clocks})
    found = read_times(rows, "collected_at", reading).get_column("instant").dt.hour()
    assert found.to_list() == [8, 9, 10, 9, 10]
    assert read_times(rows.clear(), "collected_at", reading).is_empty()
