"""HL7 v2 messages are read as an independent library reads them."""

from itertools import product
from typing import Final

import hl7  # type: ignore[import-untyped]
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.sources.hl7v2_segments import Separators, fields_of, told
from tests.flows.hl7v2_messages import column, rows_of

MARKS: Final = "|^~\\&#$%*!:;@/?"


@st.composite
def split_messages(draw: st.DrawFn) -> tuple[Separators, str]:
    """A message of OBX whose parts hold any separator, escaped, and the separators themselves."""
    marks = draw(st.permutations(MARKS))[:5]
    separators = Separators(*marks)
    names = dict(zip(marks, "FSRET", strict=True))

    def escaped(text: str) -> str:
        mark = separators.escape
        return "".join(f"{mark}{names[c]}{mark}" if c in names else c for c in text)

    texts = st.text(st.sampled_from(["a", "1", "<", "é", " ", *marks]), max_size=3)
    parts = st.lists(texts.map(escaped), min_size=1, max_size=3).map(separators.subcomponent.join)
    repeats = st.lists(parts, min_size=1, max_size=3).map(separators.component.join)
    fields = st.lists(repeats, min_size=1, max_size=3).map(separators.repeat.join)
    segments = draw(st.lists(st.lists(fields, max_size=4), min_size=1, max_size=3))
    field, component, repeat, escape, subcomponent = marks
    header = field.join(["MSH" + field + component + repeat + escape + subcomponent, "LAB"])
    return separators, "\r".join(
        [header, *(field.join(["OBX", *told_fields, "end"]) for told_fields in segments)]
    )


@pytest.mark.long
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(split_messages())
def test_segments_are_split_as_the_library_splits_them(made: tuple[Separators, str]) -> None:
    separators, text = made
    message = hl7.parse(text)
    _, *lines = text.split("\r")
    sent = fields_of(
        pl.DataFrame({"text": lines}), {f"f{n}": n for n in range(1, 5)}, separators.field
    )
    addresses = list(product(range(1, 5), range(1, 4), range(1, 4)))
    ours = told(sent, separators, **{f"{at}": (f"f{at[0]}", *at[1:]) for at in addresses})
    for at in addresses:
        theirs = [extracted(message, line, *at) for line in range(1, len(lines) + 1)]
        assert column(ours, f"{at}") == theirs, at


def extracted(message: hl7.Message, line: int, *numbers: int) -> str | None:
    """What the library finds in the first repeat of a field, where there is anything."""
    field, component, subcomponent = numbers
    try:
        found = message.extract_field("OBX", line, field, 1, component, subcomponent)
    except IndexError:
        return None
    return found.strip() or None


@pytest.mark.long
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["PID", "PV1", "OBR", "OBX", "SPM", "MSH"]), max_size=14))
def test_each_result_belongs_to_what_stands_before_it(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    text = "".join(line + "\r" for line in numbered(["MSH", "PID", "OBR", *names]))
    rows = rows_of(tmp_path_factory.mktemp("drawn"), text)
    holding = rows.filter(pl.any_horizontal(pl.col("patient_id", "value").is_not_null()))
    found = holding.select("observation_id", "patient_id", "encounter_id", "specimen_id", "value")
    expected = [row for message in messages_in(text) for row in plainly(message)]
    assert found.rows() == expected


NUMBERED: Final = {"PID": 3, "PV1": 19, "OBR": 3, "OBX": 5}


def numbered(names: list[str]) -> list[str]:
    """Segments that are told apart by their number."""
    made = {
        "MSH": r"MSH|^~\&|LAB|NORTH|||20261120||ORU^R01|C{}",
        "PID": "PID|||P{}",
        "PV1": "PV1" + "|" * 19 + "V{}",
        "OBR": "OBR|||F{}",
        "OBX": "OBX|1|NM|MG||{}",
        "SPM": "SPM||S{}",
    }
    return [made[name].format(at) for at, name in enumerate(names)]


def messages_in(text: str) -> list[hl7.Message]:
    return [hl7.parse("MSH" + part) for part in text.split("MSH")[1:]]


def plainly(message: hl7.Message) -> list[tuple[str | None, ...]]:
    """The rows of a message, read segment by segment."""
    control = str(message["MSH"][0][10])
    rows: list[dict[str, str]] = []
    last: dict[str, str] = {}
    for segment in message:
        name = str(segment[0])
        if name == "PID":
            last = {}
        if name in NUMBERED:
            last[name] = str(segment[NUMBERED[name]])
        if name == "OBX":
            rows.append(dict(last))
    specimens = specimens_of(message)
    is_broken = any("OBR" not in row for row in rows)
    found: list[tuple[str | None, ...]] = []
    for place, row in enumerate(rows, 1):
        order = row.get("OBR", "")
        earlier = sum(other.get("OBR") == order for other in rows[: place - 1])
        identifier = f"{order}/MG" + (f"#{earlier + 1}" if earlier else "")
        beside = (row.get("PID"), row.get("PV1"), specimens.get(order), row.get("OBX"))
        found.append((f"{control}#{place}" if is_broken else identifier, *beside))
    return found


def specimens_of(message: hl7.Message) -> dict[str, str]:
    """The first specimen of each order."""
    specimens: dict[str, str] = {}
    order = ""
    for segment in message:
        name = str(segment[0])
        if name in {"PID", "OBR"}:
            order = str(segment[3]) if name == "OBR" else ""
        if name == "SPM" and order:
            specimens.setdefault(order, str(segment[2]))
    return specimens
