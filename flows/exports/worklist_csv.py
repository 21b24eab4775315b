"""Lists and refused rows as CSV for machines: exact figures, UTC beside local, nothing runs."""

from pathlib import Path
from typing import Final

import polars as pl

from flows.exports.changes import changes
from flows.exports.columns import COLUMNS, Shown, facts_of, laid_out
from flows.exports.edition import Edition
from flows.exports.tokens import tokens
from flows.exports.words import local
from hypomag_rules.spoken import number_text

_UTC: Final = "%Y-%m-%dT%H:%M:%SZ"
_LOCAL: Final = "%Y-%m-%dT%H:%M:%S%:z"
_RUNS_IN_A_SHEET: Final = r"^[=+\-@\t\r]"
_QUARANTINE: Final = (
    "file",
    "row",
    "table_name",
    "observation_id",
    "patient_id",
    "reason",
    "raw",
)


def write(edition: Edition, worklist: str, path: Path) -> None:
    """One row an item in rank order; an empty night still writes the header."""
    listed = laid_out(edition, worklist, on_paper=False)
    cells = listed.select(
        cell for shown in COLUMNS[worklist] for cell in _cells(shown, edition.zone)
    )
    facts = cells.select(name for shown in facts_of(worklist) for name in column_names(shown))
    write_table(cells.with_columns(tokens(edition, edition.listed(worklist), facts)), path)


def column_names(shown: Shown) -> tuple[str, ...]:
    """The names under which a column stands in the CSV: an instant is two, in UTC and local."""
    return (shown.name, f"{shown.name}_local") if shown.kind == "instant" else (shown.name,)


def write_changes(edition: Edition, path: Path) -> None:
    """What changed since the last published night, one row a change."""
    rows = changes(edition)
    write_table(
        rows.select(
            inert(pl.col(name)) if dtype == pl.String else pl.col(name)
            for name, dtype in rows.schema.items()
        ),
        path,
    )


def write_quarantine(edition: Edition, path: Path) -> None:
    """The rows refused this night, each with its reason and as sent."""
    text = pl.String
    write_table(
        edition.quarantine.select(
            inert(pl.col(name)) if edition.quarantine.schema[name] == text else pl.col(name)
            for name in _QUARANTINE
        ),
        path,
    )


def _cells(shown: Shown, zone: str) -> list[pl.Expr]:
    """The column as text; an instant is two columns, in UTC and in the hospital's zone."""
    column = pl.col(shown.name)
    match shown.kind:
        case "figure" | "estimate":
            return [number_text(column)]
        case "flag":
            return [column.cast(pl.String)]
        case "instant":
            return [
                column.dt.strftime(_UTC),
                local(column, zone).dt.strftime(_LOCAL).alias(f"{shown.name}_local"),
            ]
        case "text":
            return [inert(column)]
        case _:
            return [column]


def inert(text: pl.Expr) -> pl.Expr:
    """Text that a spreadsheet would run as a formula, behind a quote."""
    return text.str.replace(_RUNS_IN_A_SHEET, "'${0}")


def write_table(frame: pl.DataFrame, path: Path) -> None:
    """The cells as they are, with a header."""
    frame.write_csv(path, include_header=True, null_value="", quote_style="necessary")
