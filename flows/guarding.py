"""The unit guard over the store: the holds of a night, what they hold, and their release.

A hold is of a feed, an analyte and a night: the results received for that night and collected
lately. It names the files by their hashes and stays until somebody releases it.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl

from data_contracts.published import HOLDS
from flows.night import Night
from flows.store import Store
from hypomag_rules.unit_guard import GUARDED, shifted

_OF_FILE = "h.source = f.source AND list_contains(h.files, f.sha256)"


def guard(store: Store, night: Night) -> None:
    """Hold what the guard suspects of all files received for this night.

    And for nights before it whose files no assessed night has seen: read, and then stopped.
    """
    unseen = store.rows(
        "SELECT max(as_of) FROM files WHERE problem IS NULL AND night < ? GROUP BY night "
        "HAVING max(as_of) > coalesce((SELECT max(as_of) FROM runs WHERE night < ?), "
        "'-infinity') ORDER BY night",
        [night.date, night.date],
    )
    for (as_of,) in unseen:
        _guard(store, replace(night, as_of=datetime.fromisoformat(str(as_of)).replace(tzinfo=UTC)))
    _guard(store, night)


def _guard(store: Store, night: Night) -> None:
    """Hold what is suspected of one night.

    A hold of the night grows with its files and is never taken back here. What was released is
    judged no more: it is the level that later nights are held against.
    """
    since = night.day_start(night.naive_as_of, night.policy.guard.nights)
    with store.transaction():
        _find_files(store, night)
        found = shifted(_received(store, night, since), night.policy.guard)
        with store.lent(found) as shifts:
            store.run(
                "INSERT INTO holds (source, analyte, night, collected_since, files, held_at) "
                f"SELECT source, analyte, ?, ?, [], ? FROM {shifts} WHERE (source, analyte) NOT IN "
                "(SELECT (source, analyte) FROM holds WHERE night = ? AND released_at IS NULL)",
                [night.date, since, night.received_at.replace(tzinfo=None), night.date],
            )
            store.run(
                "UPDATE holds SET results = s.results, median = s.median, "
                f"median_before = s.median_before FROM {shifts} s WHERE holds.source = s.source "
                "AND holds.analyte = s.analyte AND night = ? AND released_at IS NULL",
                [night.date],
            )
        store.run(
            "UPDATE holds SET files = list_sort(list_distinct(list_concat(files, t.hashes))), "
            "received_from = least(received_from, t.first), "
            "received_to = greatest(received_to, t.last) FROM "
            "(SELECT source, analyte, list(sha256) AS hashes, min(received_at) AS first, "
            "max(received_at) AS last FROM guarded WHERE is_tonight GROUP BY ALL) t "
            "WHERE holds.source = t.source AND holds.analyte = t.analyte AND night = ? "
            "AND released_at IS NULL",
            [night.date],
        )


def _find_files(store: Store, night: Night) -> None:
    """Fill the temp table `guarded` with the files to compare, of each analyte.

    Tonight's are those that nobody released; before them the nights since the last release, the
    released ones included. Files under a hold of another night are of neither side.
    """
    first = night.date - timedelta(days=night.policy.guard.nights)
    analytes = ", ".join(f"'{analyte}'" for analyte in GUARDED)
    store.run(
        "CREATE OR REPLACE TEMP TABLE guarded AS "
        "SELECT f.file_id, f.source, a.analyte, f.sha256, f.received_at, f.night = ? AND "
        "coalesce(bool_and(h.released_at IS NULL), true) AS is_tonight FROM files f "
        f"CROSS JOIN (SELECT unnest([{analytes}]) AS analyte) a "
        f"LEFT JOIN holds h ON {_OF_FILE} AND h.analyte = a.analyte "
        "LEFT JOIN (SELECT source, analyte, max(night) AS night FROM holds "
        "WHERE released_at IS NOT NULL AND night <= ? GROUP BY ALL) r "
        "ON r.source = f.source AND r.analyte = a.analyte "
        "WHERE f.problem IS NULL AND f.table_name = 'observations' "
        "AND f.night BETWEEN greatest(?::DATE, r.night) AND ? "
        "GROUP BY f.file_id, f.source, a.analyte, f.sha256, f.received_at, f.night "
        "HAVING bool_and(h.night IS NULL OR h.night = ? OR h.released_at IS NOT NULL)",
        [night.date, night.date, first, night.date, night.date],
    )


def _received(store: Store, night: Night, since: datetime) -> pl.DataFrame:
    """The values of those files that are known and could be judged, with how often each came."""
    return store.frame(
        "SELECT v.source, w.analyte, g.is_tonight, v.magnitude, count(*)::BIGINT AS results "
        "FROM observation_versions v JOIN wordings w USING (wording_id) "
        "JOIN guarded g ON g.file_id = v.file_id AND g.analyte = w.analyte "
        "WHERE v.reason IS NULL AND v.magnitude IS NOT NULL "
        "AND w.status_kind IN ('final', 'provisional') "
        "AND greatest(v.collected_time, v.reported_time) <= ? "
        "AND (NOT g.is_tonight OR v.collected_time >= ?) GROUP BY ALL",
        [night.naive_as_of, since],
    )


def stage_files(store: Store) -> None:
    """Fill the temp table `night_files`: the ledger, and since which draw analytes are held.

    The holds are a map on the few files: as a join beside millions of rows they cost seconds.
    """
    store.run(
        "CREATE OR REPLACE TEMP TABLE night_files AS "
        "SELECT f.file_id, f.name, f.received_at, f.as_of, h.held_since FROM files f LEFT JOIN ("
        "SELECT file_id, map_from_entries(list((analyte, since))) AS held_since FROM ("
        "SELECT f.file_id, h.analyte, min(h.collected_since) AS since "
        f"FROM holds h JOIN files f ON {_OF_FILE} WHERE h.released_at IS NULL GROUP BY ALL"
        ") GROUP BY file_id) h USING (file_id)"
    )


def held_digest(store: Store) -> str:
    """What is held, in a digest: whatever changes it has everybody judged anew."""
    ((digest,),) = store.rows(
        "SELECT coalesce(md5(string_agg(concat_ws('|', source, analyte, collected_since, "
        "array_to_string(files, ',')), ';' ORDER BY source, analyte, night)), '') "
        "FROM holds WHERE released_at IS NULL"
    )
    return str(digest)


def append_holds(store: Store, night: Night) -> None:
    """Say in tonight's database what is held this night."""
    store.run(
        f"INSERT INTO tonight.{HOLDS.name} SELECT ?, source, analyte, night, results, median, "
        "median_before FROM holds WHERE released_at IS NULL ORDER BY source, analyte, night",
        [night.date],
    )


def release(store: Store, night: Night, source: str, who: str) -> pl.DataFrame:
    """Release all holds of a source; returns them: `analyte`, `night`, `results`."""
    with store.transaction():
        held = store.frame(
            "SELECT analyte, night, results FROM holds WHERE source = ? AND released_at IS NULL "
            "ORDER BY analyte, night",
            [source],
        )
        store.run(
            "UPDATE holds SET released_at = ?, released_by = ? "
            "WHERE source = ? AND released_at IS NULL",
            [night.received_at.replace(tzinfo=None), who, source],
        )
    return held
