"""Local days and elapsed time; instants are naive UTC throughout the rules."""

import polars as pl


def local_day(instant: pl.Expr, zone: str) -> pl.Expr:
    """The calendar day of an instant in the hospital's zone."""
    return instant.dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.date()


def days_between(earlier: pl.Expr, later: pl.Expr, zone: str) -> pl.Expr:
    """Difference of local calendar days between two instants."""
    return (local_day(later, zone) - local_day(earlier, zone)).dt.total_days()


def whole_years(born_on: pl.Expr, on: pl.Expr) -> pl.Expr:
    """Age in whole years on a day; born on 29 February: birthday 1 March in common years."""
    had_birthday = (on.dt.month() > born_on.dt.month()) | (
        (on.dt.month() == born_on.dt.month()) & (on.dt.day() >= born_on.dt.day())
    )
    return on.dt.year() - born_on.dt.year() - pl.when(had_birthday).then(0).otherwise(1)


def hours(count: float) -> pl.Expr:
    """An elapsed time of so many hours."""
    return pl.duration(seconds=round(count * 3600))
