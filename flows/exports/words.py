"""Words on paper, never codes: what the codes and figures of an item read like in print."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import polars as pl

from data_contracts.vocabulary import HELD, OBSERVATION_REASONS, REASONS
from flows.exports.edition import Edition
from hypomag_rules.guidance import own_guidance
from hypomag_rules.sentences import rule_words, when_due
from hypomag_rules.spoken import figure_text, filled_texts, number_text

SMALL_PRINT: Final = ("CHECK_POTASSIUM", "CHECK_CALCIUM", "ON_CNS_DEPRESSANT")
PROBLEMS: Final = (
    "UNDER_18",
    "UNDETERMINED",
    "WITHDRAWAL_TIME_UNKNOWN",
    HELD.upper(),
    *(reason.upper() for reason in OBSERVATION_REASONS),
)
LISTS: Final[Mapping[str, str]] = {
    "iv_replacement": "IV replacement",
    "recheck": "Recheck",
    "review": "Review",
    "work_up": "Work-up",
    "high_watch": "High watch",
}
_METHODS: Final = {
    "dialysis": "dialysis or end-stage disease recorded",
    "reported_clearance": "clearance as reported",
    "cockcroft_gault": "Cockcroft-Gault",
    "egfr": "eGFR, no weight",
}
_ROUTES: Final = {"iv": "IV", "im": "IM", "other": "route unread"}


def heading(edition: Edition, worklist: str) -> str:
    """What stands on top of a printed list."""
    if worklist == "iv_replacement":
        return edition.policy.texts["iv_heading"]
    return {
        "recheck": "Recheck magnesium: overdue first, then due, then upcoming",
        "review": "Results nobody could judge: please look",
        "work_up": "Low magnesium that persists: look for the cause",
        "high_watch": "May carry too much magnesium: watch",
    }.get(worklist, worklist)


def listed_of_read(edition: Edition, worklist: str) -> str:
    """`0 listed of 812 results read`."""
    read = edition.results_read
    results = "1 result" if read == 1 else f"{read} results"
    return f"{edition.listed(worklist).height} listed of {results} read"


@lru_cache(maxsize=len(LISTS))  # the three forms of a list say the same words
def with_words(edition: Edition, worklist: str) -> pl.DataFrame:
    """The items of a list with a column of words for each code or bare figure."""
    worded = _reason_words(edition)
    texts = dict(filled_texts(edition.policy))
    main = [code for code in worded if code not in SMALL_PRINT]
    return (
        edition.listed(worklist)
        .with_columns(
            ward_words=ward_words(edition.zone),
            renal=renal_words(edition),
            method_words=pl.col("renal_method").cast(pl.String).replace(_METHODS),
            calcium_words=_calcium(),
            route_words=pl.col("last_dose_route").replace(_ROUTES),
            rule_words=pl.col("recheck_rule").cast(pl.String).replace(rule_words(edition.policy)),
            when_words=when_due(),
            finding_words=pl.col("femg_finding").cast(pl.String).replace(texts),
            obstacle_words=pl.col("femg_obstacles").list.eval(pl.element().replace(texts)),
            missing_words=pl.col("femg_missing").list.eval(
                pl.element().str.replace_all("_", " ", literal=True)
            ),
            own_guidance=own_guidance(edition.policy),
            main_reasons=pl.concat_list(_listed(worded, main), _unworded()),
            other_reasons=_listed(worded, [code for code in main if code not in PROBLEMS]),
            small_reasons=_listed(worded, SMALL_PRINT),
            problem_words=pl.concat_list(_listed(worded, PROBLEMS), _unworded()),
        )
        .with_columns(all_reasons=pl.concat_list("main_reasons", "small_reasons"))
    )


def _listed(worded: Mapping[str, pl.Expr], codes: Iterable[str]) -> pl.Expr:
    """The words of a row's reasons among `codes`, in their order, as a list."""
    has = [pl.when(pl.col("reasons").list.contains(code)).then(worded[code]) for code in codes]
    return pl.concat_list(has).list.drop_nulls()


def _unworded() -> pl.Expr:
    """Reasons that the vocabulary does not know yet: their codes spelled out, never lost."""
    code = pl.element()
    unknown = code.filter(~code.is_in(REASONS)).str.replace_all("_", " ", literal=True)
    return pl.col("reasons").list.eval(unknown.str.to_lowercase())


def _reason_words(edition: Edition) -> dict[str, pl.Expr]:
    """Every known reason in print order; what was looked for says since when."""
    texts = filled_texts(edition.policy)
    words = {code: pl.lit(texts.get(code, code.replace("_", " ").lower())) for code in REASONS}
    looked_from = pl.col("collected_at") - pl.duration(
        seconds=round(edition.policy.companions.window_hours * 3600)
    )
    since = pl.lit(" since ") + time_words(looked_from, edition)
    for code, analyte in (("CHECK_POTASSIUM", "potassium"), ("CHECK_CALCIUM", "calcium")):
        dated = pl.lit(f"no {analyte}") + since
        words[code] = pl.coalesce(dated, words[code])
    return words


def renal_words(edition: Edition) -> pl.Expr:
    """`CrCl 43, not below 20`: the estimate cut, never rounded across the limit, and its limit."""
    limit = edition.policy.renal.severe_below
    scale = 10 ** len(f"{limit:g}".partition(".")[2])
    estimate = number_text((pl.col("renal_estimate_ml_min") * scale).floor() / scale)
    method = pl.col("renal_method").cast(pl.String)
    figure = pl.when(method == "egfr").then(pl.lit("eGFR ")).otherwise(pl.lit("CrCl ")) + estimate
    status = pl.col("renal_status").cast(pl.String)
    changing = pl.when(pl.col("is_creatinine_unstable")).then(pl.lit(", creatinine changing"))
    words = (
        pl.when(method == "dialysis")
        .then(pl.lit("on dialysis or end-stage"))
        .when(status == "severe_impairment")
        .then(figure + pl.lit(f", below {limit:g}: severe impairment"))
        .when(status == "adequate")
        .then(figure + pl.lit(f", not below {limit:g}"))
        .when(status == "unknown")
        .then(pl.lit("unknown"))
        .otherwise(None)
    )
    return words + changing.fill_null("")


def _calcium() -> pl.Expr:
    """`8.98 mg/dL adjusted`; ionised calcium is in mmol/L."""
    is_ionised = pl.col("calcium_basis") == "ionised"
    unit = pl.when(is_ionised).then(pl.lit(" mmol/L ")).otherwise(pl.lit(" mg/dL "))
    return figure_text(pl.col("calcium_judged").round(2)) + unit + pl.col("calcium_basis")


def ward_words(zone: str) -> pl.Expr:
    """The ward of an open stay, or `left 12 Nov (7B)`."""
    left = pl.lit("left ") + local(pl.col("left_at"), zone).dt.strftime("%-d %b")
    from_ward = pl.concat_str(pl.lit(" ("), pl.col("last_ward"), pl.lit(")")).fill_null("")
    return pl.coalesce(
        pl.col("ward"),
        left + from_ward,
        pl.when(pl.col("is_in_hospital")).then(pl.lit("in hospital, ward not known")),
    )


def local(instant: pl.Expr, zone: str) -> pl.Expr:
    """An instant in the hospital's zone."""
    return instant.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)


def time_words(instant: pl.Expr, edition: Edition) -> pl.Expr:
    """`20 Nov 06:10`; with the year when it is not the night's."""
    return _dated(local(instant, edition.zone), "%-d %b", " %H:%M", edition)


def day_words(instant: pl.Expr, edition: Edition) -> pl.Expr:
    """`20 Nov`; with the year when it is not the night's."""
    return _dated(local(instant, edition.zone), "%-d %b", "", edition)


def _dated(there: pl.Expr, day: str, time: str, edition: Edition) -> pl.Expr:
    is_this_year = there.dt.year() == edition.night.year
    return (
        pl.when(is_this_year)
        .then(there.dt.strftime(day + time))
        .otherwise(there.dt.strftime(f"{day} %Y{time}"))
    )
