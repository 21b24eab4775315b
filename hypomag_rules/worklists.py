"""From assessments to lists: who, in which order, and since when."""

import hashlib
from datetime import date
from typing import Final

import polars as pl

from data_contracts.vocabulary import WORKLISTS
from data_contracts.worklists import WORKLIST_ITEMS
from hypomag_rules.assess import Assessed
from hypomag_rules.departures import Seen
from hypomag_rules.policy import Policy

_SECTION_ORDER: Final = {"overdue": 0, "due": 1, "upcoming": 2}
_SEEN_RESULTS: Final = (
    "source",
    "observation_id",
    "collected_time",
    "reported_time",
    "value",
    "unit",
    "magnitude",
    "comparator",
    "severity",
)
_SEEN_UNREAD: Final = (
    "source",
    "observation_id",
    "collected_time",
    "reported_time",
    "value",
    "reason",
)
_SEEN_DOSES: Final = ("medication_id", "route", "grams", "started_time", "dose_ended_at")
# What else is shown of a row on review.
_TELLS_APART: Final = (
    "value",
    "review_reason",
    "unit",
    "status",
    "loinc",
    "analyte",
    "collected_time",
)
_SEVERITY_ORDER: Final = {"severe": 0, "low": 1, "target_met": 2}


def listed_rows(judged: Assessed) -> pl.DataFrame:
    """The assessed rows of who is on any list, with doses, orders and the row on review."""
    is_listed = pl.any_horizontal(f"is_on_{name}" for name in WORKLISTS)
    return _with_drugs_and_reviews(judged.patients.filter(is_listed), judged)


def seen_again(judged: Assessed, persons: pl.DataFrame) -> Seen:
    """What tonight knows of `persons` (`person_id`), who were listed before."""
    again = judged.patients.join(persons, on="person_id", how="semi")
    who = again.select("moment", "person_id")
    magnesium = judged.results.filter(pl.col("analyte") == "magnesium")
    return Seen(
        patients=_with_drugs_and_reviews(again, judged),
        results=magnesium.select("moment", *_SEEN_RESULTS).join(who, on="moment"),
        unread=judged.unread.select("moment", *_SEEN_UNREAD).join(who, on="moment"),
        doses=judged.doses.select("moment", *_SEEN_DOSES).join(who, on="moment"),
    )


def _with_drugs_and_reviews(listed: pl.DataFrame, judged: Assessed) -> pl.DataFrame:
    moments = listed.select("moment")
    return (
        listed.join(_last_doses(judged.doses.join(moments, on="moment")), on="moment", how="left")
        .join(_doses_since(listed, judged.doses), on="moment", how="left")
        .join(_active_orders(judged.orders.join(moments, on="moment")), on="moment", how="left")
        .join(_rows_on_review(judged.reviews), on="moment", how="left")
        .with_columns(pl.col("magnesium_doses_since", "active_orders").fill_null([]))
    )


def _last_doses(doses: pl.DataFrame) -> pl.DataFrame:
    return (
        doses.sort("started_time", "medication_id", "source", "route", "name", "grams")
        .unique("moment", keep="last", maintain_order=True)
        .select(
            "moment",
            last_dose_route="route",
            last_dose_product="name",
            last_dose_grams="grams",
            last_dose_at="started_time",
        )
    )


def _active_orders(orders: pl.DataFrame) -> pl.DataFrame:
    """Active magnesium orders, as a list of (name, route, started_at)."""
    return (
        orders.filter("is_active")
        .sort("moment", "started_time", "medication_id", "source", "name", "route_folded")
        .group_by("moment", maintain_order=True)
        .agg(active_orders=pl.struct("name", route="route_folded", started_at="started_time"))
    )


def _doses_since(listed: pl.DataFrame, doses: pl.DataFrame) -> pl.DataFrame:
    """Doses that end at or after the index, as a list of (route, grams, started_at)."""
    return (
        doses.join(listed.select("moment", index_at="collected_at"), on="moment")
        .filter(
            (pl.col("dose_ended_at") > pl.col("index_at"))
            | (pl.col("started_time") > pl.col("index_at"))
        )
        .sort("moment", "started_time", "medication_id", "source", "route", "grams")
        .group_by("moment", maintain_order=True)
        .agg(magnesium_doses_since=pl.struct("route", "grams", started_at=pl.col("started_time")))
    )


def _rows_on_review(reviews: pl.DataFrame) -> pl.DataFrame:
    """The row to show of each patient on review: the worst, a magnesium, the newest, its last word.

    All that is shown of a row is in the order: what ties is the same, whatever order it came in.
    """
    order: list[tuple[pl.Expr, bool]] = [
        (pl.col("could_be_severe"), True),
        (pl.col("analyte") != "creatinine", True),
        (pl.col("seen_at"), True),
        (pl.col("observation_id"), False),
        (pl.col("source"), False),
        (pl.coalesce("reported_time", "collected_time"), True),
        (pl.col("file"), True),
        (pl.col("row"), True),
        *((pl.col(name), False) for name in _TELLS_APART),
    ]
    by, descending = zip(*order, strict=True)
    return (
        reviews.sort(*by, descending=descending, nulls_last=True)
        .unique("moment", keep="first", maintain_order=True)
        .select(
            "moment",
            value_as_sent="value",
            unit_as_sent="unit",
            code_as_sent="loinc",
            review_analyte="analyte",
            status_as_sent="status",
            value_collected_at="collected_time",
            review_source="source",
            review_observation_id="observation_id",
            file="file",
            row="row",
        )
    )


def ranked(listed: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """One row an item: `worklist`, `section`, `rank` from 1, on top of the listed rows."""
    lists = {
        "iv_replacement": listed.filter("is_on_iv_replacement").sort(
            "upper", "collected_at", "person_id"
        ),
        "recheck": _recheck_order(listed.filter("is_on_recheck"), policy),
        "review": _review_order(listed.filter("is_on_review")),
        "work_up": listed.filter("is_on_work_up").sort("person_id"),
        "high_watch": listed.filter("is_on_high_watch").sort(
            ~pl.col("is_critical_high"),
            -pl.col("lower"),
            "person_id",
            nulls_last=True,
        ),
    }
    parts = [
        rows.select(
            pl.lit(name).alias("worklist"),
            pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("rank"),
            pl.when(pl.lit(name == "recheck"))
            .then(pl.col("recheck_section"))
            .otherwise(pl.lit("main"))
            .alias("section"),
            *listed.columns,
        )
        for name, rows in lists.items()
    ]
    return pl.concat(parts)


def _recheck_order(rows: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Section, untreated severe, in hospital, severity, share of days past due, age (S23), id."""
    share = pl.col("days_past_due") / pl.max_horizontal(pl.col("window_days"), pl.lit(1))
    is_old = pl.col("age_years") >= policy.recheck.elderly_age
    return rows.sort(
        pl.col("recheck_section").replace_strict(_SECTION_ORDER, return_dtype=pl.Int8),
        ~pl.col("reasons").list.contains("SEVERE_UNTREATED"),
        ~pl.col("is_in_hospital"),
        pl.col("severity").cast(pl.String).replace_strict(_SEVERITY_ORDER, return_dtype=pl.Int8),
        -pl.min_horizontal(share, pl.lit(float(policy.recheck.ratio_cap))),
        ~is_old.fill_null(value=False),
        "person_id",
    )


def _review_order(rows: pl.DataFrame) -> pl.DataFrame:
    """What could be severe, then critical high under age, then the newest, then the id."""
    is_high_minor = pl.col("is_minor") & pl.col("is_critical_high").fill_null(value=False)
    return rows.sort(
        ~pl.col("could_be_severe"),
        ~is_high_minor,
        pl.col("review_at"),
        pl.col("person_id"),
        descending=[False, False, True, False],
    )


def with_life(ranked_rows: pl.DataFrame, previous: pl.DataFrame, night: date) -> pl.DataFrame:
    """Adds `item_id`, `life`, `first_listed_on`, `nights_listed` against the previous night.

    `previous` holds the items of the last published night of an earlier date: `worklist`,
    `patient_id`, `item_id`, `first_listed_on`, `nights_listed`, `severity`, `section`.
    """
    before = previous.select(
        pl.col("worklist").cast(pl.String),
        pl.col("patient_id").alias("person_id"),
        pl.col("item_id").alias("known_id"),
        pl.col("first_listed_on").alias("known_since"),
        pl.col("nights_listed").alias("known_nights"),
        pl.col("severity").cast(pl.String).alias("was_severity"),
        pl.col("section").cast(pl.String).alias("was_section"),
    )
    joined = ranked_rows.join(
        before, on=["worklist", "person_id"], how="left", maintain_order="left"
    )
    rank = {severity: at for at, severity in enumerate(("severe", "low", "target_met"))}
    now, was = (
        pl.col(name).cast(pl.String).replace_strict(rank, default=9, return_dtype=pl.Int8)
        for name in ("severity", "was_severity")
    )
    is_worse = (now < was) | ((pl.col("was_section") == "due") & (pl.col("section") == "overdue"))
    is_known = pl.col("known_id").is_not_null()
    fresh = pl.concat_str("worklist", "person_id", pl.lit(night.isoformat()), separator="\x1f")
    return joined.with_columns(
        item_id=pl.when(is_known)
        .then("known_id")
        .otherwise(fresh.map_elements(_short_digest, return_dtype=pl.String)),
        life=pl.when(~is_known)
        .then(pl.lit("new"))
        .when(is_worse)
        .then(pl.lit("changed"))
        .when(is_known)
        .then(pl.lit("carried"))
        .otherwise(None),
        first_listed_on=pl.coalesce("known_since", pl.lit(night)),
        nights_listed=(pl.col("known_nights").fill_null(0) + 1).cast(pl.Int32),
    )


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def as_items(rows: pl.DataFrame, night: date) -> pl.DataFrame:
    """The published columns of the items, typed as their contract says; `why` still to come."""
    is_review = pl.col("worklist") == "review"
    renamed = rows.with_columns(
        night=pl.lit(night),
        patient_id=pl.col("person_id"),
        birth_date=pl.col("born_on"),
        source=pl.when(is_review).then("review_source").otherwise("source"),
        observation_id=pl.when(is_review).then("review_observation_id").otherwise("observation_id"),
        hours_ago=(pl.col("as_of") - pl.col("collected_at")).dt.total_hours().cast(pl.Int32),
        magnesium_as_reported=_printed("reported_value", "reported_unit"),
        previous_as_reported=_printed("previous_value", "previous_unit"),
        last_judged_mg_dl=pl.when(is_review).then("magnesium_mg_dl"),
        last_judged_at=pl.when(is_review).then("collected_at"),
        episode_lowest_mg_dl="episode_lowest",
    )
    return renamed.with_columns(
        pl.col(name).cast(dtype)
        for name, dtype in WORKLIST_ITEMS.schema.items()
        if name in renamed.columns
    )


def _printed(value: str, unit: str) -> pl.Expr:
    return pl.concat_str(pl.col(value).str.strip_chars(), pl.col(unit).fill_null(""), separator=" ")


def counts_by_list(items: pl.DataFrame) -> dict[str, int]:
    """How many stand on each list, the empty ones included."""
    found = dict(items.group_by("worklist").len().iter_rows())
    return {name: int(found.get(name, 0)) for name in WORKLISTS}
