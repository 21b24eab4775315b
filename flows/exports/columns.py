"""The columns of each list in reading order: the name in the CSV, the title on paper."""

from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from flows.exports.edition import Edition
from flows.exports.words import with_words

Kind = Literal["text", "whole", "figure", "estimate", "flag", "instant", "day", "blank", "token"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One column of a list.

    `of` names the column of the worded items that holds it (`name` when empty), `paper` the words
    that stand for it in print; a detail is folded away on the sheet, and the CSV shows it. An
    estimate is a figure of which a sheet shows one decimal and holds all.
    """

    name: str
    title: str
    kind: Kind = "text"
    width: float = 8
    is_detail: bool = False
    of: str = ""
    paper: str = ""


_WHO: Final = (
    Shown("rank", "#", "whole", 4),
    Shown("life", "Listed", width=7),
    Shown("ward", "Ward", width=11, of="ward_words"),
    Shown("name", "Name", width=11),
    Shown("mrn", "MRN", width=9),
    Shown("patient_id", "Patient", width=8),
    Shown("birth_date", "Born", "day", 11),
    Shown("age", "Age", "whole", 5, is_detail=True, of="age_years"),
    Shown("sex", "Sex", width=7),
)
_ANSWER: Final = (
    Shown("reasons", "Reasons", width=21, of="all_reasons"),
    Shown("why", "Why", width=23),
    Shown("guidance", "Guidance", width=21, paper="own_guidance"),
    Shown("first_listed_on", "First listed", "day", 11, is_detail=True),
    Shown("nights_listed", "Nights", "whole", 7, is_detail=True),
    Shown("answered", "Answered", width=14),
    Shown("answer", "Answer", "blank", 12.5),
    Shown("until", "Until", "blank", 11),
    Shown("by", "By", "blank", 10),
    Shown("note", "Note", "blank", 16),
    Shown("item_id", "Item ID", width=18, is_detail=True),
    Shown("token", "Token", "token", 50, is_detail=True),
)
_RENAL: Final = (
    Shown("renal", "Kidneys", width=10),
    Shown("renal_estimate_ml_min", "mL/min", "estimate", is_detail=True),
    Shown("renal_method", "Estimated by", width=14, is_detail=True, of="method_words"),
)
_POTASSIUM: Final = Shown("potassium_mmol_l", "Potassium mmol/L", "figure", 9)
_CALCIUM: Final = Shown("calcium_judged", "Calcium", "figure", 10, paper="calcium_words")
_CALCIUM_BASIS: Final = Shown("calcium_basis", "Calcium basis", width=11, is_detail=True)
_MAGNESIUM: Final = Shown("magnesium_as_reported", "Magnesium", width=10.5)
_MG_DL: Final = Shown("magnesium_mg_dl", "Mg mg/dL", "figure", 9, is_detail=True)
_DRAWN: Final = Shown("collected_at", "Drawn", "instant", 12)
_HOURS: Final = Shown("hours_ago", "Hours ago", "whole", 7, is_detail=True)
_PREVIOUS: Final = (
    Shown("previous_as_reported", "Magnesium before", width=11, is_detail=True),
    Shown("previous_at", "Drawn before", "instant", 16, is_detail=True),
)

COLUMNS: Final[dict[str, tuple[Shown, ...]]] = {
    "iv_replacement": (
        *_WHO,
        _MAGNESIUM,
        _MG_DL,
        _DRAWN,
        _HOURS,
        Shown("is_provisional", "Provisional", "flag", 10, is_detail=True),
        *_PREVIOUS,
        Shown("magnesium_given_since", "Magnesium given since", width=11),
        Shown("treatment_known_until", "Doses known until", "instant", 16, is_detail=True),
        Shown("has_parenteral_order", "IV or IM order", "flag", is_detail=True),
        *_RENAL,
        Shown("creatinine_mg_dl", "Creatinine mg/dL", "figure", 10, is_detail=True),
        Shown("creatinine_at", "Creatinine drawn", "instant", 16, is_detail=True),
        _POTASSIUM,
        Shown("potassium_at", "Potassium drawn", "instant", 16, is_detail=True),
        _CALCIUM,
        _CALCIUM_BASIS,
        Shown("calcium_at", "Calcium drawn", "instant", 16, is_detail=True),
        Shown("weight_kg", "Weight kg", "figure", is_detail=True),
        Shown("weight_at", "Weighed", "instant", 16, is_detail=True),
        *_ANSWER,
    ),
    "recheck": (
        *_WHO,
        Shown("section", "When", width=12, paper="when_words"),
        Shown("recheck_due_on", "Due", "day", 11, is_detail=True),
        Shown("days_past_due", "Days past due", "whole", 7, is_detail=True),
        Shown("recheck_rule", "Rule", width=18, is_detail=True, of="rule_words"),
        _MAGNESIUM,
        _DRAWN,
        *_PREVIOUS,
        Shown("last_dose_route", "Last dose by", is_detail=True, of="route_words"),
        Shown("last_dose_grams", "Last dose g", "figure", is_detail=True),
        Shown("last_dose_at", "Last magnesium dose", "instant", 12),
        Shown("supplement_started_at", "Supplement since", "instant", 16, is_detail=True),
        Shown("is_oral_active", "Oral active", "flag", 7),
        Shown("is_cardiac", "Cardiac", "flag", 8),
        *_RENAL,
        _POTASSIUM,
        _CALCIUM,
        _CALCIUM_BASIS,
        *_ANSWER,
    ),
    "review": (
        *_WHO,
        Shown("what_is_wrong", "What is wrong", width=16, of="problem_words"),
        Shown("value_as_sent", "Value", width=12),
        Shown("unit_as_sent", "Unit", width=8),
        Shown("code_as_sent", "Code", width=9),
        Shown("status_as_sent", "Status", width=7, is_detail=True),
        Shown("value_collected_at", "Drawn", "instant", 12),
        Shown("could_be_severe", "Could be severe", "flag"),
        Shown("last_judged_mg_dl", "Last judged mg/dL", "figure"),
        Shown("last_judged_at", "Last judged drawn", "instant", 12),
        Shown("source", "Feed", width=10, is_detail=True),
        Shown("file", "File", width=26, is_detail=True),
        Shown("row", "Row", "whole", 7, is_detail=True),
        *_ANSWER,
    ),
    "work_up": (
        *_WHO,
        Shown("episode_started_at", "Low since", "instant", 12),
        Shown("episode_lows", "Low results", "whole", 8),
        Shown("episode_lowest_mg_dl", "Lowest mg/dL", "figure", 9),
        _MAGNESIUM,
        _DRAWN,
        Shown("femg_percent", "FEMg %", "estimate", 8),
        Shown("femg_finding", "FEMg suggests", width=14, of="finding_words"),
        Shown("femg_obstacles", "Why not interpretable", width=18, of="obstacle_words"),
        Shown("femg_missing", "Missing for FEMg", width=16, of="missing_words"),
        Shown("urine_at", "Urine collected", "instant", 12),
        Shown("urine_magnesium_mg_dl", "Urine Mg mg/dL", "figure", is_detail=True),
        Shown("urine_creatinine_mg_dl", "Urine creatinine mg/dL", "figure", is_detail=True),
        Shown("serum_magnesium_mg_dl", "Serum Mg mg/dL", "figure", is_detail=True),
        Shown("serum_magnesium_at", "Serum Mg drawn", "instant", 16, is_detail=True),
        Shown("serum_creatinine_mg_dl", "Serum creatinine mg/dL", "figure", is_detail=True),
        Shown("serum_creatinine_at", "Serum creatinine drawn", "instant", 16, is_detail=True),
        Shown("urine_calcium_creatinine", "Urine calcium/creatinine mg/mg", "figure", 10),
        Shown("urine_ratio_at", "That urine collected", "instant", 16, is_detail=True),
        *_RENAL,
        *_ANSWER,
    ),
    "high_watch": (
        *_WHO,
        _MAGNESIUM,
        _MG_DL,
        _DRAWN,
        _HOURS,
        *_PREVIOUS,
        Shown("is_critical_high", "Critically high", "flag", 9),
        *_RENAL,
        Shown("is_creatinine_unstable", "Creatinine changing", "flag", 9, is_detail=True),
        Shown("last_dose_product", "Last magnesium product", width=13),
        Shown("last_dose_route", "Last dose by", of="route_words"),
        Shown("last_dose_at", "Last magnesium dose", "instant", 12),
        Shown("active_magnesium_orders", "Active magnesium orders", width=16),
        Shown("is_obstetric", "Pre-eclampsia", "flag", 9),
        Shown("is_on_cns_depressant", "On CNS depressant", "flag", 9),
        *_ANSWER,
    ),
}


def facts_of(worklist: str) -> tuple[Shown, ...]:
    """The columns of a list that say something of the patient.

    All but the rank, which another patient can change, those for the answer, and the token.
    """
    return tuple(
        shown
        for shown in COLUMNS[worklist]
        if shown.kind not in {"blank", "token"} and shown.name != "rank"
    )


_LISTED: Final = ("reasons", "what_is_wrong", "femg_obstacles", "femg_missing")


def laid_out(edition: Edition, worklist: str, *, on_paper: bool) -> pl.DataFrame:
    """The items of a list under the names of its columns, in reading order, one row an item.

    Instants stay naive UTC; a list of reasons is joined by `;` in the CSV and by `; ` on paper.
    """
    return with_words(edition, worklist).select(
        _expression(shown, on_paper=on_paper).alias(shown.name) for shown in COLUMNS[worklist]
    )


def _expression(shown: Shown, *, on_paper: bool) -> pl.Expr:
    if shown.kind in {"blank", "token"}:
        return pl.lit(None, dtype=pl.String)
    column = (shown.paper if on_paper else "") or shown.of or shown.name
    if on_paper and shown.paper:
        return pl.col(column)
    if shown.name in _LISTED:
        # Inside a list for machines the separator must not stand in a reason's own words.
        plain = pl.element().str.replace_all(";", ",", literal=True)
        listed = pl.col(column).list
        joined = listed.join("; ") if on_paper else listed.eval(plain).list.join(";")
        return joined.replace("", None)
    if shown.kind == "text":
        return pl.col(column).cast(pl.String)
    return pl.col(column)
