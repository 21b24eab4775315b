"""Persistent low magnesium: the fractional excretion of magnesium and what it says (S25-S28)."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import FEMG_FINDINGS
from hypomag_rules.clock import days_between, hours
from hypomag_rules.definitions import FILTERED_SHARE_MAGNESIUM
from hypomag_rules.flags import named
from hypomag_rules.policy import Policy
from hypomag_rules.rungs import ALIVE, HAS_INDEX, IN_SCOPE, Ladder, Rung, Step, all_hold

_DECIMALS: Final = 6
_PARENTERAL: Final = ("iv", "im")


def with_work_up(
    moments: pl.DataFrame, results: pl.DataFrame, doses: pl.DataFrame, policy: Policy, zone: str
) -> pl.DataFrame:
    """Adds `is_on_work_up` and, null for patients not on the list, what the work-up rests on.

    `femg_percent`, `femg_finding`, `femg_obstacles` (codes: why it cannot be interpreted),
    `femg_missing` (names of the values that a complete set lacks), the four values with their
    times (mg/dL), and `urine_calcium_creatinine` (mg/mg) with `urine_ratio_at`.
    """
    frame = moments.with_columns(is_on_work_up=all_hold(work_up_rungs(policy, zone)))
    listed = frame.filter("is_on_work_up")
    return (
        frame.join(
            _femg(listed, results, doses, policy), on="moment", how="left", maintain_order="left"
        )
        .join(_calcium_ratio(listed, results), on="moment", how="left", maintain_order="left")
        .with_columns(femg_finding=femg_ladder(policy).first().cast(pl.Enum(FEMG_FINDINGS)))
    )


def work_up_rungs(policy: Policy, zone: str) -> tuple[Rung, ...]:
    """An open episode with low results on days far enough apart, its index not too old (S25)."""
    age_days = days_between(pl.col("collected_at"), pl.col("as_of"), zone)
    return (
        HAS_INDEX,
        IN_SCOPE,
        ALIVE,
        Rung(
            "an episode of low magnesium is open",
            pl.col("episode_started_at").is_not_null(),
            ("episode_started_at", "severity"),
            ("magnesium.target",),
            "S25",
        ),
        Rung(
            "the index lies within the days that count",
            age_days <= policy.work_up.index_days,
            ("collected_at", "as_of"),
            ("work_up.index_days",),
        ),
        Rung(
            "low results lie far enough apart to be persistent",
            pl.col("episode_span_days") >= policy.work_up.persistent_days,
            ("episode_span_days", "episode_lows"),
            ("work_up.persistent_days",),
            "S25",
        ),
    )


_SET: Final = ("urine_magnesium", "urine_creatinine", "serum_magnesium", "serum_creatinine")


def _femg(
    listed: pl.DataFrame, results: pl.DataFrame, doses: pl.DataFrame, policy: Policy
) -> pl.DataFrame:
    """One row a listed patient: FEMg % = 100 (urine Mg x serum Cr) / (0.7 serum Mg x urine Cr)."""
    urine = _urine_pairs(listed, results, ("urine_magnesium", "urine_creatinine"), "urine_at")
    pair_hours = hours(policy.work_up.femg_pair_hours)
    touching = _touching(urine, doses, pair_hours)
    complete = listed.select("moment", "renal_status", "renal_estimate_ml_min").join(
        urine, on="moment", how="left"
    )
    for analyte in ("magnesium", "creatinine"):
        near = _nearest(urine, results, analyte, pair_hours)
        complete = complete.join(near, on="moment", how="left")
    percent = (
        100
        * (pl.col("urine_magnesium") * pl.col("serum_creatinine"))
        / (FILTERED_SHARE_MAGNESIUM * pl.col("serum_magnesium") * pl.col("urine_creatinine"))
    ).round(_DECIMALS)
    is_normal = (pl.col("renal_status") == "adequate") & (
        pl.col("renal_estimate_ml_min") >= policy.work_up.femg_min_clearance
    )
    obstacles = {
        "kidneys_not_normal": ~is_normal,
        "dose_before_urine": pl.col("is_touched").is_not_null(),
    }
    return (
        complete.join(touching, on="moment", how="left")
        .with_columns(femg_percent=percent, **obstacles)
        .select(
            "moment",
            "femg_percent",
            "urine_at",
            *(f"{side}_at" for side in _SET if side.startswith("serum")),
            *(pl.col(side).alias(f"{side}_mg_dl") for side in _SET),
            femg_obstacles=named(
                {code: pl.col("femg_percent").is_not_null() & pl.col(code) for code in obstacles}
            ),
            femg_missing=named(
                {
                    side: pl.col(side).is_null()
                    & (pl.col("urine_at").is_not_null() | side.startswith("urine"))
                    for side in _SET
                }
            ),
        )
    )


def _calcium_ratio(listed: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
    """Urine calcium over urine creatinine of the newest instant of the episode that has both."""
    sides = ("urine_calcium", "urine_creatinine")
    ratio = (pl.col(sides[0]) / pl.col(sides[1])).round(_DECIMALS)
    return _urine_pairs(listed, results, sides, "urine_ratio_at").select(
        "moment", "urine_ratio_at", urine_calcium_creatinine=ratio
    )


def femg_ladder(policy: Policy) -> Ladder:
    """What a fractional excretion says of the cause (S27, S28), where it may be interpreted."""
    percent, limit = pl.col("femg_percent"), policy.work_up.femg_limit
    compared = {
        "renal_wasting": ("above the limit", percent > limit, "S27"),
        "gastrointestinal_loss": ("below the limit", percent < limit, "S28"),
        "indeterminate": ("exactly the limit", percent == limit, "local"),
    }
    read, keys = ("femg_percent",), ("work_up.femg_limit",)
    obstacle = Rung(
        "kidneys that are not normal, or a dose shortly before the urine",
        pl.col("femg_obstacles").list.len() > 0,
        ("femg_obstacles",),
        ("work_up.femg_min_clearance", "work_up.femg_pair_hours"),
        "S27",
    )
    return Ladder(
        "femg_finding",
        (
            Step("not_interpretable", obstacle),
            *(
                Step(finding, Rung(f"FEMg is {says}", holds, read, keys, statement))
                for finding, (says, holds, statement) in compared.items()
            ),
        ),
        gate=(
            Rung("on the work-up list", pl.col("is_on_work_up"), ("is_on_work_up",), (), "S25"),
            Rung("the set of four values is complete", percent.is_not_null(), read, (), "S25"),
        ),
    )


def _urine_pairs(
    listed: pl.DataFrame, results: pl.DataFrame, analytes: tuple[str, str], time: str
) -> pl.DataFrame:
    """The newest instant of the episode, named `time`, at which both analytes were collected."""
    own = results.join(listed.select("moment", "episode_started_at"), on="moment")
    own = own.filter(pl.col("collected_time") >= pl.col("episode_started_at"))
    sides = [
        own.filter(pl.col("analyte") == analyte).select(
            "moment", pl.col("collected_time").alias(time), _plain().alias(analyte)
        )
        for analyte in analytes
    ]
    return (
        sides[0]
        .join(sides[1], on=["moment", time])
        .sort(time, maintain_order=True)
        .unique("moment", keep="last", maintain_order=True)
    )


def _nearest(
    urine: pl.DataFrame, results: pl.DataFrame, analyte: str, within: pl.Expr
) -> pl.DataFrame:
    """The counted serum value nearest to the urine; at a tie the earlier."""
    apart = (pl.col("collected_time") - pl.col("urine_at")).abs()
    return (
        results.filter(pl.col("analyte") == analyte)
        .join(urine.select("moment", "urine_at"), on="moment")
        .filter(apart <= within)
        .sort(apart, "collected_time", maintain_order=True)
        .unique("moment", keep="first", maintain_order=True)
        .select(
            "moment",
            _plain().alias(f"serum_{analyte}"),
            pl.col("collected_time").alias(f"serum_{analyte}_at"),
        )
    )


def _plain() -> pl.Expr:
    """A value that may enter the formula, null for the bound that a comparator makes of it.

    It is not passed over for an older or a farther one: those belong to another state.
    """
    return pl.when(pl.col("comparator").is_null()).then(pl.col("magnitude"))


def _touching(urine: pl.DataFrame, doses: pl.DataFrame, before: pl.Expr) -> pl.DataFrame:
    """Moments where a parenteral dose touches the hours before the urine."""
    return (
        doses.filter(pl.col("route").is_in(_PARENTERAL))
        .join(urine.select("moment", "urine_at"), on="moment")
        .filter(
            pl.col("started_time") <= pl.col("urine_at"),
            pl.col("dose_ended_at") >= pl.col("urine_at") - before,
        )
        .select("moment")
        .unique()
        .with_columns(is_touched=pl.lit(value=True))
    )
