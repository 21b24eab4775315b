"""When the next level is owed (section 7, S9, S12, S17, S18)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from .policy import Policy
from .renal import SEVERE_IMPAIRMENT, Renal
from .severity import LOW, SEVERE, TARGET_MET
from .times import Moment
from .treatment import Treatment
from .versions import Result

OVERDUE, DUE, UPCOMING = "overdue", "due", "upcoming"
SECTIONS = (OVERDUE, DUE, UPCOMING)
_COMPANION_REASONS = {"LOW_POTASSIUM", "LOW_CALCIUM", "ON_CARDIAC_GLYCOSIDE"}


@dataclass(frozen=True)
class Recheck:
    """The rule that owes the next level, its opening and due days, its status tonight."""

    rule: str
    opens_on: date
    due_on: date
    status: str

    def section(self, moment: Moment, policy: Policy) -> str | None:
        """Return the section that lists it, None when it is not listed."""
        if self.status in {OVERDUE, DUE}:
            return self.status
        days_to_opening = (self.opens_on - moment.night).days
        if self.status == "scheduled" and days_to_opening <= policy.upcoming_days:
            return UPCOMING
        return None

    def share_past_due(self, moment: Moment, policy: Policy) -> Decimal:
        """Return days past due over the length of the window, capped."""
        window = max(1, (self.due_on - self.opens_on).days)
        past_due = Decimal((moment.night - self.due_on).days)
        return min(policy.ratio_cap, past_due / window)


@dataclass(frozen=True)
class Standing:
    """What decides a recheck, of a living patient in scope."""

    index: Result
    severity: str
    treatment: Treatment
    renal: Renal
    is_cardiac: bool
    is_confirm: bool
    companion_reasons: set[str]


def recheck_of(standing: Standing, moment: Moment, policy: Policy) -> Recheck | None:
    """Return the applicable rule that is due first, at a tie the one named first."""
    candidates = _candidates(standing, policy)
    if not candidates:
        return None

    def due_on(candidate: tuple[str, datetime, int, int]) -> date:
        return moment.local_day(candidate[1]) + timedelta(days=candidate[3])

    first = min(candidates, key=due_on)  # min keeps the one named first
    rule, anchor, opens, _ = first
    opens_on = moment.local_day(anchor) + timedelta(days=opens)
    status = _status(standing.severity, opens_on, due_on(first), moment, policy)
    return Recheck(rule, opens_on, due_on(first), status)


def _candidates(standing: Standing, policy: Policy) -> list[tuple[str, datetime, int, int]]:
    """Return (rule, anchor, opening day, due day) of the applicable rules, in the named order."""
    collected_at = standing.index.collected_at
    treatment = standing.treatment
    is_severe, is_low = standing.severity == SEVERE, standing.severity == LOW
    anchor = treatment.supplement_started_at or collected_at
    rules: list[tuple[str, datetime, int, int]] = []
    if is_severe and not treatment.is_sufficient:
        rules.append(("severe_untreated", collected_at, 0, policy.severe_untreated_days))
    is_after_parenteral = treatment.is_sufficient if is_severe else bool(treatment.parenteral)
    if is_after_parenteral and (is_severe or is_low or standing.is_confirm):
        first_dose = max(treatment.parenteral[0].started_at, collected_at)
        rules.append(("after_parenteral", first_dose, 0, policy.after_parenteral_days))
    if is_low and standing.companion_reasons & _COMPANION_REASONS:
        rules.append(("companion", collected_at, 0, policy.companion_days))
    if is_severe or is_low:
        if standing.is_cardiac:
            rules.append(("cardiac", anchor, 0, policy.cardiac_days))
        if standing.renal.status == SEVERE_IMPAIRMENT:
            rules.append(("renal", anchor, 0, policy.renal_days))
        rules.append(("standard", anchor, policy.standard_opens_days, policy.standard_days))
    if standing.is_confirm:
        rules.append(("confirm", collected_at, policy.confirm_opens_days, policy.confirm_days))
    return rules


def _status(severity: str, opens_on: date, due_on: date, moment: Moment, policy: Policy) -> str:
    expires = {
        SEVERE: policy.expires_severe_days,
        LOW: policy.expires_low_days,
        TARGET_MET: policy.expires_confirm_days,
    }[severity]
    if moment.night < opens_on:
        return "scheduled"
    if moment.night <= due_on:
        return DUE
    return OVERDUE if (moment.night - due_on).days <= expires else "expired"
