"""What makes tonight's lists untrue: said first, on every output."""

from typing import Final

import polars as pl

from flows.exports.edition import Edition
from flows.exports.words import local

_MOST_CODES: Final = 3
_TIME: Final = "%a %-d %b %H:%M"


def as_of_words(edition: Edition) -> str:
    """`Sat 21 Nov 02:00` in the hospital's zone."""
    spoken = pl.select(local(pl.lit(edition.as_of), edition.zone).dt.strftime(_TIME))
    return str(spoken.item())


def as_of_sentence(edition: Edition) -> str:
    """The instant the night speaks for, and what that means to a reader."""
    return (
        f"As of {as_of_words(edition)}. Doses and results after this are not here: check the chart."
    )


def caveats(edition: Edition, refused_named: int | None = None) -> list[str]:
    """Refused files, how far the doses are known, a zone nobody set; one sentence each.

    At most `refused_named` files are named where room is short, the others counted.
    """
    refused = _refused(edition)
    if refused_named is not None and len(refused) > refused_named:
        more = f"{len(refused) - refused_named} more files refused: see report.html."
        refused = [*refused[:refused_named], more]
    unread = (*_sheets(edition), *_unmapped(edition), *_nothing_read(edition))
    return [*refused, *unread, *_feeds(edition), *_zone(edition)]


def _unmapped(edition: Edition) -> list[str]:
    """Results that look like magnesium under a code that the source profile does not map."""
    told = [
        f"{code or 'no code'} of feed {source} ({results})"
        for source, code, results in edition.unmapped.rows()
    ]
    if not told:
        return []
    named = ", ".join(told[:_MOST_CODES]) + (", ..." if len(told) > _MOST_CODES else "")
    said = (
        f"Results that look like magnesium, under a code that is mapped to nothing: {named}. They "
        "are on no list. Name the code under [codes] in the source profile."
    )
    return [said]


def _refused(edition: Edition) -> list[str]:
    """Why each file that could not be read was refused; what it held is on no list."""
    said = edition.refused_files.select(
        pl.concat_str(
            pl.lit("File refused, nothing of it is here: "),
            "source",
            pl.lit(" / "),
            "file",
            pl.lit(" ("),
            "problem",
            pl.lit(")."),
            ignore_nulls=True,
        )
    )
    return said.to_series().to_list()


def _sheets(edition: Edition) -> list[str]:
    """Answers that do not count: rows by number, sheets by name and why."""
    sheets = edition.sheets
    named = pl.concat_str(
        pl.lit("Returned sheet refused, no answer of it counts: "),
        "sheet",
        pl.lit(" ("),
        "problem",
        pl.lit(")."),
    )
    told = sheets.filter(pl.col("problem").is_not_null()).select(named).to_series().to_list()
    rows = int(sheets.get_column("refused").sum())
    if rows:
        answers = "1 answer" if rows == 1 else f"{rows} answers"
        told.append(f"{answers} of returned sheets refused: see dispositions/returned/.")
    return told


def hidden_words(edition: Edition, worklist: str) -> list[str]:
    """How many items of a list an answer hides; nothing where it hides none."""
    hidden = edition.hidden_of(worklist).height
    items = "1 patient is" if hidden == 1 else f"{hidden} patients are"
    return [f"{items} hidden by an answer: see report.html."] if hidden else []


def _nothing_read(edition: Edition) -> list[str]:
    return [] if edition.results_read else ["No results were read this night."]


def _feeds(edition: Edition) -> list[str]:
    """How far the doses of each feed reach, and for how many listed patients that is not enough."""
    until = local(pl.col("known_until"), edition.zone).dt.strftime(_TIME)
    dosed = edition.feeds.filter(pl.col("table_name") == "administrations").sort("source")
    said = dosed.select(
        pl.concat_str(
            pl.lit("Doses known only to "), until, pl.lit(" (feed "), "source", pl.lit(").")
        )
    )
    known = said.to_series().to_list() or [
        "No doses were ever received: what was given is unknown."
    ]
    is_unknown = pl.col("reasons").list.contains("TREATMENT_UNKNOWN")
    count = edition.items.filter(is_unknown).get_column("patient_id").n_unique()
    if not count:
        return known
    whom = "1 listed patient" if count == 1 else f"{count} listed patients"
    return [*known, f"For {whom} no doses since the sample were received: treatment unknown."]


def _zone(edition: Edition) -> list[str]:
    if not edition.is_zone_default:
        return []
    return ["No time zone is set: days and times are in UTC. Set timezone in hypomag.toml."]
