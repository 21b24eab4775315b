"""What a row says in words: the whole sentence for each way to a list, and at each edge."""

from datetime import date, datetime, timedelta
from typing import Any, Final

import polars as pl
import pytest

from hypomag_rules.policy import load
from hypomag_rules.sentences import rule_words, with_sentences

AS_OF: Final = datetime(2026, 11, 21, 2)  # noqa: DTZ001 - instants are naive UTC
DRAWN: Final = datetime(2026, 11, 20, 6, 10)  # noqa: DTZ001 - instants are naive UTC
_DOSE: Final = pl.Struct({"route": pl.String, "grams": pl.Float64, "started_at": pl.Datetime("us")})
_ORDER: Final = pl.Struct({"name": pl.String, "route": pl.String, "started_at": pl.Datetime("us")})
_TEXTS: Final = pl.List(pl.String)
SCHEMA: Final[dict[str, Any]] = {
    "worklist": pl.String,
    "section": pl.String,
    "as_of": pl.Datetime("us"),
    "collected_at": pl.Datetime("us"),
    "magnesium_mg_dl": pl.Float64,
    "reported_value": pl.String,
    "reported_unit": pl.String,
    "comparator": pl.String,
    "severity": pl.String,
    "magnesium_doses_since": pl.List(_DOSE),
    "active_orders": pl.List(_ORDER),
    "is_treatment_unknown": pl.Boolean,
    "treatment_known_until": pl.Datetime("us"),
    "parenteral_after_index_at": pl.Datetime("us"),
    "parenteral_from": pl.Datetime("us"),
    "recheck_rule": pl.String,
    "recheck_opens_on": pl.Date,
    "recheck_due_on": pl.Date,
    "days_past_due": pl.Int32,
    "episode_lows": pl.Int32,
    "episode_started_at": pl.Datetime("us"),
    "femg_finding": pl.String,
    "femg_percent": pl.Float64,
    "femg_obstacles": _TEXTS,
    "femg_missing": _TEXTS,
    "has_magnesium_on_board": pl.Boolean,
    "is_critical_high": pl.Boolean,
    "renal_status": pl.String,
    "is_creatinine_unstable": pl.Boolean,
    "review_reasons": _TEXTS,
    "review_analyte": pl.String,
    "value_as_sent": pl.String,
    "unit_as_sent": pl.String,
    "value_collected_at": pl.Datetime("us"),
    "could_be_severe": pl.Boolean,
    "reasons": _TEXTS,
    "im_upper_limit_grams": pl.Float64,
    "is_on_cns_depressant": pl.Boolean,
}
USUAL: Final[dict[str, Any]] = {
    "section": "main",
    "as_of": AS_OF,
    "collected_at": DRAWN,
    "magnesium_mg_dl": 0.9,
    "reported_value": "0.9",
    "reported_unit": "mg/dL",
    "severity": "severe",
    "magnesium_doses_since": [],
    "active_orders": [],
    "is_treatment_unknown": False,
    "treatment_known_until": AS_OF,
    "recheck_rule": "standard",
    "recheck_opens_on": date(2026, 11, 17),
    "recheck_due_on": date(2026, 11, 24),
    "days_past_due": -3,
    "episode_lows": 3,
    "episode_started_at": DRAWN - timedelta(days=20),
    "femg_obstacles": [],
    "femg_missing": [],
    "has_magnesium_on_board": False,
    "is_critical_high": False,
    "renal_status": "adequate",
    "is_creatinine_unstable": False,
    "review_reasons": ["UNIT_MISSING"],
    "review_analyte": "magnesium",
    "value_as_sent": "1.0",
    "value_collected_at": DRAWN,
    "could_be_severe": False,
    "reasons": [],
    "is_on_cns_depressant": False,
}
OURS: Final = "Magnesium 0.9 mg/dL (severe: 1.2 or below), drawn Fri 20 Nov 06:10; "


def _said(worklist: str, column: str, **changed: object) -> str | None:
    row = USUAL | {"worklist": worklist} | changed
    frame = pl.DataFrame({name: [row.get(name)] for name in SCHEMA}, schema=SCHEMA)
    said: str | None = with_sentences(frame, load(), "UTC").item(0, column)
    return said


def _dose(route: str, grams: float | None, hours: int = 1) -> dict[str, object]:
    return {"route": route, "grams": grams, "started_at": DRAWN + timedelta(hours=hours)}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "no IV or IM magnesium charted up to Sat 02:00."),
        (
            {"treatment_known_until": AS_OF - timedelta(days=6, seconds=-1)},
            "no IV or IM magnesium charted up to Sun 02:00.",
        ),
        (
            {"treatment_known_until": AS_OF - timedelta(days=6)},
            "no IV or IM magnesium charted up to Sun 15 Nov 02:00.",
        ),
        (
            {"treatment_known_until": None},
            "no IV or IM magnesium charted up to an unknown time.",
        ),
        (
            {"is_treatment_unknown": True},
            "treatment since then unknown: doses known only to Sat 02:00.",
        ),
        (
            {"is_treatment_unknown": True, "treatment_known_until": None},
            "treatment since then unknown: no administrations received.",
        ),
        (
            {
                "parenteral_after_index_at": DRAWN,
                "magnesium_doses_since": [_dose("oral", 4.0), _dose("iv", 0.5), _dose("im", 0.25)],
            },
            (
                "only 0.75 g of IV or IM magnesium charted up to Sat 02:00 "
                "(sufficient: 0.95 g or more)."
            ),
        ),
    ],
)
def test_why_somebody_may_need_it_by_vein(changed: dict[str, object], said: str) -> None:
    assert _said("iv_replacement", "why", **changed) == OURS + said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"section": "due"}, "window open, sample by Tue 24 Nov."),
        ({"section": "due", "days_past_due": 0}, "window open, sample by Tue 24 Nov (today)."),
        (
            {"section": "overdue", "days_past_due": 1},
            "sample overdue by 1 day, was due Tue 24 Nov.",
        ),
        (
            {"section": "overdue", "days_past_due": 2},
            "sample overdue by 2 days, was due Tue 24 Nov.",
        ),
        ({"section": "upcoming"}, "window opens Tue 17 Nov, sample by Tue 24 Nov."),
    ],
)
def test_when_a_sample_is_wanted(changed: dict[str, object], said: str) -> None:
    rule = rule_words(load())["standard"]
    assert _said("recheck", "why", **changed) == f"{OURS}{rule}; {said}"


def test_a_level_after_a_dose_names_the_dose() -> None:
    said = _said(
        "recheck",
        "why",
        section="due",
        recheck_rule="after_parenteral",
        parenteral_from=DRAWN + timedelta(hours=2),
    )
    assert said == (
        f"{OURS}a level is owed after IV or IM magnesium of Fri 20 Nov 08:10; window open, "
        "sample by Tue 24 Nov."
    )


def test_one_day_is_no_days() -> None:
    one = load("[recheck]\ncardiac_days = 1")
    assert rule_words(one)["cardiac"] == "cardiac condition: a level within 1 day"
    assert rule_words(load())["cardiac"] == "cardiac condition: a level within 7 days"


LOWS: Final = f"{OURS}3 severe or low results since Sat 31 Oct; "


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"femg_missing": ["urine_magnesium", "urine_creatinine"]},
            "FEMg cannot be computed, missing: urine magnesium, urine creatinine.",
        ),
        (
            {"femg_percent": 5.952381, "femg_finding": "renal_wasting"},
            "FEMg 5.95 %, suggests renal wasting.",
        ),
        (
            {"femg_percent": 2.004, "femg_finding": "renal_wasting"},
            "FEMg 2.004 %, suggests renal wasting.",
        ),
        (
            {"femg_percent": 1.996, "femg_finding": "gastrointestinal_loss"},
            "FEMg 1.996 %, suggests gut loss.",
        ),
        (
            {
                "femg_percent": 2.5,
                "femg_finding": "not_interpretable",
                "femg_obstacles": ["RENAL_UNKNOWN"],
            },
            "FEMg 2.5 %, not interpretable: kidney function unknown.",
        ),
    ],
)
def test_what_the_urine_says(changed: dict[str, object], said: str) -> None:
    assert _said("work_up", "why", **changed) == LOWS + said


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"is_critical_high": True}, "CRITICAL_HIGH"),
        ({"has_magnesium_on_board": True}, "high_watch_on_board"),
        ({"renal_status": "severe_impairment"}, "RENAL_IMPAIRED"),
        ({"is_creatinine_unstable": True}, "RENAL_UNSTABLE"),
    ],
)
def test_what_puts_somebody_at_risk_of_too_much(changed: dict[str, object], key: str) -> None:
    text = load().texts[key].replace("{dosed_days}", "7").replace("{severe_below}", "20")
    assert _said("high_watch", "why", **changed) == f"{OURS}{text}."
    assert _said("high_watch", "why") == OURS.removesuffix("; ") + "."


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "Printed result “1.0”, drawn Fri 20 Nov 06:10: unit missing."),
        (
            {"could_be_severe": True, "unit_as_sent": " mg"},
            "Printed result “1.0 mg”, drawn Fri 20 Nov 06:10: unit missing; could be severe.",
        ),
        (
            {"value_as_sent": "HEMOLYZED", "unit_as_sent": "mg/dL"},
            "Printed result “HEMOLYZED”, drawn Fri 20 Nov 06:10: unit missing.",
        ),
        (
            {"review_analyte": "creatinine", "review_reasons": ["UNIT_SHIFT_SUSPECTED"]},
            (
                "Printed creatinine “1.0”, drawn Fri 20 Nov 06:10: unit change suspected: held, "
                "not judged."
            ),
        ),
        (
            {"value_as_sent": None, "value_collected_at": None},
            "A result without a value, time of the sample unknown: unit missing.",
        ),
    ],
)
def test_what_nobody_could_judge(changed: dict[str, object], said: str) -> None:
    assert _said("review", "why", **changed) == said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "0.9 mg/dL (severe: 1.2 or below)"),
        ({"reported_value": " .9 L"}, "0.9 mg/dL (severe: 1.2 or below)"),
        (
            {"reported_value": "1,0", "magnesium_mg_dl": 1.0},
            "1,0 mg/dL (1 mg/dL; severe: 1.2 mg/dL or below)",
        ),
        ({"reported_unit": None}, "0.9 (0.9 mg/dL; severe: 1.2 mg/dL or below)"),
        (
            {"reported_value": "0.43", "reported_unit": "mmol/L", "magnesium_mg_dl": 1.045115},
            "0.43 mmol/L (1.05 mg/dL; severe: 1.2 mg/dL or below)",
        ),
        (
            {"reported_value": "0.494", "reported_unit": "mmol/L", "magnesium_mg_dl": 1.200667}
            | {"severity": "low"},
            "0.494 mmol/L (1.200667 mg/dL; low: 1.5 mg/dL or below)",
        ),
        (
            {"reported_value": "1.9", "magnesium_mg_dl": 1.9, "severity": "target_met"},
            "1.9 mg/dL (above 1.5 target)",
        ),
        (
            {"reported_value": "2.9", "magnesium_mg_dl": 2.9, "severity": "high"},
            "2.9 mg/dL (high: above 2.6)",
        ),
        (
            {"reported_value": "<1.5", "magnesium_mg_dl": 1.5, "comparator": "<"}
            | {"severity": "undetermined"},
            "<1.5 mg/dL (fits more than one class)",
        ),
    ],
)
def test_the_result_as_the_laboratory_printed_it(changed: dict[str, object], said: str) -> None:
    why = _said("iv_replacement", "why", **changed)
    assert why is not None
    assert why.startswith(f"Magnesium {said}, drawn Fri 20 Nov 06:10; ")


@pytest.mark.parametrize(
    ("doses", "said"),
    [
        ([], "none"),
        ([_dose("iv", 2.0)], "IV 2 g Fri 20 Nov 07:10"),
        (
            [_dose("oral", 0.4), _dose("other", None, 2)],
            "oral 400 mg Fri 20 Nov 07:10; route unread dose unread Fri 20 Nov 08:10",
        ),
    ],
)
def test_what_was_given_since(doses: list[dict[str, object]], said: str) -> None:
    assert _said("iv_replacement", "magnesium_given_since", magnesium_doses_since=doses) == said


def test_nothing_given_is_unknown_where_no_doses_came() -> None:
    assert _said("iv_replacement", "magnesium_given_since", is_treatment_unknown=True) == "unknown"
    assert _said("review", "magnesium_given_since", collected_at=None) is None


def test_which_orders_are_active() -> None:
    begun = DRAWN - timedelta(days=6)
    orders = [
        {"name": "magnesium oxide", "route": "oral", "started_at": begun},
        {"name": None, "route": "iv", "started_at": None},
    ]
    assert _said("high_watch", "active_magnesium_orders", active_orders=orders) == (
        "magnesium oxide oral since Sat 14 Nov 06:10; magnesium IV"
    )
    assert _said("high_watch", "active_magnesium_orders") == "none"
