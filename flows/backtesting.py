"""The whole history judged day by day, as everything received so far tells it.

Each day is a moment of every person whom some list could show, at the local clock time of the last
published night. The rules judge many moments at once; nothing is published or written.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl

from flows.gathering import load_facts, stage_facts
from flows.linking import PERSON, TO_PERSON
from flows.night import Night, aware
from flows.past import FOREVER
from flows.selection import IS_STRAY, lay_in_batches, select_dosed, select_persons
from flows.store import Store
from hypomag_rules.assess import assess
from hypomag_rules.looking_back import (
    NO_SEVERE,
    NOBODY,
    RESULT,
    first_severes,
    missed,
    rows_by_night,
    seen_of,
    with_warning,
)

_DAY: Final = timedelta(days=1)
# Moments judged at once: their rows stand side by side in memory.
_MOMENTS: Final = 60_000


class Looked(NamedTuple):
    """What the days came to.

    `early` has a row for each patient's first severe result of an episode, `nights` one for each
    day with the rows of each list, `missed` one for each severe result that no list showed.
    """

    instants: list[datetime]
    early: pl.DataFrame
    nights: pl.DataFrame
    missed: pl.DataFrame


def days_of(store: Store, night: Night, first: date | None, last: date | None) -> list[datetime]:
    """One instant a day, naive UTC; by default from the first magnesium to the last night.

    Empty when nothing is to be looked at.
    """
    zone = ZoneInfo(night.settings.timezone)
    ((published,),) = store.rows(
        "SELECT max_by(as_of, (night, run_id)) FROM runs WHERE is_published"
    )
    at = (aware(published) if published else night.as_of).astimezone(zone)
    ((known,),) = store.rows(
        "SELECT min(greatest(collected_time, reported_time)) FROM observation_versions "
        "WHERE wording_id IN (SELECT wording_id FROM wordings WHERE analyte = 'magnesium') "
        "AND reason IS NULL"
    )
    if known is None:
        return []
    begin = first or aware(known).astimezone(zone).date()
    days = range(((last or at.date()) - begin).days + 1)
    instants = (datetime.combine(begin + day * _DAY, at.time(), zone) for day in days)
    return [instant.astimezone(UTC).replace(tzinfo=None) for instant in instants]


def look_back(store: Store, night: Night, instants: Sequence[datetime]) -> Looked:
    """Judge every day, numbers linked as on the last.

    A severe result that had decided before the first day is left out.
    """
    zone = night.settings.timezone
    # The day before tells what was known already.
    days = [instants[0] - _DAY, *instants]
    begin = replace(night, as_of=aware(days[0]))
    select_persons(store, begin, links_at=aware(days[-1]))
    for table in ("touched", "repeated", "redosed"):
        store.run(f"DELETE FROM {table}")
    _keep_interesting(store, begin)
    select_dosed(store, begin, everybody=False)
    total = lay_in_batches(store, max(1, _MOMENTS // len(days)))
    stage_facts(store, begin)
    feeds = _administrations_known(store, days)
    seen, severes = [], []
    for batch in range(total):
        moments = _moments(store, batch, days)
        judged = assess(load_facts(store, batch, feeds), moments, night.policy, zone)
        seen.append(seen_of(judged))
        is_last = moments.filter(pl.col("as_of") == days[-1]).select("moment")
        severes.append(
            first_severes(
                judged._replace(results=judged.results.join(is_last, on="moment", how="semi")),
                night.policy,
                zone,
            )
        )
    every, is_ours = pl.concat([NOBODY, *seen]), pl.col("as_of") >= instants[0]
    ours, before = every.filter(is_ours), every.filter(~is_ours, "is_severe")
    became = pl.concat([NO_SEVERE, *severes]).filter(
        pl.col("severe_at").is_between(days[0], days[-1])
    )
    return Looked(
        list(instants),
        with_warning(became, ours, zone),
        rows_by_night(ours, instants),
        missed(ours.join(before, on=RESULT, how="anti")),
    )


def _keep_interesting(store: Store, night: Night) -> None:
    """Leave in the temp table `persons` only those whom some list could ever show.

    Of the others every magnesium is a plain one that meets the target, and no dose is told. Where
    a hold stands anybody may be on review for it.
    """
    if store.number("SELECT count(*) FROM holds WHERE released_at IS NULL"):
        return
    rows = f"v {TO_PERSON}"
    magnesium = "v.wording_id IN (SELECT wording_id FROM wordings WHERE analyte = 'magnesium')"
    store.run(
        "DELETE FROM persons WHERE NOT is_short AND person_id NOT IN ("
        f"SELECT {PERSON} FROM observation_versions {rows} WHERE v.patient_id IS NOT NULL AND "
        f"({IS_STRAY} OR {magnesium} AND (v.reason IS NOT NULL OR v.comparator IS NOT NULL "
        "OR v.magnitude IS NULL OR v.magnitude > ?)) "
        f"UNION SELECT {PERSON} FROM medication_versions {rows} WHERE v.patient_id IS NOT NULL "
        "AND v.drug_class = 'magnesium' "
        f"UNION SELECT {PERSON} FROM patient_versions {rows} WHERE v.patient_id IS NOT NULL "
        "GROUP BY 1 HAVING count(DISTINCT v.born_on) > 1)",
        [night.policy.magnesium.upper_limit],
    )


def _moments(store: Store, batch: int, days: Sequence[datetime]) -> pl.DataFrame:
    """Every person of a batch on every day."""
    persons = store.frame(
        "SELECT person_id, patient_prefix FROM looked_at WHERE batch = ? ORDER BY place", [batch]
    )
    instants = pl.DataFrame({"as_of": days}, schema={"as_of": pl.Datetime("us")})
    return persons.join(instants, how="cross").select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("moment"),
        "person_id",
        "patient_prefix",
        "as_of",
        pl.lit(FOREVER).cast(pl.Datetime("us")).alias("received_by"),
    )


def _administrations_known(store: Store, days: Sequence[datetime]) -> pl.DataFrame:
    """How far administrations of any drug and patient were known on each day, by prefix."""
    instants = pl.DataFrame({"as_of": days}, schema={"as_of": pl.Datetime("us")})
    with store.lent(instants, "asked_days"):
        return store.frame(
            "WITH told AS (SELECT coalesce(p.patient_prefix, '') AS patient_prefix, "
            "greatest(v.started_time, v.updated_time) AS known_at, max(v.started_time) AS started "
            "FROM medication_versions v LEFT JOIN profiles p ON p.source = v.source "
            "WHERE v.reason IS NULL AND v.kind_word = 'administration' GROUP BY ALL), "
            "so_far AS (SELECT patient_prefix, known_at, max(started) OVER "
            "(PARTITION BY patient_prefix ORDER BY known_at) AS administered_until FROM told) "
            "SELECT s.patient_prefix, d.as_of, ?::TIMESTAMP AS received_by, s.administered_until "
            "FROM (FROM asked_days CROSS JOIN (SELECT DISTINCT patient_prefix FROM told)) d "
            "ASOF JOIN so_far s ON s.patient_prefix = d.patient_prefix "
            "AND s.known_at <= d.as_of",
            [FOREVER],
        )
