"""Versions of one observation: withdrawals, the standing one, what `U` inherits (section 2)."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from .observations import FINAL, NONE, PROVISIONAL, WITHDRAWN, Version
from .times import NEWEST, Moment
from .values import Interval

WITHDRAWAL_TIME_UNKNOWN = "withdrawal_time_unknown"


@dataclass(frozen=True)
class Result:
    """What a judged standing version says."""

    patient_id: str
    analyte: str
    observation_id: str
    specimen_id: str
    collected_at: datetime
    interval: Interval
    figure: Decimal
    comparator: str | None
    reported_value: str
    reported_unit: str
    reference_low: Decimal | None
    is_provisional: bool
    is_haemolysed: bool
    row_text: str


@dataclass(frozen=True)
class Observation:
    """All known versions of one observation, and what is left of them."""

    versions: list[Version]
    remaining: list[Version]
    result: Result | None
    untimed_withdrawals: list[Version]


def observations_of(versions: list[Version], moment: Moment) -> list[Observation]:
    """Group the versions known at `as_of` by observation and find what stands in each."""
    groups: dict[tuple[str, ...], list[Version]] = {}
    for version in versions:
        is_known = version.known_at(moment.as_of) <= moment.as_of
        if is_known and version.cells["patient_id"].strip():
            groups.setdefault(_key(version), []).append(version)
    return [_observation(group) for group in groups.values()]


def _key(version: Version) -> tuple[str, ...]:
    cells = version.cells
    if cells["observation_id"].strip():
        return (cells["patient_id"], "observation", cells["observation_id"])
    code = cells["code"].strip()
    if cells["specimen_id"].strip():
        return (cells["patient_id"], "specimen", cells["specimen_id"], code)
    collected = version.collected_at
    instant = collected.isoformat() if collected else cells["collected_at"].strip()
    return (cells["patient_id"], "collected", instant, code)


def _observation(group: list[Version]) -> Observation:
    withdrawals = [version for version in group if version.kind == WITHDRAWN]
    others = [version for version in group if version.kind not in {WITHDRAWN, NONE}]
    remaining = [version for version in others if not is_withdrawn(version, withdrawals)]
    untimed = [withdrawal for withdrawal in withdrawals if withdrawal.time is None]
    if untimed and remaining:
        return Observation(group, remaining, None, untimed)
    return Observation(group, remaining, _result(remaining), [])


def is_withdrawn(version: Version, withdrawals: list[Version]) -> bool:
    """Say whether a withdrawal is timed at or after the version."""
    time = version.time
    return time is not None and any(
        withdrawal.time is not None and withdrawal.time >= time for withdrawal in withdrawals
    )


Order = tuple[datetime, bool, bool, Decimal, str]


def _order(version: Version) -> Order:
    """Order versions so that the standing one is the greatest; no time is the newest."""
    return _order_with(version, version.interval)


def _order_among(version: Version, remaining: list[Version]) -> Order:
    """Order versions by the value that each has or inherits."""
    if version.is_bare_update and (donors := _donors(version, remaining)):
        return _order_with(version, max(donors, key=_order).interval)
    return _order(version)


def _order_with(version: Version, interval: Interval | None) -> Order:
    high = interval.high if interval else None
    if interval and high is None:
        high = Decimal("Infinity")
    return (
        version.time or NEWEST,
        version.is_correction,
        high is not None,
        -(high or Decimal(0)),
        version.text,
    )


def _result(remaining: list[Version]) -> Result | None:
    for kind in (FINAL, PROVISIONAL):
        candidates = [
            version
            for version in remaining
            if version.kind == kind and not _says_nothing(version, remaining)
        ]
        if candidates:
            standing = max(candidates, key=lambda one: _order_among(one, remaining))
            if standing.is_bare_update:
                return _inherited(standing, remaining)
            return _as_sent(standing)
    return None


def _as_sent(version: Version) -> Result | None:
    if version.reason or not (version.analyte and version.number and version.interval):
        return None
    if version.collected_at is None:
        return None
    cells = version.cells
    return Result(
        patient_id=cells["patient_id"],
        analyte=version.analyte,
        observation_id=cells["observation_id"],
        specimen_id=cells["specimen_id"].strip(),
        collected_at=version.collected_at,
        interval=version.interval,
        figure=version.number.figure,
        comparator=version.number.comparator,
        reported_value=cells["value"],
        reported_unit=cells["unit"],
        reference_low=version.reference_low,
        is_provisional=version.kind == PROVISIONAL,
        is_haemolysed=cells["is_haemolysed"].strip().lower() == "true",
        row_text=version.text,
    )


def _says_nothing(version: Version, remaining: list[Version]) -> bool:
    """Say whether a `U` without a value has none to inherit: then it hides no other version."""
    return version.is_bare_update and not version.reason and not _donors(version, remaining)


def _donors(update: Version, remaining: list[Version]) -> list[Version]:
    """Return the versions with a value of the same analyte, timed at or before the update."""
    return [
        version
        for version in remaining
        if version.cells["value"].strip()
        and version.analyte == update.analyte
        and (version.time or NEWEST) <= (update.time or NEWEST)
    ]


def _inherited(update: Version, remaining: list[Version]) -> Result | None:
    """Return the result of a `U` without a value: that of the latest version at or before it."""
    if update.reason:
        return None
    at_or_before = _donors(update, remaining)
    if not at_or_before:
        return None
    source = _as_sent(max(at_or_before, key=_order))
    if source is None:
        return None
    own = update.cells
    own_haemolysed = own["is_haemolysed"].strip().lower()
    return Result(
        patient_id=source.patient_id,
        analyte=source.analyte,
        observation_id=source.observation_id,
        specimen_id=own["specimen_id"].strip() or source.specimen_id,
        collected_at=update.collected_at or source.collected_at,
        interval=source.interval,
        figure=source.figure,
        comparator=source.comparator,
        reported_value=source.reported_value,
        reported_unit=source.reported_unit,
        reference_low=source.reference_low,
        is_provisional=False,
        is_haemolysed=own_haemolysed == "true" if own_haemolysed else source.is_haemolysed,
        row_text=update.text,
    )
