"""What was read of a listed patient, in short lines for the report."""

import polars as pl

from flows.exports.edition import Edition
from flows.exports.words import day_words, time_words, with_words
from hypomag_rules.spoken import figure_text, mass_text


def with_facts(edition: Edition, worklist: str) -> pl.DataFrame:
    """The worded items of a list with `facts`: lines (`label`, `text`), unknown ones left out."""
    lines = [
        pl.when(text.is_not_null()).then(
            pl.struct(pl.lit(label).alias("label"), text.alias("text"))
        )
        for label, text in _lines(edition)[worklist].items()
    ]
    facts = pl.concat_list(lines).list.drop_nulls()
    return with_words(edition, worklist).with_columns(facts=facts)


def _lines(edition: Edition) -> dict[str, dict[str, pl.Expr]]:
    """What each list prints of what was read, by label."""
    chemistry = {
        "Kidneys": _kidneys(edition),
        "Potassium": _potassium(edition),
        "Calcium": _calcium(edition),
    }
    magnesium = {"Magnesium": _magnesium(edition), "Before": _previous(edition)}
    lines = {
        "iv_replacement": {
            **magnesium,
            "Drawn": pl.col("hours_ago").cast(pl.String) + pl.lit(" h ago"),
            "Given since": pl.col("magnesium_given_since"),
            "IV/IM order": _when_true("has_parenteral_order"),
            **chemistry,
            "Weight": _weight(edition),
        },
        "recheck": {
            **magnesium,
            "Last dose": _last_dose(edition),
            "Supplement": _since("supplement_started_at", edition),
            "Oral active": _when_true("is_oral_active"),
            "Cardiac": _when_true("is_cardiac"),
            **chemistry,
        },
        "review": {
            "Code": pl.col("code_as_sent"),
            "Status": pl.col("status_as_sent"),
            "Row": _origin(),
            "Last judged": _last_judged(edition),
        },
        "work_up": {
            **magnesium,
            "Lowest": _figure("episode_lowest_mg_dl", 2, " mg/dL"),
            "Urine": _urine(edition),
            "Serum beside it": _serum(edition),
            "Urine Ca/creatinine": _figure("urine_calcium_creatinine", 3, " mg/mg"),
            "Kidneys": _kidneys(edition),
        },
        "high_watch": {
            **magnesium,
            "Drawn": pl.col("hours_ago").cast(pl.String) + pl.lit(" h ago"),
            "Last dose": _last_product(edition),
            "Active orders": pl.col("active_magnesium_orders"),
            "Pre-eclampsia": _when_true("is_obstetric"),
            "CNS depressant": _when_true("is_on_cns_depressant"),
            "Kidneys": _kidneys(edition),
        },
    }
    return {name: {**found, "Answered": pl.col("answered")} for name, found in lines.items()}


def _magnesium(edition: Edition) -> pl.Expr:
    provisional = pl.when(pl.col("is_provisional")).then(pl.lit(" (provisional)"))
    return pl.concat_str(
        pl.col("magnesium_as_reported"),
        pl.lit(", "),
        time_words(pl.col("collected_at"), edition),
        provisional.fill_null(""),
    )


def _previous(edition: Edition) -> pl.Expr:
    drawn = time_words(pl.col("previous_at"), edition)
    return pl.col("previous_as_reported") + pl.lit(", ") + drawn


def _kidneys(edition: Edition) -> pl.Expr:
    is_estimated = pl.col("renal_estimate_ml_min").is_not_null()
    method = pl.when(is_estimated).then(pl.lit(" (") + pl.col("method_words") + pl.lit(")"))
    creatinine = pl.concat_str(
        pl.lit("; creatinine "),
        figure_text(pl.col("creatinine_mg_dl").round(2)),
        pl.lit(" mg/dL "),
        day_words(pl.col("creatinine_at"), edition),
    )
    return pl.col("renal") + method.fill_null("") + creatinine.fill_null("")


def _potassium(edition: Edition) -> pl.Expr:
    return pl.concat_str(
        figure_text(pl.col("potassium_mmol_l").round(2)),
        pl.lit(" mmol/L, "),
        time_words(pl.col("potassium_at"), edition),
    )


def _calcium(edition: Edition) -> pl.Expr:
    return pl.concat_str("calcium_words", pl.lit(", "), time_words(pl.col("calcium_at"), edition))


def _weight(edition: Edition) -> pl.Expr:
    weight = figure_text(pl.col("weight_kg").round(1))
    return pl.concat_str(weight, pl.lit(" kg, "), day_words(pl.col("weight_at"), edition))


def _last_dose(edition: Edition) -> pl.Expr:
    return pl.concat_str(
        "route_words",
        pl.lit(" "),
        mass_text(pl.col("last_dose_grams"), pl.col("last_dose_route")),
        pl.lit(", "),
        time_words(pl.col("last_dose_at"), edition),
    )


def _last_product(edition: Edition) -> pl.Expr:
    product = pl.col("last_dose_product").fill_null("magnesium") + pl.lit(" ")
    return product + _last_dose(edition)


def _figure(column: str, decimals: int, unit: str) -> pl.Expr:
    return figure_text(pl.col(column).round(decimals)) + pl.lit(unit)


def _urine(edition: Edition) -> pl.Expr:
    return pl.concat_str(
        pl.lit("magnesium "),
        _figure("urine_magnesium_mg_dl", 2, ", creatinine "),
        _figure("urine_creatinine_mg_dl", 2, " mg/dL, "),
        time_words(pl.col("urine_at"), edition),
    )


def _serum(edition: Edition) -> pl.Expr:
    return pl.concat_str(
        pl.lit("magnesium "),
        _figure("serum_magnesium_mg_dl", 2, " mg/dL "),
        time_words(pl.col("serum_magnesium_at"), edition),
        pl.lit(", creatinine "),
        _figure("serum_creatinine_mg_dl", 2, " mg/dL "),
        time_words(pl.col("serum_creatinine_at"), edition),
    )


def _since(column: str, edition: Edition) -> pl.Expr:
    return pl.lit("since ") + time_words(pl.col(column), edition)


def _when_true(column: str) -> pl.Expr:
    return pl.when(pl.col(column)).then(pl.lit("yes"))


def _origin() -> pl.Expr:
    return pl.concat_str(
        pl.col("row").cast(pl.String), pl.lit(" of "), "file", pl.lit(" ("), "source", pl.lit(")")
    )


def _last_judged(edition: Edition) -> pl.Expr:
    drawn = time_words(pl.col("last_judged_at"), edition)
    return figure_text(pl.col("last_judged_mg_dl").round(2)) + pl.lit(" mg/dL, ") + drawn
