"""Birth dates of feeds that send ages: estimated, and true to the age on the day it was told."""

from typing import Final

import polars as pl

from hypomag_rules.clock import local_day
from hypomag_rules.instants import read_times
from hypomag_rules.source_reading import SourceReading

_WHOLE_YEARS: Final = r"^\s*([0-9]{1,3})(?:\.0*)?\s*$"
_MIDSUMMER: Final = 7  # 1 July


def birth_dates(rows: pl.DataFrame, reading: SourceReading) -> pl.Series:
    """`birth_date` of rows with it, `age` and `age_at`: as sent, else 1 July of the year that fits.

    That is the latest 1 July from which the age in whole years was reached on the day of
    `age_at` in the source's zone: an adult of 18 is not 17 on that day. Null where either is
    blank or the time unreadable; an unreadable age stands as `age 90+`, a birth date that nothing
    reads and a check counts. The age is unknown then.
    """
    held = read_times(rows, "age_at", reading).get_column("instant")
    day = local_day(pl.col("age_at"), reading.zone)
    age = pl.col("age").str.extract(_WHOLE_YEARS, 1).cast(pl.Int32)
    year = day.dt.year() - age - (day.dt.month() < _MIDSUMMER).cast(pl.Int32)
    estimates = rows.select("birth_date", "age").with_columns(age_at=held)
    return estimates.select(
        birth_date=pl.coalesce(
            "birth_date",
            pl.format("{}-07-01", year),
            pl.when(age.is_null() & (pl.col("age").str.strip_chars() != "")).then(
                pl.format("age {}", pl.col("age").str.strip_chars())
            ),
        )
    ).to_series()
