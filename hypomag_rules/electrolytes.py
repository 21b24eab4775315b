"""Potassium, calcium and spurious samples beside a low magnesium (S12, S20)."""

from typing import Final

import polars as pl

from hypomag_rules.clock import days_between, hours
from hypomag_rules.definitions import PAYNE_ALBUMIN, PAYNE_SLOPE
from hypomag_rules.policy import Policy
from hypomag_rules.policy_sections import Companions

_DECIMALS: Final = 6
_CARRIED: Final = ("magnitude", "comparator", "lower", "upper", "reference_low_canonical")


def with_electrolytes(
    moments: pl.DataFrame, results: pl.DataFrame, policy: Policy, zone: str
) -> pl.DataFrame:
    """Adds potassium and calcium of the index's days, judged, for severe and low only.

    `potassium_mmol_l`, `potassium_at`, `calcium_mg_dl` (total as reported), `calcium_at`,
    `calcium_judged`, `calcium_basis` (ionised, adjusted, unadjusted), `is_potassium_low`,
    `is_calcium_low`, `has_potassium`, `has_calcium`, `is_suspect_sample`.
    """
    limits = policy.companions
    index = moments.filter(pl.col("severity").is_in(["severe", "low"])).select(
        "moment", index_at="collected_at", index_specimen="specimen_id"
    )
    near = results.join(index, on="moment")
    window = pl.col("collected_time") >= pl.col("index_at") - hours(limits.window_hours)
    frame = index.select("moment")
    for analyte in ("potassium", "calcium", "ionised_calcium"):
        rows = near.filter(pl.col("analyte") == analyte, window)
        frame = frame.join(_newest(rows, analyte), on="moment", how="left", maintain_order="left")
    recent = days_between(pl.col("collected_time"), pl.col("as_of"), zone) <= limits.albumin_days
    albumin = near.filter(pl.col("analyte") == "albumin", recent)
    frame = frame.join(_newest(albumin, "albumin"), on="moment", how="left", maintain_order="left")
    frame = _judged(frame, limits).join(
        _suspect(near, limits), on="moment", how="left", maintain_order="left"
    )
    flags = ("is_potassium_low", "is_calcium_low", "has_potassium", "has_calcium")
    return moments.join(frame, on="moment", how="left", maintain_order="left").with_columns(
        pl.col(*flags, "is_suspect_sample").fill_null(value=False)
    )


def _newest(rows: pl.DataFrame, prefix: str) -> pl.DataFrame:
    return (
        rows.sort("collected_time", maintain_order=True)
        .unique("moment", keep="last", maintain_order=True)
        .select(
            "moment",
            *(pl.col(name).alias(f"{prefix}_{name}") for name in _CARRIED),
            pl.col("collected_time").alias(f"{prefix}_at"),
        )
    )


def _is_below(upper: pl.Expr, comparator: pl.Expr, limit: pl.Expr) -> pl.Expr:
    """Whether the whole interval lies below the limit."""
    is_open = comparator == "<"
    return ((upper < limit) | ((upper == limit) & is_open)).fill_null(value=False)


def _adjusted(calcium: str, albumin: str) -> pl.Expr:
    """Calcium adjusted for albumin (Payne), of these two columns."""
    return (pl.col(calcium) + PAYNE_SLOPE * (PAYNE_ALBUMIN - pl.col(albumin))).round(_DECIMALS)


def _judged(frame: pl.DataFrame, limits: Companions) -> pl.DataFrame:
    own_low = pl.col("potassium_reference_low_canonical").fill_null(limits.potassium_low)
    ionised_low = pl.col("ionised_calcium_reference_low_canonical").fill_null(
        limits.ionised_calcium_low
    )
    total_low = pl.col("calcium_reference_low_canonical").fill_null(limits.calcium_low)
    is_ionised = pl.col("ionised_calcium_at").is_not_null() & (
        pl.col("calcium_at").is_null() | (pl.col("ionised_calcium_at") >= pl.col("calcium_at"))
    )
    has_albumin = pl.col("albumin_at").is_not_null()
    has_total = pl.col("calcium_at").is_not_null()
    basis = (
        pl.when(is_ionised)
        .then(pl.lit("ionised"))
        .when(has_total & has_albumin)
        .then(pl.lit("adjusted"))
        .when(has_total)
        .then(pl.lit("unadjusted"))
    )
    # Albumin is subtracted: its lower bound makes the upper one of the sum.
    open_ends = (pl.col("calcium_comparator") == "<") | (pl.col("albumin_comparator") == ">")
    adjusted = _adjusted("calcium_upper", "albumin_lower")
    is_adjusted_low = (
        (adjusted < limits.calcium_low) | ((adjusted == limits.calcium_low) & open_ends)
    ).fill_null(value=False)
    is_low = (
        pl.when(pl.col("calcium_basis") == "ionised")
        .then(
            _is_below(
                pl.col("ionised_calcium_upper"), pl.col("ionised_calcium_comparator"), ionised_low
            )
        )
        .when(pl.col("calcium_basis") == "adjusted")
        .then(is_adjusted_low)
        .when(pl.col("calcium_basis") == "unadjusted")
        .then(_is_below(pl.col("calcium_upper"), pl.col("calcium_comparator"), total_low))
        .otherwise(None)
    )
    judged = (
        pl.when(pl.col("calcium_basis") == "ionised")
        .then(pl.col("ionised_calcium_magnitude"))
        .when(pl.col("calcium_basis") == "adjusted")
        .then(_adjusted("calcium_magnitude", "albumin_magnitude"))
        .when(pl.col("calcium_basis") == "unadjusted")
        .then(pl.col("calcium_magnitude"))
        .otherwise(None)
    )
    return frame.with_columns(calcium_basis=basis).select(
        "moment",
        "calcium_basis",
        "potassium_at",
        potassium_mmol_l="potassium_magnitude",
        calcium_mg_dl="calcium_magnitude",
        calcium_at=pl.when(is_ionised).then(pl.col("ionised_calcium_at")).otherwise("calcium_at"),
        calcium_judged=judged,
        has_potassium=pl.col("potassium_at").is_not_null(),
        has_calcium=pl.col("calcium_basis").is_not_null(),
        is_potassium_low=_is_below(
            pl.col("potassium_upper"), pl.col("potassium_comparator"), own_low
        ),
        is_calcium_low=is_low.fill_null(value=False),
    )


def _suspect(near: pl.DataFrame, limits: Companions) -> pl.DataFrame:
    """The EDTA pattern on the index's own specimen: high potassium with very low calcium."""
    same_tube = (pl.col("specimen_id") == pl.col("index_specimen")).fill_null(value=False)
    apart = (pl.col("collected_time") - pl.col("index_at")).abs()
    own = near.filter(same_tube | (apart <= pl.duration(minutes=limits.edta_minutes)))
    potassium = (pl.col("analyte") == "potassium") & (pl.col("lower") >= limits.edta_potassium)
    calcium = (pl.col("analyte") == "calcium") & _is_below(
        pl.col("upper"), pl.col("comparator"), pl.lit(limits.edta_calcium)
    )
    return own.group_by("moment").agg(is_suspect_sample=potassium.any() & calcium.any())


def electrolyte_reasons() -> dict[str, pl.Expr]:
    """Reasons on severe and low: what is low, what was not looked at, what may be spurious."""
    is_short = pl.col("severity").is_in(["severe", "low"])
    return {
        "LOW_POTASSIUM": pl.col("is_potassium_low"),
        "LOW_CALCIUM": pl.col("is_calcium_low"),
        "CALCIUM_UNADJUSTED": pl.col("is_calcium_low") & (pl.col("calcium_basis") == "unadjusted"),
        "CHECK_POTASSIUM": is_short & ~pl.col("has_potassium"),
        "CHECK_CALCIUM": is_short & ~pl.col("has_calcium"),
        "SUSPECT_SAMPLE": pl.col("is_suspect_sample"),
    }
