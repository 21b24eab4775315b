"""What another policy would have listed, on one page of counts: a chart a list, then the tables."""

from typing import Any, Final

import polars as pl
from markupsafe import Markup

from data_contracts.vocabulary import WORKLISTS
from flows.exports.shipped import environment, shipped, source_hash
from flows.exports.words import LISTS
from flows.night import Night
from hypomag_rules.policy import Policy

_BAR: Final = 15  # px
_STEP: Final = 48
_HEIGHT: Final = 110
_SIDES: Final = ("listed", "simulated")


def simulation_page(night: Night, policy: Policy, counts: pl.DataFrame, wards: pl.DataFrame) -> str:
    """One self-contained page without a patient; nothing in it runs, nothing is fetched."""
    css = shipped("page.css") + shipped("simulation.css")
    charts = [_chart(name, counts.filter(pl.col("worklist") == name)) for name in WORKLISTS]
    return (
        environment()
        .from_string(shipped("simulation.html.j2"))
        .render(
            css=Markup(css),  # noqa: S704 - shipped files, no data in them
            css_hash=source_hash(css),
            hospital=night.settings.hospital,
            policy=policy,
            nights=[f"{each:%-d %b %Y}" for each in counts.get_column("night").unique().sort()],
            totals=_in_words(_summed(counts, "worklist")),
            charts=[chart for chart in charts if chart["is_any"]],
            counts=_in_words(counts.filter(pl.col("listed") + pl.col("simulated") > 0)),
            wards=_in_words(_summed(wards.sort(_list_order(), "ward"), "worklist", "ward")),
        )
    )


def _summed(counts: pl.DataFrame, *by: str) -> pl.DataFrame:
    return counts.group_by(*by, maintain_order=True).agg(pl.col(pl.Int64).sum())


def _list_order() -> pl.Expr:
    return pl.col("worklist").cast(pl.Enum(WORKLISTS))


def _in_words(counts: pl.DataFrame) -> list[dict[str, Any]]:
    return counts.with_columns(pl.col("worklist").replace_strict(LISTS)).to_dicts()


def _chart(name: str, counts: pl.DataFrame) -> dict[str, Any]:
    """Two bars a night: outlined as it was, filled as simulated; lengths in px."""
    most = max(1, *(counts.get_column(side).max() or 0 for side in _SIDES))
    bars = [
        {
            "side": side,
            "x": at * _STEP + 6 + place * (_BAR + 3),
            "height": round(row[side] / most * _HEIGHT, 1),
            "count": row[side],
        }
        for at, row in enumerate(counts.to_dicts())
        for place, side in enumerate(_SIDES)
    ]
    days = [
        {"x": at * _STEP + 6 + _BAR + 1, "words": f"{night:%-d %b}"}
        for at, night in enumerate(counts.get_column("night"))
    ]
    return {
        "title": LISTS[name],
        "bars": bars,
        "days": days,
        "bar": _BAR,
        "width": max(len(days) * _STEP, 160),
        "base": _HEIGHT + 16,
        "is_any": any(bar["count"] for bar in bars),
    }
