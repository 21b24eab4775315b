"""Links of patient numbers, one by one in their order: a dull union and a dull follow."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from .times import OLDEST, Moment, ReadTime, first_time_fault, read_time

Link = tuple[str, str]
Row = Mapping[str, str]

_COLUMNS = ("old_patient_id", "new_patient_id", "linked_at", "withdrawn_at", "updated_at")


def reason_of(row: Row, moment: Moment) -> str | None:
    """Return the first reason to refuse a row."""
    times = _times(row, moment)
    if not row["old_patient_id"].strip() or not row["new_patient_id"].strip():
        return "patient_id_missing"
    if fault := first_time_fault(list(times.values())):
        return fault
    return "started_at_missing" if times["linked_at"].instant is None else None


def states_of(rows: Sequence[Row], moment: Moment) -> dict[Link, str]:
    """Return what became of each link known at `as_of`."""
    speaking: dict[Link, tuple[datetime, str, datetime, datetime | None]] = {}
    for sent in rows:
        row = {column: sent.get(column) or "" for column in _COLUMNS}
        times = _times(row, moment)
        linked, written = times["linked_at"].instant, times["updated_at"].instant or OLDEST
        if reason_of(row, moment) or linked is None or written > moment.as_of:
            continue
        link = (row["old_patient_id"].strip(), row["new_patient_id"].strip())
        told = (written, "\x1f".join(row.values()), linked, times["withdrawn_at"].instant)
        if link not in speaking or told[:2] > speaking[link][:2]:
            speaking[link] = told
    states: dict[Link, str] = {}
    newest: dict[str, tuple[datetime, str]] = {}
    for (old, new), (_, _, linked, withdrawn) in speaking.items():
        if linked > moment.as_of:
            continue
        if withdrawn is not None and withdrawn <= moment.as_of:
            states[old, new] = "withdrawn"
            continue
        states[old, new] = "overruled"
        newest[old] = max(newest.get(old, (OLDEST, "")), (linked, new))
    goes_to: dict[str, str] = {}
    order = sorted(
        (linked, speaking[old, new][0], old, new) for old, (linked, new) in newest.items()
    )
    for _, _, old, new in order:
        if end_of(new, goes_to) == old:
            states[old, new] = "refused"
        else:
            states[old, new] = "applied"
            goes_to[old] = new
    return states


def persons_of(rows: Sequence[Row], moment: Moment) -> dict[str, str]:
    """Return the person of each number that is linked to another."""
    states = states_of(rows, moment)
    goes_to = {old: new for (old, new), state in states.items() if state == "applied"}
    return {old: end_of(old, goes_to) for old in goes_to}


def end_of(number: str, goes_to: Mapping[str, str]) -> str:
    """Follow a number to where no link goes on."""
    while number in goes_to:
        number = goes_to[number]
    return number


def _times(row: Row, moment: Moment) -> dict[str, ReadTime]:
    return {name: read_time(row[name], moment.zone) for name in _COLUMNS if name.endswith("_at")}
