"""Which persons and facts a night needs: DuckDB selects, the rules judge."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import polars as pl

from data_contracts.observations import OBSERVATIONS, WORDING
from flows.night import Night
from flows.schema import CANONICAL, versions_of
from flows.store import Store
from hypomag_rules.facts import Facts

_MARGIN_DAYS: Final = 2
_PERSON: Final = "coalesce(p.patient_prefix, '') || v.patient_id"
_ROW_TEXT: Final = (
    "concat_ws(chr(31), "
    + ", ".join(
        f"coalesce({'w' if name in WORDING else 'v'}.{name}, '')" for name in OBSERVATIONS.names
    )
    + ")"
)


def select_persons(store: Store, night: Night, batch_size: int) -> int:
    """Fill the temp table `persons` with who may be assessed or reviewed; returns the batches.

    Anyone with a magnesium row that is not too old, judged or not, in batches by their order.
    """
    days = night.policy.assessment.days + _MARGIN_DAYS
    store.run(
        f"CREATE OR REPLACE TEMP TABLE persons AS SELECT person_id, patient_prefix, "
        f"CAST(row_number() OVER (ORDER BY person_id) - 1 AS INTEGER) AS place "
        f"FROM (SELECT {_PERSON} AS person_id, min(coalesce(p.patient_prefix, '')) AS "
        "patient_prefix FROM observation_versions v JOIN wordings w USING (wording_id) "
        "LEFT JOIN profiles p ON p.source = v.source "
        "WHERE w.analyte = 'magnesium' AND v.patient_id IS NOT NULL AND "
        "(v.reason IS NOT NULL OR v.collected_time IS NULL "
        f"OR v.collected_time >= ?::TIMESTAMP - INTERVAL {days} DAY) GROUP BY ALL)",
        [night.naive_as_of],
    )
    count = store.number("SELECT count(*) FROM persons")
    store.run(
        f"CREATE OR REPLACE TEMP TABLE persons AS SELECT *, place // {batch_size} AS batch "
        "FROM persons"
    )
    return -(-count // batch_size)


def batches(store: Store, night: Night, total: int) -> Iterator[tuple[pl.DataFrame, Facts]]:
    """The moments and facts of each batch of persons."""
    feeds = administrations_known(store, night)
    for batch in range(total):
        moments = store.frame(
            "SELECT CAST(place AS UINTEGER) AS moment, person_id, patient_prefix, "
            "?::TIMESTAMP AS as_of, ?::TIMESTAMP AS received_by FROM persons WHERE batch = ? "
            "ORDER BY place",
            [night.naive_as_of, _FOREVER, batch],
        )
        yield moments, load_facts(store, batch, feeds)


# Everything received so far counts tonight, even where a clock was once set wrong.
_FOREVER: Final = datetime(9999, 12, 31)  # noqa: DTZ001 - instants are naive UTC in the store


def load_facts(store: Store, batch: int, feeds: pl.DataFrame) -> Facts:
    """The versions of all that may matter to a batch of persons."""
    return Facts(
        observations=store.frame(_OBSERVATIONS, [batch]),
        patients=_records(store, "patients", batch, "born_on, sex_word, died_time, mrn, name"),
        encounters=_records(
            store,
            "encounters",
            batch,
            "encounter_id, care_setting_word, ward, care_team, started_time, ended_time",
        ),
        conditions=_records(
            store,
            "conditions",
            batch,
            "code_plain, system_word, status_word, recorded_time, resolved_time",
            written="NULL::TIMESTAMP",
        ),
        medications=_records(
            store,
            "medications",
            batch,
            "medication_id, order_id, kind_word, drug_class, route_folded, name, grams, "
            "millilitres, is_dose_zero, status_word, started_time, ended_time",
            where="AND v.drug_class IS NOT NULL",
        ),
        feeds=feeds,
    )


# Observations of one version carry no row text: they need no order. A version whose code is not
# ours is read too when it contests one that is.
_OBSERVATIONS: Final = f"""
SELECT v.source, o.person_id, v.patient_id, v.observation_id,
    coalesce(v.observation_id, v.version_key) AS version_key, v.specimen_id,
    w.loinc, w.analyte, w.status_kind, w.is_correction, w.is_update, w.status, v.value, w.unit,
    v.collected_time, v.reported_time, v.comparator, v.magnitude, w.reference_low_canonical,
    w.was_haemolysed AS is_haemolysed, v.reason, f.received_at, f.as_of AS ingested_as_of,
    f.name AS file, v.file_id, v.row,
    CASE WHEN c.version_key IS NOT NULL THEN {_ROW_TEXT} END AS row_text
FROM observation_versions v
JOIN wordings w USING (wording_id)
JOIN files f USING (file_id)
LEFT JOIN profiles p ON p.source = v.source
JOIN persons o ON o.person_id = {_PERSON} AND o.batch = ?
LEFT JOIN contested c ON c.source = v.source AND c.patient_id = v.patient_id
    AND c.version_key = coalesce(v.observation_id, v.version_key)
WHERE w.analyte IS NOT NULL OR c.version_key IS NOT NULL
"""


def _records(
    store: Store,
    table: str,
    batch: int,
    columns: str,
    where: str = "",
    written: str = "v.updated_time",
) -> pl.DataFrame:
    """Accepted versions of a table for a batch, with person, receipt and row text."""
    text = ", ".join(f"coalesce(v.{name}, '')" for name in CANONICAL[table].names)
    named = ", ".join(f"v.{name.strip()}" for name in columns.split(","))
    return store.frame(
        f"SELECT v.source, v.patient_id, o.person_id, {named}, {written} AS updated_time, "
        f"f.received_at, concat_ws(chr(31), {text}) AS row_text "
        f"FROM {versions_of(table)} v JOIN files f USING (file_id) "
        f"LEFT JOIN profiles p ON p.source = v.source "
        f"JOIN persons o ON o.person_id = {_PERSON} AND o.batch = ? "
        f"WHERE v.reason IS NULL {where}",
        [batch],
    )


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
