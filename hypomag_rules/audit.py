"""The administration audit: every magnesium dose held against how the guideline would give it.

S3 to S7, S17, S22, S24. A dose is a moment: kidneys, weight and the level before it are those that
were known when it started.
"""

from typing import Final

import polars as pl

from hypomag_rules.clock import hours, local_day
from hypomag_rules.counting import counted
from hypomag_rules.definitions import MEQ_PER_GRAM_SULFATE, MG_PER_MEQ_MAGNESIUM
from hypomag_rules.diagnoses import with_conditions
from hypomag_rules.doses import drugs_at
from hypomag_rules.drugs import GRAMS_PER_UNIT, folded_dose_unit, with_content
from hypomag_rules.facts import Facts
from hypomag_rules.flags import named
from hypomag_rules.people import with_person
from hypomag_rules.policy import Policy
from hypomag_rules.renal import with_renal
from hypomag_rules.standing import standing

_PARENTERAL: Final = ("iv", "im")
_MOLAR: Final = ("meq", "mmol")
_DECIMALS: Final = 6
_HALF: Final = "half_away_from_zero"
_TESTED_DECIMALS: Final = 3
_MG_PER_GRAM: Final = 1000
_MINUTES_PER_HOUR: Final = 60
_MINUTES_PER_MICROSECOND: Final = 1 / 60e6
_MARGIN: Final = pl.duration(days=2)  # a window in local days may be a day and an hour longer


def audited(facts: Facts, moments: pl.DataFrame, policy: Policy, zone: str) -> pl.DataFrame:
    """One row a magnesium dose that stands for the moments' persons, with what is found.

    Columns of the contract `doses`; masses in g, volumes in mL. `findings` and `missing` are
    sorted lists. Only IV and IM doses are held against limits; a dose of no readable route is
    named.
    """
    standing_doses = drugs_at(facts.medications, moments, policy).doses
    doses = with_content(standing_doses).with_row_index("dose").with_columns(**_figures())
    given = doses.filter(pl.col("route").is_in(_PARENTERAL))
    received = moments.select("moment", "patient_prefix", "received_by")
    judged = (
        doses.join(_known_at_start(given, received, facts, policy, zone), on="dose", how="left")
        .join(_given_by_im(given, policy), on="dose", how="left")
        .join(_charted_twice(given, policy), on="dose", how="left")
    )
    return judged.with_columns(missing=named(_missing())).with_columns(
        findings=named(_findings(policy)),
        patient_id=pl.col("person_id"),
        product=pl.col("name"),
        started_at=pl.col("started_time"),
        volume_ml=pl.col("millilitres"),
        policy_id=pl.lit(policy.id),
    )


def oral_daily_totals(doses: pl.DataFrame, zone: str) -> pl.DataFrame:
    """What each patient swallowed of each product a local day, in its unit (S14, S16, S22).

    From rows of the contract `doses`: `patient_id`, `day`, `product`, `unit`, `amount`, `doses`,
    `unread` (doses without a figure, which the amount leaves out) and `elemental_mg` (null unless
    every dose has one).
    """
    unit = folded_dose_unit()
    factor = unit.replace_strict(GRAMS_PER_UNIT, default=None, return_dtype=pl.Float64)
    amount = pl.when(unit == "ml").then(pl.col("volume_ml")).otherwise(pl.col("grams") / factor)
    elemental = pl.col("elemental_mg")
    return (
        doses.filter(pl.col("route") == "oral")
        .with_columns(day=local_day(pl.col("started_at"), zone), amount=amount)
        .group_by("patient_id", "day", "product", unit="dose_unit")
        .agg(
            amount=pl.when(pl.col("amount").count() > 0).then(
                pl.col("amount").sum().round(_DECIMALS)
            ),
            doses=pl.len(),
            unread=pl.col("amount").null_count(),
            elemental_mg=pl.when(elemental.null_count() == 0).then(elemental.sum()).round(3),
        )
        .sort("patient_id", "day", "product", "unit")
    )


def _figures() -> dict[str, pl.Expr]:
    """`ended_at`, `minutes`, `rate_mg_min`, `concentration_percent`, `meq`, `elemental_mg`.

    What a figure needs and nobody charted leaves it null; so does a dose that still runs. By IV
    or IM magnesium is sulfate; by mouth only a known product tells how much it is.
    """
    grams, started, ended = pl.col("grams"), pl.col("started_time"), pl.col("dose_ended_at")
    is_over = ~pl.col("is_running") & (ended > started)
    minutes = (ended - started).dt.total_microseconds() * _MINUTES_PER_MICROSECOND
    is_molar = folded_dose_unit().is_in(_MOLAR).fill_null(value=False)
    content = pl.col("elemental_mg_per_g")
    is_known = content.is_not_null()
    elemental = (
        pl.when(is_molar & is_known)
        .then(grams * MEQ_PER_GRAM_SULFATE * MG_PER_MEQ_MAGNESIUM)
        .otherwise(grams * content)
    )
    meq = (
        pl.when(pl.col("route").is_in(_PARENTERAL) | (is_molar & is_known))
        .then(grams * MEQ_PER_GRAM_SULFATE)
        .otherwise(elemental * (1 / MG_PER_MEQ_MAGNESIUM))
    )
    volume = _volume()
    figures = {
        "minutes": pl.when(is_over).then(minutes),
        "rate_mg_min": pl.when(is_over).then(grams * _MG_PER_GRAM / minutes),
        "concentration_percent": grams / volume * 100,
        "meq": meq,
        "elemental_mg": elemental,
        "grams": grams,
    }
    return {"ended_at": pl.when(is_over).then(ended)} | {
        name: figure.round(_DECIMALS, mode=_HALF) for name, figure in figures.items()
    }


def _volume() -> pl.Expr:
    """The volume that something can be dissolved in: what rounds to nothing is none."""
    return pl.when(pl.col("millilitres").round(_DECIMALS) > 0).then(pl.col("millilitres"))


def _known_at_start(
    given: pl.DataFrame, received: pl.DataFrame, facts: Facts, policy: Policy, zone: str
) -> pl.DataFrame:
    """Of each dose: `is_impaired`, `weight_kg` and `level_severity` as known at its start."""
    starts = given.join(received, on="moment").select(
        "person_id",
        "patient_prefix",
        "received_by",
        moment=pl.col("dose").cast(pl.UInt32),
        as_of="started_time",
    )
    known = standing(facts.observations, starts, _is_read(policy)).results
    results = counted(known, policy)
    before = hours(policy.audit.level_hours)
    level = (
        results.filter(
            pl.col("analyte") == "magnesium",
            pl.col("severity") != "undetermined",
            pl.col("collected_time") >= pl.col("as_of") - before,
        )
        .sort("collected_time", maintain_order=True)
        .unique("moment", keep="last", maintain_order=True)
        .select("moment", level_severity="severity")
    )
    return (
        starts.pipe(with_person, facts.patients, policy, zone)
        .pipe(with_conditions, facts.conditions, policy, zone)
        .pipe(with_renal, results, policy, zone)
        .join(level, on="moment", how="left", maintain_order="left")
        .select(
            "level_severity",
            dose="moment",
            is_impaired=pl.col("renal_status") == "severe_impairment",
            weight_kg=pl.when(pl.col("weight_comparator").is_null()).then("weight_kg"),
        )
    )


def _is_read(policy: Policy) -> pl.Expr:
    """Results that a dose's start can read: of patients with many of both it is one in ten."""
    renal = policy.renal
    rise = max(renal.unstable_rise_hours, renal.unstable_ratio_hours)
    reach = {
        "magnesium": pl.duration(hours=policy.audit.level_hours),
        "weight": pl.duration(days=renal.weight_days),
    } | dict.fromkeys(
        ("creatinine", "clearance", "egfr"), pl.duration(days=renal.creatinine_days, hours=rise)
    )
    age = pl.col("as_of") - pl.col("collected_time")
    recent = (
        (pl.col("analyte") == analyte) & (age <= longest + _MARGIN)
        for analyte, longest in reach.items()
    )
    is_before = age >= pl.duration(seconds=0)
    measured = is_before & pl.any_horizontal(pl.col("analyte") == "height", *recent)
    return pl.col("row_text").is_not_null() | measured


def _given_by_im(given: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Of each IM dose the grams of the hours up to and with it, and whether one has no mass."""
    own = given.filter(pl.col("route") == "im").select("dose", "moment", "started_time")
    others = given.filter(pl.col("route") == "im").select(
        "moment", other_at="started_time", other_grams="grams"
    )
    apart = pl.col("started_time") - pl.col("other_at")
    in_window = (apart >= pl.duration(seconds=0)) & (apart <= hours(policy.audit.im_window_hours))
    return (
        own.join(others, on="moment")
        .filter(in_window)
        .group_by("dose")
        .agg(im_grams=pl.col("other_grams").sum(), is_im_unread=pl.col("other_grams").has_nulls())
    )


def _charted_twice(given: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """The doses beside which another of the patient, route, time and mass is charted."""
    others = given.select(
        "moment", "route", other="dose", other_at="started_time", other_grams="grams"
    )
    apart = (pl.col("started_time") - pl.col("other_at")).abs()
    share = policy.audit.duplicate_percent / 100
    larger = pl.max_horizontal("grams", "other_grams")
    difference = (pl.col("grams") - pl.col("other_grams")).abs()
    return (
        given.join(others, on=["moment", "route"])
        .filter(
            pl.col("dose") != pl.col("other"),
            apart <= hours(policy.audit.duplicate_minutes / _MINUTES_PER_HOUR),
            difference.round(_DECIMALS) <= (larger * share).round(_DECIMALS),
        )
        .select("dose", is_charted_twice=pl.lit(value=True))
        .unique()
    )


def _missing() -> dict[str, pl.Expr]:
    """What the figures that IV and IM doses are held to lack, in the order of their names."""
    is_iv, is_im = pl.col("route") == "iv", pl.col("route") == "im"
    return {
        "end": is_iv & pl.col("minutes").is_null(),
        "mass": (is_iv & pl.col("grams").is_null()) | (is_im & pl.col("is_im_unread")),
        "volume": is_iv & _volume().is_null(),
        "weight": is_im & pl.col("weight_kg").is_null(),
    }


def _findings(policy: Policy) -> dict[str, pl.Expr]:
    limits = policy.audit
    is_given = pl.col("route").is_in(_PARENTERAL)
    is_iv, is_im = pl.col("route") == "iv", pl.col("route") == "im"
    ceiling = pl.col("weight_kg") * (limits.im_ceiling / _MG_PER_GRAM)
    is_above = pl.col("level_severity").is_in(["target_met", "high"])
    return {
        "ABOVE_TARGET_BEFORE_DOSE": is_given & is_above,
        "CONCENTRATION_OVER_20": is_iv
        & (_tested(pl.col("concentration_percent")) > limits.max_concentration),
        "FULL_DOSE_IN_RENAL_IMPAIRMENT": is_given
        & pl.col("is_impaired")
        & (_tested(pl.col("grams")) >= limits.renal_full_dose),
        "IM_OVER_CEILING": is_im & (_tested(pl.col("im_grams")) > _tested(ceiling)),
        "NOT_COMPUTABLE": pl.col("missing").list.len() > 0,
        "NO_RECENT_LEVEL": is_given & pl.col("level_severity").is_null(),
        "POSSIBLE_DUPLICATE": pl.col("is_charted_twice"),
        "RATE_OVER_150": is_iv & (_tested(pl.col("rate_mg_min")) > limits.max_rate),
        "ROUTE_UNREAD": pl.col("route") == "other",
    }


def _tested(figure: pl.Expr) -> pl.Expr:
    """A figure as limits test it."""
    return figure.round(_TESTED_DECIMALS, mode=_HALF)
