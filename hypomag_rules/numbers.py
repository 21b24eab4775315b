"""Text to exact numbers: comparator and magnitude in millionths, decimal arithmetic throughout."""

from fractions import Fraction
from typing import Final

import polars as pl

MILLIONTHS: Final = 1_000_000
_MOST_DECIMALS: Final = 6
_WHOLE_DIGITS: Final = 9
_NUMBER: Final = (
    r"^\s*(<=|>=|≤|≥|<|>|LESS THAN|GREATER THAN)?\s*([+-]?)([0-9]*)(?:\.([0-9]*))?\s*"
    r"(?:L|H|LL|HH|\*)?\s*$"
)
_COMPARATORS: Final = {
    "<": "<",
    "<=": "<=",
    "≤": "<=",
    "LESS THAN": "<",
    ">": ">",
    ">=": ">=",
    "≥": ">=",
    "GREATER THAN": ">",
}


def read_numbers(
    texts: pl.Series, *, decimal_comma: bool, round_long_decimals: bool
) -> pl.DataFrame:
    """Columns `text`, `comparator` (null for plain) and `millionths` (null: not numeric).

    One row a distinct non-null text. Seven or more decimals are no number unless they may be
    rounded; a whole part of more than nine digits saturates and falls out of any plausible range.
    """
    frame = texts.drop_nulls().unique().to_frame("text")
    text = pl.col("text")
    if decimal_comma:
        text = text.str.replace(",", ".", literal=True)
    parts = text.str.extract_groups(_NUMBER)
    frame = frame.with_columns(parts.alias("parts")).unnest("parts")
    symbol, sign, whole, decimals = (pl.col(name) for name in ("1", "2", "3", "4"))
    decimals = decimals.fill_null("")
    is_number = (
        whole.is_not_null()
        & ((whole.str.len_chars() > 0) | (decimals.str.len_chars() > 0))
        & (pl.lit(round_long_decimals) | (decimals.str.len_chars() <= _MOST_DECIMALS))
    )
    units = (
        pl.when(whole.str.strip_chars_start("0").str.len_chars() > _WHOLE_DIGITS)
        .then(pl.lit(10**_WHOLE_DIGITS))
        .otherwise(("0" + whole).str.tail(_WHOLE_DIGITS).cast(pl.Int64, strict=False))
    )
    millionths = units * MILLIONTHS + decimals.str.head(_MOST_DECIMALS).str.pad_end(
        _MOST_DECIMALS, "0"
    ).cast(pl.Int64, strict=False)
    half_up = decimals.str.slice(_MOST_DECIMALS, 1).cast(pl.Int64, strict=False).fill_null(0) >= 5
    exact = millionths + half_up.cast(pl.Int64)
    return frame.select(
        "text",
        comparator=pl.when(is_number).then(symbol.replace_strict(_COMPARATORS, default=None)),
        millionths=pl.when(is_number)
        .then(pl.when(sign == "-").then(-exact).otherwise(exact))
        .cast(pl.Int64),
    )


def convert(millionths: pl.Expr, numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """Millionths × numerator ÷ denominator, rounded once, half away from zero, as Float64.

    The integer is exact and the float is the one that the decimal text would give: 1.001 mmol/L
    is 2.432931 mg/dL.
    """
    doubled = millionths.abs().cast(pl.Int128) * numerator * 2 + denominator
    size = (doubled // (denominator * 2)).cast(pl.Int64, strict=False)
    # Polars divides a column by a constant as a multiplication by its reciprocal: without the
    # rounding 1.1 became 1.0999999999999999, and only where it was not the only row.
    quotient = pl.when(millionths < 0).then(-size).otherwise(size) / MILLIONTHS
    return quotient.round(_MOST_DECIMALS)


def factor_frame(factors: dict[str, dict[str, Fraction]]) -> pl.DataFrame:
    """The conversion factors as rows (analyte, unit_folded, numerator, denominator)."""
    rows = [
        (analyte, unit, factor.numerator, factor.denominator)
        for analyte, units in factors.items()
        for unit, factor in units.items()
    ]
    schema = {"analyte": pl.String, "unit": pl.String} | dict.fromkeys(
        ("numerator", "denominator"), pl.Int64
    )
    return pl.DataFrame(rows, schema=schema, orient="row")
