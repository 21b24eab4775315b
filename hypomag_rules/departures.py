"""Who left a list since the last published night, and what took them off (rules section 11).

Compared is what was published with what is known tonight: whatever undid what an item rested on
comes before what happened to the patient since.
"""

from typing import Final, NamedTuple

import polars as pl

from data_contracts.vocabulary import APPLIED, WITHDRAWN, WORKLISTS
from hypomag_rules.policy import Policy

_PARENTERAL: Final = ("iv", "im")
_GROUND: Final = ("patient_id", "source", "observation_id")
_ON_TARGET: Final = ("target_met", "high")
_UNDOING: Final = (
    "is_merged",
    "is_undone",
    "is_corrected",
    "is_withdrawn",
    "is_minor_now",
    "is_other_policy",
)


class Seen(NamedTuple):
    """What tonight knows of the patients who were listed on the last published night.

    `patients`: their judged rows with doses since the index (as `listed_rows` gives them);
    `results`: their counted magnesium; `doses`: their magnesium doses; both with `person_id`.
    """

    patients: pl.DataFrame
    results: pl.DataFrame
    doses: pl.DataFrame


def departed(
    previous: pl.DataFrame, here: pl.DataFrame, seen: Seen, links: pl.DataFrame, policy: Policy
) -> pl.DataFrame:
    """The items of the last published night that stand on no list tonight: `gone_because` and why.

    `previous` are the items that it showed; `here` are tonight's (`worklist`, `patient_id`,
    `is_hidden`, `answered`), the hidden ones included; `links` are those of patient numbers, with
    what became of each (`links.links_at`). Beside the columns of `previous` a row has
    those of tonight's judgement under `now_...`, the corrected result under `corrected_...`, and
    the flags that decided.
    """
    shown = here.filter(~pl.col("is_hidden"))
    hidden = here.filter("is_hidden").select(
        "worklist", "patient_id", now_answered="answered", is_hidden_now=pl.lit(value=True)
    )
    gone = previous.join(shown, on=["worklist", "patient_id"], how="anti", maintain_order="left")
    judged = seen.patients.select(pl.all().name.prefix("now_")).rename(
        {"now_person_id": "patient_id"}
    )
    merged = links.filter(pl.col("state") == APPLIED).select(
        patient_id="old_id", linked_to="person_id"
    )
    parted = (
        links.filter(pl.col("state") == WITHDRAWN)
        .group_by(patient_id="new_id")
        .agg(parted_from=pl.col("old_id").sort().str.join(", "))
    )
    return (
        gone.join(hidden, on=["worklist", "patient_id"], how="left", maintain_order="left")
        .join(judged, on="patient_id", how="left", maintain_order="left")
        .join(merged, on="patient_id", how="left", maintain_order="left")
        .join(parted, on="patient_id", how="left", maintain_order="left")
        .pipe(_with_ground, seen.results)
        .pipe(_with_doses_after, seen.doses, policy)
        .with_columns(**_facts(policy))
        .with_columns(gone_because=_gone_because())
    )


def _with_ground(gone: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
    """Adds, under `corrected_...`, what the result that an item rested on says tonight.

    Without an id of the sender a result is known by when it was drawn.
    """
    is_review = pl.col("worklist") == "review"
    drawn = pl.when(is_review).then("value_collected_at").otherwise("collected_at")
    keyed = gone.with_columns(_known_by(pl.col("observation_id"), drawn))
    ground = (
        results.select(
            _known_by(pl.col("observation_id"), pl.col("collected_time")),
            patient_id="person_id",
            source="source",
            corrected_value="value",
            corrected_unit="unit",
            corrected_mg_dl="magnitude",
            corrected_comparator="comparator",
            corrected_severity=pl.col("severity").cast(pl.String),
            corrected_collected_at="collected_time",
            corrected_reported_at="reported_time",
        )
        .sort("corrected_collected_at", maintain_order=True)
        .unique(["patient_id", "source", "known_by"], keep="last", maintain_order=True)
    )
    return keyed.join(
        ground, on=["patient_id", "source", "known_by"], how="left", maintain_order="left"
    ).drop("known_by")


def _known_by(observation_id: pl.Expr, drawn_at: pl.Expr) -> pl.Expr:
    return pl.coalesce(observation_id, drawn_at.cast(pl.String)).alias("known_by")


def _with_doses_after(gone: pl.DataFrame, doses: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Adds what IV and IM doses after the published index come to, and when the first began."""
    after = (
        gone.select("item_id", "patient_id", "collected_at")
        .join(doses.rename({"person_id": "patient_id"}), on="patient_id")
        .filter(
            pl.col("route").is_in(_PARENTERAL), pl.col("dose_ended_at") > pl.col("collected_at")
        )
        .sort("started_time", "medication_id", maintain_order=True)
        .group_by("item_id", maintain_order=True)
        .agg(
            given=pl.struct("route", "grams", started_at=pl.col("started_time")),
            given_grams=pl.col("grams").sum().round(3),
            has_unweighed=pl.col("grams").is_null().any(),
            given_from=pl.col("started_time").min(),
        )
    )
    enough = pl.col("has_unweighed") | (pl.col("given_grams") >= policy.treatment.sufficient_grams)
    return gone.join(after, on="item_id", how="left", maintain_order="left").with_columns(
        was_treated=enough.fill_null(value=False)
    )


def _facts(policy: Policy) -> dict[str, pl.Expr]:
    """The questions of the ladder, each answered for every row: no null stands for no."""
    is_review = pl.col("worklist") == "review"
    is_judged = pl.col("now_as_of").is_not_null()
    newer = pl.col("now_collected_at") > pl.col("collected_at")
    is_same = pl.col("corrected_mg_dl").eq_missing(pl.col("magnesium_mg_dl")) & pl.col(
        "corrected_comparator"
    ).eq_missing(pl.col("comparator"))
    reads_alike = pl.col("corrected_value").eq_missing(pl.col("value_as_sent"))
    later = pl.col("now_collected_at") > pl.col("value_collected_at")
    age = pl.col("now_as_of") - pl.col("value_collected_at")
    is_recent = age <= pl.duration(days=policy.review.days)
    is_read_now = pl.col("corrected_mg_dl").is_not_null()
    flags = {
        "has_died": ~pl.col("now_is_alive"),
        "is_merged": pl.col("linked_to").is_not_null(),
        "is_undone": ~is_review & is_judged & ~is_same,
        "is_corrected": is_review & is_read_now & ~reads_alike,
        "is_withdrawn": is_review & ~is_read_now & is_recent & ~later.fill_null(value=False),
        "is_read_now": is_review & is_read_now,
        "is_minor_now": ~is_review & pl.col("now_is_minor"),
        "is_other_policy": ~is_review & (pl.col("policy_id") != policy.id) & ~newer,
        "is_newer": pl.when(is_review).then(later).otherwise(newer),
        "is_hidden_now": pl.col("is_hidden_now"),
    }
    return {name: flag.fill_null(value=False) for name, flag in flags.items()}


def _gone_because() -> pl.Expr:
    """The first that applies; an item that nothing else took off ran out of time."""
    on = {name: pl.col("worklist") == name for name in WORKLISTS}
    severity = pl.col("now_severity").cast(pl.String)
    is_met = pl.col("is_newer") & severity.is_in(_ON_TARGET) & ~on["high_watch"]
    was_supplied = (
        pl.col("supplement_started_at").is_null()
        & pl.col("now_supplement_started_at").is_not_null()
    )
    waits = pl.col("now_recheck_status").cast(pl.String) == "scheduled"
    is_same_index = ~pl.col("is_newer")
    ladder = (
        ("deceased", pl.col("has_died")),
        ("retracted", pl.any_horizontal(_UNDOING)),
        ("dismissed", pl.col("is_hidden_now")),
        ("treated", on["iv_replacement"] & pl.col("was_treated")),
        ("treated", on["recheck"] & is_same_index & was_supplied),
        ("resolved", is_met),
        ("resolved", on["recheck"] & is_same_index & waits),
        ("resolved", on["high_watch"] & pl.col("is_newer") & (severity != "high")),
        ("resolved", pl.col("is_read_now") & ~pl.col("is_newer")),
        ("rechecked", pl.col("is_newer")),
        ("expired", pl.lit(value=True)),
    )
    return pl.coalesce(*(pl.when(holds).then(pl.lit(answer)) for answer, holds in ladder))
