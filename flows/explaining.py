"""One patient asked about: the facts of the store through the same rules, told in words."""

from typing import Any, Final

from data_contracts.vocabulary import HELD
from flows.gathering import batches
from flows.judging import published_assessments
from flows.linking import person_of
from flows.night import Night
from flows.past import FOREVER
from flows.selection import lay_in_batches, select_dosed, select_persons
from flows.store import Store
from hypomag_rules.assess import assess
from hypomag_rules.explaining import explained, plain
from hypomag_rules.rungs import FIRST_THAT_HOLDS

_MARKS: Final = {True: "yes", False: "NO "}


def explain(store: Store, night: Night, patient: str) -> dict[str, Any] | None:
    """What a night at this instant decides about one patient, and why; None when unknown.

    A number that is linked to another answers for the person that it is linked to (`asked_id` is
    the number). `published` holds the columns of `assessments`, empty without a counted result.
    """
    select_persons(store, night)
    person = person_of(store, patient)
    store.run("DELETE FROM persons WHERE person_id <> ?", [person])
    store.run("DELETE FROM repeated")
    store.run("DELETE FROM redosed")
    select_dosed(store, night, everybody=False)
    for batch in batches(store, night, lay_in_batches(store, 1)):
        judged = assess(batch.facts, batch.judged, night.policy, night.settings.timezone)
        rows = published_assessments(judged, night).to_dicts()
        return {
            "patient_id": person,
            "asked_id": patient,
            "as_of": plain(night.naive_as_of),
            "received_by": _received_by(night),
            "timezone": night.settings.timezone,
            "published_as_of": _published_as_of(store),
            "policy_id": night.policy.id,
            "hidden": _hidden(store, person),
            "published": {name: plain(value) for name, value in rows[0].items()} if rows else {},
            **explained(judged, night.policy, night.settings.timezone),
        }
    return None


def _received_by(night: Night) -> object:
    """The instant after which nothing counts; null when everything does."""
    received_by = night.received_by and night.received_by.replace(tzinfo=None)
    return None if received_by == FOREVER else plain(received_by)


def _published_as_of(store: Store) -> object:
    """The instant that the last assessed night speaks for; null before the first."""
    ((as_of,),) = store.rows("SELECT max(as_of) FROM runs")
    return plain(as_of)


def _hidden(store: Store, person: str) -> dict[str, str]:
    """The lists of the last published night on which an answer hid this person, and the answer."""
    rows = store.rows(
        "SELECT worklist, answered FROM run_items WHERE is_hidden AND patient_id = ? AND run_id = "
        "(SELECT max_by(run_id, (night, run_id)) FROM runs WHERE is_published)",
        [person],
    )
    return {str(worklist): str(answered) for worklist, answered in rows}


def in_words(told: dict[str, Any]) -> str:
    """The explanation as a page for a terminal."""
    lines = _of_whom_and_when(told)
    hidden = {name: f"{name} (hidden by an answer)" for name in told["hidden"]}
    on = [hidden.get(name, name) for name, entry in told["lists"].items() if entry["is_on"]]
    lines += [f"Listed: {', '.join(on) or 'nowhere'}", "", *_what_was_read(told)]
    for name, finding in told["findings"].items():
        lines += ["", *_finding_in_words(name, finding)]
    for name, entry in told["lists"].items():
        lines += ["", f"{name}: {'LISTED' if entry['is_on'] else 'not listed'}"]
        if name in told["hidden"]:
            lines.append(f"  hidden on the last lists by an answer: {told['hidden'][name]}")
        for rung in entry["rungs"]:
            lines += _rung_in_words(rung, "  ")
    if told["nearest"]:
        lines += ["", "Nearest"]
        lines += [f"  {line}" for line in told["nearest"]]
    return "\n".join(lines)


def _of_whom_and_when(told: dict[str, Any]) -> list[str]:
    """The patient under the number that counts, the instant, what is left out, the policy."""
    lines = [f"Patient {told['patient_id']} as of {told['as_of']}, policy {told['policy_id']}"]
    if told["asked_id"] != told["patient_id"]:
        lines.append(f"{told['asked_id']} is linked to {told['patient_id']}: one person.")
    lines.append("Times are UTC.")
    if told["received_by"]:
        lines.append(f"Without the files that were received after {told['received_by']}.")
    published = told["published_as_of"]
    if published not in {None, told["as_of"]}:
        lines.append(f"The last lists speak for another instant: to read them, --as-of {published}")
    return lines


def _what_was_read(told: dict[str, Any]) -> list[str]:
    """Results, rows on review, doses."""
    lines = ["Magnesium results that count, newest first"]
    for result in told["results"]:
        index = "  <- the index" if result["is_index"] else ""
        index = f"  {result['status_kind']}{index}" if result["status_kind"] != "final" else index
        lines.append(
            f"  {result['collected_time']}  {result['value']} {result['unit']}  "
            f"{result['severity']}{index}"
        )
    if told["unreadable"]:
        lines += ["", "On review"]
        lines += [
            f"  {row['collected_time'] or 'time unknown'}  {row['value'] or 'no value'} "
            f"{row['unit'] or 'no unit'}  {row['review_reason']}{_way_out(row)}"
            for row in told["unreadable"]
        ]
    if told["doses"]:
        lines += ["", "Magnesium given"]
        lines += [
            f"  {dose['started_time']} to {dose['dose_ended_at']}  {dose['route']}  "
            f"{_cell(dose['grams'])} g"
            for dose in told["doses"]
        ]
    return lines


def _way_out(row: dict[str, Any]) -> str:
    """How a held result comes to be judged; nothing of another."""
    is_held = row["review_reason"] == HELD.upper()
    return f" (release with hypomag source release {row['source']})" if is_held else ""


def _finding_in_words(name: str, finding: dict[str, Any]) -> list[str]:
    """The answer, and the steps down to it; where the earliest day counts, all steps."""
    lines = [f"{name}: {finding['answer'] or 'none'} ({finding['picks']})"]
    for rung in finding["gate"]:
        lines += _rung_in_words(rung, "  ")
    if not all(rung["holds"] for rung in finding["gate"]):
        return lines
    for step in finding["steps"]:
        value = "" if step["comes_to"] is None else f" = {step['comes_to']}"
        lines += _rung_in_words(step, f"  {step['gives']}{value}: ")
        if step["holds"] and finding["picks"] == FIRST_THAT_HOLDS:
            break
    return lines


def _rung_in_words(rung: dict[str, Any], label: str) -> list[str]:
    """The question with its answer, then what was read and compared, then its limbs."""
    lines = [f"  {_MARKS[rung['holds']]}{label}{rung['asks']} ({rung['statement']})"]
    told = [
        f"{title}: " + ", ".join(f"{key} {_cell(value)}" for key, value in rung[part].items())
        for title, part in (("read", "read"), ("limits", "limits"))
        if rung[part]
    ]
    lines += [f"         {'; '.join(told)}"] if told else []
    for at, limb in enumerate(rung.get("limbs", [])):
        lines.append(f"       {'or' if at else 'either'}{', all of' if len(limb) > 1 else ''}")
        lines += [f"    {line}" for each in limb for line in _rung_in_words(each, "  ")]
    return lines


def _cell(value: object) -> object:
    """A value as it is read aloud: an unknown one is a dash."""
    return "-" if value is None else value
