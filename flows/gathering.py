"""What a night reads of the persons to be judged: DuckDB gathers, the rules judge."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import polars as pl

from data_contracts.vocabulary import HELD
from flows.guarding import stage_files
from flows.night import Night
from flows.schema import row_text, versions_of
from flows.selection import IS_STRAY
from flows.store import Store
from hypomag_rules.facts import Facts

_MARGIN: Final = timedelta(days=2)


class Batch(NamedTuple):
    """The moments to be judged, the moments whose doses are audited, and the facts of both."""

    judged: pl.DataFrame
    dosed: pl.DataFrame
    facts: Facts


def batches(store: Store, night: Night, total: int) -> Iterator[Batch]:
    """What the rules read of each batch of the persons in `looked_at`."""
    stage_facts(store, night)
    feeds = administrations_known(store, night)
    for batch in range(total):
        moments = store.frame(
            "SELECT CAST(place AS UINTEGER) AS moment, person_id, patient_prefix, "
            "?::TIMESTAMP AS as_of, ?::TIMESTAMP AS received_by, is_judged, is_dosed "
            "FROM looked_at WHERE batch = ? ORDER BY place",
            [night.naive_as_of, _FOREVER, batch],
        )
        yield Batch(
            moments.filter("is_judged").drop("is_judged", "is_dosed"),
            moments.filter("is_dosed").drop("is_judged", "is_dosed"),
            load_facts(store, batch, feeds),
        )


def stage_facts(store: Store, night: Night) -> None:
    """Fill the temp tables that `load_facts` reads, for whoever stands in `looked_at`."""
    _stage_members(store)
    stage_files(store)
    _stage_records(store)
    renal = night.policy.renal
    window = max(renal.unstable_rise_hours, renal.unstable_ratio_hours)
    since = night.naive_as_of - timedelta(days=renal.creatinine_days, hours=window) - _MARGIN
    _stage_observations(store, since)


def _stage_members(store: Store) -> None:
    """Each judged person's numbers in each source, so that rows join on what they were sent.

    `is_linked` marks all numbers of who has several, `is_own` the one that is the person's own.
    """
    store.run(
        "CREATE OR REPLACE TEMP TABLE members AS SELECT p.source, "
        "substr(n.number, length(p.patient_prefix) + 1) AS patient_id, o.person_id, o.batch, "
        "o.is_short, o.is_parenteral, t.person_id IS NOT NULL AS is_touched, n.is_own, "
        "o.person_id IN (SELECT person_id FROM linked) AS is_linked FROM "
        "(SELECT person_id AS number, person_id, true AS is_own FROM looked_at UNION ALL "
        "SELECT linked_id, person_id, false FROM linked) n JOIN looked_at o USING (person_id) "
        "JOIN profiles p ON starts_with(n.number, p.patient_prefix) "
        "LEFT JOIN touched t ON t.person_id = o.person_id"
    )


def _stage_observations(store: Store, since: datetime) -> None:
    """Fill the temp table `night_observations` with the versions of `members` that can matter.

    A contested observation is read with all its versions, whatever their time and code: the
    strays are those under codes that no rule reads. Versions of one may stand under any number of
    a person.
    """
    store.run(
        "CREATE OR REPLACE TEMP TABLE ours_contested AS SELECT source, key_hash "
        "FROM contested GROUP BY ALL HAVING bool_or(is_ours)"
    )
    # Found by two narrow columns first: to read all columns of all rows for them takes a second.
    store.run(
        "CREATE OR REPLACE TEMP TABLE found AS SELECT v.rowid AS place FROM observation_versions v "
        f"WHERE {IS_STRAY} AND v.patient_id IN (SELECT patient_id FROM members)"
    )
    _find_shared(store)
    store.run(
        "CREATE OR REPLACE TEMP TABLE strays AS "
        "SELECT * FROM observation_versions WHERE rowid IN (FROM found)"
    )
    store.run(
        "CREATE OR REPLACE TEMP TABLE night_observations AS "
        f"{_observations('observation_versions')} "
        f"WHERE w.analyte IS NOT NULL AND (c.key_hash IS NOT NULL OR {_READ_OF_ANALYTE}) "
        f"UNION ALL {_observations('strays')} WHERE c.key_hash IS NOT NULL ORDER BY batch",
        [since],
    )


def _find_shared(store: Store) -> None:
    """Add to `ours_contested` and `found` what has versions under several numbers of a person.

    Nothing is found where no judged person has a second number.
    """
    store.run(
        "CREATE OR REPLACE TEMP TABLE shared AS SELECT source, unnest(keys) AS key_hash FROM ("
        "SELECT v.source, list(DISTINCT v.key_hash) AS keys FROM observation_versions v "
        "JOIN wordings w USING (wording_id) JOIN members m ON m.source = v.source "
        "AND m.patient_id = v.patient_id WHERE m.is_linked "
        "GROUP BY m.person_id, v.source, coalesce(v.observation_id, v.version_key) "
        "HAVING count(DISTINCT v.key_hash) > 1 AND bool_or(w.analyte IS NOT NULL))"
    )
    store.run("INSERT INTO ours_contested FROM shared EXCEPT FROM ours_contested")
    store.run(
        "INSERT INTO found SELECT v.rowid FROM observation_versions v "
        "WHERE v.key_hash IN (SELECT key_hash FROM shared) "
        "AND v.wording_id IN (SELECT wording_id FROM wordings WHERE analyte IS NULL) "
        "EXCEPT FROM found"
    )


_IS_HELD: Final = "v.collected_time >= f.held_since[w.analyte]"
# Of a person whose standing results are published anew, or whose IV or IM doses are audited, all;
# else what the rules can read: magnesium and measures of any time, kidney values while they count,
# companions of the short, and whatever is held.
_READ_OF_ANALYTE: Final = (
    f"m.is_touched OR m.is_parenteral OR m.is_short OR {_IS_HELD} "
    "OR w.analyte IN ('magnesium', 'weight', 'height') "
    "OR (w.analyte IN ('creatinine', 'clearance', 'egfr') AND v.collected_time >= ?)"
)


# Everything received so far counts tonight, even where a clock was once set wrong.
_FOREVER: Final = datetime(9999, 12, 31)  # noqa: DTZ001 - instants are naive UTC in the store


def load_facts(store: Store, batch: int, feeds: pl.DataFrame) -> Facts:
    """The versions of all that may matter to a batch of persons, out of the staged tables."""
    return Facts(
        **{
            table: store.frame(f"SELECT * FROM night_{table} WHERE batch = ?", [batch])
            for table in ("observations", *_WANTED)
        },
        feeds=feeds,
    )


# What the rules read of each other table, which rows of it, and when a version was written.
_WANTED: Final = {
    "patients": "v.born_on, v.sex_word, v.died_time, v.mrn, v.name, v.updated_time, m.is_own",
    "encounters": (
        "v.encounter_id, v.care_setting_word, v.ward, v.care_team, v.started_time, v.ended_time, "
        "v.updated_time"
    ),
    "conditions": (
        "v.code_plain, v.system_word, v.status_word, v.recorded_time, v.resolved_time, "
        "NULL::TIMESTAMP AS updated_time"
    ),
    "medications": (
        "v.medication_id, v.order_id, v.kind_word, v.drug_class, v.route_folded, v.name, "
        "v.code, v.code_system, v.dose_unit, v.grams, v.millilitres, v.is_dose_zero, "
        "v.status_word, v.started_time, v.ended_time, v.updated_time"
    ),
}
# A version that is no drug of ours is read when it may replace one that was.
_READ_BY_RULES: Final = {
    "medications": (
        "(v.source, v.key_hash) IN (SELECT c.source, c.key_hash FROM medication_versions c "
        "WHERE c.drug_class IS NOT NULL)"
    )
}


# Things that may be moved from one patient to another under their own id.
_MOVABLE: Final = ("encounters", "medications")


def _stage_records(store: Store) -> None:
    """Fill the temp tables `night_TABLE` with accepted versions, person, receipt and row text."""
    for table, columns in _WANTED.items():
        wanted = (
            f"SELECT m.batch, v.source, v.patient_id, m.person_id, {columns}, f.received_at, "
            f"{row_text(table)} AS row_text"
        )
        rows = f"FROM {versions_of(table)} v JOIN files f USING (file_id)"
        accepted = f"WHERE v.reason IS NULL AND {_READ_BY_RULES.get(table, 'true')}"
        staged = (
            f"{wanted}, false AS is_elsewhere {rows} JOIN members m ON m.source = v.source "
            f"AND m.patient_id = v.patient_id {accepted}"
        )
        if table in _MOVABLE:
            _find_moved(store, table)
            staged += (
                f" UNION ALL {wanted}, true {rows} JOIN moved h ON h.source = v.source AND "
                "h.key_hash = v.key_hash AND h.patient_id <> v.patient_id JOIN members m ON "
                f"m.source = h.source AND m.patient_id = h.patient_id {accepted} AND "
                "(v.source, v.patient_id, m.person_id) NOT IN "
                "(SELECT (source, patient_id, person_id) FROM members WHERE is_linked)"
            )
        store.run(f"CREATE OR REPLACE TEMP TABLE night_{table} AS {staged} ORDER BY batch")


def _find_moved(store: Store, table: str) -> None:
    """Fill the temp table `moved` with every patient of each id that came under several."""
    versions = versions_of(table)
    store.run(
        f"CREATE OR REPLACE TEMP TABLE moved AS SELECT DISTINCT source, key_hash, patient_id "
        f"FROM {versions} WHERE reason IS NULL AND (source, key_hash) IN (SELECT (source, "
        f"key_hash) FROM {versions} WHERE reason IS NULL GROUP BY source, key_hash "
        "HAVING min(patient_id) <> max(patient_id))"
    )


# A result that could be judged but for a hold.
_REASON: Final = (
    f"CASE WHEN {_IS_HELD} AND v.magnitude IS NOT NULL "
    f"AND w.status_kind IN ('final', 'provisional') THEN coalesce(v.reason, '{HELD}') "
    "ELSE v.reason END"
)


def _observations(versions: str) -> str:
    """The SQL of versions of judged persons; those of one version carry no row text, no order."""
    return f"""
SELECT m.batch, v.source, m.person_id, v.patient_id, v.observation_id,
    coalesce(v.observation_id, v.version_key) AS version_key, v.specimen_id,
    w.loinc, w.analyte, w.status_kind, w.is_correction, w.is_update, w.status, v.value, w.unit,
    v.collected_time, v.reported_time, v.comparator, v.magnitude, w.reference_low_canonical,
    w.was_haemolysed AS is_haemolysed, {_REASON} AS reason, f.received_at,
    f.as_of AS ingested_as_of, f.name AS file, v.file_id, v.row,
    CASE WHEN c.key_hash IS NOT NULL THEN {row_text("observations")} END AS row_text
FROM {versions} v
JOIN wordings w USING (wording_id)
JOIN members m ON m.source = v.source AND m.patient_id = v.patient_id
JOIN night_files f USING (file_id)
LEFT JOIN ours_contested c ON c.source = v.source AND c.key_hash = v.key_hash
"""


def administrations_known(store: Store, night: Night) -> pl.DataFrame:
    """How far administrations of any drug and patient are known, by patient prefix."""
    return store.frame(
        "SELECT coalesce(p.patient_prefix, '') AS patient_prefix, ?::TIMESTAMP AS as_of, "
        "?::TIMESTAMP AS received_by, max(v.started_time) AS administered_until "
        "FROM medication_versions v JOIN files f USING (file_id) "
        "LEFT JOIN profiles p ON p.source = v.source "
        "WHERE v.reason IS NULL AND v.kind_word = 'administration' AND v.started_time <= ? "
        "AND (v.updated_time IS NULL OR v.updated_time <= ?) AND f.received_at <= ? GROUP BY ALL",
        [
            night.naive_as_of,
            _FOREVER,
            night.naive_as_of,
            night.naive_as_of,
            _FOREVER,
        ],
    )
