"""Where two nights differ, in words short enough for a failing test."""

import math
from collections.abc import Mapping
from typing import Final

from tests.oracle.night import Night

_TOLERANCE: Final = 1e-6
_NOBODY: Final[Mapping[str, object]] = {}
_Rows = Mapping[str, Mapping[str, object]]


def differences(found: Night, expected: Night) -> list[str]:
    """One line each for a column, list, section, review reason or refused row that differs."""
    lines = _of_rows("assessed", found.assessments, expected.assessments)
    for name in expected.lists:
        ours, theirs = found.lists[name], expected.lists[name]
        lines += _if_other(name, ours, theirs)
    lines += _of_rows("dose", found.doses, expected.doses)
    lines += _if_other("sections", found.sections, expected.sections)
    lines += _if_other("review reasons", found.review_reasons, expected.review_reasons)
    lines += _if_other("could be severe", found.could_be_severe, expected.could_be_severe)
    return lines + _if_other("quarantine", sorted(found.quarantine), sorted(expected.quarantine))


def _of_rows(what: str, found: _Rows, expected: _Rows) -> list[str]:
    lines: list[str] = []
    for key in sorted({*found, *expected}):
        ours, theirs = found.get(key, _NOBODY), expected.get(key, _NOBODY)
        if not (ours and theirs):
            lines += _if_other(f"{key} is {what}", bool(ours), bool(theirs))
            continue
        for column in theirs:
            if not _is_same(ours[column], theirs[column]):
                lines += _if_other(f"{what} {key} {column}", ours[column], theirs[column])
    return lines


def _is_same(ours: object, theirs: object) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=0, abs_tol=_TOLERANCE)
    return ours == theirs


def _if_other(what: str, ours: object, theirs: object) -> list[str]:
    return [] if ours == theirs else [f"{what}: {ours!r}, expected {theirs!r}"]
