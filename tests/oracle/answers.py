"""What an answer hides, item by item, from section 11; imports nothing of the product."""

from datetime import date
from typing import Any

Row = dict[str, Any]


def hides(answer: Row, night: date, item: Row, results: list[Row], critical: float) -> bool:
    """Whether the last answer of an item hides it tonight."""
    word = answer["answer"]
    if word == "snooze":
        if night >= answer["until"]:
            return False
    elif word not in ("not_indicated", "declined", "transferred"):
        return False
    if item["linked_numbers"] != answer["linked_numbers"]:
        return False
    if answer["collected_at"] is not None and not any(_is_same(each, answer) for each in results):
        return False
    for result in results:
        if _is_newer(result, answer) and _brings_back(result, answer, item["worklist"], critical):
            return False
    return not (item["worklist"] == "review" and _is_otherwise_unread(item, answer))


def _is_newer(result: Row, answer: Row) -> bool:
    if answer["collected_at"] is None:
        return True
    if result["collected_at"] > answer["collected_at"]:
        return True
    return result["collected_at"] == answer["collected_at"] and not _is_same(result, answer)


def _is_same(result: Row, answer: Row) -> bool:
    told = (result["collected_at"], result["magnitude"], result["comparator"])
    return told == (answer["collected_at"], answer["magnesium_mg_dl"], answer["comparator"])


def _brings_back(result: Row, answer: Row, worklist: str, critical: float) -> bool:
    now, before = result["severity"], answer["severity"]
    least, most = _interval(result["magnitude"], result["comparator"])
    if now in ("severe", "undetermined"):
        return bool(now == "severe")
    if before in (None, "undetermined") or (now == "low" and before in ("target_met", "high")):
        return True
    was_least, was_most = _interval(answer["magnesium_mg_dl"], answer["comparator"])
    if now != "high":
        return bool(now == before and most <= was_most)
    if before == "high" and least >= was_least:
        return True
    return worklist == "high_watch" and (before != "high" or least >= critical)


def _is_otherwise_unread(item: Row, answer: Row) -> bool:
    for name in ("value_collected_at", "review_at"):
        if item[name] != answer[name]:
            return True
    return bool(item["could_be_severe"]) and not answer["could_be_severe"]


def _interval(value: float, comparator: str | None) -> tuple[float, float]:
    if comparator in ("<", "<="):
        return float("-inf"), value
    if comparator in (">", ">="):
        return value, float("inf")
    return value, value
