"""After a file is in: which of its rows are copies, which are superseded, and do they add up."""

from flows.errors import AccountingError
from flows.schema import WRITTEN, versions_of
from flows.store import Store


def settle(store: Store, source: str, file_id: int, table: str, read: int) -> dict[str, int]:
    """Tell copies and superseded rows of a file; returns its four counts, which add up to `read`.

    Copies are removed: all that was sent equals a row of the same key received before. Keys that
    are left with more than one version are remembered as contested. Raises `AccountingError`.
    Keys and rows are told apart by 64-bit hashes: narrow enough to look through all of the past.
    """
    versions = versions_of(table)
    mine = f"SELECT key_hash FROM {versions} WHERE file_id = ?"
    # A sorted column tells its doubles for a third of what grouping takes.
    ordered = store.frame(mine, [file_id]).get_column("key_hash").sort()
    with store.lent(ordered.filter(ordered == ordered.shift(1)).unique().to_frame()) as doubles:
        store.run(f"CREATE OR REPLACE TEMP TABLE twice AS FROM {doubles}")
    worded = "wording_id, " if table == "observations" else ""
    # Not told apart by row: a wide line gives several of one number.
    seen = (
        "SELECT file_id, rowid AS place, key_hash, row_hash, reason, "
        f"{worded}{WRITTEN[table]} AS written"
    )
    store.run(
        f"CREATE OR REPLACE TEMP TABLE met AS {seen} FROM {versions} "
        f"WHERE file_id < ? AND source = ? AND key_hash IN ({mine}) "
        f"UNION ALL {seen} FROM {versions} WHERE file_id = ? AND key_hash IN (FROM twice)",
        [file_id, source, file_id, file_id],
    )
    if not store.number("SELECT count(*) FROM met"):
        return _counts(store, file_id, versions, read, ignored=0, superseded=0)
    store.run(
        f"INSERT INTO met {seen} FROM {versions} WHERE file_id = ? AND key_hash IN "
        "(SELECT key_hash FROM met) AND key_hash NOT IN (FROM twice)",
        [file_id],
    )
    store.run(
        "CREATE OR REPLACE TEMP TABLE settled AS SELECT *, row_number() OVER "
        "(PARTITION BY key_hash, row_hash ORDER BY file_id, place) > 1 AS is_copy FROM met"
    )
    ignored = store.number("SELECT count(*) FROM settled WHERE is_copy AND file_id = ?", [file_id])
    if ignored:
        store.run(
            f"DELETE FROM {versions} WHERE file_id = ? AND rowid IN "
            "(SELECT place FROM settled WHERE is_copy AND file_id = ?)",
            [file_id, file_id],
        )
    superseded = store.number(
        "SELECT count(*) FROM (SELECT file_id, reason, row_number() OVER (PARTITION BY "
        "key_hash ORDER BY written DESC NULLS LAST, file_id DESC, place DESC) AS rank "
        "FROM settled WHERE NOT is_copy) WHERE rank > 1 AND file_id = ? AND reason IS NULL",
        [file_id],
    )
    if table == "observations":
        _remember_contested(store, source)
    return _counts(store, file_id, versions, read, ignored=ignored, superseded=superseded)


def _remember_contested(store: Store, source: str) -> None:
    """Keep the keys that have several versions, and whether a rule reads any of them."""
    store.run(
        "INSERT INTO contested SELECT ?, key_hash, bool_or(w.analyte IS NOT NULL) "
        "FROM settled JOIN wordings w USING (wording_id) WHERE NOT is_copy GROUP BY ALL "
        "HAVING count(*) > 1 EXCEPT SELECT * FROM contested",
        [source],
    )


def _counts(
    store: Store, file_id: int, versions: str, read: int, *, ignored: int, superseded: int
) -> dict[str, int]:
    """The four counts of a file; raises `AccountingError` unless they add up to the rows read."""
    quarantined = store.number(
        f"SELECT count(*) FROM {versions} WHERE file_id = ? AND reason IS NOT NULL", [file_id]
    )
    held = store.number(f"SELECT count(*) FROM {versions} WHERE file_id = ?", [file_id])
    counts = {
        "accepted": held - quarantined - superseded,
        "superseded": superseded,
        "quarantined": quarantined,
        "ignored": ignored,
    }
    if held + ignored != read or min(counts.values()) < 0:
        message = (
            f"file {file_id}: {read} rows read, {held} held and {ignored} copies; "
            "nothing is published; keep the store and report this"
        )
        raise AccountingError(message)
    return counts
