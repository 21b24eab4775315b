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
        "review_at": DRAWN,
        "could_be_severe": False,
    }


def _came(words: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the item says of review, and the results of the person."""
    item: dict[str, Any] = {"review_at": DRAWN, "could_be_severe": False}
    if words == "-":
        return item, []
    told, _, hours = words.rpartition(" ")
    at = DRAWN + timedelta(hours=int(hours))
    if told == "unread":
        return item | {"review_at": at}, []
    figure = _figure(told)
    return item, [
        {
            "collected_at": at,
            "magnitude": figure["value"],
            "comparator": figure["comparator"],
            "severity": figure["severity"],
        }
    ]


_Types = dict[str, type[pl.DataType] | pl.DataType]
ANSWER_SCHEMA: Final[_Types] = {
    "disposition_id": pl.Int32,
    **dict.fromkeys(("item_id", "answer", "severity", "comparator"), pl.String),
    "until": pl.Date,
    "collected_at": pl.Datetime("us"),
    "magnesium_mg_dl": pl.Float64,
    "review_at": pl.Datetime("us"),
    "could_be_severe": pl.Boolean,
}
RESULT_SCHEMA: Final[_Types] = {
    **dict.fromkeys(("person_id", "comparator", "severity"), pl.String),
    "collected_at": pl.Datetime("us"),
    "magnitude": pl.Float64,
}
ITEM_SCHEMA: Final[_Types] = {
    **dict.fromkeys(("item_id", "person_id", "worklist"), pl.String),
    "review_at": pl.Datetime("us"),
    "could_be_severe": pl.Boolean,
}


def _is_hidden(
    worklist: str, answer: dict[str, Any], item: dict[str, Any], results: list[dict[str, Any]]
) -> bool:
    """The rule, with a bystander whose answer and results concern nobody else."""
    who = {"item_id": "I", "person_id": "P", "worklist": worklist}
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
    answer, (item, results) = _answer(words, answered), _came(came)
    assert _is_hidden(worklist, answer, item, results) == (tonight == "hidden")
    told = item | {"worklist": worklist}
    assert hides(answer, NIGHT, told, results, CRITICAL) == (tonight == "hidden")


def test_the_last_answer_of_an_item_speaks() -> None:
    """Who says `done` after `declined` wants to see the patient again."""
    rows = [_answer("declined", "low 1.4"), _answer("done", "low 1.4") | {"disposition_id": 2}]
    latest = latest_answers(pl.DataFrame(rows[::-1], ANSWER_SCHEMA))
    assert latest.get_column("answer").to_list() == ["done"]


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
    answer = {
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
        "review_at": draw(st.none() | _TIMES),
        "could_be_severe": draw(st.none() | st.booleans()),
    }
    if answer["answer"] == "snooze":
        answer["until"] = NIGHT + timedelta(days=draw(st.integers(-1, 1)))
    item = {
        "worklist": draw(st.sampled_from(["recheck", "review", "high_watch"])),
        "review_at": draw(st.none() | _TIMES),
        "could_be_severe": draw(st.none() | st.booleans()),
    }
    result = st.fixed_dictionaries(
        {
            "collected_at": _TIMES,
            "magnitude": _VALUES,
            "comparator": _SIGNS,
            "severity": st.sampled_from(_BANDS),
        }
    )
    return answer, item, draw(st.lists(result, max_size=2))


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
