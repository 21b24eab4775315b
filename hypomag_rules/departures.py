"""Who left a list since the last published night, and what took them off (rules section 11).

Compared is what was published with what is known tonight: whatever undid what an item rested on
comes before what happened to the patient since.
"""

from typing import Final, NamedTuple

import polars as pl

from data_contracts.vocabulary import WORKLISTS
from hypomag_rules.clock import days_between
from hypomag_rules.policy import Policy

_PARENTERAL: Final = ("iv", "im")
_ON_TARGET: Final = ("target_met", "high")
# What was published of an item's ground and holds no more.
_UNDOING: Final = ("is_merged", "is_lost", "is_corrected", "is_minor_now")


class Seen(NamedTuple):
    """What tonight knows of the patients who were listed on the last published night.

    `patients`: their judged rows with doses since the index (as `listed_rows` gives them);
    `results`: their counted magnesium; `unread`: rows of theirs that nobody could judge; `doses`:
    their magnesium doses; all with `person_id`.
    """

    patients: pl.DataFrame
    results: pl.DataFrame
    unread: pl.DataFrame
    doses: pl.DataFrame


class Linked(NamedTuple):
    """Which person (`person_id`) each linked number (`linked_id`) meant then, and means tonight."""

    then: pl.DataFrame
    tonight: pl.DataFrame


def departed(
    previous: pl.DataFrame,
    here: pl.DataFrame,
    seen: Seen,
    linked: Linked,
    policy: Policy,
    zone: str,
) -> pl.DataFrame:
    """The items of the last published night that stand on no list tonight: `gone_because` and why.

    `previous` are the items that it showed; `here` are tonight's (`worklist`, `patient_id`,
    `is_hidden`, `answered`), the hidden ones included. Beside the columns of `previous` a row has
    those of tonight's judgement under `now_...`, what its own result says tonight under
    `corrected_...` or `unread_...`, and the flags that decided.
    """
    shown = here.filter(~pl.col("is_hidden"))
    hidden = here.filter("is_hidden").select(
        "worklist", "patient_id", now_answered="answered", is_hidden_now=pl.lit(value=True)
    )
    return (
        previous.join(shown, on=["worklist", "patient_id"], how="anti", maintain_order="left")
        .join(hidden, on=["worklist", "patient_id"], how="left", maintain_order="left")
        .pipe(_with_links, linked)
        .pipe(_with_judgement, seen.patients)
        .pipe(_with_ground, seen)
        .pipe(_with_doses, seen.doses, policy)
        .with_columns(**_facts())
        .with_columns(has_run_out=_has_run_out(policy, zone).fill_null(value=False))
        .with_columns(gone_because=_gone_because())
    )


def _with_links(gone: pl.DataFrame, linked: Linked) -> pl.DataFrame:
    """Adds `linked_to`, the person this number means tonight, and `parted_from`, numbers lost."""
    merged = linked.tonight.select(patient_id="linked_id", linked_to="person_id")
    tonight = linked.tonight.select("linked_id", means="person_id")
    parted = (
        linked.then.join(tonight, on="linked_id", how="left")
        .filter(pl.col("means").ne_missing(pl.col("person_id")))
        .group_by(patient_id="person_id")
        .agg(parted_from=pl.col("linked_id").sort().str.join(", "))
    )
    return gone.join(merged, on="patient_id", how="left", maintain_order="left").join(
        parted, on="patient_id", how="left", maintain_order="left"
    )


def _with_judgement(gone: pl.DataFrame, patients: pl.DataFrame) -> pl.DataFrame:
    """Adds what tonight says of the person, under the number that counts now."""
    judged = patients.select(pl.all().name.prefix("now_")).rename({"now_person_id": "person_id"})
    return gone.with_columns(person_id=pl.coalesce("linked_to", "patient_id")).join(
        judged, on="person_id", how="left", maintain_order="left"
    )


def _with_ground(gone: pl.DataFrame, seen: Seen) -> pl.DataFrame:
    """Adds what the result that an item rested on says tonight: counted, or read by nobody.

    Without an id of the sender a result is known by when it was drawn.
    """
    is_review = pl.col("worklist") == "review"
    drawn = pl.when(is_review).then("value_collected_at").otherwise("collected_at")
    keyed = gone.with_columns(_known_by(pl.col("observation_id"), drawn))
    counted = seen.results.select(
        _known_by(pl.col("observation_id"), pl.col("collected_time")),
        "person_id",
        "source",
        corrected_value="value",
        corrected_unit="unit",
        corrected_mg_dl="magnitude",
        corrected_comparator="comparator",
        corrected_severity=pl.col("severity").cast(pl.String),
        corrected_collected_at="collected_time",
        corrected_reported_at="reported_time",
    )
    unread = seen.unread.select(
        _known_by(pl.col("observation_id"), pl.col("collected_time")),
        "person_id",
        "source",
        unread_value="value",
        unread_reason="reason",
        unread_at="reported_time",
    )
    key = ["person_id", "source", "known_by"]
    grounds = (
        counted.sort("corrected_collected_at", "corrected_mg_dl", maintain_order=True),
        unread.sort("unread_at", "unread_value", "unread_reason", maintain_order=True),
    )
    for ground in grounds:
        last = ground.unique(key, keep="last", maintain_order=True)
        keyed = keyed.join(last, on=key, how="left", maintain_order="left")
    return keyed.drop("known_by")


def _known_by(observation_id: pl.Expr, drawn_at: pl.Expr) -> pl.Expr:
    return pl.coalesce(observation_id, drawn_at.cast(pl.String)).alias("known_by")


def _with_doses(gone: pl.DataFrame, doses: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Adds the IV and IM doses after the published index, and whether the last one still stands."""
    theirs = gone.select("item_id", "person_id", "collected_at", "last_dose_at").join(
        doses, on="person_id"
    )
    parenteral = pl.col("route").is_in(_PARENTERAL)
    after = (
        theirs.filter(parenteral, pl.col("dose_ended_at") > pl.col("collected_at"))
        .sort("started_time", "medication_id", maintain_order=True)
        .group_by("item_id", maintain_order=True)
        .agg(
            given=pl.struct("route", "grams", started_at=pl.col("started_time")),
            given_grams=pl.col("grams").sum().round(3),
            has_unweighed=pl.col("grams").is_null().any(),
            given_from=pl.col("started_time").min(),
        )
    )
    standing = theirs.filter(pl.col("started_time") == pl.col("last_dose_at")).select("item_id")
    enough = pl.col("has_unweighed") | (pl.col("given_grams") >= policy.treatment.sufficient_grams)
    is_there = pl.col("item_id").is_in(standing.get_column("item_id").implode())
    return gone.join(after, on="item_id", how="left", maintain_order="left").with_columns(
        was_treated=enough.fill_null(value=False),
        is_dose_lost=pl.col("last_dose_at").is_not_null() & ~is_there,
    )


def _facts() -> dict[str, pl.Expr]:
    """The questions of the ladder, each answered for every row: no null stands for no."""
    is_review = pl.col("worklist") == "review"
    is_judged = pl.col("now_as_of").is_not_null()
    published_at = pl.when(is_review).then("value_collected_at").otherwise("collected_at")
    counts = pl.col("corrected_mg_dl").is_not_null()
    is_moved = pl.col("corrected_collected_at") != pl.col("collected_at")
    says_otherwise = pl.col("corrected_mg_dl").ne_missing(pl.col("magnesium_mg_dl")) | pl.col(
        "corrected_comparator"
    ).ne_missing(pl.col("comparator"))
    is_banded_otherwise = pl.col("corrected_severity").ne_missing(
        pl.col("severity").cast(pl.String)
    )
    # A correction within the band took nobody off.
    is_other_class = is_moved | (says_otherwise & is_banded_otherwise)
    reads_otherwise = pl.col("corrected_value").ne_missing(pl.col("value_as_sent"))
    later = pl.col("now_collected_at") > published_at
    was_supplied = pl.col("supplement_started_at").is_null() & (
        pl.col("now_supplement_started_at").is_not_null()
    )
    flags = {
        "is_known": is_judged,
        "has_died": ~pl.col("now_is_alive"),
        "is_merged": pl.col("linked_to").is_not_null(),
        "is_lost": ~is_review & is_judged & ~counts,
        "is_corrected": counts & pl.when(is_review).then(reads_otherwise).otherwise(is_other_class),
        "is_read_now": is_review & counts,
        "is_minor_now": ~is_review & pl.col("now_is_minor"),
        "is_newer": later,
        "is_hidden_now": pl.col("is_hidden_now"),
        "was_supplied": was_supplied,
    }
    return {name: flag.fill_null(value=False) for name, flag in flags.items()}


def _has_run_out(policy: Policy, zone: str) -> pl.Expr:
    """Whether the time ran out that the item's list gives; nobody is judged who is too old."""
    age_days = days_between(pl.col("collected_at"), pl.col("now_as_of"), zone)
    review_days = days_between(pl.col("review_at"), pl.col("now_as_of"), zone)
    status = pl.col("now_recheck_status").cast(pl.String)
    was_high = pl.col("severity").cast(pl.String) == "high"
    on_board = pl.col("now_has_magnesium_on_board")
    hours = pl.duration(seconds=round(policy.replacement.iv_hours * 3600))
    limits = {
        "iv_replacement": pl.col("now_as_of") - pl.col("collected_at") > hours,
        "recheck": status == "expired",
        "review": review_days > policy.review.days,
        "work_up": age_days > policy.work_up.index_days,
        "high_watch": (was_high & (age_days > policy.high_watch.mild_index_days))
        | (~was_high & ~on_board & ~pl.col("is_dose_lost")),
    }
    own = pl.coalesce(
        *(pl.when(pl.col("worklist") == name).then(passed) for name, passed in limits.items())
    )
    return ~pl.col("is_known") | own


def _gone_because() -> pl.Expr:
    """The first that applies; what nothing of the patient's and no time took off is taken back."""
    on = {name: pl.col("worklist") == name for name in WORKLISTS}
    severity = pl.col("now_severity").cast(pl.String)
    is_newer = pl.col("is_newer")
    is_met = is_newer & severity.is_in(_ON_TARGET) & ~on["high_watch"]
    waits = pl.col("now_recheck_status").cast(pl.String) == "scheduled"
    kidneys_failed = (pl.col("renal_status").cast(pl.String) == "severe_impairment") | (
        pl.col("is_creatinine_unstable")
    )
    kidneys_fail = (pl.col("now_renal_status").cast(pl.String) == "severe_impairment") | (
        pl.col("now_is_creatinine_unstable")
    )
    owed_by_dose = pl.col("recheck_rule").cast(pl.String) == "after_parenteral"
    ladder = (
        ("deceased", pl.col("has_died")),
        ("retracted", pl.any_horizontal(_UNDOING)),
        ("retracted", owed_by_dose & ~is_newer & pl.col("is_dose_lost")),
        ("dismissed", pl.col("is_hidden_now")),
        ("treated", on["iv_replacement"] & pl.col("was_treated")),
        ("treated", on["recheck"] & ~is_newer & pl.col("was_supplied")),
        ("resolved", is_met),
        ("resolved", on["recheck"] & ~is_newer & waits),
        ("resolved", on["high_watch"] & is_newer & (severity != "high")),
        ("resolved", on["high_watch"] & ~is_newer & kidneys_failed & ~kidneys_fail),
        ("resolved", pl.col("is_read_now") & ~is_newer),
        ("rechecked", is_newer),
        ("expired", pl.col("has_run_out")),
        ("retracted", pl.lit(value=True)),
    )
    return pl.coalesce(*(pl.when(holds).then(pl.lit(answer)) for answer, holds in ladder))
