"""The rules as tables: pages of promises, a row a patient, read once for tests and docs alike.

A column headed in bold is what is promised, the others are what the laboratory and the ward sent.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from tests.spec.worked_cases import AS_OF, PATIENT, Case

PAGES: Final = tuple(sorted((Path(__file__).parent / "promises").glob("*.md")))
_LABORATORY: Final = {
    "magnesium": "19123-9",
    "creatinine": "2160-0",
    "potassium": "2823-3",
    "calcium": "17861-6",
    "ionised calcium": "1994-3",
    "albumin": "1751-7",
    "clearance": "35591-7",
    "eGFR": "98979-8",
    "weight": "29463-7",
    "height": "8302-2",
    "urine magnesium": "19124-7",
    "urine creatinine": "2161-8",
    "urine calcium": "17862-4",
}
_IN_MOLES: Final = "2601-3"
_MOLE_UNITS: Final = ("mmol/L", "mEq/L")
_HOURS_AGO: Final = "-10h"
_OFFSET: Final = re.compile(r"([+-][0-9]+)([dhms])")
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_WORDS: Final[Mapping[str, object]] = {"-": None, "yes": True, "no": False, "none": []}
_REASONS: Final = {"reasons": "reasons_include", "not reasons": "reasons_exclude"}
_FINDINGS: Final = {"findings": "findings_include", "not findings": "findings_exclude"}

Row = dict[str, str]


def promises() -> list[Case]:
    """Every row of every page as a case of its own."""
    return [case for page in PAGES for case in _cases(page)]


def _cases(page: Path) -> Iterator[Case]:
    header: list[str] = []
    for line in page.read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            header = []
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not header:
            header = cells
        elif set(line) - set("|-: "):
            yield _case(page.stem, header, cells)


def _case(page: str, header: list[str], cells: list[str]) -> Case:
    told = dict(zip(header, cells, strict=True))
    given = {name: cell for name, cell in told.items() if cell and not name.startswith("**")}
    expected: dict[str, Any] = {}
    for name, cell in told.items():
        if cell and name.startswith("**"):
            _expect(expected, name.strip("*"), cell)
    policy = dict(_setting(item) for item in _items(given.pop("policy", "")))
    label = f"{page}: {' | '.join(cells)}"
    return Case(label, page, _tables(given), json.dumps(policy) if policy else "", expected)


def _expect(expected: dict[str, Any], name: str, cell: str) -> None:
    """A promised cell as worked cases write it; figures of the first dose are named `dose ...`."""
    if name.startswith("dose "):
        dose = expected.setdefault("dose", {"medication_id": "M1"})
        key = name.removeprefix("dose ")
        dose[_FINDINGS.get(key, key)] = cell.split() if key in _FINDINGS else _value(cell)
    elif name in _REASONS:
        expected[_REASONS[name]] = cell.split()
    elif name == "lists":
        expected[name] = [] if cell == "none" else cell.split()
    else:
        expected[name] = cell if name.startswith("reported_") else _value(cell)


def _value(cell: str) -> object:
    if cell in _WORDS:
        return _WORDS[cell]
    try:
        return float(cell)
    except ValueError:
        return cell


def _setting(item: str) -> tuple[str, object]:
    key, _, value = item.partition("=")
    return key, json.loads(value)


def _items(cell: str) -> list[str]:
    return [item.strip() for item in cell.split(";") if item.strip()]


def _tables(given: Mapping[str, str]) -> dict[str, list[Row]]:
    """The canonical rows that a promise gives; columns it does not name are not sent."""
    unknown = set(given) - set(_LABORATORY) - {"born", "sex", "died", "doses", "orders"}
    unknown -= {"conditions", "visits"}
    if unknown:
        message = f"promises: no column is named {', '.join(sorted(unknown))}"
        raise ValueError(message)
    results = [_result(name, item) for name in _LABORATORY for item in _items(given.get(name, ""))]
    drugs = [_drug(item, is_order=False) for item in _items(given.get("doses", ""))]
    drugs += [_drug(item, is_order=True) for item in _items(given.get("orders", ""))]
    tables = {
        "observations": _numbered(results, "observation_id", "O"),
        "medications": _numbered(drugs, "medication_id", "M"),
        "conditions": [_condition(item) for item in _items(given.get("conditions", ""))],
        "patients": [_person(given)],
        "encounters": _numbered(
            [_visit(item) for item in _items(given.get("visits", ""))], "encounter_id", "E"
        ),
    }
    return {name: [_of_patient(row) for row in rows] for name, rows in tables.items() if rows}


def _numbered(rows: list[Row], name: str, letter: str) -> list[Row]:
    return [{name: f"{letter}{at}", **row} for at, row in enumerate(rows, 1)]


def _of_patient(row: Row) -> Row:
    return {"patient_id": PATIENT, **row}


def _split(item: str) -> tuple[list[str], str, Row]:
    """The words, the time after `@`, and the `column=cell` of an item."""
    words, time, more = [], _HOURS_AGO, {}
    for token in item.split():
        if token.startswith("@"):
            time = token[1:]
        elif "=" in token.lstrip("<>="):
            name, _, cell = token.partition("=")
            more[name] = cell.replace("_", " ") if name in {"specimen", "name"} else cell
        else:
            words.append(token)
    return words, time, more


def _instant(text: str) -> str:
    """`-10h` before the night's instant, or a time as it would be sent; nothing stays nothing."""
    found = _OFFSET.fullmatch(text)
    if not found:
        return text
    instant = AS_OF + timedelta(**{_UNITS[found[2]]: int(found[1])})
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _result(name: str, item: str) -> Row:
    words, time, more = _split(item)
    value, unit = [*words, "", ""][:2]
    code = _LABORATORY[name]
    if name == "magnesium" and unit in _MOLE_UNITS:
        code = _IN_MOLES
    row = {
        "code": code,
        "value": "" if value == "blank" else value,
        "unit": unit,
        "status": "F",
        "collected_at": _instant(time),
    }
    return row | {key: _instant(cell) for key, cell in more.items()}


def _drug(item: str, *, is_order: bool) -> Row:
    words, time, more = _split(item)
    start, _, end = time.partition("..")
    row = {"kind": "order" if is_order else "administration", "status": "given"}
    row |= {"started_at": _instant(start), "ended_at": _instant(end)}
    if is_order:
        row |= {"status": "active", "name": " ".join(words[:-1]), "route": words[-1]}
    else:
        amount, unit, route = (["", "", words[1]] if words[0] == "blank" else words)[:3]
        row |= {"name": "magnesium sulfate", "dose": amount, "dose_unit": unit, "route": route}
    return row | {key: _instant(cell) for key, cell in more.items()}


def _condition(item: str) -> Row:
    words, time, more = _split(item)
    recorded = _instant(time) if "@" in item else ""
    row = {"code": words[0], "code_system": "ICD-10-CM", "status": "active"}
    return row | {"recorded_at": recorded} | {key: _instant(cell) for key, cell in more.items()}


def _visit(item: str) -> Row:
    words, time, more = _split(item)
    start, _, end = time.partition("..")
    row = {"care_setting": words[0], "started_at": _instant(start), "ended_at": _instant(end)}
    return row | more


def _person(given: Mapping[str, str]) -> Row:
    return {
        "birth_date": given.get("born", "1970-03-10").replace("unknown", ""),
        "sex": given.get("sex", "male"),
        "died_at": _instant(given.get("died", "")),
    }
