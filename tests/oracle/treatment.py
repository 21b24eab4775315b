"""What was given or ordered since the index (section 5)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from .chart import Chart
from .drugs import MAGNESIUM_DRUG
from .medications import NEVER_STARTED, PARENTERAL, Dose, is_on_oral_magnesium
from .policy import Policy
from .severity import LOW, SEVERE
from .times import Moment
from .values import rounded
from .versions import Result


@dataclass(frozen=True)
class Treatment:
    """The parenteral doses after the index, by start, and the supplement start."""

    parenteral: list[Dose]
    is_sufficient: bool
    supplement_started_at: datetime | None
    is_on_oral_magnesium: bool

    @property
    def last_parenteral_at(self) -> datetime | None:
        """The start of the last parenteral dose after the index."""
        return self.parenteral[-1].started_at if self.parenteral else None


def treatment_since(index: Result, chart: Chart, moment: Moment, policy: Policy) -> Treatment:
    """Return what counts as treatment of an index."""
    parenteral = [dose for dose in chart.parenteral_doses if dose.ended_at > index.collected_at]
    return Treatment(
        parenteral=parenteral,
        is_sufficient=_is_sufficient(parenteral, policy),
        supplement_started_at=_supplement_start(index, chart, moment, policy),
        is_on_oral_magnesium=is_on_oral_magnesium(chart.medications, moment, policy),
    )


def _is_sufficient(parenteral: list[Dose], policy: Policy) -> bool:
    masses = [dose.grams for dose in parenteral]
    if None in masses:
        return True
    total = sum((mass for mass in masses if mass is not None), Decimal(0))
    return rounded(total, 3) >= policy.sufficient_grams


def _supplement_start(
    index: Result, chart: Chart, moment: Moment, policy: Policy
) -> datetime | None:
    starts = [dose.started_at for dose in chart.doses]
    starts += [
        order.started_at
        for order in chart.medications
        if order.is_order
        and order.drug_class == MAGNESIUM_DRUG
        and order.route == "oral"
        and order.status not in NEVER_STARTED
    ]
    index_day = moment.local_day(index.collected_at)
    after = [
        start
        for start in starts
        if start > index.collected_at
        and (moment.local_day(start) - index_day).days <= policy.supplement_start_days
    ]
    return min(after, default=None)


def treatment_reasons(severity: str, index: Result, chart: Chart, treatment: Treatment) -> set[str]:
    """Return the reasons of section 5 for a severe or low index."""
    reasons: set[str] = set()
    if severity not in {SEVERE, LOW}:
        return reasons
    last_charted = chart.last_administration_in_feed
    is_treatment_known = last_charted is not None and last_charted > index.collected_at
    if not is_treatment_known:
        reasons.add("TREATMENT_UNKNOWN")
    elif treatment.supplement_started_at is None and not treatment.is_on_oral_magnesium:
        reasons.add("SUPPLEMENT_NOT_STARTED")
    if severity == SEVERE and not treatment.parenteral and _has_open_order(index, chart):
        reasons.add("ORDER_WITHOUT_ADMINISTRATION")
    if severity == SEVERE and not treatment.is_sufficient:
        if treatment.parenteral:
            reasons.add("PARENTERAL_BELOW_1_G")
        if any(
            dose.route == "other" and dose.ended_at > index.collected_at for dose in chart.doses
        ):
            reasons.add("MAGNESIUM_ROUTE_UNREAD")
    return reasons


def _has_open_order(index: Result, chart: Chart) -> bool:
    return any(
        order.is_order
        and order.drug_class == MAGNESIUM_DRUG
        and order.route in PARENTERAL
        and order.status not in NEVER_STARTED
        and (order.started_at > index.collected_at or order.is_active_order)
        for order in chart.medications
    )
