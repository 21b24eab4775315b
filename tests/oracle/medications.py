"""Medication rows, given doses, and what is active at `as_of` (sections 5 and 8)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from .drugs import MAGNESIUM_DRUG, class_of, route_of
from .policy import Policy
from .tables import Row
from .times import Moment
from .values import read_dose

PARENTERAL = ("iv", "im")
_ROUTE_ORDER = ("iv", "im", "oral", "other")
_GIVEN = {"given", "partial", "completed", "active"}
NEVER_STARTED = {"cancelled", "held", "refused", "not_given"}
_MASS_UNITS = {
    "g": Decimal(1),
    "gm": Decimal(1),
    "gram": Decimal(1),
    "grams": Decimal(1),
    "mg": Decimal(1000),
    "meq": Decimal("8.1146"),
    "mmol": Decimal("4.0573"),
}


@dataclass(frozen=True)
class Medication:
    """An order or an administration that had started by `as_of`; later ends are absent."""

    medication_id: str
    order_id: str
    is_order: bool
    drug_class: str | None
    route: str
    dose: str
    dose_unit: str
    started_at: datetime
    ended_at: datetime | None
    is_running: bool
    status: str
    volume_ml: str = ""

    @property
    def is_given(self) -> bool:
        """Say whether this administration was given."""
        if self.is_order:
            return False
        is_zero = read_dose(self.dose) == 0
        return self.status in _GIVEN or (self.status == "" and not is_zero)

    @property
    def is_active_order(self) -> bool:
        """Say whether this order is active at `as_of`."""
        ended = {"cancelled", "held", "refused", "stopped", "completed"}
        return self.is_order and self.ended_at is None and self.status not in ended

    def runs_until(self, moment: Moment) -> datetime:
        """Return the end of a given administration as it is for us at `as_of`."""
        if self.is_running:
            return moment.as_of
        return max(self.started_at, self.ended_at or self.started_at)

    @property
    def unit(self) -> str:
        """The unit of the dose, folded."""
        return "".join(self.dose_unit.lower().replace(".", "").split())

    @property
    def grams(self) -> Decimal | None:
        """The mass in grams, None when the row gives none."""
        figure = read_dose(self.dose)
        if figure is None or self.unit not in _MASS_UNITS:
            return None
        return figure / _MASS_UNITS[self.unit]

    @property
    def millilitres(self) -> list[Decimal]:
        """Every volume that the row gives: its own column, and a dose in mL."""
        told = [self.volume_ml, self.dose if self.unit == "ml" else ""]
        return [figure for text in told if (figure := read_dose(text)) is not None]


@dataclass(frozen=True)
class Dose:
    """One magnesium dose: given administrations of one order and start are one."""

    route: str
    started_at: datetime
    ended_at: datetime
    grams: Decimal | None
    medication_id: str = ""
    millilitres: Decimal | None = None
    is_running: bool = False

    @property
    def is_parenteral(self) -> bool:
        """Say whether it went IV or IM."""
        return self.route in PARENTERAL


def medication_of(row: Row, moment: Moment) -> Medication | None:
    """Read a standing row; None when it starts after `as_of`."""
    started_at, ended_at = row.instant("started_at"), row.instant("ended_at")
    if started_at is None or started_at > moment.as_of:
        return None
    ends_later = ended_at is not None and ended_at > moment.as_of
    status = row.word("status")
    code, code_system = row.cells["code"], row.cells["code_system"]
    return Medication(
        medication_id=row.cells["medication_id"],
        order_id=row.cells["order_id"].strip(),
        is_order=row.word("kind") == "order",
        drug_class=class_of(code, code_system, row.cells["name"]),
        route=route_of(row.cells["route"], code, code_system),
        dose=row.cells["dose"],
        dose_unit=row.cells["dose_unit"],
        started_at=started_at,
        ended_at=None if ends_later else ended_at,
        is_running=ends_later or (status == "active" and ended_at is None),
        status=status,
        volume_ml=row.cells["volume_ml"],
    )


def magnesium_doses(medications: list[Medication], moment: Moment) -> list[Dose]:
    """Return one patient's magnesium doses by start."""
    groups: dict[tuple[object, ...], list[Medication]] = {}
    for given in medications:
        if given.drug_class == MAGNESIUM_DRUG and given.is_given:
            key = (given.order_id, given.started_at) if given.order_id else (given,)
            groups.setdefault(key, []).append(given)
    doses = [_dose(rows, moment) for rows in groups.values()]
    return sorted(doses, key=lambda dose: dose.started_at)


def _dose(rows: list[Medication], moment: Moment) -> Dose:
    masses = [row.grams for row in rows if row.grams is not None]
    return Dose(
        route=min((row.route for row in rows), key=_ROUTE_ORDER.index),
        started_at=rows[0].started_at,
        ended_at=max(row.runs_until(moment) for row in rows),
        grams=sum(masses, Decimal(0)) if masses else None,
        medication_id=min(row.medication_id for row in rows),
        millilitres=max((volume for row in rows for volume in row.millilitres), default=None),
        is_running=any(row.is_running for row in rows),
    )


def is_on_class(
    medications: list[Medication], drug_class: str, moment: Moment, policy: Policy
) -> bool:
    """Say whether a drug of the class is active: an open order, or given in the last hours."""
    of_class = [row for row in medications if row.drug_class == drug_class]
    return any(_is_active(row, moment, policy) for row in of_class)


def is_on_oral_magnesium(medications: list[Medication], moment: Moment, policy: Policy) -> bool:
    """Say whether oral magnesium is active at `as_of`."""
    oral = [row for row in medications if row.route == "oral"]
    return is_on_class(oral, MAGNESIUM_DRUG, moment, policy)


def _is_active(row: Medication, moment: Moment, policy: Policy) -> bool:
    if row.is_order:
        return row.is_active_order
    return row.is_given and moment.is_within_hours(row.runs_until(moment), policy.active_hours)
