"""Whom tonight's database already speaks for: it grew from last night's, and so do its answers.

A person is judged anew when a row came, when a time of theirs passed between the two nights, and
when anything was to be said of them last night. The others' assessments are repeated: the same
rows under the same policy would give them again.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from data_contracts.assessments import ASSESSMENTS
from data_contracts.medications import MEDICATIONS
from data_contracts.observations import OBSERVATIONS
from data_contracts.published import RUNS
from data_contracts.worklists import WORKLIST_ITEMS
from flows.linking import PERSON, TO_PERSON, stir_by_links
from flows.night import Night
from flows.schema import versions_of
from flows.selection import IS_READ, IS_STRAY
from flows.store import Store
from hypomag_rules.quiet import QUIET_COLUMNS, Limit, is_quiet, limits

_MARGIN: Final = timedelta(hours=3)  # midnight itself may be skipped by the clock
_LONG: Final = timedelta(days=31)


class Last(NamedTuple):
    """The night that tonight's database grew from: its last file and its `as_of`, naive UTC.

    File 0 when nothing of it holds: another policy, profile or software, or time ran backwards.
    """

    file_id: int
    as_of: datetime


_NOBODY: Final = Last(0, datetime(1, 1, 1))  # noqa: DTZ001 - instants are naive UTC in the store


def last_published(store: Store, night: Night, basis: str) -> Last:
    """What tonight's database says of the night that it grew from.

    Nothing, when the store is not the one it grew from: put back from a copy, or begun anew.
    """
    held = {
        str(key): str(value) for key, value in store.rows("SELECT key, value FROM tonight.basis")
    }
    if held.get("basis") != basis:
        return _NOBODY
    last = Last(int(held["file_id"]), datetime.fromisoformat(held["as_of"]))
    is_ours = held.get("ledger") == _ledger_digest(store, last.file_id)
    return last if is_ours and last.as_of <= night.naive_as_of else _NOBODY


def remember_basis(store: Store, night: Night, basis: str) -> None:
    """Say in tonight's database what it rests on."""
    newest = store.number("SELECT coalesce(max(file_id), 0) FROM files")
    store.run("DELETE FROM tonight.basis")
    for key, value in (
        ("basis", basis),
        ("as_of", night.naive_as_of.isoformat()),
        ("file_id", str(newest)),
        ("ledger", _ledger_digest(store, newest)),
    ):
        store.run("INSERT INTO tonight.basis VALUES (?, ?)", [key, value])


def _ledger_digest(store: Store, newest: int) -> str:
    """A digest of what was read up to a file: which files, when, under which number."""
    ((digest,),) = store.rows(
        "SELECT coalesce(md5(string_agg(concat_ws('|', file_id, sha256, received_at), ';' "
        "ORDER BY file_id)), '') FROM files WHERE problem IS NULL AND file_id <= ?",
        [newest],
    )
    return str(digest)


def mark_touched(store: Store, night: Night, last: Last) -> None:
    """Fill the temp table `touched` with persons whose standing results may differ from before.

    Those with versions from newer files, versions that became known since, linked numbers, and
    those not held.
    Their old rows, and whatever left the window, are taken out of tonight's database.
    """
    ahead = store.rows(
        "SELECT file_id FROM files WHERE as_of > ? AND file_id <= ?", [last.as_of, last.file_id]
    )
    ids = ", ".join(["0", *(str(file_id) for (file_id,) in ahead)])
    stir_by_links(store)
    # Chosen by what the table can skip by, before anything is joined.
    store.run(
        "CREATE OR REPLACE TEMP TABLE touched AS SELECT person_id FROM persons "
        "WHERE ? OR person_id NOT IN (SELECT patient_id FROM tonight.observations) "
        "UNION FROM relinked UNION "
        f"SELECT {PERSON} FROM (SELECT source, patient_id, wording_id, key_hash "
        "FROM observation_versions WHERE patient_id IS NOT NULL "
        f"AND (file_id > ? OR file_id IN ({ids}) OR "
        "greatest(collected_time, reported_time) > ?)) v "
        f"{TO_PERSON} WHERE {IS_READ}",
        [not last.file_id, last.file_id, last.as_of],
    )
    store.run(
        "DELETE FROM tonight.observations WHERE patient_id IN (SELECT person_id FROM touched) "
        "OR patient_id NOT IN (SELECT person_id FROM persons) "
        "OR collected_at < ?",
        [night.window_start],
    )


def is_whole(night: Night, last: Last) -> bool:
    """Whether everybody is looked at: nothing holds, the same night again, or after a long gap."""
    since = night.naive_as_of - last.as_of
    return not last.file_id or not timedelta(0) < since <= _LONG


def mark_redosed(store: Store, night: Night, last: Last) -> None:
    """Fill the temp table `redosed` with persons whose doses may be audited otherwise than before.

    A row of a drug came or a time of one passed; or a row of anything else came late: what became
    known after last night was not known when a dose of before it started. Or numbers are linked.
    """
    store.run("CREATE OR REPLACE TEMP TABLE redosed (person_id VARCHAR)")
    if is_whole(night, last):
        return
    times = ("started_time", "ended_time", "updated_time")
    drugs = [_has_passed(Limit(MEDICATIONS.name, name), night, last) for name in times]
    changed = {
        MEDICATIONS.name: _of_any_patient(" OR ".join([f"v.file_id > {last.file_id}", *drugs])),
        OBSERVATIONS.name: _came_late("least(v.collected_time, v.reported_time)", last),
        "patients": _came_late("v.updated_time", last),
        "conditions": _came_late("v.recorded_time", last),
    }
    persons = [_persons_of(table, rows) for table, rows in changed.items()]
    store.run(f"INSERT INTO redosed FROM relinked UNION {' UNION '.join(persons)}")


def _came_late(known: str, last: Last) -> str:
    """The SQL of rows that came since and were, or may have been, known before."""
    return (
        f"v.file_id > {last.file_id} AND ({known} IS NULL OR {known} <= TIMESTAMP '{last.as_of}')"
    )


def mark_repeated(store: Store, night: Night, last: Last) -> None:
    """Fill the temp table `repeated` with persons for whom last night's answer still holds."""
    store.run("CREATE OR REPLACE TEMP TABLE repeated (person_id VARCHAR)")
    if is_whole(night, last):
        return
    columns = ", ".join(("patient_id", *QUIET_COLUMNS))
    said = store.frame(
        f"SELECT {columns} FROM tonight.{ASSESSMENTS.name} WHERE as_of = ? AND night < ?",
        [last.as_of, night.date],
    )
    if not said.height:
        return
    with store.lent(said.filter(~is_quiet()).select("patient_id"), "loud"):
        store.run(
            "INSERT INTO repeated SELECT person_id FROM persons "
            "WHERE person_id NOT IN (FROM touched) AND person_id NOT IN (FROM loud) "
            f"AND person_id NOT IN (SELECT patient_id FROM tonight.{WORKLIST_ITEMS.name} "
            f"JOIN tonight.{RUNS.name} USING (night) WHERE as_of = ?)",
            [last.as_of],
        )
    for stirred in _stirred(night, last):
        store.run(f"DELETE FROM repeated WHERE person_id IN ({stirred})")


def append_repeated(store: Store, night: Night, last: Last) -> None:
    """Repeat, for tonight, the assessments of those who are repeated."""
    names = ", ".join(name for name in ASSESSMENTS.names if name not in {"night", "as_of"})
    store.run(
        f"INSERT INTO tonight.{ASSESSMENTS.name} (night, as_of, {names}) SELECT ?, ?, {names} "
        f"FROM tonight.{ASSESSMENTS.name} WHERE as_of = ? AND patient_id IN (FROM repeated)",
        [night.date, night.naive_as_of, last.as_of],
    )


def _stirred(night: Night, last: Last) -> list[str]:
    """The SQL of persons whose answer may have changed since: by row, by limit, by birthday."""
    passed: dict[str, list[str]] = {}
    for limit in limits(night.policy):
        passed.setdefault(limit.table, []).append(_has_passed(limit, night, last))
    stirred = [_persons_of("patients", _has_birthday(night, last))]
    for table, conditions in passed.items():
        is_new = [] if table == OBSERVATIONS.name else [f"v.file_id > {last.file_id}"]
        rows = " OR ".join([*is_new, *conditions])
        if table == MEDICATIONS.name:
            rows = _of_any_patient(rows)
        stirred.append(_persons_of(table, rows))
    return stirred


def _of_any_patient(rows: str) -> str:
    """The SQL of all versions of such drug rows: one that was moved means both patients."""
    key = "(v.source, v.key_hash)"
    return f"{key} IN (SELECT {key} FROM {versions_of(MEDICATIONS.name)} v WHERE {rows})"


def _has_passed(limit: Limit, night: Night, last: Last) -> str:
    """The SQL of whether a row passed a limit between the two nights, or a little around them."""
    if limit.days is None:
        shift = timedelta(hours=limit.hours)
        since, until = last.as_of - shift, night.naive_as_of - shift
    else:
        since = night.day_start(last.as_of, limit.days) - _MARGIN
        until = night.day_start(night.naive_as_of, limit.days) + _MARGIN
    passed = f"v.{limit.time} BETWEEN TIMESTAMP '{since}' AND TIMESTAMP '{until}'"
    return f"({passed} AND {_measures(limit.analytes)})" if limit.analytes else f"({passed})"


def _measures(analytes: tuple[str, ...]) -> str:
    """The SQL of whether a row may measure one of these: one without a code inherits what it is."""
    words = ", ".join(f"'{analyte}'" for analyte in analytes)
    return (
        f"(v.wording_id IN (SELECT wording_id FROM wordings WHERE analyte IN ({words})) "
        f"OR {IS_STRAY})"
    )


def _has_birthday(night: Night, last: Last) -> str:
    """The SQL of who may have grown older: of 29 February, on 1 March where there is none."""
    first, end = (night.day_start(instant, 0) for instant in (last.as_of, night.naive_as_of))
    days = [first + n * timedelta(days=1) for n in range((end - first).days + 3)]
    dates = {day.month * 100 + day.day for day in days}
    dates |= {229} if 301 in dates else set()
    return f"month(v.born_on) * 100 + day(v.born_on) IN ({', '.join(map(str, sorted(dates)))})"


def _persons_of(table: str, rows: str) -> str:
    return f"SELECT {PERSON} FROM {versions_of(table)} v {TO_PERSON} WHERE {rows}"
