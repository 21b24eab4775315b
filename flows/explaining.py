"""One patient asked about: the facts of the store through the same rules, told in words."""

from typing import Any, Final

from flows.gathering import batches
from flows.judging import published_assessments
from flows.night import Night
from flows.selection import lay_in_batches, select_dosed, select_persons
from flows.store import Store
from hypomag_rules.assess import assess
from hypomag_rules.explaining import explained, plain

_MARKS: Final = {True: "yes", False: "NO "}


def explain(store: Store, night: Night, patient: str) -> dict[str, Any] | None:
    """What a night at this instant decides about one patient, and why; None when unknown.

    `published` holds the columns of `assessments`, empty without a counted result.
    """
    select_persons(store, night)
    store.run("DELETE FROM persons WHERE person_id <> ?", [patient])
    store.run("DELETE FROM repeated")
    store.run("DELETE FROM redosed")
    select_dosed(store, night, everybody=False)
    for batch in batches(store, night, lay_in_batches(store, 1)):
        judged = assess(batch.facts, batch.judged, night.policy, night.settings.timezone)
        rows = published_assessments(judged, night).to_dicts()
        return {
            "patient_id": patient,
            "as_of": plain(night.naive_as_of),
            "policy_id": night.policy.id,
            "published": {name: plain(value) for name, value in rows[0].items()} if rows else {},
            **explained(judged, night.policy, night.settings.timezone),
        }
    return None


def in_words(told: dict[str, Any]) -> str:
    """The explanation as a page for a terminal."""
    lines = [f"Patient {told['patient_id']} as of {told['as_of']}, policy {told['policy_id']}", ""]
    lines.append("Magnesium results that count, newest first")
    for result in told["results"]:
        index = "  <- the index" if result["is_index"] else ""
        lines.append(
            f"  {result['collected_time']}  {result['value']} {result['unit']}  "
            f"{result['severity']}{index}"
        )
    if told["unreadable"]:
        lines += ["", "On review"]
        lines += [
            f"  {row['collected_time'] or 'time unknown'}  {row['value'] or 'no value'} "
            f"{row['unit'] or 'no unit'}  {row['review_reason']}"
            for row in told["unreadable"]
        ]
    for name, entry in told["lists"].items():
        lines += ["", f"{name}: {'LISTED' if entry['is_on'] else 'not listed'}"]
        for rung in entry["rungs"]:
            lines.append(f"  {_MARKS[rung['holds']]}  {rung['asks']} ({rung['statement']})")
            read = ", ".join(f"{key} {value}" for key, value in rung["read"].items())
            limits = ", ".join(f"{key} {value}" for key, value in rung["limits"].items())
            lines.append(f"         read: {read}" + (f"; limits: {limits}" if limits else ""))
    if told["nearest"]:
        lines += ["", "Nearest"]
        lines += [f"  {line}" for line in told["nearest"]]
    return "\n".join(lines)
