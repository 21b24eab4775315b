"""Why a patient is judged so and listed there, told from the rungs that decided it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

import polars as pl

from data_contracts.vocabulary import WORKLISTS
from hypomag_rules.assess import Assessed
from hypomag_rules.follow_up import recheck_ladders, recheck_rungs
from hypomag_rules.high_watch import high_watch_rungs
from hypomag_rules.policy import Policy
from hypomag_rules.renal import renal_ladders
from hypomag_rules.replacement import replacement_rungs
from hypomag_rules.review import REVIEW_RUNGS
from hypomag_rules.rungs import ALIVE, HAS_INDEX, IN_SCOPE, Ladder, Rung
from hypomag_rules.severity import severity_ladder
from hypomag_rules.work_up import femg_ladder, work_up_rungs

_DECIMALS: Final = 6
_OF_EVERY_LIST: Final = (HAS_INDEX.says, IN_SCOPE.says, ALIVE.says)
_RESULT: Final = ("collected_time", "value", "unit", "magnitude", "severity", "status_kind")
_DOSE: Final = ("started_time", "dose_ended_at", "route", "grams")
_UNREADABLE: Final = (
    "collected_time",
    "value",
    "unit",
    "source",
    "review_reason",
    "could_be_severe",
)


def explained(judged: Assessed, policy: Policy, zone: str) -> dict[str, Any]:
    """The explanation of one judged patient, in plain values; instants are ISO 8601 in UTC.

    `results` (newest first, the index marked), `unreadable`, `doses`, `findings` (each column that
    a ladder decides: the answer, how it is picked, the steps), `lists` (each with whether the
    patient is on it and its rungs) and `nearest`, the one rung that keeps the patient off a list,
    where it is only one. A rung or step says what was asked, what was read, the limits, the answer
    and the statement.
    """
    patient = judged.patients.with_columns(magnitude="magnesium_mg_dl")
    findings = _findings(policy, zone)
    ladders = _ladders(policy, zone)
    lists = {
        name: {
            "is_on": patient.get_column(f"is_on_{name}").item(),
            "rungs": [_told(rung, patient, policy) for rung in rungs],
        }
        for name, rungs in ladders.items()
    }
    return {
        "results": _results(judged),
        "unreadable": _rows(judged.reviews.select(_UNREADABLE)),
        "doses": _rows(judged.doses.sort("started_time").select(_DOSE)),
        "findings": {ladder.column: _decided(ladder, patient, policy) for ladder in findings},
        "lists": lists,
        "nearest": _nearest(lists, patient, policy),
    }


def _findings(policy: Policy, zone: str) -> tuple[Ladder, ...]:
    severity = severity_ladder(policy.magnesium)
    return (
        replace(severity, gate=(HAS_INDEX, *severity.gate)),
        *renal_ladders(policy),
        *recheck_ladders(policy, zone),
        femg_ladder(policy),
    )


def _decided(ladder: Ladder, patient: pl.DataFrame, policy: Policy) -> dict[str, Any]:
    """A ladder: its answer, and every step with what it would give."""
    return {
        "answer": plain(patient.get_column(ladder.column).item()),
        "picks": ladder.picks,
        "gate": [_told(rung, patient, policy) for rung in ladder.gate],
        "steps": [
            {
                "gives": step.gives,
                "comes_to": None
                if step.comes_to is None
                else plain(patient.select(step.comes_to).item()),
                **_told(step.rung, patient, policy),
            }
            for step in ladder.steps
        ],
    }


def _ladders(policy: Policy, zone: str) -> Mapping[str, tuple[Rung, ...]]:
    ladders = {
        "iv_replacement": replacement_rungs(policy),
        "recheck": recheck_rungs(policy, zone),
        "review": REVIEW_RUNGS,
        "work_up": work_up_rungs(policy, zone),
        "high_watch": high_watch_rungs(policy, zone),
    }
    return {name: ladders[name] for name in WORKLISTS}


def _results(judged: Assessed) -> list[dict[str, Any]]:
    """All magnesium results that count, the newest first."""
    index_at = judged.patients.get_column("collected_at").item()
    rows = judged.results.filter(pl.col("analyte") == "magnesium").sort(
        "collected_time", descending=True
    )
    told = rows.select(*_RESULT, is_index=pl.col("collected_time").eq_missing(pl.lit(index_at)))
    return _rows(told)


def _told(rung: Rung, patient: pl.DataFrame, policy: Policy) -> dict[str, Any]:
    """One rung: the question, the answer, what was read and what it was compared with."""
    told = {
        "asks": rung.says,
        "holds": patient.select(rung.holds.fill_null(value=False)).item(),
        "read": _rows(patient.select(rung.reads))[0] if rung.reads else {},
        "limits": {key: _limit(key, policy) for key in rung.keys},
        "statement": rung.statement,
    }
    limbs = [[_told(each, patient, policy) for each in limb] for limb in rung.limbs]
    return told | ({"limbs": limbs} if limbs else {})


def _limit(key: str, policy: Policy) -> object:
    section, _, name = key.partition(".")
    limit = getattr(getattr(policy, section), name)
    return list(limit) if isinstance(limit, tuple) else limit


def _nearest(
    lists: Mapping[str, Mapping[str, Any]], patient: pl.DataFrame, policy: Policy
) -> list[str]:
    """For each list that one rung alone keeps the patient off: which, and by how much.

    Being alive and adult brings nobody near a list: something of the list's own must hold.
    """
    told = []
    for name, entry in lists.items():
        own = [rung for rung in entry["rungs"] if rung["asks"] not in _OF_EVERY_LIST]
        failing = [rung for rung in entry["rungs"] if not rung["holds"]]
        if len(failing) == 1 and any(rung["holds"] for rung in own):
            short = _by_how_much(failing[0], patient, policy)
            told.append(f"{name}: all but “{failing[0]['asks']}”{short}")
    return told


def _by_how_much(rung: Mapping[str, Any], patient: pl.DataFrame, policy: Policy) -> str:
    """`: 1.21 is above 1.2 by 0.01 mg/dL`, where the rung compares the index with a limit.

    Of a printed bound that reaches below the limit nobody knows it.
    """
    value = patient.get_column("magnesium_mg_dl").item()
    lower = patient.get_column("lower").item()
    if "magnesium.severe_limit" not in rung["limits"] or value is None:
        return ""
    limit = policy.magnesium.severe_limit
    if lower <= limit:
        return ""
    above = (_short(figure) for figure in (value, limit, value - limit))
    return ": {} is above {} by {} mg/dL".format(*above)


def _short(figure: float) -> str:
    """A figure with its six decimals, but no zeros at the end."""
    return f"{figure:.{_DECIMALS}f}".rstrip("0").rstrip(".")


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {name: plain(value) for name, value in row.items()} for row in frame.iter_rows(named=True)
    ]


def plain(value: object) -> object:
    """A value as JSON holds it."""
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    return value.isoformat() if isinstance(value, date) else value
