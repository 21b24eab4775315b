"""What a row says in words: why the patient stands here, and what the guideline offers."""

from typing import Final

import polars as pl

from hypomag_rules.policy import Policy

_DAY: Final = "%a %-d %b"
_DAY_TIME: Final = "%a %-d %b %H:%M"


def spoken_time(instant: pl.Expr, zone: str) -> pl.Expr:
    """An instant as `Fri 20 Nov 06:10` in the hospital's zone."""
    return instant.dt.replace_time_zone("UTC").dt.convert_time_zone(zone).dt.strftime(_DAY_TIME)


def number_text(value: pl.Expr) -> pl.Expr:
    """A figure as short as exact: 1.2, 0.986, 20."""
    return value.cast(pl.String).str.replace(r"\.0$", "")


def with_sentences(items: pl.DataFrame, policy: Policy, zone: str) -> pl.DataFrame:
    """Adds `magnesium_given_since`, `why` and `guidance` to ranked rows."""
    spoken = items.with_columns(
        magnesium_given_since=_given_since(zone),
        magnitude_words=_magnitude(),
    )
    worklist = pl.col("worklist")
    return spoken.with_columns(
        why=pl.when(worklist == "iv_replacement")
        .then(_why_replacement(policy, zone))
        .when(worklist == "recheck")
        .then(_why_recheck(policy, zone))
        .when(worklist == "review")
        .then(_why_review(policy, zone))
        .otherwise(None),
        guidance=pl.when(worklist == "iv_replacement")
        .then(_guide_replacement(policy))
        .when(worklist == "recheck")
        .then(_guide_recheck(policy))
        .when(worklist == "review")
        .then(pl.lit(policy.texts["review_guidance"]))
        .otherwise(None),
    ).drop("magnitude_words")


def _magnitude() -> pl.Expr:
    """The index in mg/dL, with its comparator."""
    return pl.concat_str(
        pl.lit("Magnesium "),
        pl.col("comparator").fill_null(""),
        number_text(pl.col("magnesium_mg_dl")),
        pl.lit(" mg/dL"),
    )


def _given_since(zone: str) -> pl.Expr:
    """Doses since the index: `iv 2 g Fri 20 Nov 21:10; oral ...`, or `none`."""
    dose = pl.element()
    route = dose.struct.field("route").replace({"other": "route unread", "iv": "IV", "im": "IM"})
    grams = dose.struct.field("grams")
    mass = (
        pl.when(grams.is_null())
        .then(pl.lit("dose unread"))
        .otherwise(number_text(grams.round(3)) + " g")
    )
    spoken = pl.concat_str(
        route, mass, spoken_time(dose.struct.field("started_at"), zone), separator=" "
    )
    listed = pl.col("magnesium_doses_since")
    return (
        pl.when(listed.list.len() > 0)
        .then(listed.list.eval(spoken).list.join("; "))
        .otherwise(pl.lit("none"))
    )


def _band(policy: Policy) -> pl.Expr:
    bands = policy.magnesium
    edge = "or below" if bands.severe_includes_limit else "not reached"
    return (
        pl.when(pl.col("severity") == "severe")
        .then(pl.lit(f"severe: {bands.severe_limit:g} {edge}"))
        .when(pl.col("severity") == "low")
        .then(pl.lit(f"low: up to {bands.target:g}"))
        .when(pl.col("severity") == "target_met")
        .then(pl.lit(f"above {bands.target:g} target"))
        .when(pl.col("severity") == "high")
        .then(pl.lit(f"high: above {bands.upper_limit:g}"))
        .otherwise(pl.lit("fits more than one class"))
    )


def _why_replacement(policy: Policy, zone: str) -> pl.Expr:
    known = pl.col("treatment_known_until")
    charted = (
        pl.when(pl.col("is_treatment_unknown"))
        .then(pl.lit("treatment since then is unknown: no administrations received"))
        .when(pl.col("parenteral_after_index_at").is_not_null())
        .then(
            pl.lit("less than 1 g of IV or IM magnesium charted up to ") + spoken_time(known, zone)
        )
        .otherwise(pl.lit("no IV or IM magnesium charted up to ") + spoken_time(known, zone))
    )
    return pl.concat_str(
        pl.col("magnitude_words"),
        pl.lit(" ("),
        _band(policy),
        pl.lit("), drawn "),
        spoken_time(pl.col("collected_at"), zone),
        pl.lit("; "),
        charted,
        pl.lit("."),
    )


_RULES: Final = {
    "severe_untreated": "severe and no sufficient IV or IM dose seen",
    "after_parenteral": "a level is owed after the IV or IM dose",
    "companion": "low potassium, low calcium or a cardiac glycoside beside it",
    "cardiac": "cardiac condition: follow up within a week",
    "renal": "severe renal impairment: follow up more often",
    "standard": "recheck one to two weeks after the start",
    "confirm": "on target, but drawn during or soon after a dose",
}


def _why_recheck(policy: Policy, zone: str) -> pl.Expr:
    due = pl.col("recheck_due_on").dt.strftime(_DAY)
    opens = pl.col("recheck_opens_on").dt.strftime(_DAY)
    days = pl.col("days_past_due").cast(pl.String)
    when = (
        pl.when(pl.col("section") == "overdue")
        .then(pl.concat_str(pl.lit("overdue by "), days, pl.lit(" d, was due "), due))
        .when(pl.col("section") == "due")
        .then(pl.lit("window open, sample by ") + due)
        .when(pl.col("section") == "upcoming")
        .then(pl.concat_str(pl.lit("window opens "), opens, pl.lit(", sample by "), due))
        .otherwise(None)
    )
    rule = pl.col("recheck_rule").cast(pl.String).replace(_RULES)
    return pl.concat_str(
        pl.col("magnitude_words"),
        pl.lit(" ("),
        _band(policy),
        pl.lit("), drawn "),
        spoken_time(pl.col("collected_at"), zone),
        pl.lit("; "),
        rule,
        pl.lit(": "),
        when,
        pl.lit("."),
    )


def _why_review(policy: Policy, zone: str) -> pl.Expr:
    texts = dict(policy.texts)
    problems = pl.col("review_reasons").list.eval(pl.element().replace(texts)).list.join("; ")
    drawn = pl.when(pl.col("value_collected_at").is_not_null()).then(
        pl.lit(", drawn ") + spoken_time(pl.col("value_collected_at"), zone)
    )
    return pl.concat_str(
        pl.lit("Printed result “"),
        pl.col("value_as_sent").fill_null(""),
        pl.when(pl.col("unit_as_sent").is_not_null())
        .then(pl.lit(" ") + pl.col("unit_as_sent"))
        .otherwise(pl.lit("")),
        pl.lit("”"),
        drawn.otherwise(pl.lit("")),
        pl.lit(": "),
        problems,
        pl.when(pl.col("could_be_severe")).then(pl.lit("; could be severe")).otherwise(pl.lit("")),
        pl.lit("."),
    )


def _has(code: str) -> pl.Expr:
    return pl.col("reasons").list.contains(code)


def _guide_replacement(policy: Policy) -> pl.Expr:
    """The guideline's options; no figures under severe impairment (S17, S21)."""
    texts = policy.texts
    figures = pl.concat_str(
        pl.lit(texts["iv_options"]),
        pl.when(pl.col("im_upper_limit_grams").is_not_null())
        .then(
            pl.concat_str(
                pl.lit("; IM at most "),
                number_text(pl.col("im_upper_limit_grams").round(1)),
                pl.lit(" g within 4 h (upper limit, not a dose)"),
            )
        )
        .otherwise(pl.lit("")),
    )
    parts = pl.concat_list(
        pl.when(_has("SUSPECT_SAMPLE")).then(pl.lit(texts["SUSPECT_SAMPLE"])),
        pl.when(_has("RENAL_IMPAIRED")).then(pl.lit(texts["iv_renal_impaired"])),
        pl.when(_has("RENAL_UNKNOWN")).then(pl.lit(texts["iv_renal_unknown"])),
        pl.when(_has("RENAL_REDUCED") | _has("RENAL_UNSTABLE")).then(
            pl.lit(texts["iv_renal_reduced"])
        ),
        pl.when(_has("IV_CAUTION")).then(pl.lit(texts["IV_CAUTION"])),
        pl.when(~_has("RENAL_IMPAIRED")).then(figures),
        pl.lit(texts["iv_watch"]),
        pl.lit(texts["iv_confirm"]),
    )
    return parts.list.drop_nulls().list.join(". ") + "."


def _guide_recheck(policy: Policy) -> pl.Expr:
    """Go on until the target; oral figures only where the kidneys are known to clear it."""
    texts = policy.texts
    needs_oral = _has("ORAL_MAINTENANCE_NOT_STARTED") | _has("SUPPLEMENT_NOT_STARTED")
    is_renal = pl.any_horizontal(
        _has("RENAL_IMPAIRED"), _has("RENAL_REDUCED"), _has("RENAL_UNKNOWN"), _has("RENAL_UNSTABLE")
    )
    oral = (
        pl.when(~needs_oral)
        .then(None)
        .when(is_renal)
        .then(pl.lit(texts["oral_prescriber"]))
        .when(~is_renal)
        .then(pl.lit(texts["oral_figures"]))
        .otherwise(None)
    )
    parts = pl.concat_list(
        pl.when(_has("SUSPECT_SAMPLE")).then(pl.lit(texts["SUSPECT_SAMPLE"])),
        pl.when(_has("RENAL_IMPAIRED")).then(pl.lit(texts["iv_renal_impaired"])),
        pl.lit(texts["recheck_continue"]),
        oral,
    )
    return parts.list.drop_nulls().list.join(". ") + "."
