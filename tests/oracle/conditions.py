"""Which diagnoses are active, and what they mean (sections 4, 7 and 8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from .tables import Row
from .times import OLDEST, Moment

_ICD10, _ICD9 = "icd-10-cm", "icd-9-cm"
_DIALYSIS = {_ICD10: ("Z992", "Z49"), _ICD9: ("V4511", "V56")}
_END_STAGE = {_ICD10: ("N186",), _ICD9: ("5856",)}
_TRANSPLANT = {_ICD10: ("Z940",), _ICD9: ("V420",)}
_CARDIAC = {
    _ICD10: (
        *("I20", "I21", "I22", "I23", "I24", "I25"),
        *("I42", "I43", "I44", "I45", "I46", "I47", "I48", "I49", "I50"),
        *("I110", "I130", "I132", "R001", "Z950", "Z951", "Z955", "Z95810"),
    ),
    _ICD9: ("410", "411", "412", "413", "414", "425", "426", "427", "428"),
}
_IV_CAUTION = {_ICD10: ("I441", "I442", "I443", "I452", "I453", "R001", "G700")}
_OBSTETRIC = {_ICD10: ("O14", "O15")}


@dataclass(frozen=True)
class Condition:
    """One active diagnosis."""

    code_system: str
    code: str
    recorded_at: datetime | None

    def is_one_of(self, codes: Mapping[str, tuple[str, ...]]) -> bool:
        """Say whether the code starts with one of its system's prefixes."""
        return self.code.startswith(codes.get(self.code_system, ("-",)))


def active_conditions(rows: list[Row], moment: Moment) -> list[Condition]:
    """Return one patient's diagnoses active at `as_of`: per code the newest row speaks."""
    by_code: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.reason is None and (row.instant("recorded_at") or OLDEST) <= moment.as_of:
            code = row.cells["code"].strip().replace(".", "").upper()
            by_code.setdefault((row.word("code_system"), code), []).append(row)
    active: list[Condition] = []
    for (code_system, code), versions in by_code.items():
        newest = max(row.instant("recorded_at") or OLDEST for row in versions)
        speaking = [row for row in versions if (row.instant("recorded_at") or OLDEST) == newest]
        if any(_is_active(row, moment) for row in speaking):
            recorded_at = None if newest == OLDEST else newest
            active.append(Condition(code_system, code, recorded_at))
    return active


def _is_active(row: Row, moment: Moment) -> bool:
    resolved_at = row.instant("resolved_at")
    if resolved_at is not None and resolved_at <= moment.as_of:
        return False
    status = row.word("status")
    return status in {"", "active"} or (status == "resolved" and resolved_at is not None)


def is_on_dialysis(conditions: list[Condition]) -> bool:
    """Say whether dialysis or end-stage disease is active, a transplant answering the latter."""
    if any(condition.is_one_of(_DIALYSIS) for condition in conditions):
        return True
    has_transplant = any(condition.is_one_of(_TRANSPLANT) for condition in conditions)
    is_end_stage = any(condition.is_one_of(_END_STAGE) for condition in conditions)
    return is_end_stage and not has_transplant


def is_cardiac(conditions: list[Condition]) -> bool:
    """Say whether a cardiac condition is active (S18)."""
    return any(condition.is_one_of(_CARDIAC) for condition in conditions)


def needs_iv_caution(conditions: list[Condition]) -> bool:
    """Say whether heart block, bradycardia or myasthenia is recorded."""
    return any(condition.is_one_of(_IV_CAUTION) for condition in conditions)


def is_obstetric(
    conditions: list[Condition], moment: Moment, days: int, *, only_dated: bool = False
) -> bool:
    """Say whether pre-eclampsia or eclampsia is active and recent, or undated if that will do."""
    for condition in conditions:
        if condition.is_one_of(_OBSTETRIC):
            if condition.recorded_at is None:
                if not only_dated:
                    return True
            elif moment.days_since(condition.recorded_at) <= days:
                return True
    return False
