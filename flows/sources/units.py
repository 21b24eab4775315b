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
    both = pl.concat_str(code, pl.lit(_BETWEEN), text)
    return pl.when(differs.fill_null(value=False)).then(both).otherwise(spoken)


def _known(unit: pl.Expr, profile: Profile) -> pl.Expr:
    """The canonical unit of a spelling; null for one that nobody told us."""
    known = value_set("units")
    spelled = unit.str.strip_chars().replace(dict(profile.reading.units))
    return folded_unit(spelled).replace_strict(
        known.get_column("folded").to_list(), known.get_column("unit").to_list(), default=None
    )
