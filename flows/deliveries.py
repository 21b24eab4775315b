"""One delivery into the store: staged, read, judged, settled and entered in the ledger."""

import shutil
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

import polars as pl

from flows.companion_files import rows_said
from flows.errors import ConfigurationError, FileRefusedError
from flows.inbox import stage
from flows.ingestion import append_rows
from flows.limits import unforeseen, within_limits
from flows.night import Night
from flows.profile import Profile
from flows.row_counts import hold_to_count
from flows.schema import versions_of
from flows.settling import settle
from flows.sources import canonical, fhir, hl7v2, mimic_iv, omop
from flows.sources.extract import Delivery, Extract, StagedDelivery
from flows.store import Store

LAYOUTS: Final[dict[str, ModuleType]] = {
    "canonical": canonical,
    "mimic_iv": mimic_iv,
    "hl7v2": hl7v2,
    "fhir": fhir,
    "omop": omop,
}


class Prepared(NamedTuple):
    """A delivery whose files are copied, hashed and opened, or the problem with them.

    `size` is that of the unpacked copy, in bytes.
    """

    delivery: Delivery
    folder: Path
    sha256: str = ""
    table: str = ""
    extract: Extract | None = None
    problem: str | None = None
    size: int = 0


def prepared(
    night: Night, profiles: Mapping[str, Profile], deliveries: Sequence[Delivery]
) -> Generator[Prepared, None, None]:
    """Each delivery in turn, the next one copied and looked through while this one is read."""
    staging = night.store / "staging"
    shutil.rmtree(staging, ignore_errors=True)

    def prepare(at: int) -> Future[Prepared]:
        delivery = deliveries[at]
        return ahead.submit(_prepare, profiles[delivery.file.source], delivery, staging / str(at))

    try:
        with ThreadPoolExecutor(max_workers=1) as ahead:
            waiting = [prepare(at) for at in range(min(1, len(deliveries)))]
            for at in range(1, len(deliveries) + 1):
                ready = waiting.pop().result()
                waiting += [prepare(at)] if at < len(deliveries) else []
                yield ready
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _prepare(profile: Profile, delivery: Delivery, folder: Path) -> Prepared:
    sha256 = ""
    if delivery.file.problem:
        return Prepared(delivery, folder, problem=delivery.file.problem)
    if delivery.table is None:
        problem = (
            f"its name announces no table of layout {profile.layout}; begin it with "
            f"{LAYOUTS[profile.layout].NAMES}"
        )
        return Prepared(delivery, folder, problem=problem)
    try:
        main = stage(delivery.file, folder)
        sha256 = main.sha256
        lookups = {name: stage(file, folder / name).path for name, file in delivery.lookups.items()}
        copies = StagedDelivery(delivery.table, delivery.file.name, main.path, lookups)
        extract = LAYOUTS[profile.layout].read(copies, profile)
        for name, file in {"": delivery.file, **delivery.lookups}.items():
            said = rows_said(file.path, file.companion)
            hold_to_count(lookups.get(name, main.path), said, profile.separator)
        size = main.path.stat().st_size
        return Prepared(delivery, folder, sha256, delivery.table, extract, size=size)
    except FileRefusedError as refusal:
        return Prepared(delivery, folder, sha256, problem=str(refusal))
    except (OSError, ConfigurationError):
        raise
    except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 - one file never stops the night
        return Prepared(delivery, folder, sha256, problem=unforeseen(error))


def ingest_delivery(store: Store, night: Night, profile: Profile, ready: Prepared) -> None:
    """All rows of a delivery or none; a refused file leaves its problem in the ledger."""
    file_id = store.number("SELECT coalesce(max(file_id), 0) + 1 FROM files")
    if ready.extract is None:
        shutil.rmtree(ready.folder, ignore_errors=True)
        _enter(store, night, profile, ready, file_id, problem=ready.problem)
        return
    try:
        if _is_known(store, night, profile, ready, file_id):
            return
        with store.transaction():
            then, first = _forget(store, night, profile, ready)
            frames = within_limits(ready.extract.frames, ready.size)
            read = append_rows(store, then, profile, file_id, ready.table, frames)
            counts = settle(store, profile.name, file_id, ready.table, read)
            unknown = ready.extract.unknown_columns
            _enter(store, then, profile, ready, file_id, read=read, counts=counts, unknown=unknown)
            store.run(
                "UPDATE files SET first_file_id = ? WHERE file_id = ?", [first or file_id, file_id]
            )
    except FileRefusedError as refusal:
        _enter(store, night, profile, ready, file_id, problem=str(refusal))
    finally:
        shutil.rmtree(ready.folder, ignore_errors=True)


def _is_known(store: Store, night: Night, profile: Profile, ready: Prepared, file_id: int) -> bool:
    """Whether the same bytes were read before: touched under its name, or copied under another.

    A touched file keeps its ledger row; a copy gets one of its own in which every row is ignored.
    """
    before = store.rows(
        "SELECT file_id, path, rows FROM files WHERE source = ? AND table_name = ? "
        "AND sha256 = ? AND profile = ? AND problem IS NULL AND (path = ? OR NOT ?) "
        "ORDER BY path <> ?, file_id LIMIT 1",
        [
            profile.name,
            ready.table,
            ready.sha256,
            ready.delivery.shape(profile),
            ready.delivery.file.relative,
            _is_dated_by_name(profile, ready.table),
            ready.delivery.file.relative,
        ],
    )
    if not before:
        return False
    ((known_id, path, rows),) = before
    file = ready.delivery.file
    if path == file.relative:
        store.run(
            "UPDATE files SET modified_ns = ?, inode = ? WHERE file_id = ?",
            [file.modified_ns, file.inode, known_id],
        )
        return True
    read = int(str(rows))
    _enter(store, night, profile, ready, file_id, read=read, counts={"ignored": read})
    return True


def _is_dated_by_name(profile: Profile, table: str) -> bool:
    """Whether the same bytes under another name are rows of another time."""
    return table in profile.tables and bool(profile.tables[table].snapshot)


def _forget(store: Store, night: Night, profile: Profile, ready: Prepared) -> tuple[Night, int]:
    """Drop what this file left when it was refused tonight, or was read in another shape.

    Returns the night that received it, and the number under which it was first read: of a file
    that is read again those of the first time, of another this night and 0.
    What the same name held before, with other content, stays: nobody can read that again.
    """
    delivery = ready.delivery
    stale = store.rows(
        "SELECT file_id, problem, as_of, received_at, coalesce(first_file_id, file_id) FROM files "
        "WHERE source = ? AND path = ? AND table_name = ? AND ((problem IS NOT NULL AND night = ?) "
        "OR (problem IS NULL AND profile <> ? AND sha256 = ?)) ORDER BY file_id",
        [
            profile.name,
            delivery.file.relative,
            delivery.table,
            night.date,
            ready.delivery.shape(profile),
            ready.sha256,
        ],
    )
    for file_id, *_ in stale:
        store.run(f"DELETE FROM {versions_of(str(delivery.table))} WHERE file_id = ?", [file_id])
        store.run("DELETE FROM files WHERE file_id = ?", [file_id])
    read = [then for _, problem, *then in stale if problem is None]
    if not read:
        return night, 0
    as_of, received_at, first = read[0]
    return night.as_run(as_of, received_at), int(str(first))


def _enter(  # noqa: PLR0913 - a ledger row is as wide as what it says
    store: Store,
    night: Night,
    profile: Profile,
    ready: Prepared,
    file_id: int,
    *,
    read: int = 0,
    counts: dict[str, int] | None = None,
    unknown: tuple[str, ...] = (),
    problem: str | None = None,
) -> None:
    file, counted = ready.delivery.file, counts or {}
    store.run(
        "INSERT INTO files (file_id, source, path, name, table_name, bytes, modified_ns, inode, "
        "sha256, whole_by, night, as_of, received_at, rows, accepted, superseded, quarantined, "
        "ignored, unknown_columns, profile, problem) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            file_id,
            profile.name,
            file.relative,
            file.name,
            ready.delivery.table,
            file.size,
            file.modified_ns,
            file.inode,
            ready.sha256,
            file.companion or "quiet",
            night.date,
            night.naive_as_of,
            night.received_at.replace(tzinfo=None),
            read,
            counted.get("accepted", 0),
            counted.get("superseded", 0),
            counted.get("quarantined", 0),
            counted.get("ignored", 0),
            "; ".join(unknown) or None,
            ready.delivery.shape(profile),
            problem,
        ],
    )


def refused_still(store: Store, night: Night) -> dict[str, str]:
    """Files refused tonight with their problem, but for those read since under another name.

    Asked of the ledger, not of a folder: a stage may be run without the night's inbox.
    """
    refused = store.rows(
        "SELECT path, problem FROM files r WHERE night = ? AND problem IS NOT NULL AND NOT EXISTS "
        "(FROM files f WHERE f.problem IS NULL AND f.path <> r.path AND f.inode = r.inode "
        "AND f.bytes = r.bytes AND f.modified_ns = r.modified_ns) ORDER BY path",
        [night.date],
    )
    return {str(path): str(problem) for path, problem in refused}
