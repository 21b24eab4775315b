"""What the changes sheet says of an item that is gone: what was published, and what is true now."""

from typing import Final

import polars as pl

from data_contracts.worklists import WORKLIST_CHANGES
from hypomag_rules.index_words import drawn_words
from hypomag_rules.policy import Policy
from hypomag_rules.sentences import given_words
from hypomag_rules.spoken import filled_texts, spoken_day, spoken_time

_LISTS: Final = {
    "iv_replacement": "IV",
    "recheck": "recheck",
    "review": "review",
    "work_up": "work-up",
    "high_watch": "high watch",
}
# Where the result itself stands, and something else of what the list goes by was corrected.
_TAKEN_BACK: Final = {
    "iv_replacement": "By what is known now it was not due for this list",
    "recheck": "The results, doses or conditions that called for a recheck no longer do",
    "review": "By what is known now nobody needs to look at it",
    "work_up": "Low results on days far enough apart are no longer known",
    "high_watch": "By what is known now nothing calls for watching",
}
_WITHDRAWN: Final = pl.lit("Result withdrawn")
_NOTHING_COUNTS: Final = "; no other magnesium counts"
_SPOKEN: Final = {
    "reported_value": "value",
    "reported_unit": "unit",
    "magnesium_mg_dl": "mg_dl",
    "comparator": "comparator",
    "severity": "severity",
    "collected_at": "collected_at",
}


def worded_changes(
    departed: pl.DataFrame, here: pl.DataFrame, policy: Policy, zone: str
) -> pl.DataFrame:
    """The rows of `worklist_changes` but for `night`, of what `departures.departed` found.

    `here` says which lists a patient stands on tonight (`worklist`, `patient_id`, `is_hidden`).
    """
    index = _drawn(departed, {name: f"now_{name}" for name in _SPOKEN}, policy, zone)
    corrected = {name: f"corrected_{to}" for name, to in _SPOKEN.items()}
    told = departed.with_columns(
        now_drawn=index,
        corrected_drawn=_drawn(departed, corrected, policy, zone),
        given_words=given_words(pl.col("given"), zone),
        last_listed_on="night",
    ).join(_lists_of(here), on="person_id", how="left", maintain_order="left")
    place = {
        name: pl.when(pl.col("now_as_of").is_null()).then(name).otherwise(f"now_{name}")
        for name in ("ward", "last_ward", "left_at", "is_in_hospital")
    }
    return told.with_columns(was=_was(), now=_now(policy, zone), **place).select(
        pl.col(name).cast(dtype)
        for name, dtype in WORKLIST_CHANGES.schema.items()
        if name != "night"
    )


def _drawn(frame: pl.DataFrame, columns: dict[str, str], policy: Policy, zone: str) -> pl.Series:
    """`Magnesium 1.9 mg/dL (above 1.5 target), drawn ...` of a result under other names."""
    renamed = frame.select(pl.col(held).alias(name) for name, held in columns.items())
    return renamed.select(drawn_words(policy, zone)).to_series()


def _lists_of(here: pl.DataFrame) -> pl.DataFrame:
    """`stands_on` by patient: `recheck and work-up lists`."""
    named = pl.col("worklist").cast(pl.String).replace(_LISTS)
    return (
        here.filter(~pl.col("is_hidden"))
        .group_by(person_id="patient_id")
        .agg(
            pl.concat_str(
                named.sort().str.join(" and "),
                pl.when(pl.len() > 1).then(pl.lit(" lists")).otherwise(pl.lit(" list")),
            ).alias("stands_on")
        )
    )


def _was() -> pl.Expr:
    """The nights that published it, and the sentence of the last of them."""
    first, last = spoken_day(pl.col("first_listed_on")), spoken_day(pl.col("night"))
    nights = (
        pl.when(pl.col("nights_listed") > 1)
        .then(pl.concat_str(first, pl.lit(" to "), last))
        .otherwise(last)
    )
    return pl.concat_str(pl.lit("Listed "), nights, pl.lit(": "), pl.col("why"))


def _now(policy: Policy, zone: str) -> pl.Expr:
    """The fact that took it off, then where the patient stands tonight."""
    index = pl.col("now_drawn")
    undone = _undone(policy, zone)
    said = {
        "deceased": pl.lit("Died ") + spoken_time(pl.col("now_died_at"), zone),
        "retracted": undone,
        "dismissed": pl.lit("Hidden by an answer: ") + pl.col("now_answered").fill_null("no words"),
        "treated": _treated(zone),
        "resolved": pl.when(pl.col("is_newer") | pl.col("is_read_now"))
        .then(index)
        .when(pl.col("worklist") == "recheck")
        .then(_next_level())
        .otherwise(pl.lit("The kidneys are no longer failing, by what is known now")),
        "rechecked": index,
        "expired": _expired(policy),
    }
    reason = pl.col("gone_because")
    stands = pl.lit("; now on the ") + pl.col("stands_on")
    is_answered = pl.col("is_hidden_now") & (pl.col("gone_because") != "dismissed")
    hides = pl.when(is_answered).then(pl.lit("; hidden by an answer: ") + pl.col("now_answered"))
    return pl.concat_str(
        pl.coalesce(*(pl.when(reason == name).then(words) for name, words in said.items())),
        hides.fill_null(""),
        stands.fill_null(""),
        pl.lit("."),
    )


def _undone(policy: Policy, zone: str) -> pl.Expr:
    """What undid the ground: a merge, a correction, a withdrawal, an age, a policy, a dose."""
    released = pl.lit(", released ") + spoken_time(pl.col("corrected_reported_at"), zone)
    remains = pl.when(pl.col("now_drawn").is_not_null()).then(
        pl.lit("; what counts is ") + pl.col("now_drawn")
    )
    texts = dict(filled_texts(policy))
    problem = pl.col("unread_reason").str.to_uppercase().replace(texts)
    sent = (pl.lit(" “") + pl.col("unread_value").str.strip_chars() + pl.lit("”")).fill_null("")
    is_review = pl.col("worklist") == "review"
    is_lost = pl.col("is_lost") | (is_review & ~pl.col("is_read_now") & ~pl.col("is_newer"))
    return (
        pl.when("is_merged")
        .then(pl.lit("One person with number ") + pl.col("linked_to"))
        .when("is_corrected")
        .then(pl.lit("Corrected: ") + pl.col("corrected_drawn") + released.fill_null(""))
        .when(is_lost & pl.col("parted_from").is_not_null())
        .then(
            pl.lit("No longer one person with number ")
            + pl.col("parted_from")
            + remains.fill_null("")
        )
        .when(is_lost & ~is_review & pl.col("unread_reason").is_not_null())
        .then(
            pl.concat_str(pl.lit("Now reads"), sent, pl.lit(": "), problem)
            + remains.fill_null(_NOTHING_COUNTS)
        )
        .when(is_lost)
        .then(_WITHDRAWN + remains.fill_null(_NOTHING_COUNTS))
        .when("is_minor_now")
        .then(pl.lit("Under age by the birth date that is known now"))
        .when(pl.col("policy_id") != policy.id)
        .then(pl.lit(f"Under policy {policy.id} not listed: ") + pl.col("now_drawn"))
        .when("is_dose_lost")
        .then(
            pl.lit("The dose of ")
            + spoken_time(pl.col("last_dose_at"), zone)
            + pl.lit(" is no longer charted as given")
        )
        .otherwise(pl.col("worklist").cast(pl.String).replace_strict(_TAKEN_BACK, default=None))
    )


def _treated(zone: str) -> pl.Expr:
    """The doses since; one that ran before the last list was made says so."""
    started = pl.coalesce("given_from", "now_supplement_started_at")
    late = pl.when(started <= pl.col("was_as_of")).then(
        pl.lit(", charted only after the list of ") + spoken_day(pl.col("night"))
    )
    supplement = pl.lit("Magnesium started ") + spoken_time(started, zone)
    given = pl.lit("Given: ") + pl.col("given_words")
    words = pl.when(pl.col("worklist") == "iv_replacement").then(given).otherwise(supplement)
    following = pl.when(pl.col("is_newer")).then(pl.lit("; then ") + pl.col("now_drawn"))
    return pl.concat_str(words, late.fill_null(""), following.fill_null(""))


def _next_level() -> pl.Expr:
    opens = spoken_day(pl.col("now_recheck_opens_on"))
    return pl.lit("No level owed yet: the window opens ") + opens


def _expired(policy: Policy) -> pl.Expr:
    """Which time ran out, with the policy's own number."""
    hours = f"{policy.replacement.iv_hours:g}"
    texts = {
        "iv_replacement": f"Past {hours} h and no sufficient IV or IM dose seen",
        "recheck": "Too long past due for a recheck to follow that result",
        "review": f"Older than {policy.review.days} days and never readable",
        "work_up": f"No result of the last {policy.work_up.index_days} days",
        "high_watch": "No recent high result, and no magnesium on board that needs watching",
    }
    return pl.col("worklist").cast(pl.String).replace_strict(texts, default=None)
