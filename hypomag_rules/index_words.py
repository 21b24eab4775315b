"""The index in words: as reported, in mg/dL, its band and when it was drawn."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import value_set
from hypomag_rules.policy import Policy
from hypomag_rules.spoken import number_text, spoken_time

_FLAG: Final = r"(?i)\s*(?:LL|HH|L|H|\*)\s*$"
# Of `1,0` nothing: its 1 alone is not what was printed.
_DIGITS: Final = r"^[^0-9,]*?([0-9]+\.[0-9]+|\.[0-9]+|[0-9]+)[^0-9,]*$"
_SHOWN_DECIMALS: Final = 2
_NEAR: Final = 0.005  # where rounding to two decimals could cross a limit
_SAME: Final = 1e-9


def drawn_words(policy: Policy, zone: str) -> pl.Expr:
    """`Magnesium 1.0 mg/dL (severe: 1.2 or below), drawn Fri 20 Nov 06:10`.

    As the laboratory printed it where that is exact in mg/dL, else both: `0.43 mmol/L (1.05 mg/dL;
    severe: 1.2 mg/dL or below)`.
    """
    value = pl.col("magnesium_mg_dl")
    mass_units = value_set("units").filter(pl.col("unit") == "mg/dL").get_column("folded")
    folded = pl.col("reported_unit").str.to_lowercase().str.replace_all(r"[\s.]", "")
    digits = pl.col("reported_value").str.extract(_DIGITS)
    is_exact = folded.is_in(mass_units.to_list()) & (
        (digits.cast(pl.Float64, strict=False) - value).abs() < _SAME
    )
    sign = pl.col("comparator").fill_null("")
    as_sent = pl.col("reported_value").str.strip_chars().str.replace(_FLAG, "")
    return (
        pl.when(is_exact.fill_null(value=False))
        .then(
            pl.concat_str(
                pl.lit("Magnesium "),
                sign,
                digits.str.replace(r"^\.", "0."),
                pl.lit(" mg/dL ("),
                _band(policy, ""),
                pl.lit(")"),
            )
        )
        .otherwise(
            pl.concat_str(
                pl.lit("Magnesium "),
                as_sent,
                (pl.lit(" ") + pl.col("reported_unit").str.strip_chars()).fill_null(""),
                pl.lit(" ("),
                sign,
                _shortened(value, policy),
                pl.lit(" mg/dL; "),
                _band(policy, " mg/dL"),
                pl.lit(")"),
            )
        )
        + pl.lit(", drawn ")
        + spoken_time(pl.col("collected_at"), zone)
    )


def _shortened(value: pl.Expr, policy: Policy) -> pl.Expr:
    """Two decimals, all six beside a limit that rounding could cross."""
    bands = policy.magnesium
    limits = (bands.severe_limit, bands.target, bands.upper_limit, bands.critical_high)
    is_near = pl.any_horizontal((value - limit).abs() < _NEAR for limit in limits)
    rounded = value.round(_SHOWN_DECIMALS, mode="half_away_from_zero")
    return number_text(pl.when(is_near).then(value).otherwise(rounded))


def _band(policy: Policy, unit: str) -> pl.Expr:
    """The band and its limit from the policy; `target_met` never reads as normal."""
    bands = policy.magnesium
    limits = {
        key: policy.as_given.get(key, f"{getattr(bands, key):g}{unit}")
        for key in ("severe_limit", "target", "upper_limit")
    }
    severe = limits["severe_limit"]
    return (
        pl.when(pl.col("severity") == "severe")
        .then(
            pl.lit(
                f"severe: {severe} or below"
                if bands.severe_includes_limit
                else f"severe: below {severe}"
            )
        )
        .when(pl.col("severity") == "low")
        .then(pl.lit(f"low: {limits['target']} or below"))
        .when(pl.col("severity") == "target_met")
        .then(pl.lit(f"above {limits['target']} target"))
        .when(pl.col("severity") == "high")
        .then(pl.lit(f"high: above {limits['upper_limit']}"))
        .when(pl.col("severity") == "undetermined")
        .then(pl.lit("fits more than one class"))
        .otherwise(None)
    )
