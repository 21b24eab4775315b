"""A changed profile or policy changes what stored rows mean: they are judged again, as sent."""

import hashlib
from typing import Final

import polars as pl

from data_contracts.observations import OBSERVATIONS
from data_contracts.vocabulary import LAYOUT_REASONS
from flows.ingestion import judge_for
from flows.night import Night
from flows.profile import Profile
from flows.reclassed import remember_changes, row_class
from flows.schema import CANONICAL, as_sent, versions_of
from flows.settling import settle
from flows.store import Store
from flows.version import VERSION

# What makes a row what it is: of a worded table (observations), and of the others.
_CLASS: Final = {
    True: ("reason", "analyte", "comparator", "magnitude", "collected_time"),
    False: ("reason",),
}


def note_profiles(store: Store, night: Night, profiles: dict[str, Profile]) -> None:
    """Enter each source's prefix and digest; judge again what another digest had judged."""
    judged_by = _judged_by(store)
    for profile in profiles.values():
        digest = _digest(profile, night)
        if judged_by.get(profile.name) == digest:
            continue
        with store.transaction():
            if profile.name in judged_by:
                _judge_again(store, night, profile)
            store.run("DELETE FROM profiles WHERE source = ?", [profile.name])
            store.run(
                "INSERT INTO profiles VALUES (?, ?, ?)",
                [profile.name, digest, profile.patient_prefix or ""],
            )


def is_read_otherwise(store: Store, night: Night, profiles: dict[str, Profile]) -> bool:
    """Whether rows of the store were judged by another profile or policy than this night's."""
    judged_by = _judged_by(store)
    return any(
        judged_by.get(profile.name) not in {None, _digest(profile, night)}
        for profile in profiles.values()
    )


def _judged_by(store: Store) -> dict[object, object]:
    return {row[0]: row[1] for row in store.rows("SELECT source, digest FROM profiles")}


def _digest(profile: Profile, night: Night) -> str:
    """What decides how a row is read: the profile, the policy's part in it, the software."""
    policy = night.policy
    parts = (
        profile.digest,
        policy.plausible,
        policy.magnesium.also_count_as_serum_magnesium,
        VERSION,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _judge_again(store: Store, night: Night, profile: Profile) -> None:
    """Judge all rows of a source anew; the ledger says how many changed class in each file."""
    files = store.rows(
        "SELECT file_id, table_name, as_of, received_at FROM files "
        "WHERE source = ? AND problem IS NULL ORDER BY file_id",
        [profile.name],
    )
    for table in CANONICAL:
        store.run(f"CREATE OR REPLACE TEMP TABLE sent_{table} AS {_as_sent(table)}", [profile.name])
        store.run(f"DELETE FROM {versions_of(table)} WHERE source = ?", [profile.name])
    for table in ("wordings", "contested"):
        store.run(f"DELETE FROM {table} WHERE source = ?", [profile.name])
    for file_id, name, as_of, received_at in files:
        table = str(name)
        then = night.as_run(as_of, received_at)
        sent = store.frame(f"SELECT * FROM sent_{table} WHERE file_id = ?", [file_id])
        rows = sent.drop(f"was_{column}" for column in _CLASS[table == OBSERVATIONS.name])
        judge_for(store, then, profile, int(str(file_id)), table)(rows)
        counts = settle(store, profile.name, int(str(file_id)), table, rows.height)
        changed = _changed(store, night, table, sent, file_id)
        store.run(
            "UPDATE files SET accepted = ?, superseded = ?, quarantined = ?, "
            "reclassed = reclassed + ? WHERE file_id = ?",
            [
                counts["accepted"],
                counts["superseded"],
                counts["quarantined"],
                changed.height,
                file_id,
            ],
        )
        remember_changes(store, night, profile.name, table, changed)


def _as_sent(table: str) -> str:
    """The SQL of a source's rows as they were sent, and as what they were judged before."""
    is_worded = table == OBSERVATIONS.name
    columns = ", ".join(
        f"{as_sent(table, column)} AS {column}" for column in CANONICAL[table].names
    )
    joins = "JOIN wordings w USING (wording_id)" if is_worded else ""
    was = ", ".join(f"{column} AS was_{column}" for column in _CLASS[is_worded])
    faults = ", ".join(f"'{reason}'" for reason in LAYOUT_REASONS)
    fault = f"CASE WHEN v.reason IN ({faults}) THEN v.reason END AS layout_fault"
    return (
        f"SELECT v.file_id, v.row, v.source, {columns}, {fault}, {was} "
        f"FROM {versions_of(table)} v {joins} WHERE v.source = ?"
    )


def _changed(
    store: Store, night: Night, table: str, sent: pl.DataFrame, file_id: object
) -> pl.DataFrame:
    """What rows of a file that are not what they were `was` and `became`, a row each."""
    is_worded = table == OBSERVATIONS.name
    joins = "JOIN wordings USING (wording_id)" if is_worded else ""
    names = ["row", *_CLASS[is_worded]]
    # Analytes of one wide line share its row.
    which = ["row", "code", "name"] if is_worded else ["row"]
    columns = ", ".join(dict.fromkeys((*names, *which)))
    now = store.frame(
        f"SELECT {columns} FROM {versions_of(table)} {joins} WHERE file_id = ?", [file_id]
    )
    before = sent.select(which, **{name: f"was_{name}" for name in _CLASS[is_worded]})
    became = now.join(before, on=names, how="anti", nulls_equal=True)
    bands = night.policy.magnesium if is_worded else None
    return (
        became.select(which, became=row_class(became, bands))
        .join(before.select(which, was=row_class(before, bands)), on=which, nulls_equal=True)
        .select("was", "became")
    )
