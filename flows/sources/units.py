"""The unit of a layout that has two fields for it: which of them speaks, and when neither may."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import value_set
from flows.profile import Profile
from hypomag_rules.wordings import folded_unit

_BETWEEN: Final = " | "


def one_unit(code: pl.Expr, text: pl.Expr, profile: Profile) -> pl.Expr:
    """The unit as sent, out of a coded field and one for people to read; either may be blank.

    `unit_from` of the profile names the field that speaks; where it is blank the other does.
    Without it two known units that differ become one unknown unit of both texts: such a row goes
    on review, and never silently to either.
    """
    first, second = (text, code) if profile.unit_from == "text" else (code, text)
    spoken = pl.coalesce(first, second)
    if profile.unit_from is not None:
        return spoken
    differs = _known(code, profile) != _known(text, profile)
    return _unless(differs.fill_null(value=False), code, text, spoken)


def checked_unit(unit: pl.Expr, check: pl.Expr, profile: Profile) -> pl.Expr:
    """The unit as sent, held against a second column that says it again; either may be blank.

    As `one_unit`, but stricter: a column that is there to check has to say the same, and a spelling
    that nobody told us does not. `unit_from` is `unit` or `unit_check`.
    """
    sent = pl.when(unit.str.strip_chars().str.len_bytes() > 0).then(unit)
    first, second = (check, sent) if profile.unit_from == "unit_check" else (sent, check)
    spoken = pl.coalesce(first, second)
    if profile.unit_from is not None:
        return spoken
    differs = (_known(sent, profile) != _known(check, profile)).fill_null(
        _spelled(sent, profile) != _spelled(check, profile)
    )
    return _unless(differs.fill_null(value=False), sent, check, spoken)


def _unless(differs: pl.Expr, first: pl.Expr, second: pl.Expr, spoken: pl.Expr) -> pl.Expr:
    """The unit that speaks; where two differ both of them, which together are none."""
    return pl.when(differs).then(pl.concat_str(first, pl.lit(_BETWEEN), second)).otherwise(spoken)


def _known(unit: pl.Expr, profile: Profile) -> pl.Expr:
    """The canonical unit of a spelling; null for one that nobody told us."""
    known = value_set("units")
    return _spelled(unit, profile).replace_strict(
        known.get_column("folded").to_list(), known.get_column("unit").to_list(), default=None
    )


def _spelled(unit: pl.Expr, profile: Profile) -> pl.Expr:
    """A spelling as the profile translates it, folded."""
    return folded_unit(unit.str.strip_chars().replace(dict(profile.reading.units)))
