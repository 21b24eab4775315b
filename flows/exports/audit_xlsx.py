"""The administration audit of a month as a workbook: findings, counts, what went by mouth."""

from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import xlsxwriter
from xlsxwriter.workbook import Workbook

from flows.exports.caveats import as_of_words
from flows.exports.edition import Edition
from flows.exports.words import local
from hypomag_rules.audit import oral_daily_totals
from hypomag_rules.spoken import filled_texts

_SAFE: Final = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
_ROUTES: Final = {"iv": "IV", "im": "IM", "oral": "by mouth", "other": "route unread"}
_FIGURE: Final = "0.0##"
_WIDTHS: Final = {
    "Started": 110,
    "Day": 90,
}  # pixels; a fitted column shows ### where a date is long
_FORMATS: Final = {
    pl.Float64: _FIGURE,
    pl.Datetime: "d mmm hh:mm",
    pl.Date: "d mmm yyyy",
}
_MARGIN: Final = 0.4  # inches


def write(edition: Edition, month: date, path: Path) -> None:
    """Three sheets of a month's doses; patients by number alone, for this is no list to act on.

    A sheet before them says what makes the night untrue.
    """
    with xlsxwriter.Workbook(path, _SAFE) as book:
        title = f"Magnesium doses of {month:%B %Y}"
        book.set_properties({"title": title, "created": edition.as_of, "author": "hypomag"})
        if edition.banner:
            first = book.add_worksheet("Read this first")
            for row, line in enumerate(edition.banner):
                first.write_string(row, 0, line)
        for name, rows in (
            ("Findings", _findings(edition, month)),
            ("Counts", counts(edition, month)),
            ("By mouth a day", _by_mouth(edition, month)),
        ):
            _write_sheet(book, name, rows, f"{title}, as of {as_of_words(edition)}")


def counts(edition: Edition, month: date) -> pl.DataFrame:
    """Doses by feed: how many, by IV or IM, with which finding, and what could not be computed."""
    doses = edition.doses_of(month)
    texts = dict(filled_texts(edition.policy))
    lacking = pl.lit("missing: ") + pl.col("missing").list.join(", ")
    told = {
        "doses": doses.select("source", what=pl.lit("doses")),
        "parenteral": doses.filter(pl.col("route").is_in(["iv", "im"])).select(
            "source", what=pl.lit("of them by IV or IM")
        ),
        "findings": doses.select("source", what="findings")
        .explode("what", empty_as_null=False)
        .with_columns(pl.col("what").replace(texts)),
        "missing": doses.filter(pl.col("missing").list.len() > 0).select("source", what=lacking),
    }
    counted = [
        rows.group_by("source", "what").agg(doses=pl.len()).sort("source", "what")
        for rows in told.values()
    ]
    return pl.concat(counted).rename({"source": "Feed", "what": "What", "doses": "Doses"})


def _findings(edition: Edition, month: date) -> pl.DataFrame:
    texts = dict(filled_texts(edition.policy))
    found = pl.col("findings").list.eval(pl.element().replace(texts)).list.join("; ")
    started = local(pl.col("started_at"), edition.zone).dt.replace_time_zone(None)
    return (
        edition.doses_of(month)
        .filter(pl.col("findings").list.len() > 0)
        .select(
            started.alias("Started"),
            pl.col("patient_id").alias("Patient"),
            pl.col("product").alias("Product"),
            pl.col("route").replace(_ROUTES).alias("Route"),
            pl.col("grams").alias("g"),
            pl.col("meq").alias("mEq"),
            pl.col("volume_ml").alias("mL"),
            pl.col("minutes").alias("Minutes"),
            pl.col("rate_mg_min").alias("mg/min"),
            pl.col("concentration_percent").alias("%"),
            found.alias("Found"),
            pl.col("missing").list.join(", ").alias("Missing"),
            pl.col("source").alias("Feed"),
            pl.col("medication_id").alias("Dose id"),
        )
    )


def _by_mouth(edition: Edition, month: date) -> pl.DataFrame:
    return oral_daily_totals(edition.doses_of(month), edition.zone).select(
        pl.col("patient_id").alias("Patient"),
        pl.col("day").alias("Day"),
        pl.col("product").alias("Product"),
        pl.col("amount").alias("Given"),
        pl.col("unit").alias("Unit as sent"),
        pl.col("doses").alias("Doses"),
        pl.col("unread").alias("Doses without a figure"),
        pl.col("elemental_mg").alias("Elemental mg"),
    )


def _write_sheet(book: Workbook, name: str, rows: pl.DataFrame, head: str) -> None:
    formats: dict[Any, str] = dict(_FORMATS)
    sheet = book.add_worksheet(name)
    rows.write_excel(
        book,
        sheet,
        dtype_formats=formats,
        table_style="Table Style Light 1",
        autofit=True,
        column_widths={name: _WIDTHS[name] for name in rows.columns if name in _WIDTHS},
        freeze_panes=(1, 0),
    )
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_margins(_MARGIN, _MARGIN)
    sheet.set_header(f"&L{head}&R&A")
    sheet.set_footer("&RPage &P of &N")
