"""Every printed step of an explanation, decided again from nothing but what it prints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from .policy import Policy
from .renal import FORMULA_ADULT_AGE, cockcroft_gault, lower_ckd_epi
from .severity import severity_of
from .times import Moment, age_on
from .values import Interval, Number, interval_of

REVIEW_OF_COUNTED = {"UNDETERMINED", "UNDER_18", "PATIENT_CONFLICT"}
TOLERANCE = Decimal("0.000002")  # binary figures against decimal ones, both with six decimals


@dataclass(frozen=True)
class Step:
    """What one step prints: the values it read, by column, and its limits, by policy key."""

    read: Mapping[str, Any]
    limits: Mapping[str, Any]
    zone: ZoneInfo

    def time(self, name: str) -> datetime | None:
        """Return an instant that was read."""
        text = self.read[name]
        return None if text is None else datetime.fromisoformat(text).astimezone(UTC)

    def day(self, name: str) -> date | None:
        """Return a day that was read."""
        text = self.read[name]
        return None if text is None else date.fromisoformat(text)

    def figure(self, name: str) -> Decimal | None:
        """Return a number that was read."""
        value = self.read[name]
        return None if value is None else Decimal(str(value))

    def limit(self, key: str) -> Decimal:
        """Return a limit that was printed."""
        return Decimal(str(self.limits[key]))

    def interval(self, value: str, comparator: str) -> Interval | None:
        """Return what a result and its comparator may be."""
        figure = self.figure(value)
        return None if figure is None else interval_of(Number(self.read[comparator], figure))

    def local_day(self, time: datetime) -> date:
        """Return the calendar day of an instant."""
        return Moment(time, self.zone).night

    @property
    def night(self) -> Moment:
        """The instant that the explanation speaks for."""
        as_of = self.time("as_of")
        assert as_of is not None
        return Moment(as_of, self.zone)


def _is_adult(step: Step) -> bool:
    collected = step.time("collected_at")
    years = age_on(step.day("born_on"), step.local_day(collected)) if collected else None
    return years is None or years >= step.limit("magnesium.adult_age")


def _in_band(name: str) -> Callable[[Step], bool]:
    """Whether the interval lies in the named band; the limits not printed cannot matter to it."""

    def decide(step: Step) -> bool:
        interval = step.interval("magnitude", "comparator")
        far = {"low": Decimal(-1), "high": Decimal(10) ** 9}
        low = Decimal(str(step.limits.get("magnesium.severe_limit", far["low"])))
        target = Decimal(str(step.limits.get("magnesium.target", low)))
        bands = Policy(
            severe_limit=low,
            severe_includes_limit=step.limits.get("magnesium.severe_includes_limit", True),
            target=target,
            upper_limit=Decimal(str(step.limits.get("magnesium.upper_limit", far["high"]))),
        )
        return interval is not None and severity_of(interval, bands) == name

    return decide


def _is_sufficient(step: Step) -> bool:
    grams = step.figure("parenteral_grams")
    if grams is None:
        return False
    return step.read["has_unweighed_dose"] or grams >= step.limit("treatment.sufficient_grams")


def _is_recent(step: Step) -> bool:
    collected, limit = step.time("collected_at"), int(step.limit("replacement.iv_hours"))
    return collected is not None and step.night.is_within_hours(collected, limit)


def _is_indexed_lately(step: Step) -> bool:
    collected = step.time("collected_at")
    if collected is None:
        return False
    return step.night.days_since(collected) <= step.limit("work_up.index_days")


def _is_in_window(step: Step) -> bool:
    opens, status = step.day("recheck_opens_on"), step.read["recheck_status"]
    if opens is None:
        return False
    soon = (opens - step.night.night).days <= step.limit("recheck.upcoming_days")
    return status in {"overdue", "due"} or (status == "scheduled" and soon)


def _is_recent_high(step: Step) -> bool:
    collected = step.time("collected_at")
    if collected is None:
        return False
    is_pressing = (
        step.read["is_critical_high"]
        or step.read["renal_status"] == "severe_impairment"
        or step.read["is_creatinine_unstable"]
        or step.read["has_magnesium_on_board"]
    )
    key = "high_watch.index_days" if is_pressing else "high_watch.mild_index_days"
    return step.night.days_since(collected) <= step.limit(key)


def _is_unexpected(step: Step) -> bool:
    interval = step.interval("magnesium_mg_dl", "comparator")
    if interval is None:
        return not step.read["is_obstetric_dated"]
    stays = step.read["renal_status"] == "severe_impairment" or step.read["is_creatinine_unstable"]
    is_low_enough = interval.low is None or interval.low < step.limit("high_watch.obstetric_high")
    return not (step.read["is_obstetric_dated"] and is_low_enough and not stays)


def _is_uncleared(step: Step) -> bool:
    if step.read["renal_status"] == "severe_impairment":
        return True
    rose = step.time("plain_creatinine_at")
    if not step.read["is_creatinine_unstable"] or rose is None:
        return False
    return step.night.days_since(rose) <= step.limit("high_watch.creatinine_days")


def _is_reported(analyte: str) -> Callable[[Step], bool]:
    def decide(step: Step) -> bool:
        interval = step.interval(f"{analyte}_value", f"{analyte}_comparator")
        reported, creatinine = step.time(f"{analyte}_at"), step.time("creatinine_at")
        if interval is None or reported is None:
            return False
        if creatinine is not None and reported < creatinine:
            return False
        limit = step.limit("renal.severe_below")
        return interval.is_below(limit) or interval.is_at_least(limit)

    return decide


def _plain(step: Step, value: str, comparator: str) -> Decimal | None:
    return step.figure(value) if step.read[comparator] is None else None


def _adult_and_creatinine(step: Step) -> tuple[int, Decimal] | None:
    age = step.read["age_years"]
    creatinine = _plain(step, "creatinine_mg_dl", "creatinine_comparator")
    if age is None or age < FORMULA_ADULT_AGE or creatinine is None:
        return None
    return age, creatinine


def _cockcroft(step: Step) -> Decimal | None:
    known = _adult_and_creatinine(step)
    weight = _plain(step, "weight_kg", "weight_comparator")
    if known is None or weight is None:
        return None
    policy = Policy(
        ideal_weight_from_height=step.limit("renal.ideal_weight_from_height"),
        adjusted_weight_from_bmi=step.limit("renal.adjusted_weight_from_bmi"),
        adjusted_weight_factor=step.limit("renal.adjusted_weight_factor"),
    )
    height = _plain(step, "height_value", "height_comparator")
    return cockcroft_gault(*known, weight, height, step.read["sex"], policy)


def _ckd_epi(step: Step) -> Decimal | None:
    known = _adult_and_creatinine(step)
    return None if known is None else lower_ckd_epi(*known, step.read["sex"])


def _is_impaired(step: Step) -> bool:
    estimate = step.figure("renal_estimate_ml_min")
    below = estimate is not None and estimate < step.limit("renal.severe_below")
    is_upper_only: bool = step.read["renal_bound_is_upper"]
    is_on_dialysis: bool = step.read["renal_method"] == "dialysis"
    return is_on_dialysis or below or is_upper_only


def _is_adequate(step: Step) -> bool:
    estimate = step.figure("renal_estimate_ml_min")
    return estimate is not None and estimate >= step.limit("renal.severe_below")


def _is_expired(step: Step) -> bool:
    past, severity = step.read["days_past_due"], step.read["severity"]
    kinds = {"severe": "severe", "low": "low", "target_met": "confirm"}
    if past is None or severity not in kinds:
        return False
    return bool(past > step.limit(f"recheck.expires_{kinds[severity]}_days"))


def _compared(name: str, key: str, signs: set[int]) -> Callable[[Step], bool]:
    """Whether a figure is below (-1), at (0) or above (1) a limit, of these signs."""

    def decide(step: Step) -> bool:
        figure = step.figure(name)
        return figure is not None and _sign(figure - step.limit(key)) in signs

    return decide


def _sign(figure: Decimal) -> int:
    return (figure > 0) - (figure < 0)


def _opens(step: Step, *, is_open: bool) -> bool:
    opens = step.day("recheck_opens_on")
    return opens is not None and (step.night.night >= opens) == is_open


def _known(name: str) -> Callable[[Step], bool]:
    return lambda step: step.read[name] is not None


def _short(step: Step) -> bool:
    return step.read["severity"] in {"severe", "low"}


def _dosed(step: Step) -> bool:
    given = step.read["parenteral_after_index_at"] is not None
    return given and (step.read["severity"] != "severe" or _is_sufficient(step))


COMPANIONS = ("is_potassium_low", "is_calcium_low", "is_on_cardiac_glycoside")

DECIDE: Mapping[str, Callable[[Step], bool]] = {
    # of every list
    "a magnesium result of the days that are judged counts": _known("collected_at"),
    "adult, or of unknown age, on the day of the index": _is_adult,
    "alive": lambda step: step.read["died_at"] is None,
    # severity
    "the result is a number": _known("magnitude"),
    "at or below the severe limit": _in_band("severe"),
    "above the severe limit and at or below the target": _in_band("low"),
    "above the target and at or below the upper limit": _in_band("target_met"),
    "above the upper limit": _in_band("high"),
    "a printed bound that reaches over a limit": lambda _: True,
    # kidneys
    "on dialysis": lambda step: step.read["is_on_dialysis"],
    "a reported clearance, not older than the creatinine, on one side of the limit": _is_reported(
        "clearance"
    ),
    "an adult's creatinine and weight are known": lambda step: _cockcroft(step) is not None,
    "a reported eGFR, not older than the creatinine, on one side of the limit": _is_reported(
        "egfr"
    ),
    "an adult's creatinine is known, for CKD-EPI": lambda step: _ckd_epi(step) is not None,
    "none of these is known": lambda step: step.read["renal_method"] is None,
    "dialysis, or an estimate below the limit": _is_impaired,
    "an estimate at the limit or above": _is_adequate,
    # IV replacement
    "the index is severe": lambda step: _in_band("severe")(
        Step({**step.read, "magnitude": step.read["magnesium_mg_dl"]}, step.limits, step.zone)
    ),
    "no sufficient IV or IM dose ends after it": lambda step: not _is_sufficient(step),
    "drawn within the hours that count": _is_recent,
    # recheck
    "severe, low, or on target only soon after a dose": lambda step: (
        _short(step) or step.read["is_to_confirm"]
    ),
    "severe without a sufficient IV or IM dose": lambda step: (
        step.read["severity"] == "severe" and not _is_sufficient(step)
    ),
    "an IV or IM dose after the index; for a severe one a sufficient dose": _dosed,
    "low, with low potassium or calcium or a cardiac glycoside": lambda step: (
        step.read["severity"] == "low" and any(step.read[name] for name in COMPANIONS)
    ),
    "severe or low with a cardiac condition": lambda step: _short(step) and step.read["is_cardiac"],
    "severe or low with severely impaired kidneys": lambda step: (
        _short(step) and step.read["renal_status"] == "severe_impairment"
    ),
    "severe or low": _short,
    "on target only soon after a dose": lambda step: step.read["is_to_confirm"],
    "a level is owed": _known("recheck_due_on"),
    "the due day lies so far back that nobody expects the sample": _is_expired,
    "the due day has passed": lambda step: (step.read["days_past_due"] or 0) > 0,
    "the window is open": lambda step: _opens(step, is_open=True),
    "the window is not yet open": lambda step: _opens(step, is_open=False),
    "a level is owed: severe, low, or on target only soon after a dose": _known("recheck_rule"),
    "not on the IV list, which asks for more": lambda step: not step.read["is_on_iv_replacement"],
    "the window for the sample is open, passed or opens soon, and has not run out": _is_in_window,
    # review
    "lately refused: a serum magnesium, and no counted one is as new": lambda step: bool(
        set(step.read["review_reasons"]) - REVIEW_OF_COUNTED
    ),
    "lately drawn: an index, or a newer result, whose bound reaches over a limit": lambda step: (
        "UNDETERMINED" in step.read["review_reasons"]
    ),
    "lately drawn: an index off target, of a patient under age": lambda step: (
        "UNDER_18" in step.read["review_reasons"]
        and step.read["is_minor"]
        and step.read["severity"] != "target_met"
    ),
    "lately drawn: an index of a number with different birth dates": lambda step: (
        "PATIENT_CONFLICT" in step.read["review_reasons"] and step.read["is_conflicting"]
    ),
    # work-up
    "an episode of low magnesium is open": _known("episode_started_at"),
    "the index lies within the days that count": _is_indexed_lately,
    "low results lie far enough apart to be persistent": _compared(
        "episode_span_days", "work_up.persistent_days", {0, 1}
    ),
    "on the work-up list": lambda step: step.read["is_on_work_up"],
    "the set of four values is complete": _known("femg_percent"),
    "kidneys that are not normal, or a dose shortly before the urine": lambda step: bool(
        step.read["femg_obstacles"]
    ),
    "FEMg is above the limit": _compared("femg_percent", "work_up.femg_limit", {1}),
    "FEMg is below the limit": _compared("femg_percent", "work_up.femg_limit", {-1}),
    "FEMg is exactly the limit": _compared("femg_percent", "work_up.femg_limit", {0}),
    # high watch
    "the index is high": lambda step: step.read["severity"] == "high",
    "it is recent: for longer when critical, or when the magnesium may stay": _is_recent_high,
    "it is not what treatment in pregnancy aims at": _is_unexpected,
    "magnesium on board: a dose or an oral order in the last days": lambda step: step.read[
        "has_magnesium_on_board"
    ],
    "kidneys that do not clear it: severely impaired, or lately unstable": _is_uncleared,
}

ANCHORED = ("cardiac", "renal", "standard")


def _owed_on(gives: str, step: Step) -> date:
    """The local day by which a level is owed, of a rule that applies."""
    collected = step.time("collected_at")
    assert collected is not None
    anchor = collected
    if gives in ANCHORED:
        anchor = step.time("supplement_started_at") or collected
    if gives == "after_parenteral":
        given = step.time("parenteral_from")
        assert given is not None
        anchor = max(given, collected)
    return step.local_day(anchor) + timedelta(days=int(step.limit(f"recheck.{gives}_days")))


def _check_rung(rung: Mapping[str, Any], zone: ZoneInfo) -> int:
    """Decide a rung and its limbs again; the number of decisions."""
    if "limbs" in rung:
        decided = sum(_check_rung(one, zone) for limb in rung["limbs"] for one in limb)
        holds = any(all(one["holds"] for one in limb) for limb in rung["limbs"])
        assert holds == rung["holds"], rung
        return decided + 1
    step = Step(rung["read"], rung["limits"], zone)
    assert bool(DECIDE[rung["asks"]](step)) == rung["holds"], rung
    return 1


def _check_value(step: Mapping[str, Any], zone: ZoneInfo) -> None:
    """What a step that holds comes to: an estimate in mL/min, or a day."""
    printed = Step(step["read"], step["limits"], zone)
    if "recheck" in "".join(step["limits"]):
        assert step["comes_to"] == _owed_on(step["gives"], printed).isoformat(), step
        return
    estimate = {
        "an adult's creatinine and weight are known": _cockcroft,
        "an adult's creatinine is known, for CKD-EPI": _ckd_epi,
    }.get(step["asks"])
    if estimate is None:
        values = [printed.figure(name) for name in step["read"] if name.endswith("_value")]
        figure = values[0]
    else:
        figure = estimate(printed)
    assert figure is not None
    assert abs(Decimal(str(step["comes_to"])) - figure) <= TOLERANCE, step


def _picked(finding: Mapping[str, Any]) -> str | None:
    """What the steps that hold come to, as the finding says it picks among them."""
    if not all(rung["holds"] for rung in finding["gate"]):
        return None
    holding: Sequence[Mapping[str, Any]] = [one for one in finding["steps"] if one["holds"]]
    if not holding:
        return None
    if finding["picks"].startswith("the earliest"):
        return str(min(holding, key=lambda one: one["comes_to"])["gives"])
    return str(holding[0]["gives"])


def decide_again(told: Mapping[str, Any]) -> int:
    """Check every step, value and answer of an explanation; the number of steps decided."""
    zone, decided = ZoneInfo(told["timezone"]), 0
    for name, finding in told["findings"].items():
        for rung in (*finding["gate"], *finding["steps"]):
            decided += _check_rung(rung, zone)
        is_open = all(rung["holds"] for rung in finding["gate"])
        for step in finding["steps"]:
            if is_open and step["holds"] and step["comes_to"] is not None:
                _check_value(step, zone)
        assert finding["answer"] == _picked(finding), (name, finding)
    for name, entry in told["lists"].items():
        decided += sum(_check_rung(rung, zone) for rung in entry["rungs"])
        assert entry["is_on"] == all(rung["holds"] for rung in entry["rungs"]), name
    return decided
