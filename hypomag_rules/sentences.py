"""What a row says in words: why the patient stands here, and what was given since."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import value_set
from hypomag_rules.guidance import guidance
from hypomag_rules.policy import Policy
from hypomag_rules.spoken import (
    count_of_days,
    filled_texts,
    number_text,
    spoken_day,
    spoken_recent_time,
    spoken_time,
)

_FLAG: Final = r"(?i)\s*(?:LL|HH|L|H|\*)\s*$"
_DIGITS: Final = r"([0-9]+\.[0-9]+|\.[0-9]+|[0-9]+)"
_SHOWN_DECIMALS: Final = 2
_NEAR: Final = 0.005  # where rounding to two decimals could cross a limit
_SAME: Final = 1e-9
_ROUTES: Final = {"other": "route unread", "iv": "IV", "im": "IM"}


def with_sentences(items: pl.DataFrame, policy: Policy, zone: str) -> pl.DataFrame:
    """Adds `magnesium_given_since`, `why` and `guidance` to ranked rows."""
    spoken = items.with_columns(
        magnesium_given_since=_given_since(zone), drawn_words=_drawn(policy, zone)
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
        guidance=guidance(policy),
    ).drop("drawn_words")


def rule_words(policy: Policy) -> dict[str, str]:
    """Why the next level is owed, by recheck rule, with the policy's own days."""
    days = policy.recheck
    standard = f"{days.standard_opens_days} to {days.standard_days} days"
    return {
        "severe_untreated": "no sufficient IV or IM dose seen",
        "after_parenteral": "a level is owed after IV or IM magnesium",
        "companion": "low potassium, low calcium or a cardiac glycoside beside it",
        "cardiac": f"cardiac condition: a level within {_days(days.cardiac_days)}",
        "renal": f"severe renal impairment: a level within {_days(days.renal_days)}",
        "standard": f"a level {standard} after magnesium was started, or after the result",
        "confirm": f"on target, but drawn during or within {days.confirm_hours} h after a dose",
    }


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _drawn(policy: Policy, zone: str) -> pl.Expr:
    """`Magnesium 0.43 mmol/L (1.05 mg/dL; severe: 1.2 mg/dL or below), drawn ...`."""
    value = pl.col("magnesium_mg_dl")
    mass_units = value_set("units").filter(pl.col("unit") == "mg/dL").get_column("folded")
    folded = pl.col("reported_unit").str.to_lowercase().str.replace_all(r"[\s.]", "")
    digits = pl.col("reported_value").str.extract(_DIGITS)
    is_exact = folded.is_in(mass_units.to_list()) & (
        (digits.cast(pl.Float64, strict=False) - value).abs() < _SAME
    )
    sign = pl.col("comparator").fill_null("")
    as_sent = pl.col("reported_value").str.strip_chars().str.replace(_FLAG, "")
    return (
        pl.when(is_exact.fill_null(value=False))
        .then(
            pl.concat_str(
                pl.lit("Magnesium "),
                sign,
                digits.str.replace(r"^\.", "0."),
                pl.lit(" mg/dL ("),
                _band(policy, ""),
                pl.lit(")"),
            )
        )
        .otherwise(
            pl.concat_str(
                pl.lit("Magnesium "),
                as_sent,
                pl.lit(" ") + pl.col("reported_unit").str.strip_chars(),
                pl.lit(" ("),
                sign,
                _shortened(value, policy),
                pl.lit(" mg/dL; "),
                _band(policy, " mg/dL"),
                pl.lit(")"),
            )
        )
        + pl.lit(", drawn ")
        + spoken_time(pl.col("collected_at"), zone)
    )


def _shortened(value: pl.Expr, policy: Policy) -> pl.Expr:
    """Two decimals, all six beside a limit that rounding could cross."""
    bands = policy.magnesium
    limits = (bands.severe_limit, bands.target, bands.upper_limit, bands.critical_high)
    is_near = pl.any_horizontal((value - limit).abs() < _NEAR for limit in limits)
    rounded = value.round(_SHOWN_DECIMALS, mode="half_away_from_zero")
    return number_text(pl.when(is_near).then(value).otherwise(rounded))


def _band(policy: Policy, unit: str) -> pl.Expr:
    """The band and its limit from the policy; `target_met` never reads as normal."""
    bands = policy.magnesium
    severe = f"{bands.severe_limit:g}{unit}"
    return (
        pl.when(pl.col("severity") == "severe")
        .then(
            pl.lit(
                f"severe: {severe} or below"
                if bands.severe_includes_limit
                else f"severe: below {severe}"
            )
        )
        .when(pl.col("severity") == "low")
        .then(pl.lit(f"low: {bands.target:g}{unit} or below"))
        .when(pl.col("severity") == "target_met")
        .then(pl.lit(f"above {bands.target:g}{unit} target"))
        .when(pl.col("severity") == "high")
        .then(pl.lit(f"high: above {bands.upper_limit:g}{unit}"))
        .when(pl.col("severity") == "undetermined")
        .then(pl.lit("fits more than one class"))
        .otherwise(None)
    )


def _given_since(zone: str) -> pl.Expr:
    """Doses since the index: `IV 2 g Fri 20 Nov 21:10; oral 400 mg ...`, `none` or `unknown`."""
    dose = pl.element()
    route = dose.struct.field("route")
    grams = dose.struct.field("grams").round(3)
    mass = (
        pl.when(grams.is_null())
        .then(pl.lit("dose unread"))
        .when(route == "oral")
        .then(number_text(grams * 1000) + " mg")
        .otherwise(number_text(grams) + " g")
    )
    spoken = pl.concat_str(
        route.replace(_ROUTES),
        mass,
        spoken_time(dose.struct.field("started_at"), zone),
        separator=" ",
    )
    listed = pl.col("magnesium_doses_since")
    return (
        pl.when(pl.col("collected_at").is_null())
        .then(None)
        .when(listed.list.len() > 0)
        .then(listed.list.eval(spoken).list.join("; "))
        .when(pl.col("is_treatment_unknown"))
        .then(pl.lit("unknown"))
        .otherwise(pl.lit("none"))
    )


def _why_replacement(policy: Policy, zone: str) -> pl.Expr:
    known = spoken_recent_time(pl.col("treatment_known_until"), pl.col("as_of"), zone)
    dose = pl.element()
    parenteral = dose.struct.field("route").is_in(["iv", "im"])
    grams = pl.col("magnesium_doses_since").list.eval(
        dose.struct.field("grams").filter(parenteral).sum()
    )
    limit = f"{policy.treatment.sufficient_grams:g} g"
    charted = (
        pl.when(pl.col("parenteral_after_index_at").is_not_null())
        .then(
            pl.concat_str(
                pl.lit("only "),
                number_text(grams.list.first().round(3)),
                pl.lit(" g of IV or IM magnesium charted up to "),
                known,
                pl.lit(f" (sufficient: {limit} or more)"),
            )
        )
        .when(~pl.col("is_treatment_unknown"))
        .then(pl.lit("no IV or IM magnesium charted up to ") + known)
        .when(pl.col("treatment_known_until").is_not_null())
        .then(
            pl.concat_str(
                pl.lit("treatment since then unknown: doses known only to "), known
            )
        )
        .otherwise(pl.lit("treatment since then unknown: no administrations received"))
    )
    return pl.concat_str(pl.col("drawn_words"), pl.lit("; "), charted, pl.lit("."))


def _why_recheck(policy: Policy, zone: str) -> pl.Expr:
    dosed = pl.lit("; a level is owed after IV or IM magnesium of ") + spoken_time(
        pl.col("parenteral_from"), zone
    )
    rule = (
        pl.when(pl.col("recheck_rule") == "after_parenteral")
        .then(dosed)
        .otherwise(pl.lit("; ") + pl.col("recheck_rule").cast(pl.String).replace(rule_words(policy)))
    )
    return pl.concat_str(pl.col("drawn_words"), rule, pl.lit("; "), when_due(), pl.lit("."))


def when_due() -> pl.Expr:
    """When the sample is wanted: overdue since, by which day, or from which day on."""
    due, opens = spoken_day(pl.col("recheck_due_on")), spoken_day(pl.col("recheck_opens_on"))
    section = pl.col("section").cast(pl.String)
    today = pl.when(pl.col("days_past_due") == 0).then(pl.lit(" (today)")).otherwise(pl.lit(""))
    late = count_of_days(pl.col("days_past_due"))
    return (
        pl.when(section == "overdue")
        .then(pl.concat_str(pl.lit("sample overdue by "), late, pl.lit(", was due "), due))
        .when(section == "due")
        .then(pl.concat_str(pl.lit("window open, sample by "), due, today))
        .when(section == "upcoming")
        .then(pl.concat_str(pl.lit("window opens "), opens, pl.lit(", sample by "), due))
        .otherwise(None)
    )


def _why_review(policy: Policy, zone: str) -> pl.Expr:
    problems = pl.col("review_reasons").list.eval(
        pl.element().replace(dict(filled_texts(policy)))
    )
    sent = pl.col("value_as_sent").str.strip_chars()
    unit = pl.when(sent.str.contains(r"[0-9]")).then(
        pl.lit(" ") + pl.col("unit_as_sent").str.strip_chars()
    )
    printed = pl.concat_str(
        pl.lit("Printed result “"), sent, unit.fill_null(""), pl.lit("”")
    ).fill_null("A result without a value")
    drawn = pl.lit(", drawn ") + spoken_time(pl.col("value_collected_at"), zone)
    severe = pl.when(pl.col("could_be_severe")).then(pl.lit("; could be severe"))
    return pl.concat_str(
        printed,
        drawn.fill_null(", time of the sample unknown"),
        pl.lit(": "),
        problems.list.join("; "),
        severe.fill_null(""),
        pl.lit("."),
    )
