"""Renal function at a moment (S17): dialysis, reported clearance, Cockcroft-Gault, eGFR."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import RenalMethod, RenalStatus
from hypomag_rules import definitions as known
from hypomag_rules.clock import days_between, hours
from hypomag_rules.policy import Policy
from hypomag_rules.policy_sections import Renal
from hypomag_rules.rungs import Ladder, Rung, Step

_RATIO_DECIMALS: Final = 3
_DECIMALS: Final = 6
# Polars divides a column by a constant in one way for one row and in another for many: the last
# digit would depend on who else is judged. A multiplication is the same for both.
_INCHES_PER_CM: Final = 1 / known.CM_PER_INCH
_METRES_PER_CM: Final = 0.01


def with_renal(
    moments: pl.DataFrame, results: pl.DataFrame, policy: Policy, zone: str
) -> pl.DataFrame:
    """Adds `renal_status`, `renal_method`, `renal_estimate_ml_min`, `is_creatinine_unstable`.

    Also what they rest on: `creatinine_mg_dl`, `creatinine_at`, `weight_kg`, `weight_at`, and
    `plain_creatinine_at`, the newest without a comparator, which alone can show a rise.
    `moments` needs `age_years`, `sex`, `is_on_dialysis`; `results` are the counted ones.
    """
    limits = policy.renal
    newest = {
        "creatinine": limits.creatinine_days,
        "clearance": limits.creatinine_days,
        "egfr": limits.creatinine_days,
        "weight": limits.weight_days,
        "height": None,
    }
    frame = moments
    for analyte, days in newest.items():
        frame = frame.join(
            _newest(results, analyte, days, zone), on="moment", how="left", maintain_order="left"
        )
    frame = frame.join(
        _unstable(results, limits, zone), on="moment", how="left", maintain_order="left"
    ).with_columns(pl.col("is_creatinine_unstable").fill_null(value=False))
    frame = frame.with_columns(cockcroft=_cockcroft_gault(limits), ckd_epi=_ckd_epi())
    return _decided(frame, policy)


def _newest(results: pl.DataFrame, analyte: str, days: int | None, zone: str) -> pl.DataFrame:
    """The newest counted value of an analyte, within so many local days when given."""
    rows = results.filter(pl.col("analyte") == analyte)
    if days is not None:
        rows = rows.filter(days_between(pl.col("collected_time"), pl.col("as_of"), zone) <= days)
    return (
        rows.sort("collected_time", maintain_order=True)
        .unique("moment", keep="last", maintain_order=True)
        .select(
            "moment",
            pl.col("magnitude").alias(f"{analyte}_value"),
            pl.col("comparator").alias(f"{analyte}_comparator"),
            pl.col("lower").alias(f"{analyte}_lower"),
            pl.col("upper").alias(f"{analyte}_upper"),
            pl.col("collected_time").alias(f"{analyte}_at"),
        )
    )


def _unstable(results: pl.DataFrame, limits: Renal, zone: str) -> pl.DataFrame:
    """KDIGO 2012: a rise over the lowest of 48 h, or a ratio to the lowest of 168 h, before.

    A newer value with a comparator takes no part, so it does not hide the rise before it.
    """
    plain = results.filter(pl.col("analyte") == "creatinine", pl.col("comparator").is_null())
    last = _newest(plain, "creatinine", limits.creatinine_days, zone).select(
        "moment", "creatinine_value", plain_creatinine_at="creatinine_at"
    )
    before = plain.join(last, on="moment")
    elapsed = pl.col("plain_creatinine_at") - pl.col("collected_time")
    earlier = before.filter(elapsed > pl.duration(seconds=0))
    in_rise = elapsed <= hours(limits.unstable_rise_hours)
    in_ratio = elapsed <= hours(limits.unstable_ratio_hours)
    newest = pl.col("creatinine_value").first()
    rise = newest - pl.col("magnitude").filter(in_rise).min()
    ratio = newest / pl.col("magnitude").filter(in_ratio).min()
    return earlier.group_by("moment").agg(
        pl.col("plain_creatinine_at").first(),
        is_creatinine_unstable=(
            (rise.round(_RATIO_DECIMALS) >= limits.unstable_rise).fill_null(value=False)
            | (ratio.round(_RATIO_DECIMALS) >= limits.unstable_ratio).fill_null(value=False)
        ),
    )


def _plain(analyte: str) -> pl.Expr:
    """A value that may enter a formula: one without a comparator."""
    return pl.when(pl.col(f"{analyte}_comparator").is_null()).then(pl.col(f"{analyte}_value"))


def _cockcroft_gault(limits: Renal) -> pl.Expr:
    """Cockcroft-Gault in mL/min; the lower of both where sex is not male or female."""
    female = _cockcroft_for("female", limits) * known.COCKCROFT_FEMALE
    male = _cockcroft_for("male", limits)
    unknown = pl.min_horizontal(
        _cockcroft_for("unknown", limits) * known.COCKCROFT_FEMALE,
        _cockcroft_for("unknown", limits),
    )
    chosen = (
        pl.when(pl.col("sex") == "female")
        .then(female)
        .when(pl.col("sex") == "male")
        .then(male)
        .otherwise(unknown)
    )
    return chosen.round(_DECIMALS)


def _cockcroft_for(sex: str, limits: Renal) -> pl.Expr:
    weight, height = _plain("weight"), _plain("height")
    base = known.DEVINE_MALE if sex == "male" else known.DEVINE_FEMALE
    ideal = base + known.DEVINE_PER_INCH * (height * _INCHES_PER_CM - known.DEVINE_INCHES)
    bmi = (weight / (height * _METRES_PER_CM) ** 2).round(_DECIMALS)
    is_short = height.is_null() | (height < limits.ideal_weight_from_height)
    used = (
        pl.when(is_short | (weight <= ideal))
        .then(weight)
        .when(bmi >= limits.adjusted_weight_from_bmi)
        .then(ideal + limits.adjusted_weight_factor * (weight - ideal))
        .when(weight > ideal)
        .then(ideal)
        .otherwise(None)
    )
    return (
        (known.COCKCROFT_AGE - pl.col("age_years").cast(pl.Float64))
        * used
        / (known.COCKCROFT_DIVISOR * _plain("creatinine"))
    )


def _ckd_epi() -> pl.Expr:
    """CKD-EPI 2021 in mL/min/1.73 m²; the lower of both where sex is unknown."""
    female = _ckd_epi_for("female") * known.CKD_EPI_FEMALE
    male = _ckd_epi_for("male")
    chosen = (
        pl.when(pl.col("sex") == "female")
        .then(female)
        .when(pl.col("sex") == "male")
        .then(male)
        .otherwise(pl.min_horizontal(female, male))
    )
    return pl.when(_of_adult()).then(chosen.round(_DECIMALS))


def _of_adult() -> pl.Expr:
    return pl.col("age_years") >= known.FORMULA_AGE


def _ckd_epi_for(sex: str) -> pl.Expr:
    scaled = _plain("creatinine") * (1 / known.CKD_EPI_KAPPA[sex])
    low = pl.min_horizontal(scaled, pl.lit(1.0)) ** known.CKD_EPI_ALPHA[sex]
    high = pl.max_horizontal(scaled, pl.lit(1.0)) ** known.CKD_EPI_EXPONENT
    aged = known.CKD_EPI_AGE ** pl.col("age_years").cast(pl.Float64)
    return pl.when(scaled.is_not_null()).then(known.CKD_EPI_SCALE * low * high * aged)


def renal_ladders(policy: Policy) -> tuple[Ladder, Ladder]:
    """How `renal_method` is chosen, and what `renal_status` the estimate comes to."""
    return (_method_ladder(policy), _status_ladder(policy))


def _method_ladder(policy: Policy) -> Ladder:
    """Dialysis, a reported clearance, Cockcroft-Gault, a reported eGFR, CKD-EPI (S17)."""
    limit = policy.renal.severe_below
    person = ("age_years", "sex", "creatinine_mg_dl", "creatinine_comparator")
    return Ladder(
        "renal_method",
        (
            Step(
                "dialysis",
                Rung("on dialysis", pl.col("is_on_dialysis"), ("is_on_dialysis",), (), "S17"),
            ),
            _estimate(
                "reported_clearance",
                "a reported clearance, not older than the creatinine, on one side of the limit",
                _reported("clearance", limit),
                _told_of("clearance"),
                ("renal.severe_below", "renal.creatinine_days"),
            ),
            _estimate(
                "cockcroft_gault",
                "an adult's creatinine and weight are known",
                pl.when(_of_adult()).then(pl.col("cockcroft")),
                (*person, "weight_kg", "weight_comparator", "height_value", "height_comparator"),
                (
                    *("renal.creatinine_days", "renal.weight_days"),
                    "renal.ideal_weight_from_height",
                    *("renal.adjusted_weight_from_bmi", "renal.adjusted_weight_factor"),
                ),
            ),
            _estimate(
                "egfr",
                "a reported eGFR, not older than the creatinine, on one side of the limit",
                _reported("egfr", limit),
                _told_of("egfr"),
                ("renal.severe_below", "renal.creatinine_days"),
            ),
            _estimate(
                "egfr",
                "an adult's creatinine is known, for CKD-EPI",
                pl.col("ckd_epi"),
                person,
                ("renal.creatinine_days",),
            ),
        ),
    )


def _told_of(analyte: str) -> tuple[str, ...]:
    return (f"{analyte}_value", f"{analyte}_comparator", f"{analyte}_at", "creatinine_at")


def _estimate(
    gives: str, says: str, value: pl.Expr, reads: tuple[str, ...], keys: tuple[str, ...]
) -> Step:
    return Step(gives, Rung(says, value.is_not_null(), reads, keys, "S17"), value)


def _status_ladder(policy: Policy) -> Ladder:
    limit = policy.renal.severe_below
    estimate, reads = pl.col("renal_estimate_ml_min"), ("renal_estimate_ml_min",)
    keys = ("renal.severe_below",)
    method = pl.col("renal_method")
    below = (method == "dialysis") | (estimate < limit) | pl.col("renal_bound_is_upper")
    return Ladder(
        "renal_status",
        (
            Step(
                "unknown",
                Rung("none of these is known", method.is_null(), ("renal_method",), (), "S17"),
            ),
            Step(
                "severe_impairment",
                Rung(
                    "dialysis, or an estimate below the limit",
                    below,
                    ("renal_method", *reads, "renal_bound_is_upper"),
                    keys,
                    "S17",
                ),
            ),
            Step(
                "adequate",
                Rung("an estimate at the limit or above", estimate >= limit, reads, keys, "S17"),
            ),
        ),
    )


def _decided(frame: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """The first step that applies decides method, estimate and status."""
    methods, statuses = renal_ladders(policy)
    values = (step.comes_to for step in methods.steps if step.comes_to is not None)
    estimate = pl.when(~pl.col("is_on_dialysis")).then(pl.coalesce(*values))
    return (
        frame.with_columns(
            renal_method=methods.first().cast(RenalMethod),
            renal_estimate_ml_min=estimate.cast(pl.Float64),
        )
        .with_columns(
            renal_bound_is_upper=_is_upper_limit("clearance", "reported_clearance")
            | _is_upper_limit("egfr", "egfr")
        )
        .with_columns(renal_status=statuses.first().cast(RenalStatus))
        .rename({"creatinine_value": "creatinine_mg_dl", "weight_value": "weight_kg"})
    )


def _reported(analyte: str, limit: float) -> pl.Expr:
    """A reported value not older than the creatinine, if its interval lies on one side."""
    lower, upper = pl.col(f"{analyte}_lower"), pl.col(f"{analyte}_upper")
    is_fresh = pl.col("creatinine_at").is_null() | (
        pl.col(f"{analyte}_at") >= pl.col("creatinine_at")
    )
    is_open = pl.col(f"{analyte}_comparator") == "<"
    is_below = (upper < limit) | ((upper == limit) & is_open)
    decides = is_below | (lower >= limit)
    return pl.when(is_fresh & decides).then(pl.col(f"{analyte}_value"))


def _is_upper_limit(analyte: str, method: str) -> pl.Expr:
    """Whether a printed upper limit (`<20`) was the estimate: below, though the bound is not."""
    is_upper = pl.col(f"{analyte}_comparator").is_in(["<", "<="]).fill_null(value=False)
    from_report = pl.col("renal_estimate_ml_min") == pl.col(f"{analyte}_value")
    return is_upper & (pl.col("renal_method") == method) & from_report
