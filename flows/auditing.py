"""The administration audit of a night: whose doses are looked at, and where the rows go."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import polars as pl

from data_contracts.gate import hold_to_table
from data_contracts.published import DOSES
from flows.gathering import batches, stage_members, stage_observations, stage_records
from flows.night import Night
from flows.repeating import Last, is_whole
from flows.selection import PERSON
from flows.store import Store
from flows.tonight import append
from hypomag_rules.audit import audited


def audit_doses(store: Store, night: Night, last: Last, say: Callable[[str], None]) -> None:
    """Renew tonight's `doses`: of everybody, or of whoever a row or a time stirred since."""
    whole = is_whole(night, last)
    store.run(
        f"DELETE FROM tonight.{DOSES.name} WHERE ? OR started_at < ? "
        "OR patient_id IN (FROM stirred)",
        [whole, _since(night)],
    )
    for at, rows in enumerate(audited_batches(store, night, whole=whole), 1):
        say(f"audited {rows.height} doses in batch {at}")
        append(store, DOSES, rows)


def audited_batches(store: Store, night: Night, *, whole: bool = True) -> Iterator[pl.DataFrame]:
    """The rows of `doses`, of everybody or of those in `stirred`, a batch of persons at a time."""
    since = _since(night)
    total = _lay_in_batches(store, night, whole=whole)
    for moments, facts in batches(store, night, total, _stage):
        doses = audited(facts, moments, night.policy, night.settings.timezone)
        rows = doses.filter(pl.col("started_at") >= since).select(
            pl.col(name).cast(dtype) for name, dtype in DOSES.schema.items()
        )
        yield hold_to_table(DOSES, rows)


def _since(night: Night) -> datetime:
    return night.naive_as_of - timedelta(days=night.policy.assessment.days)


def _lay_in_batches(store: Store, night: Night, *, whole: bool) -> int:
    """Fill `judged` with persons who got magnesium, and `touched` with those by IV or IM.

    Only of these all results are read: kidneys, weight and level at the start of a dose.
    """
    store.run(
        "CREATE OR REPLACE TEMP TABLE dosed AS SELECT "
        f"{PERSON} AS person_id, min(coalesce(p.patient_prefix, '')) AS patient_prefix, "
        "bool_or(v.route_folded IN ('iv', 'im')) AS is_parenteral FROM medication_versions v "
        "LEFT JOIN profiles p ON p.source = v.source WHERE v.reason IS NULL "
        "AND v.drug_class = 'magnesium' AND v.kind_word = 'administration' "
        "AND v.started_time BETWEEN ? AND ? "
        f"AND (? OR {PERSON} IN (FROM stirred)) GROUP BY 1",
        [_since(night), night.naive_as_of, whole],
    )
    store.run(
        "CREATE OR REPLACE TEMP TABLE judged AS SELECT *, false AS is_short, "
        f"place // {night.settings.persons_at_once} AS batch FROM (SELECT *, "
        "CAST(row_number() OVER (ORDER BY person_id) - 1 AS INTEGER) AS place FROM dosed)"
    )
    store.run(
        "CREATE OR REPLACE TEMP TABLE touched AS SELECT person_id FROM dosed WHERE is_parenteral"
    )
    return store.number("SELECT coalesce(max(batch) + 1, 0) FROM judged")


def _stage(store: Store, _night: Night) -> None:
    stage_members(store)
    stage_records(store)
    stage_observations(store, "m.is_touched", [])
