"""Every rule, in the order in which they are read; the one place that knows them all."""

from typing import Final, NamedTuple

import polars as pl

from hypomag_rules.counting import counted, index_results
from hypomag_rules.diagnoses import with_conditions
from hypomag_rules.doses import drugs_at
from hypomag_rules.electrolytes import electrolyte_reasons, with_electrolytes
from hypomag_rules.episodes import with_episode
from hypomag_rules.facts import Facts
from hypomag_rules.follow_up import recheck_section, with_confirm, with_recheck
from hypomag_rules.high_watch import with_high_watch
from hypomag_rules.interactions import interaction_reasons, with_interactions
from hypomag_rules.people import age_on, with_person, with_whereabouts
from hypomag_rules.policy import Policy
from hypomag_rules.renal import with_renal
from hypomag_rules.replacement import (
    im_upper_limit_grams,
    is_on_iv_replacement,
    is_severe_untreated,
)
from hypomag_rules.review import review_rows
from hypomag_rules.standing import standing
from hypomag_rules.treatment import treatment_reasons, with_treatment
from hypomag_rules.work_up import with_work_up

_PARENTERAL: Final = ("iv", "im")
_INDEX: Final = {
    "source": "source",
    "patient_id": "sent_patient_id",
    "observation_id": "observation_id",
    "version_key": "version_key",
    "specimen_id": "specimen_id",
    "collected_time": "collected_at",
    "value": "reported_value",
    "unit": "reported_unit",
    "comparator": "comparator",
    "magnitude": "magnesium_mg_dl",
    "lower": "lower",
    "upper": "upper",
    "severity": "severity",
    "is_critical_high": "is_critical_high",
    "status_kind": "status_kind",
    "is_haemolysed": "is_haemolysed",
}


class Assessed(NamedTuple):
    """`patients`: one row a moment; `reviews`: one row a reason to look; `results`: counted.

    `unread` are rows that left their observation unjudged; `doses` and `orders` are those of
    magnesium, as they stand.
    """

    patients: pl.DataFrame
    reviews: pl.DataFrame
    results: pl.DataFrame
    unread: pl.DataFrame
    doses: pl.DataFrame
    orders: pl.DataFrame


def assess(facts: Facts, moments: pl.DataFrame, policy: Policy, zone: str) -> Assessed:
    """Judge each moment (`moment`, `person_id`, `patient_prefix`, `as_of`, `received_by`).

    A moment without a counted magnesium keeps its row with a null index; whether it is an
    assessment says `has_index`. Nothing here reads a clock, a file or another night.
    """
    what_stands = standing(facts.observations, moments)
    results = counted(what_stands.results, policy)
    magnesium = results.filter(pl.col("analyte") == "magnesium")
    drugs = drugs_at(facts.medications, moments, policy)
    index = index_results(magnesium, policy, zone)
    frame = (
        moments.join(
            index.select("moment", **{new: pl.col(old) for old, new in _INDEX.items()}),
            on="moment",
            how="left",
            maintain_order="left",
        )
        .with_columns(has_index=pl.col("collected_at").is_not_null())
        .pipe(with_person, facts.patients, policy, zone)
        .pipe(_with_scope, policy, zone)
        .pipe(with_whereabouts, facts.encounters)
        .pipe(with_conditions, facts.conditions, policy, zone)
        .pipe(with_renal, results, policy, zone)
        .pipe(with_treatment, drugs, facts.feeds, policy, zone)
        .pipe(with_episode, magnesium, zone)
        .pipe(with_electrolytes, results, policy, zone)
        .pipe(with_interactions, drugs.active)
        .pipe(with_confirm, drugs.doses, policy)
        .pipe(with_recheck, policy, zone)
        .pipe(with_work_up, results, drugs.doses, policy, zone)
        .pipe(with_high_watch, drugs, policy, zone)
        .pipe(_with_oral_gap, drugs.doses)
        .with_columns(is_on_iv_replacement=is_on_iv_replacement(policy))
        .with_columns(
            recheck_section=recheck_section(policy, zone),
            im_upper_limit_grams=im_upper_limit_grams(policy, zone),
        )
    )
    reviews = review_rows(frame, what_stands.unjudged, results, policy, zone)
    return Assessed(
        patients=_with_reasons(frame, reviews, policy),
        reviews=reviews,
        results=results,
        unread=what_stands.unjudged,
        doses=drugs.doses,
        orders=drugs.orders,
    )


def _with_scope(frame: pl.DataFrame, policy: Policy, zone: str) -> pl.DataFrame:
    """Adds `is_in_scope`, `is_minor`, `is_age_unknown`: age on the collection day of the index."""
    age = age_on(pl.col("born_on"), pl.col("collected_at"), policy, zone)
    is_minor = (age < policy.magnesium.adult_age).fill_null(value=False)
    return frame.with_columns(
        is_minor=is_minor,
        is_age_unknown=age.is_null(),
        is_in_scope=pl.col("has_index") & ~is_minor,
    )


def _with_oral_gap(frame: pl.DataFrame, doses: pl.DataFrame) -> pl.DataFrame:
    """Adds `is_maintenance_missing`: IV or IM in the episode, no active oral magnesium (S13)."""
    started = (
        pl.when(pl.col("severity").is_in(["severe", "low"]))
        .then(pl.col("episode_started_at"))
        .when(pl.col("is_to_confirm"))
        .then(pl.col("ended_episode_started_at"))
        .otherwise(None)
    )
    dosed = (
        doses.filter(pl.col("route").is_in(_PARENTERAL))
        .join(frame.select("moment", started=started), on="moment")
        .filter(pl.col("dose_ended_at") > pl.col("started"))
        .select("moment")
        .unique()
        .with_columns(is_dosed=pl.lit(value=True))
    )
    return (
        frame.join(dosed, on="moment", how="left", maintain_order="left")
        .with_columns(
            is_maintenance_missing=pl.col("is_dosed").fill_null(value=False)
            & ~pl.col("is_oral_active")
        )
        .drop("is_dosed")
    )


def _own_reasons(policy: Policy) -> dict[str, pl.Expr]:
    """Reasons that no single rule module owns."""
    is_short = pl.col("severity").is_in(["severe", "low"])
    is_severe = pl.col("severity") == "severe"
    estimate = pl.col("renal_estimate_ml_min")
    return {
        "PROVISIONAL": pl.col("status_kind") == "provisional",
        "HAEMOLYSED": pl.col("is_haemolysed"),
        "OBSTETRIC": pl.col("is_obstetric"),
        "AGE_UNKNOWN": pl.col("is_age_unknown"),
        "UNDER_18": pl.col("is_minor"),
        "PATIENT_CONFLICT": pl.col("is_conflicting"),
        "CRITICAL_HIGH": pl.col("is_critical_high"),
        "RENAL_IMPAIRED": pl.col("renal_status") == "severe_impairment",
        "RENAL_REDUCED": (pl.col("renal_status") == "adequate")
        & (estimate < policy.renal.reduced_below),
        "RENAL_UNKNOWN": pl.col("renal_status") == "unknown",
        "RENAL_FROM_EGFR": pl.col("renal_method") == "egfr",
        "RENAL_UNSTABLE": pl.col("is_creatinine_unstable"),
        "IV_CAUTION": is_severe & pl.col("has_iv_caution"),
        "SEVERE_UNTREATED": is_severe_untreated(policy),
        "ELDERLY": is_short
        & pl.col("is_alive")
        & pl.col("is_in_scope")
        & (pl.col("age_years") >= policy.recheck.elderly_age),
        "TARGET_MET_SOON_AFTER_DOSE": pl.col("is_to_confirm"),
        "ORAL_MAINTENANCE_NOT_STARTED": pl.col("is_maintenance_missing"),
        "FEMG_NEEDED": pl.col("is_on_work_up") & pl.col("femg_percent").is_null(),
    }


def _with_reasons(frame: pl.DataFrame, reviews: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Adds `reasons` (sorted codes, those of review included) and what hangs on them."""
    predicates = (
        treatment_reasons() | electrolyte_reasons() | interaction_reasons() | _own_reasons(policy)
    )
    looked_at = reviews.group_by("moment").agg(
        review_reasons=pl.col("review_reason").unique().sort(),
        could_be_severe=pl.col("could_be_severe").any(),
        review_at=pl.col("seen_at").max(),
    )
    none = pl.lit([], dtype=pl.List(pl.String))
    return (
        frame.join(looked_at, on="moment", how="left", maintain_order="left")
        .join(_codes(frame, reviews, predicates), on="moment", how="left", maintain_order="left")
        .with_columns(
            pl.col("review_reasons", "reasons").fill_null(none),
            pl.col("could_be_severe").fill_null(value=False),
            is_on_review=pl.col("review_at").is_not_null(),
            is_on_recheck=pl.col("recheck_section").is_not_null(),
            is_provisional=pl.col("status_kind") == "provisional",
            policy_id=pl.lit(policy.id),
        )
    )


def _codes(
    frame: pl.DataFrame, reviews: pl.DataFrame, predicates: dict[str, pl.Expr]
) -> pl.DataFrame:
    """The reasons of each moment, sorted; gathered code by code, since few apply to anybody."""
    flags = frame.select(
        "moment",
        *((pl.col("has_index") & applies).alias(code) for code, applies in predicates.items()),
    )
    found = [
        flags.filter(pl.col(code)).select("moment", reasons=pl.lit(code)) for code in predicates
    ]
    found.append(reviews.select("moment", reasons="review_reason"))
    return (
        pl.concat(found)
        .unique()
        .sort("moment", "reasons")
        .group_by("moment", maintain_order=True)
        .agg("reasons")
    )
