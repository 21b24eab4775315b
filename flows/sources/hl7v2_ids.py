"""Which results of HL7 v2 are versions of one another: an id of order, code, part and time."""

from collections import Counter
from typing import Final

import polars as pl

from flows.profile import Profile
from hypomag_rules.wordings import loinc_of

_OFFSET: Final = r"([+-][0-9]{4})?$"
_DAY: Final = rf"^[0-9]{{8}}{_OFFSET}"
# What one instant may be spelt as besides: without minutes, seconds, or with a fraction's zeros.
_SPELLINGS: Final = (
    (rf"^([0-9]{{10}}){_OFFSET}", "${1}0000${2}"),
    (rf"^([0-9]{{12}}){_OFFSET}", "${1}00${2}"),
    (rf"^([0-9]{{14}})\.0+{_OFFSET}", "${1}${2}"),
    (rf"^([0-9]{{14}}\.[0-9]*[1-9])0+{_OFFSET}", "${1}${2}"),
)


def own_drawn() -> pl.Expr:
    """The time a result gives itself (`drawn`); null for the day alone of its order's time.

    Reads `collected_at`, the time of the order in ISO 8601.
    """
    day = pl.col("collected_at").str.head(10).str.replace_all("-", "")
    is_vaguer = pl.col("drawn").str.contains(_DAY) & (pl.col("drawn").str.head(8) == day)
    return pl.when(~is_vaguer.fill_null(value=False)).then("drawn")


def id_by_order(profile: Profile) -> pl.Expr:
    """Order number, code, sub-id, and the instant where it is not that of the order.

    A time of its own tells the results of one order apart, as in a tolerance test.
    """
    own, ordered = _instant("drawn"), _instant("ordered_drawn")
    return pl.concat_str(
        "order_number",
        pl.lit("/"),
        loinc_of(pl.col("code"), _unshared(profile)),
        ("/" + pl.col("sub_id")).fill_null(""),
        ("/" + pl.when(own.ne_missing(ordered)).then(own)).fill_null(""),
    )


def _unshared(profile: Profile) -> dict[str, str]:
    """The codes that alone mean their LOINC: several of one order are told apart by their own."""
    codes = profile.reading.codes
    shares = Counter(loinc for code, loinc in codes.items() if code != loinc)
    return {code: loinc for code, loinc in codes.items() if shares[loinc] == 1}


def _instant(column: str) -> pl.Expr:
    """A time of HL7 in one spelling; its offset stays."""
    time = pl.col(column)
    for spelling, exact in _SPELLINGS:
        time = time.str.replace(spelling, exact)
    return time
