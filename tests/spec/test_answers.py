"""What an answer hides and what brings the item back: rows a clinician could sign."""

import os
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypomag_rules.answers import hidden_items, latest_answers
from hypomag_rules.policy import load
from tests.drawing import EXAMPLES
from tests.oracle.answers import hides

NIGHT: Final = date(2026, 11, 23)
DRAWN: Final = datetime(2026, 11, 20, 6)  # noqa: DTZ001 - instants of the rules are naive UTC
POLICY: Final = load()
CRITICAL: Final = 4.0

# Rows a clinician could sign: list, answer, what it was given on, what came, hidden or shown.
_PAGE: Final = Path(__file__).parent / "answers.md"


def _rows() -> list[tuple[str, ...]]:
    lines = _PAGE.read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("|")][2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table]


def _figure(words: str) -> dict[str, Any]:
    if words == "none":
        return {"severity": None, "value": None, "comparator": None}
    severity, printed = words.split()
    sign = printed[0] if printed[0] in "<>" else None
    return {"severity": severity, "value": float(printed.lstrip("<>")), "comparator": sign}


def _answer(words: str, answered: str) -> dict[str, Any]:
    answer, _, until = words.partition(" ")
    index = _figure(answered)
    return {
        "disposition_id": 1,
        "item_id": "I",
        "answer": answer,
        "until": date.fromisoformat(until) if until else None,
        "collected_at": None if index["value"] is None else DRAWN,
        "severity": index["severity"],
        "magnesium_mg_dl": index["value"],
        "comparator": index["comparator"],
        "value_collected_at": DRAWN,
        "review_at": DRAWN,
        "could_be_severe": False,
        "linked_numbers": None,
    }


_OF_ITEM: Final = ("linked_numbers", "value_collected_at", "review_at", "could_be_severe")


def _came(words: str, answer: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the item says of review and numbers, and the results of the person."""
    item: dict[str, Any] = {name: answer[name] for name in _OF_ITEM}
    results = [] if answer["collected_at"] is None else [_answered_result(answer)]
    for event in words.split(", "):
        match event.split():
            case ["-"]:
                pass
            case ["gone"]:
                results = []
            case ["linked"]:
                item["linked_numbers"] = "Q-7"
            case ["parted"]:
                answer["linked_numbers"] = "Q-7"
            case ["unread", hours]:
                at = DRAWN + timedelta(hours=int(hours))
                item |= {"review_at": at, "value_collected_at": at}
            case [severity, value, hours]:
                at = DRAWN + timedelta(hours=int(hours))
                figure = _figure(f"{severity} {value}")
                results = [each for each in results if each["collected_at"] != at]
                results.append(
                    {
                        "collected_at": at,
                        "magnitude": figure["value"],
                        "comparator": figure["comparator"],
                        "severity": figure["severity"],
                    }
                )
    return item, results


def _answered_result(answer: dict[str, Any]) -> dict[str, Any]:
    """The index that was answered, as it stands among the results."""
    same = {name: answer[name] for name in ("collected_at", "comparator", "severity")}
    return same | {"magnitude": answer["magnesium_mg_dl"]}


_Types = dict[str, type[pl.DataType] | pl.DataType]
ANSWER_SCHEMA: Final[_Types] = {
    "disposition_id": pl.Int32,
    **dict.fromkeys(
        ("item_id", "answer", "severity", "comparator", "linked_numbers", "note"), pl.String
    ),
    **dict.fromkeys(
        ("collected_at", "value_collected_at", "review_at", "received_at"), pl.Datetime("us")
    ),
    "until": pl.Date,
    "modified_ns": pl.Int64,
    "magnesium_mg_dl": pl.Float64,
    "could_be_severe": pl.Boolean,
}
RESULT_SCHEMA: Final[_Types] = {
    **dict.fromkeys(("person_id", "comparator", "severity"), pl.String),
    "collected_at": pl.Datetime("us"),
    "magnitude": pl.Float64,
}
# A listed row as it comes: with tonight's index under the names that the results have too.
ITEM_SCHEMA: Final[_Types] = {
    **dict.fromkeys(("item_id", "person_id", "worklist", "linked_numbers"), pl.String),
    **dict.fromkeys(("value_collected_at", "review_at"), pl.Datetime("us")),
    "could_be_severe": pl.Boolean,
    **{name: dtype for name, dtype in RESULT_SCHEMA.items() if name != "person_id"},
    "note": pl.String,
}


def _is_hidden(
    worklist: str, answer: dict[str, Any], item: dict[str, Any], results: list[dict[str, Any]]
) -> bool:
    """The rule, with a bystander whose answer and results concern nobody else."""
    newest = max(results, key=lambda result: result["collected_at"], default={})
    who = {"item_id": "I", "person_id": "P", "worklist": worklist, **newest}
    listed = pl.DataFrame(
        [who | item, who | item | {"item_id": "J", "person_id": "Q"}], ITEM_SCHEMA
    )
    told = pl.DataFrame([answer], ANSWER_SCHEMA)
    found = pl.DataFrame([{"person_id": "P"} | result for result in results], RESULT_SCHEMA)
    hidden = hidden_items(listed, told, found, POLICY, NIGHT).get_column("item_id").to_list()
    assert hidden in ([], ["I"])
    return hidden == ["I"]


@pytest.mark.parametrize(("worklist", "words", "answered", "came", "tonight"), _rows())
def test_an_answer_hides_until_a_result_at_least_as_severe_arrives(
    worklist: str, words: str, answered: str, came: str, tonight: str
) -> None:
    """Section 11; product and oracle must both keep each row."""
    answer = _answer(words, answered)
    item, results = _came(came, answer)
    assert _is_hidden(worklist, answer, item, results) == (tonight == "hidden")
    told = item | {"worklist": worklist}
    assert hides(answer, NIGHT, told, results, CRITICAL) == (tonight == "hidden")


def test_the_last_answer_of_an_item_speaks() -> None:
    """Who says `done` after `declined` wants to see the patient again."""
    rows = [_answer("declined", "low 1.4"), _answer("done", "low 1.4") | {"disposition_id": 2}]
    latest = latest_answers(pl.DataFrame(rows[::-1], ANSWER_SCHEMA))
    assert latest.get_column("answer").to_list() == ["done"]


_DAY: Final = timedelta(days=1)


@pytest.mark.parametrize("words", ["declined", "snooze 2026-11-24"])
@pytest.mark.parametrize("is_first", [True, False])
def test_of_answers_whose_order_nobody_knows_the_one_that_hides_nothing_speaks(
    words: str, *, is_first: bool
) -> None:
    """Two sheets read at once and written at the same time: names alone would decide."""
    together = {"received_at": DRAWN + _DAY, "modified_ns": 7}
    told = [_answer(words, "low 1.4") | together, _answer("done", "low 1.4") | together]
    rows = [row | {"disposition_id": at} for at, row in enumerate(told[:: 1 if is_first else -1])]
    latest = latest_answers(pl.DataFrame(rows, ANSWER_SCHEMA))
    assert latest.get_column("answer").to_list() == ["done"]


@pytest.mark.parametrize("later", [{"received_at": DRAWN + 2 * _DAY}, {"modified_ns": 8}])
def test_a_later_answer_speaks_though_it_hides(later: dict[str, Any]) -> None:
    """Read later, or written later; before hypomag kept when, read together was all it knew."""
    told = {"received_at": DRAWN + _DAY, "modified_ns": 7}
    first = _answer("done", "low 1.4") | told
    second = _answer("declined", "low 1.4") | told | later | {"disposition_id": 2}
    latest = latest_answers(pl.DataFrame([first, second], ANSWER_SCHEMA))
    assert latest.get_column("answer").to_list() == ["declined"]


_MANY: Final = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="HYPOMAG_EXAMPLES" not in os.environ,
    database=None,
)
_VALUES: Final = st.sampled_from([0.8, 1.0, 1.2, 1.4, 1.5, 1.8, 2.6, 2.7, 3.9, 4.0, 4.1, 5.0])
_BANDS: Final = ("severe", "low", "target_met", "high", "undetermined")
_TIMES: Final = st.sampled_from([DRAWN + timedelta(hours=hours) for hours in (-1, 0, 1)])
_SIGNS: Final = st.sampled_from([None, "<", "<=", ">", ">="])


@st.composite
def _drawn(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """An answer, an item and results: bands need not fit their figures, the rule reads both."""
    has_index = draw(st.booleans())
    of_item = {
        "value_collected_at": st.none() | _TIMES,
        "review_at": st.none() | _TIMES,
        "could_be_severe": st.none() | st.booleans(),
        "linked_numbers": st.sampled_from([None, "Q-7"]),
    }
    answer: dict[str, Any] = {
        "disposition_id": 1,
        "item_id": "I",
        "answer": draw(
            st.sampled_from(["not_indicated", "declined", "transferred", "snooze", "done"])
        ),
        "until": None,
        "collected_at": DRAWN if has_index else None,
        "severity": draw(st.sampled_from(_BANDS)) if has_index else None,
        "magnesium_mg_dl": draw(_VALUES) if has_index else None,
        "comparator": draw(_SIGNS) if has_index else None,
        **draw(st.fixed_dictionaries(of_item)),
    }
    if answer["answer"] == "snooze":
        answer["until"] = NIGHT + timedelta(days=draw(st.integers(-1, 1)))
    item = {
        "worklist": draw(st.sampled_from(["recheck", "review", "high_watch"])),
        **{name: answer[name] for name in _OF_ITEM},
    }
    for name in draw(st.lists(st.sampled_from(_OF_ITEM), max_size=1)):
        item[name] = draw(of_item[name])
    result = st.fixed_dictionaries(
        {
            "collected_at": _TIMES,
            "magnitude": _VALUES,
            "comparator": _SIGNS,
            "severity": st.sampled_from(_BANDS),
        }
    )
    results = draw(st.lists(result, max_size=2))
    if has_index and draw(st.integers(0, 3)):
        results.append(_answered_result(answer))
    return answer, item, results


@_MANY
@given(_drawn())
def test_the_rule_is_the_oracles(
    drawn: tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]],
) -> None:
    """At and around every limit, with every comparator, with and without an index."""
    answer, item, results = drawn
    told = {name: value for name, value in item.items() if name != "worklist"}
    found = _is_hidden(item["worklist"], answer, told, results)
    assert found == hides(answer, NIGHT, item, results, CRITICAL)


@_MANY
@given(_drawn(), st.sampled_from([0.3, 0.8, 1.0, 1.2]))
def test_a_new_severe_result_is_never_hidden(
    drawn: tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]], value: float
) -> None:
    """Whatever was answered, on whatever, and whatever else came."""
    answer, item, results = drawn
    severe = {
        "collected_at": DRAWN + timedelta(hours=2),
        "magnitude": value,
        "comparator": None,
        "severity": "severe",
    }
    told = {name: each for name, each in item.items() if name != "worklist"}
    assert not _is_hidden(item["worklist"], answer, told, [*results, severe])
