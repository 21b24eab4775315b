"""Why a row of a returned sheet does not count: one reason each, the first that applies."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import polars as pl

from data_contracts.vocabulary import ANSWERS, HIDING_ANSWERS, SNOOZE
from flows.answering.published_rows import NAMED, Published
from flows.answering.sheets import ANSWER_CELLS, Sheet
from flows.exports.tokens import facts_mark, plain_text, site_mark, token_of

# Of a row that says again what counts already: neither an answer nor a fault.
KNOWN: Final = "known"
_BETWEEN: Final = re.compile(r"[\s_-]+")
# As the sheets print a day, and as people of all countries may write one.
_DAY_FORMS: Final = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%d %b %Y", "%d %B %Y")
_TOLD: Final = {
    "at": pl.Int64,
    "row": pl.Int64,
    **dict.fromkeys(("token", *ANSWER_CELLS, "item_id", "site", "basis", "facts"), pl.String),
    "night": pl.Date,
    "until_day": pl.Date,
}
SAID: Final = ("token", "answer", "until_day", "by", "note")
_GONE: Final = "It is no longer on the list."
_MOVED: Final = "Its result, severity or patient numbers are others now."


def told_rows(sheet: Sheet) -> pl.DataFrame:
    """The answered rows of a sheet: their texts, the answer folded, the parts of their tokens."""
    rows = []
    for at, row in enumerate(sheet.rows):
        cells = sheet.answers_of(row)
        if any(cells[name] for name in ANSWER_CELLS):
            token = token_of(cells["token"])
            cells["answer"] = _BETWEEN.sub("_", cells["answer"].casefold())
            own = {"at": at, "row": row.number, "until_day": _day(cells["until"])}
            rows.append(cells | own | (token._asdict() if token else {}))
    return pl.DataFrame(rows, schema=_TOLD)


def judged_rows(
    sheet: Sheet, published: Published, counted: pl.DataFrame, hospital: str, night: date
) -> pl.DataFrame:
    """The answered rows with `reason` (null where the answer counts) and `detail` for the sender.

    `counted` holds the answers that count already, as a sheet says them.
    """
    newest = published.newest.select("item_id", newest_basis="basis")
    known = counted.select(SAID).unique().with_columns(counts=pl.lit(value=True))
    rows = (
        told_rows(sheet)
        .join(published.then, on=["item_id", "night", "basis"], how="left", maintain_order="left")
        .join(newest, on="item_id", how="left", maintain_order="left")
        .join(known, on=SAID, how="left", nulls_equal=True, maintain_order="left")
    )
    marks = [_found_facts(sheet, *row) for row in rows.select("at", "item_id", "worklist").rows()]
    reason = _first(_grounds(hospital, night))
    rows = rows.with_columns(found_facts=pl.Series(marks, dtype=pl.String))
    rows = rows.with_columns(reason=reason).with_columns(reason=_with_copies())
    return rows.with_columns(detail=_details(sheet, rows))


def _grounds(hospital: str, night: date) -> Mapping[str, pl.Expr]:
    """Every reason with when it applies, in the order in which they are asked."""
    is_ours = (pl.col("site") == site_mark(hospital)) & pl.col("worklist").is_not_null()
    is_edited = pl.col("found_facts").ne_missing(pl.col("facts"))
    is_sound = pl.col("token").ne("") & is_ours & ~is_edited
    said = pl.struct("answer", "until", "by", "note")
    is_twice = is_sound & (said.n_unique().over("item_id", is_sound) > 1)
    answer, until = pl.col("answer"), pl.col("until")
    snoozes = answer == SNOOZE
    return {
        "token_missing": pl.col("item_id").is_null(),
        "not_ours": ~is_ours,
        "facts_edited": is_edited,
        "answered_twice": is_twice,
        KNOWN: pl.col("counts").is_not_null(),
        "stale": pl.col("newest_basis").ne_missing(pl.col("basis")),
        "answer_missing": answer == "",
        "answer_unknown": ~answer.is_in(ANSWERS),
        "until_missing": snoozes & (until == ""),
        "until_not_readable": snoozes & pl.col("until_day").is_null(),
        "until_passed": snoozes & (pl.col("until_day") <= night),
        "until_without_snooze": ~snoozes & (until != ""),
        "by_missing": pl.col("by") == "",
        "note_missing": answer.is_in([*HIDING_ANSWERS, SNOOZE]) & (pl.col("note") == ""),
    }


def _first(grounds: Mapping[str, pl.Expr]) -> pl.Expr:
    return pl.coalesce(
        pl.when(applies.fill_null(value=False)).then(pl.lit(reason))
        for reason, applies in grounds.items()
    )


def _with_copies() -> pl.Expr:
    """Of rows that say the same and count the first does; the others are known by it."""
    is_copy = pl.col("reason").is_null() & ~pl.struct(SAID).is_first_distinct()
    return pl.when(is_copy).then(pl.lit(KNOWN)).otherwise(pl.col("reason"))


def _found_facts(sheet: Sheet, at: int, item_id: str | None, worklist: str | None) -> str:
    """The digest of the facts that stand in a row; blank where a column of them is gone."""
    titles = sheet.fact_titles(worklist).values() if worklist else ()
    row = sheet.rows[at]
    if item_id is None or not set(titles) <= row.cells.keys():
        return ""
    return facts_mark(item_id, map(row.text, titles))


def _details(sheet: Sheet, rows: pl.DataFrame) -> pl.Series:
    """What of the facts was edited, or how the list moved on; never what a fact says."""
    told = rows.select("reason", "at", "worklist", "newest_basis", *NAMED)
    return pl.Series([_detail(sheet, row) for row in told.to_dicts()], dtype=pl.String)


def _detail(sheet: Sheet, row: Mapping[str, Any]) -> str:
    match row["reason"]:
        case "facts_edited":
            return _edited(sheet, row)
        case "stale":
            return _MOVED if row["newest_basis"] else _GONE
        case _:
            return ""


def _edited(sheet: Sheet, row: Mapping[str, Any]) -> str:
    """`Changed: MRN.`: the titles of facts that are gone or say otherwise."""
    titles, sent = sheet.fact_titles(row["worklist"]), sheet.rows[row["at"]]
    gone = [title for title in titles.values() if title not in sent.cells]
    if gone:
        return f"Columns taken away: {', '.join(gone)}."
    changed = [
        titles[name]
        for name in NAMED
        if name in titles and sent.text(titles[name]).lstrip("'") != plain_text(row[name])
    ]
    return f"Changed: {', '.join(changed)}." if changed else ""


def _day(text: str) -> date | None:
    for form in _DAY_FORMS:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day of the hospital's
        except ValueError:
            continue
    return None
