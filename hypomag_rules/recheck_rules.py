"""By which rules a level is owed, and what the day of tonight makes of it (S9, S12, S17, S18)."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from hypomag_rules.clock import local_day
from hypomag_rules.policy_sections import Recheck
from hypomag_rules.rungs import ALIVE, HAS_INDEX, IN_SCOPE, Ladder, Rung, Step, all_hold


@dataclass(frozen=True, slots=True)
class OwedBy:
    """When a level is owed: from an anchor, between an opening and a due day."""

    name: str
    rung: Rung
    anchor: pl.Expr
    opens: int
    due: int

    def due_on(self, zone: str) -> pl.Expr:
        """The local day by which the level is owed; null where the rule does not apply."""
        day = local_day(self.anchor, zone) + pl.duration(days=self.due)
        return pl.when(all_hold((*OWED, self.rung))).then(day)


_IS_SEVERE: Final = pl.col("severity") == "severe"
_IS_LOW: Final = pl.col("severity") == "low"
OWED: Final = (
    HAS_INDEX,
    IN_SCOPE,
    ALIVE,
    Rung(
        "severe, low, or on target only soon after a dose",
        _IS_SEVERE | _IS_LOW | pl.col("is_to_confirm"),
        ("severity", "is_to_confirm"),
        ("recheck.confirm_hours",),
        "S9, S10",
    ),
)


def rules(days: Recheck) -> tuple[OwedBy, ...]:
    """The rules in order of precedence."""
    is_short = _IS_SEVERE | _IS_LOW
    index_at = pl.col("collected_at")
    anchor = pl.coalesce("supplement_started_at", "collected_at")
    anchored = ("severity", "supplement_started_at", "collected_at")
    enough = ("parenteral_grams", "has_unweighed_dose")
    companion = ("is_potassium_low", "is_calcium_low", "is_on_cardiac_glycoside")
    untreated = Rung(
        "severe without a sufficient IV or IM dose",
        _IS_SEVERE & ~pl.col("is_sufficient"),
        ("severity", *enough, "collected_at"),
        ("treatment.sufficient_grams", "recheck.severe_untreated_days"),
    )
    dosed = Rung(
        "an IV or IM dose after the index; for a severe one a sufficient dose",
        pl.col("parenteral_after_index_at").is_not_null() & (~_IS_SEVERE | pl.col("is_sufficient")),
        ("severity", "parenteral_after_index_at", "parenteral_from", *enough, "collected_at"),
        ("treatment.sufficient_grams", "recheck.after_parenteral_days"),
    )
    beside = Rung(
        "low, with low potassium or calcium or a cardiac glycoside",
        _IS_LOW & pl.any_horizontal(*companion),
        ("severity", *companion, "collected_at"),
        ("recheck.companion_days",),
        "S12, S19, S20",
    )
    cardiac = Rung(
        "severe or low with a cardiac condition",
        is_short & pl.col("is_cardiac"),
        (*anchored, "is_cardiac"),
        ("recheck.cardiac_days",),
        "S18",
    )
    renal = Rung(
        "severe or low with severely impaired kidneys",
        is_short & (pl.col("renal_status") == "severe_impairment"),
        (*anchored, "renal_status"),
        ("recheck.renal_days",),
        "S17",
    )
    standard = Rung(
        "severe or low",
        is_short,
        anchored,
        ("recheck.standard_opens_days", "recheck.standard_days"),
        "S9",
    )
    confirm = Rung(
        "on target only soon after a dose",
        pl.col("is_to_confirm"),
        ("is_to_confirm", "collected_at"),
        ("recheck.confirm_opens_days", "recheck.confirm_days"),
    )
    first_dose = pl.max_horizontal("parenteral_from", "collected_at")
    return (
        OwedBy("severe_untreated", untreated, index_at, 0, days.severe_untreated_days),
        OwedBy("after_parenteral", dosed, first_dose, 0, days.after_parenteral_days),
        OwedBy("companion", beside, index_at, 0, days.companion_days),
        OwedBy("cardiac", cardiac, anchor, 0, days.cardiac_days),
        OwedBy("renal", renal, anchor, 0, days.renal_days),
        OwedBy("standard", standard, anchor, days.standard_opens_days, days.standard_days),
        OwedBy("confirm", confirm, index_at, days.confirm_opens_days, days.confirm_days),
    )


def status_ladder(zone: str, days: Recheck) -> Ladder:
    """By the local day of `as_of`: expired, overdue, due, scheduled; null when none is owed."""
    lapse = (
        pl.when(_IS_SEVERE)
        .then(days.expires_severe_days)
        .when(_IS_LOW)
        .then(days.expires_low_days)
        .when(pl.col("severity") == "target_met")
        .then(days.expires_confirm_days)
    )
    today, opens_on = local_day(pl.col("as_of"), zone), pl.col("recheck_opens_on")
    past, when = ("days_past_due",), ("as_of", "recheck_opens_on")
    is_expired = Rung(
        "the due day lies so far back that nobody expects the sample",
        pl.col("days_past_due") > lapse,
        (*past, "severity"),
        _LAPSES,
    )
    return Ladder(
        "recheck_status",
        (
            Step("expired", is_expired),
            Step("overdue", Rung("the due day has passed", pl.col("days_past_due") > 0, past)),
            Step("due", Rung("the window is open", today >= opens_on, when)),
            Step("scheduled", Rung("the window is not yet open", today < opens_on, when)),
        ),
        gate=(
            Rung("a level is owed", pl.col("recheck_due_on").is_not_null(), ("recheck_due_on",)),
        ),
    )


_LAPSES: Final = (
    *("recheck.expires_severe_days", "recheck.expires_low_days"),
    "recheck.expires_confirm_days",
)
