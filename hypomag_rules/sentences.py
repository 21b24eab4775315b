"""What a row says in words: why the patient stands here, and what was given since."""

from typing import Final

import polars as pl

from hypomag_rules.guidance import guidance
from hypomag_rules.index_words import drawn_words
from hypomag_rules.policy import Policy
from hypomag_rules.spoken import (
    count_of_days,
    filled_texts,
    mass_text,
    number_text,
    spoken_day,
    spoken_local_day,
    spoken_recent_time,
    spoken_time,
)

_NEAR: Final = 0.005  # where two decimals could stand on the wrong side of a limit
_ROUTES: Final = {"other": "route unread", "iv": "IV", "im": "IM"}


def with_sentences(items: pl.DataFrame, policy: Policy, zone: str) -> pl.DataFrame:
    """Adds `magnesium_given_since`, `active_magnesium_orders`, `why` and `guidance`."""
    spoken = items.with_columns(
        magnesium_given_since=_given_since(zone),
        active_magnesium_orders=_orders(zone),
        drawn_words=drawn_words(policy, zone),
    )
    worklist = pl.col("worklist")
    return spoken.with_columns(
        why=pl.when(worklist == "iv_replacement")
        .then(_why_replacement(policy, zone))
        .when(worklist == "recheck")
        .then(_why_recheck(policy, zone))
        .when(worklist == "review")
        .then(_why_review(policy, zone))
        .when(worklist == "work_up")
        .then(_why_work_up(policy, zone))
        .when(worklist == "high_watch")
        .then(_why_high_watch(policy))
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


def given_words(doses: pl.Expr, zone: str) -> pl.Expr:
    """A list of (route, grams, started_at) in words: `IV 2 g Fri 20 Nov 21:10; oral 400 mg ...`."""
    dose = pl.element()
    route = dose.struct.field("route")
    mass = mass_text(dose.struct.field("grams"), route)
    spoken = pl.concat_str(
        route.replace(_ROUTES),
        mass,
        spoken_time(dose.struct.field("started_at"), zone),
        separator=" ",
    )
    return doses.list.eval(spoken).list.join("; ")


def _given_since(zone: str) -> pl.Expr:
    """Doses since the index in words, `none` or `unknown`."""
    listed = pl.col("magnesium_doses_since")
    return (
        pl.when(pl.col("collected_at").is_null())
        .then(None)
        .when(listed.list.len() > 0)
        .then(given_words(listed, zone))
        .when(pl.col("is_treatment_unknown"))
        .then(pl.lit("unknown"))
        .otherwise(pl.lit("none"))
    )


def _orders(zone: str) -> pl.Expr:
    """Active orders: `magnesium oxide oral since Sat 14 Nov 10:00`, or `none`."""
    order = pl.element()
    route = order.struct.field("route").replace(_ROUTES)
    began = pl.lit("since ") + spoken_time(order.struct.field("started_at"), zone)
    name = order.struct.field("name").fill_null("magnesium")
    listed = pl.col("active_orders")
    spoken = listed.list.eval(pl.concat_str(name, route, began, separator=" ", ignore_nulls=True))
    return pl.when(listed.list.len() > 0).then(spoken.list.join("; ")).otherwise(pl.lit("none"))


def _why_replacement(policy: Policy, zone: str) -> pl.Expr:
    known = spoken_recent_time(pl.col("treatment_known_until"), pl.col("as_of"), zone)
    dose = pl.element()
    parenteral = dose.struct.field("route").is_in(["iv", "im"])
    grams = pl.col("magnesium_doses_since").list.eval(dose.struct.field("grams").filter(parenteral))
    limit = f"{policy.treatment.sufficient_grams:g} g"
    charted = (
        pl.when(pl.col("parenteral_after_index_at").is_not_null())
        .then(
            pl.concat_str(
                pl.lit("only "),
                number_text(grams.list.sum().round(3)),
                pl.lit(" g of IV or IM magnesium charted up to "),
                known,
                pl.lit(f" (sufficient: {limit} or more)"),
            )
        )
        .when(~pl.col("is_treatment_unknown"))
        .then(pl.lit("no IV or IM magnesium charted up to ") + known)
        .when(pl.col("treatment_known_until").is_not_null())
        .then(pl.concat_str(pl.lit("treatment since then unknown: doses known only to "), known))
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
        .otherwise(
            pl.lit("; ") + pl.col("recheck_rule").cast(pl.String).replace(rule_words(policy))
        )
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


def _why_work_up(policy: Policy, zone: str) -> pl.Expr:
    """How long it has been low, and what the urine says of it."""
    texts = filled_texts(policy)
    low_for = pl.concat_str(
        pl.lit("; "),
        pl.col("episode_lows").cast(pl.String),
        pl.lit(" severe or low results since "),
        spoken_local_day(pl.col("episode_started_at"), zone),
    )
    finding = pl.col("femg_finding").cast(pl.String).replace_strict(texts, default=None)
    obstacles = pl.col("femg_obstacles").list.eval(pl.element().replace(dict(texts)))
    percent = pl.col("femg_percent")
    is_near = (percent - policy.work_up.femg_limit).abs() < _NEAR
    missing = pl.col("femg_missing").list.eval(pl.element().str.replace_all("_", " ", literal=True))
    said = (
        pl.when(pl.col("femg_percent").is_null())
        .then(pl.lit("FEMg cannot be computed, missing: ") + missing.list.join(", "))
        .otherwise(
            pl.concat_str(
                pl.lit("FEMg "),
                number_text(pl.when(is_near).then(percent).otherwise(percent.round(2))),
                pl.lit(" %, "),
                finding,
                (pl.lit(": ") + obstacles.list.join(", ").replace("", None)).fill_null(""),
            )
        )
    )
    return pl.concat_str(pl.col("drawn_words"), low_for, pl.lit("; "), said, pl.lit("."))


def _why_high_watch(policy: Policy) -> pl.Expr:
    """What puts the patient at risk of too much: the level, the kidneys, magnesium on board."""
    texts = filled_texts(policy)
    on_board = pl.col("has_magnesium_on_board")
    grounds = {
        "CRITICAL_HIGH": pl.col("is_critical_high"),
        "high_watch_on_board": on_board,
        "RENAL_IMPAIRED": pl.col("renal_status") == "severe_impairment",
        "RENAL_UNSTABLE": pl.col("is_creatinine_unstable"),
    }
    said = [
        pl.when(applies).then(pl.lit("; " + texts[key])).otherwise(pl.lit(""))
        for key, applies in grounds.items()
    ]
    return pl.concat_str(pl.col("drawn_words"), *said, pl.lit("."))


def _why_review(policy: Policy, zone: str) -> pl.Expr:
    problems = pl.col("review_reasons").list.eval(pl.element().replace(dict(filled_texts(policy))))
    sent = pl.col("value_as_sent").str.strip_chars()
    unit = pl.when(sent.str.contains(r"[0-9]")).then(
        pl.lit(" ") + pl.col("unit_as_sent").str.strip_chars()
    )
    what = pl.when(pl.col("review_analyte") == "creatinine").then(pl.lit("creatinine"))
    printed = pl.concat_str(
        pl.lit("Printed "),
        what.otherwise(pl.lit("result")),
        pl.lit(" “"),
        sent,
        unit.fill_null(""),
        pl.lit("”"),
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
