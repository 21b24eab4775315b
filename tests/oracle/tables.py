"""The tables beside observations: reasons to refuse a row, and which version speaks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from .times import OLDEST, Moment, ReadTime, first_time_fault, read_birth_date, read_time

PATIENTS, ENCOUNTERS, CONDITIONS, MEDICATIONS = (
    "patients",
    "encounters",
    "conditions",
    "medications",
)
_COLUMNS = {
    PATIENTS: "patient_id birth_date sex mrn name died_at updated_at",
    ENCOUNTERS: (
        "encounter_id patient_id care_setting facility ward care_team started_at ended_at"
        " updated_at"
    ),
    CONDITIONS: "patient_id code code_system status recorded_at resolved_at",
    MEDICATIONS: (
        "medication_id patient_id encounter_id order_id kind code code_system name route dose"
        " dose_unit volume_ml rate rate_unit started_at ended_at status updated_at"
    ),
}
_ID = {ENCOUNTERS: "encounter_id", CONDITIONS: "code", MEDICATIONS: "medication_id"}
_TIMES = {
    PATIENTS: ("died_at", "updated_at"),
    ENCOUNTERS: ("started_at", "ended_at", "updated_at"),
    CONDITIONS: ("recorded_at", "resolved_at"),
    MEDICATIONS: ("started_at", "ended_at", "updated_at"),
}
_WORD = {ENCOUNTERS: "care_setting", CONDITIONS: "code_system", MEDICATIONS: "kind"}
_WORDS = {
    ENCOUNTERS: {"inpatient", "observation", "emergency", "outpatient"},
    CONDITIONS: {"icd-10-cm", "icd-9-cm"},
    MEDICATIONS: {"order", "administration"},
}
_SEXES = {"male": "male", "m": "male", "female": "female", "f": "female", "other": "other"}


@dataclass(frozen=True)
class Row:
    """One row as read."""

    row_index: int
    cells: Mapping[str, str]
    times: Mapping[str, ReadTime]
    text: str
    reason: str | None

    def word(self, column: str) -> str:
        """Return a cell folded for comparison with a word list."""
        return self.cells[column].strip().lower()

    def instant(self, column: str) -> datetime | None:
        """Return a time cell, None when blank."""
        return self.times[column].instant


def read_table(table: str, rows: list[dict[str, str]], moment: Moment) -> list[Row]:
    """Read one table's rows, exact copies left out, each with its reason to be refused."""
    read: list[Row] = []
    seen: set[str] = set()
    for row_index, sent in enumerate(rows):
        cells = {column: sent.get(column) or "" for column in _COLUMNS[table].split()}
        text = "\x1f".join(cells.values())
        if text in seen:
            continue
        seen.add(text)
        times = {column: read_time(cells[column], moment.zone) for column in _TIMES[table]}
        read.append(Row(row_index, cells, times, text, _reason(table, cells, times)))
    return read


def _reason(table: str, cells: Mapping[str, str], times: Mapping[str, ReadTime]) -> str | None:
    if not cells["patient_id"].strip():
        return "patient_id_missing"
    if table in _ID and not cells[_ID[table]].strip():
        return "id_missing"
    if fault := first_time_fault(list(times.values())):
        return fault
    if "started_at" in times and times["started_at"].instant is None:
        return "started_at_missing"
    if table in _WORD and cells[_WORD[table]].strip().lower() not in _WORDS[table]:
        return "word_not_known"
    return None


def is_known(row: Row, moment: Moment) -> bool:
    """Say whether a row was written, and what it speaks of had started, by `as_of`."""
    times = [row.instant(name) for name in ("updated_at", "started_at") if name in row.times]
    return all(time is None or time <= moment.as_of for time in times)


def standing_rows(rows: list[Row], id_column: str, moment: Moment) -> list[Row]:
    """Return per id the known row with the latest `updated_at`, then the greatest text.

    What starts after `as_of` is not known yet, so it does not replace what is.
    """
    standing: dict[str, Row] = {}

    def age(row: Row) -> tuple[datetime, str]:
        return (row.instant("updated_at") or OLDEST, row.text)

    for row in rows:
        if row.reason or not is_known(row, moment):
            continue
        former = standing.get(row.cells[id_column])
        if former is None or age(row) > age(former):
            standing[row.cells[id_column]] = row
    return list(standing.values())


@dataclass(frozen=True)
class Person:
    """What the patients table says of one patient; without a row all is unknown."""

    birth_date: date | None = None
    sex: str | None = None
    is_dead: bool = False


def person_of(row: Row, moment: Moment) -> Person:
    """Read the standing row of a patient; a death after `as_of` is not known yet."""
    died_at = row.instant("died_at")
    return Person(
        birth_date=read_birth_date(row.cells["birth_date"]),
        sex=_SEXES.get(row.word("sex")),
        is_dead=died_at is not None and died_at <= moment.as_of,
    )


def is_in_hospital(row: Row, moment: Moment) -> bool:
    """Say whether an encounter is a hospital stay started and not ended at `as_of`."""
    started, ended = row.instant("started_at"), row.instant("ended_at")
    return (
        row.word("care_setting") in {"inpatient", "observation", "emergency"}
        and started is not None
        and started <= moment.as_of
        and (ended is None or ended > moment.as_of)
    )
