"""Text to instants: UTC, with what was wrong when there is none."""

from typing import Final

import polars as pl

from hypomag_rules.source_reading import SourceReading

UNREADABLE: Final = "time_not_readable"
NOT_ON_THE_CLOCK: Final = "time_does_not_exist"
# What most laboratories print. A parser alone would also take `2026-11- 1` and `+026`.
_PLAIN: Final = r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]Z$"
_NEVER: Final = r"$^"
_ISO: Final = (
    r"^\s*([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(?::([0-5][0-9]))?"
    r"(?:[.,]([0-9]{1,9}))?\s*(Z|z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?\s*$"
)
_STAMP: Final = "%Y-%m-%dT%H:%M:%S"
PLAIN_STAMP: Final = _STAMP + "Z"
_MOST_OFFSET_HOURS: Final = 15
_FIRST_YEAR: Final = 1000


def read_times(rows: pl.DataFrame, column: str, reading: SourceReading) -> pl.DataFrame:
    """`read_instants` of a column of rows, each in the zone of its facility or of its source."""
    texts, formats = rows.get_column(column), (reading.time_format, reading.day_format)
    if not reading.facility_zones or "facility" not in rows.columns:
        return read_instants(texts, reading.zone, *formats)
    facility = rows.get_column("facility").str.strip_chars()
    zones = facility.replace_strict(dict(reading.facility_zones), default=None).fill_null(
        reading.zone
    )
    parts = [
        read_instants(texts.filter(zones == zone), zone, *formats).with_columns(
            at=(zones == zone).arg_true()
        )
        for zone in zones.unique(maintain_order=True)
    ]
    return pl.concat(parts).sort("at").drop("at") if parts else read_instants(texts, reading.zone)


def read_days(text: pl.Expr, reading: SourceReading) -> pl.Expr:
    """Days as the source writes them, else in ISO 8601 with or without a time; null for others."""
    iso = text.str.strip_chars().str.head(10).str.to_date("%Y-%m-%d", strict=False)
    if reading.day_format is None:
        return iso
    return pl.coalesce(_in_format(text, reading.day_format).dt.date(), iso)


def read_instants(
    texts: pl.Series, zone: str, time_format: str | None = None, day_format: str | None = None
) -> pl.DataFrame:
    """Columns `instant` (naive UTC, µs), `fault` and `spelling`, a row for each text.

    Blank is null throughout. A time without offset is read in `zone`; a bare date, also one in
    `day_format`, is local midnight; an hour that occurs twice is the earlier instant; one that the
    clock skips is `time_does_not_exist`. `spelling` is the text unless `PLAIN_STAMP` of the instant
    gives it back.
    """
    is_plain = texts.str.contains(_PLAIN if time_format is None else _NEVER)
    plain = (
        texts if is_plain.all() else texts.zip_with(is_plain.fill_null(value=False), _no_texts(1))
    )
    instant = plain.str.to_datetime(PLAIN_STAMP, time_unit="us", strict=False)
    is_left = instant.is_null() & texts.is_not_null()
    fault, spelling = _no_texts(texts.len()), _no_texts(texts.len())
    if not is_left.any():
        return pl.DataFrame({"instant": instant, "fault": fault, "spelling": spelling})
    left = texts.filter(is_left)
    slowly = left.to_frame().join(
        _read_general(_distinct(left), texts.name, zone, (time_format, day_format)),
        on=texts.name,
        how="left",
        maintain_order="left",
    )
    at = is_left.arg_true()
    return pl.DataFrame(
        {
            "instant": instant.scatter(at, slowly.get_column("instant")),
            "fault": fault.scatter(at, slowly.get_column("fault")),
            "spelling": spelling.scatter(at, left),
        }
    )


def _in_format(text: pl.Expr, own: str) -> pl.Expr:
    """Local times in a source's own format; a year of two digits is none of the first century."""
    stamp = text.str.strip_chars().str.to_datetime(own, time_unit="us", strict=False)
    return pl.when(stamp.dt.year() >= _FIRST_YEAR).then(stamp)


def _no_texts(height: int) -> pl.Series:
    return pl.repeat(None, height, dtype=pl.String, eager=True)


def _distinct(texts: pl.Series) -> pl.DataFrame:
    return texts.unique().to_frame().filter(pl.col(texts.name).str.strip_chars() != "")


def _read_general(
    distinct: pl.DataFrame, name: str, zone: str, formats: tuple[str | None, ...]
) -> pl.DataFrame:
    text = pl.col(name)
    parts = distinct.with_columns(text.str.extract_groups(_ISO).alias("parts")).unnest("parts")
    minutes, seconds = pl.col("2").fill_null("00:00"), pl.col("3").fill_null("00")
    stamp = (pl.col("1") + "T" + minutes + ":" + seconds).str.to_datetime(
        _STAMP, time_unit="us", strict=False
    )
    stamp = pl.coalesce(*(_in_format(text, own) for own in formats if own is not None), stamp)
    micros = pl.col("4").fill_null("0").str.head(6).str.pad_end(6, "0").cast(pl.Int64)
    offset = pl.col("5").str.to_uppercase()
    hours = offset.str.slice(1, 2).cast(pl.Int64, strict=False)
    rest = offset.str.tail(2).cast(pl.Int64, strict=False)
    sign = pl.when(offset.str.starts_with("-")).then(-1).otherwise(1)
    shift = (
        pl.when(offset == "Z")
        .then(0)
        .when(offset.str.len_chars() > 3)
        .then(sign * (hours * 60 + rest))
        .otherwise(sign * hours * 60)
    )
    is_offset_sound = offset.is_null() | (shift.abs() < _MOST_OFFSET_HOURS * 60)
    local = (pl.col("stamp") + pl.duration(microseconds=micros)).alias("local")
    in_zone = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    read = parts.with_columns(stamp=stamp, shift=shift, is_offset_sound=is_offset_sound)
    read = read.with_columns(
        zoned=in_zone.dt.convert_time_zone("UTC").dt.replace_time_zone(None),
        offset_instant=local - pl.duration(minutes=pl.col("shift")),
    )
    instant = (
        pl.when(~pl.col("is_offset_sound"))
        .then(None)
        .when(pl.col("shift").is_null())
        .then(pl.col("zoned"))
        .otherwise(pl.col("offset_instant"))
    )
    is_skipped = pl.col("stamp").is_not_null() & pl.col("shift").is_null()
    fault = (
        pl.when(instant.is_not_null())
        .then(None)
        .when(is_skipped & pl.col("is_offset_sound"))
        .then(pl.lit(NOT_ON_THE_CLOCK))
        .otherwise(pl.lit(UNREADABLE))
    )
    return read.select(name, instant=instant, fault=fault)
