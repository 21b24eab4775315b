"""Which way a line of FHIR is read, by a mould or by the parser, changes nothing in the rows."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.resources_fhir import write_observations
from flows.errors import FileRefusedError
from flows.sources import fhir_moulds, fhir_ndjson
from flows.sources.fhir_moulds import Moulds
from flows.sources.fhir_observations import OBSERVATION
from flows.sources.fhir_quotes import Cut
from flows.sources.fhir_shapes import Shapes
from tests.drawing import EXAMPLES

Reading = tuple[pl.DataFrame, str]
KIND = "Observation"
# Text, number and text again are put in; the last layouts are sound for no reader.
LAYOUTS = (
    '{"resourceType":"Observation","id":%s,"valueQuantity":{"value":%s,"unit":%s},"status":"final"}',
    '{ "resourceType" : "Observation","id" : %s ,"valueQuantity": {"value" : %s , "code":%s} } ',
    '{"resourceType":"Observation","id":%s,"x":%s,"code":{"coding":[{"code":%s},{},null]}}',
    '{"resourceType":"Observation","id":%s,"referenceRange":[{"low":{"value":%s}}],"issued":%s}',
    '{"resourceType":"Observation","issued":%s,"valueInteger":%s,"hasMember":[],"id":%s,"meta":{}}',
    '{"resourceType":"Observation","valueBoolean":true,"id":%s,"note":[1.50,%s],"subject":null,"y":%s}',
    '{"id":%s,"component":[{"valueInteger":%s},{"code":{"text":%s}}],"resourceType":"Observation"}',
)
UNSOUND = (
    '{"resourceType":"Observation","id":%s,"valueQuantity":{"value":%s},"id":%s}',
    '{"resourceType":"Observation","id":%s,"x":{"value":%s},"status":%s',
    '{"resourceType":"Observation","status":%s,"id":%s,"x":%s}',
    '{"resourceType":"Patient","id":%s,"valueQuantity":{"value":%s,"unit":%s},"status":"final"}',
)
TEXTS = st.one_of(
    st.sampled_from(["a", "1.1", ":", ",", "}", "é", "", " ", "0", "resourceType"]).map(
        lambda text: json.dumps(text, ensure_ascii=False)
    ),
    st.text(max_size=4).map(json.dumps),
    st.sampled_from(['"\\u00e9"', '"a\tb"', '"\\""', "null"]),
)
NUMBERS = st.one_of(
    st.sampled_from(["1.10", "2", "-0.0", "1.2345678901234567", "0.10", "1e2", "null"]),
    st.sampled_from(["12345678901234567890123", "1E309", "01", "+1", "true", '"3"']),
    st.decimals(-99, 99, places=2).map(str),
)


def lines_of(layouts: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda layout, *parts: layout % parts, st.sampled_from(layouts), TEXTS, NUMBERS, TEXTS
    )


def reading_of(path: Path, most_moulds: int) -> Reading:
    """The elements of a file, or why it is refused."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fhir_moulds, "_MOST_MOULDS", most_moulds)
        try:
            frames = list(fhir_ndjson.resources(path, KIND, OBSERVATION))
        except FileRefusedError as refused:
            return pl.DataFrame(), str(refused)
    return pl.concat(frames) if frames else pl.DataFrame(), ""


def assert_alike(path: Path) -> Reading:
    by_mould, by_parser = reading_of(path, 16), reading_of(path, 0)
    assert by_mould[1] == by_parser[1]
    assert by_mould[0].equals(by_parser[0])
    assert by_mould[0].schema == by_parser[0].schema
    return by_mould


@pytest.mark.long
@settings(deadline=None, max_examples=2 * EXAMPLES, derandomize=True)
@given(
    lines=st.lists(lines_of(LAYOUTS), max_size=12),
    odd=st.lists(st.one_of(lines_of(UNSOUND), st.just("")), max_size=1),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_moulds_and_the_parser_read_alike(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], odd: list[str], end: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "drawn.ndjson"
    path.write_bytes(end.join([*lines, *odd, *lines]).encode("utf-8", "replace"))
    assert_alike(path)


def test_a_server_s_lines_are_read_by_moulds(tmp_path: Path) -> None:
    """Else all would be right, and slow."""
    path = tmp_path / "Observation.ndjson"
    write_observations(path, 2_000)
    rows, fault = assert_alike(path)
    assert (rows.height, fault) == (2_000, "")
    text = path.read_bytes()
    lines = pl.DataFrame({"line": text.decode().splitlines()}).with_row_index("number", 1)
    poured = Moulds(Shapes(KIND, OBSERVATION)).pour(Cut.of(text, lines.height), lines)
    assert sum(fitting.size for fitting, _ in poured) == 2_000


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace('"value":', '"other":'),
        lambda line: line.replace("2.0", "2,0"),
        lambda line: line.replace('"final"', '"fin"al"'),
        lambda line: line[:-1],
        lambda line: line.replace('"id"', '"id":"o0","id"'),
        lambda line: line.replace('"status":', '"status": '),
        lambda line: "\r" + line + " ",
    ],
)
def test_a_line_that_differs_in_more_than_values_fits_no_mould(
    tmp_path: Path, change: Callable[[str], str]
) -> None:
    lines = [LAYOUTS[0] % (f'"o{at}"', "2.0", '"mg/dL"') for at in range(50)]
    path = tmp_path / "Observation.ndjson"
    path.write_text("\n".join([*lines, change(lines[7]), *lines]) + "\n", encoding="utf-8")
    assert change(lines[7]) != lines[7]
    assert_alike(path)
