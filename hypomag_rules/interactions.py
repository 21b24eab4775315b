"""Drugs that a low magnesium makes dangerous, or that change what magnesium does (S19)."""

from typing import Final

import polars as pl

_FLAGS: Final = {
    "cardiac_glycoside": "is_on_cardiac_glycoside",
    "cns_depressant": "is_on_cns_depressant",
    "potassium_sparing_diuretic": "is_on_potassium_sparing_diuretic",
}


def with_interactions(moments: pl.DataFrame, active: pl.DataFrame) -> pl.DataFrame:
    """Adds a flag for each interacting class that acts at the moment."""
    acting = active.group_by("moment").agg(
        (pl.col("drug_class") == drug_class).any().alias(flag)
        for drug_class, flag in _FLAGS.items()
    )
    return moments.join(acting, on="moment", how="left", maintain_order="left").with_columns(
        pl.col(*_FLAGS.values()).fill_null(value=False)
    )


def interaction_reasons() -> dict[str, pl.Expr]:
    """Reasons on severe and low."""
    is_short = pl.col("severity").is_in(["severe", "low"])
    return {
        "ON_CARDIAC_GLYCOSIDE": is_short & pl.col("is_on_cardiac_glycoside"),
        "ON_CNS_DEPRESSANT": is_short & pl.col("is_on_cns_depressant"),
        "ON_POTASSIUM_SPARING_DIURETIC": is_short & pl.col("is_on_potassium_sparing_diuretic"),
    }
