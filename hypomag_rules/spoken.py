"""Figures, times and policy texts as people read them."""

from collections.abc import Mapping
from typing import Final

import polars as pl

from hypomag_rules.policy import Policy

_DAY: Final = "%a %-d %b"
_DAY_TIME: Final = "%a %-d %b %H:%M"
_WEEKDAY_TIME: Final = "%a %H:%M"
_DAYS_OF_ONE_NAME: Final = 6
_EXACT: Final = pl.Decimal(38, 6)


def spoken_time(instant: pl.Expr, zone: str) -> pl.Expr:
    """An instant as `Fri 20 Nov 06:10` in the hospital's zone."""
    return _local(instant, zone).dt.strftime(_DAY_TIME)


def spoken_recent_time(instant: pl.Expr, now: pl.Expr, zone: str) -> pl.Expr:
    """`Sat 02:00` while the weekday names one day only, else as `spoken_time`."""
    is_recent = (now - instant) < pl.duration(days=_DAYS_OF_ONE_NAME)
    return (
        pl.when(is_recent)
        .then(_local(instant, zone).dt.strftime(_WEEKDAY_TIME))
        .when(instant.is_not_null())
        .then(spoken_time(instant, zone))
        .otherwise(pl.lit("an unknown time"))
    )


def spoken_day(day: pl.Expr) -> pl.Expr:
    """A date as `Tue 10 Nov`."""
    return day.dt.strftime(_DAY)


def spoken_local_day(instant: pl.Expr, zone: str) -> pl.Expr:
    """The hospital's day of an instant as `Tue 10 Nov`."""
    return spoken_day(_local(instant, zone))


def _local(instant: pl.Expr, zone: str) -> pl.Expr:
    return instant.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)


def number_text(value: pl.Expr) -> pl.Expr:
    """A figure as short as exact to six decimals: 1.2, 0.986, 20."""
    return (
        value.round(6).cast(_EXACT).cast(pl.String).str.replace(r"0+$", "").str.replace(r"\.$", "")
    )


def figure_text(value: pl.Expr) -> pl.Expr:
    """A laboratory figure with a decimal, as laboratories print it: 3.0, 8.98."""
    return number_text(value).str.replace(r"^(-?[0-9]+)$", "${1}.0")


def mass_text(grams: pl.Expr, route: pl.Expr) -> pl.Expr:
    """`2 g`, by mouth `400 mg`; `dose unread` when the mass is unknown."""
    shown = grams.round(3)
    return (
        pl.when(grams.is_null())
        .then(pl.lit("dose unread"))
        .when(route == "oral")
        .then(number_text(shown * 1000) + " mg")
        .otherwise(number_text(shown) + " g")
    )


def short_text(text: pl.Expr, most: int) -> pl.Expr:
    """A text cut to so many characters, and said so by an ellipsis."""
    return pl.when(text.str.len_chars() > most).then(text.str.head(most) + "…").otherwise(text)


def count_of_days(days: pl.Expr) -> pl.Expr:
    """`1 day`, `11 days`."""
    return days.cast(pl.String) + pl.when(days == 1).then(pl.lit(" day")).otherwise(pl.lit(" days"))


def as_sentence(text: str) -> str:
    """A phrase of the policy as a sentence: a capital first, one full stop last."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def filled_texts(policy: Policy) -> Mapping[str, str]:
    """The policy's texts with the policy's own figures in the places that name them."""
    figures = {
        "{severe_limit}": policy.magnesium.severe_limit,
        "{severe_below}": policy.renal.severe_below,
        "{sufficient_grams}": policy.treatment.sufficient_grams,
        "{femg_limit}": policy.work_up.femg_limit,
        "{femg_min_clearance}": policy.work_up.femg_min_clearance,
        "{femg_pair_hours}": policy.work_up.femg_pair_hours,
        "{max_rate}": policy.audit.max_rate,
        "{max_concentration}": policy.audit.max_concentration,
        "{im_ceiling}": policy.audit.im_ceiling,
        "{im_window_hours}": policy.audit.im_window_hours,
        "{level_hours}": policy.audit.level_hours,
        "{dosed_days}": policy.high_watch.dosed_days,
        "{im_mg_per_kg}": policy.replacement.im_grams_per_kg * 1000,
    }
    target = policy.as_given.get("target", f"{policy.magnesium.target:g} mg/dL")
    texts = {key: text.replace("{target}", target) for key, text in policy.texts.items()}
    for place, figure in figures.items():
        texts = {key: text.replace(place, f"{figure:g}") for key, text in texts.items()}
    return texts
