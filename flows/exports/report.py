"""The night on one page, to read and to print: first what makes it untrue, then the lists."""

from pathlib import Path
from typing import Any, Final

import polars as pl
from markupsafe import Markup

from data_contracts.vocabulary import OUTCOMES, REJUDGED_NOTICE, SECTIONS, SNOOZE, WORKLISTS
from flows.exports import changes
from flows.exports.audit_xlsx import counts
from flows.exports.caveats import as_of_sentence, as_of_words, caveats
from flows.exports.edition import Edition
from flows.exports.read_facts import with_facts
from flows.exports.shipped import environment, shipped, source_hash
from flows.exports.summary import summary
from flows.exports.words import LISTS, heading, listed_of_read, local
from hypomag_rules.guidance import shared_guidance
from hypomag_rules.spoken import filled_texts

_SECTION_WORDS: Final = {
    "main": "",
    "overdue": "Overdue",
    "due": "Window open",
    "upcoming": "Window opens soon",
}
_PRINTED: Final = (
    "rank",
    "section",
    "life",
    "first_listed_on",
    "nights_listed",
    "name",
    "mrn",
    "patient_id",
    "birth_date",
    "age_years",
    "sex",
    "ward_words",
    "care_team",
    "severity",
    "could_be_severe",
    "why",
    "own_guidance",
    "main_reasons",
    "small_reasons",
    "facts",
)


def write(edition: Edition, path: Path) -> None:
    """One self-contained page; nothing in it runs, nothing is fetched."""
    path.write_text(page(edition), encoding="utf-8")


def page(edition: Edition) -> str:
    """The page as text: the same edition gives the same bytes."""
    css = shipped("page.css")
    template = environment().from_string(shipped("page.html.j2"))
    return template.render(
        css=Markup(css),  # noqa: S704 - a shipped file, no data in it
        css_hash=source_hash(css),
        edition=edition,
        as_of=as_of_words(edition),
        as_of_sentence=as_of_sentence(edition),
        caveats=caveats(edition),
        rejudged=edition.notices_of(REJUDGED_NOTICE),
        summary=summary(edition),
        changes=changes.summary(edition),
        lists=[_list(edition, worklist) for worklist in WORKLISTS],
        hidden=_hidden(edition),
        held_back=_held_back(edition),
        held_back_by_file=_held_back_by_file(edition),
        ledger=_ledger(edition),
        feeds=_feeds(edition),
        audit=counts(edition, edition.months[0]).to_dicts(),
        audit_month=f"{edition.months[0]:%B %Y}",
        outcomes=OUTCOMES,
        texts=filled_texts(edition.policy),
    )


def _list(edition: Edition, worklist: str) -> dict[str, Any]:
    """A list for the template: its head, and its rows by section."""
    # On review the sentence says what is wrong already.
    reasons = "other_reasons" if worklist == "review" else "main_reasons"
    printed = (
        with_facts(edition, worklist)
        .with_columns(
            pl.col(reasons).alias("main_reasons"),
            pl.col("section").cast(pl.String),
            pl.col("severity").cast(pl.String),
            pl.col("birth_date").dt.strftime("%-d %b %Y"),
            pl.col("first_listed_on").dt.strftime("%-d %b"),
        )
        .select(_PRINTED)
    )
    sections = [
        {"title": _SECTION_WORDS[section], "rows": found.to_dicts()}
        for section in SECTIONS
        if not (found := printed.filter(pl.col("section") == section)).is_empty()
    ]
    return {
        "name": worklist,
        "title": LISTS[worklist],
        "heading": heading(edition, worklist),
        "count": listed_of_read(edition, worklist),
        "shared": shared_guidance(edition.policy, worklist),
        "sections": sections,
    }


def _hidden(edition: Edition) -> list[dict[str, Any]]:
    """The items that an answer hides tonight, list by list, with who answered what and why."""
    order = pl.col("worklist").replace_strict(
        {name: at for at, name in enumerate(WORKLISTS)}, return_dtype=pl.Int8
    )
    return (
        edition.hidden.with_columns(pl.col(pl.Enum).cast(pl.String))
        .sort(order, "rank")
        .select(
            pl.col("worklist").replace(LISTS).alias("list"),
            "name",
            "mrn",
            "patient_id",
            pl.coalesce("ward", pl.lit("left ") + pl.col("last_ward")).alias("ward"),
            pl.coalesce("magnesium_as_reported", "value_as_sent").alias("magnesium"),
            "severity",
            "answered",
            until=pl.when(pl.col("answer") == SNOOZE)
            .then(pl.col("until").dt.strftime("%a %-d %b %Y"))
            .otherwise(pl.lit("a result at least as severe")),
        )
        .to_dicts()
    )


def _held_back(edition: Edition) -> list[dict[str, Any]]:
    """Refused rows counted by table and reason, in words."""
    texts = filled_texts(edition.policy)
    reason = pl.col("reason").str.to_uppercase()
    spelled = pl.col("reason").str.replace_all("_", " ", literal=True)
    return (
        edition.quarantine.group_by("table_name", "reason")
        .agg(rows=pl.len())
        .sort("rows", "table_name", "reason", descending=[True, False, False])
        .with_columns(words=pl.coalesce(reason.replace_strict(texts, default=None), spelled))
        .to_dicts()
    )


def _held_back_by_file(edition: Edition) -> list[dict[str, Any]]:
    counted = edition.quarantine.group_by("file", "table_name").agg(rows=pl.len())
    return counted.sort("file", "table_name").to_dicts()


def _ledger(edition: Edition) -> list[dict[str, Any]]:
    """Where the rows of each feed and table went; the four counts add up to the rows read."""
    counts = ("rows", *OUTCOMES)
    return (
        edition.files.with_columns(pl.col("table_name").fill_null("not read"))
        .group_by("source", "table_name")
        .agg(
            pl.len().alias("files"),
            pl.col("problem").is_not_null().sum().alias("refused"),
            *(pl.col(name).sum() for name in counts),
        )
        .sort("source", "table_name")
        .to_dicts()
    )


def _feeds(edition: Edition) -> list[dict[str, Any]]:
    until = local(pl.col("known_until"), edition.zone).dt.strftime("%a %-d %b %H:%M")
    return edition.feeds.with_columns(known_until=until).to_dicts()
