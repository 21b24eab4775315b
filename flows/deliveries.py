"""One delivery into the store: staged, read, judged, settled and entered in the ledger."""

import shutil
from pathlib import Path
from types import ModuleType
from typing import Final

from flows.errors import FileRefusedError
from flows.inbox import Staged, stage
from flows.ingestion import append_rows
from flows.night import Night
from flows.profile import Profile
from flows.schema import CANONICAL, versions_of
from flows.settling import settle
from flows.sources import canonical, mimic_iv
from flows.sources.extract import Delivery, StagedDelivery
from flows.store import Store

LAYOUTS: Final[dict[str, ModuleType]] = {"canonical": canonical, "mimic_iv": mimic_iv}


class _StagedFiles:
    """A staged delivery and the hash of what was dropped."""

    def __init__(self, delivery: StagedDelivery, sha256: str) -> None:
        self.delivery = delivery
        self.sha256 = sha256


def ingest_delivery(store: Store, night: Night, profile: Profile, delivery: Delivery) -> None:
    """All rows of a delivery or none; a refused file leaves its problem in the ledger."""
    file_id = store.number("SELECT coalesce(max(file_id), 0) + 1 FROM files")
    folder = night.store / "staging"
    try:
        staged = _staged(delivery, folder, file_id)
    except FileRefusedError as refusal:
        _sweep(folder)
        _enter(store, night, profile, delivery, file_id, problem=str(refusal))
        return
    try:
        if not delivery.lookups and _is_known(store, night, profile, delivery, file_id, staged):
            return
        with store.transaction():
            _forget(store, night, profile, delivery)
            read, counts, unknown = _read(store, night, profile, staged.delivery, file_id)
            _enter(
                store,
                night,
                profile,
                delivery,
                file_id,
                sha256=staged.sha256,
                read=read,
                counts=counts,
                unknown=unknown,
            )
    except FileRefusedError as refusal:
        _enter(store, night, profile, delivery, file_id, sha256=staged.sha256, problem=str(refusal))
    finally:
        _sweep(folder)


def _is_known(
    store: Store,
    night: Night,
    profile: Profile,
    delivery: Delivery,
    file_id: int,
    staged: _StagedFiles,
) -> bool:
    """Whether the same bytes were read before: touched under its name, or copied under another.

    A touched file keeps its ledger row; a copy gets one of its own in which every row is ignored.
    """
    before = store.rows(
        "SELECT file_id, path, rows FROM files WHERE source = ? AND table_name = ? "
        "AND sha256 = ? AND profile = ? AND problem IS NULL ORDER BY path <> ?, file_id LIMIT 1",
        [
            profile.name,
            delivery.table,
            staged.sha256,
            profile.shape,
            delivery.file.relative,
        ],
    )
    if not before:
        return False
    ((known_id, path, rows),) = before
    if path == delivery.file.relative:
        store.run(
            "UPDATE files SET modified_ns = ?, inode = ? WHERE file_id = ?",
            [delivery.file.modified_ns, delivery.file.inode, known_id],
        )
        return True
    read = int(str(rows))
    _enter(
        store,
        night,
        profile,
        delivery,
        file_id,
        sha256=staged.sha256,
        read=read,
        counts={"ignored": read},
    )
    return True


def _forget(store: Store, night: Night, profile: Profile, delivery: Delivery) -> None:
    """Drop what this file left when it was refused tonight, or was read in another shape."""
    stale = store.rows(
        "SELECT file_id FROM files WHERE source = ? AND path = ? AND table_name = ? "
        "AND ((problem IS NOT NULL AND night = ?) OR (problem IS NULL AND profile <> ?))",
        [profile.name, delivery.file.relative, delivery.table, night.date, profile.shape],
    )
    for (file_id,) in stale:
        store.run(f"DELETE FROM {versions_of(str(delivery.table))} WHERE file_id = ?", [file_id])
        store.run("DELETE FROM files WHERE file_id = ?", [file_id])


def _sweep(folder: Path) -> None:
    """Remove the private copies, those of lookups included."""
    if folder.exists():
        shutil.rmtree(folder)


def _staged(delivery: Delivery, folder: Path, file_id: int) -> _StagedFiles:
    if delivery.table is None:
        message = (
            "its name announces no table that this source has; begin it with one of "
            f"{', '.join(CANONICAL)} or give the profile a pattern"
        )
        raise FileRefusedError(message)
    main: Staged = stage(delivery.file, folder, file_id)
    lookups = {
        name: stage(file, folder / name, file_id).path for name, file in delivery.lookups.items()
    }
    copies = StagedDelivery(delivery.table, delivery.file.path.name, main.path, lookups)
    return _StagedFiles(copies, main.sha256)


def _read(
    store: Store, night: Night, profile: Profile, staged: StagedDelivery, file_id: int
) -> tuple[int, dict[str, int], tuple[str, ...]]:
    extract = LAYOUTS[profile.layout].read(staged, profile)
    read = append_rows(store, night, profile, file_id, staged.table, extract.frames)
    counts = settle(store, profile.name, file_id, staged.table, read)
    return read, counts, extract.unknown_columns


def _enter(  # noqa: PLR0913 - a ledger row is as wide as what it says
    store: Store,
    night: Night,
    profile: Profile,
    delivery: Delivery,
    file_id: int,
    *,
    sha256: str = "",
    read: int = 0,
    counts: dict[str, int] | None = None,
    unknown: tuple[str, ...] = (),
    problem: str | None = None,
) -> None:
    file, counted = delivery.file, counts or {}
    store.run(
        "INSERT INTO files (file_id, source, path, name, table_name, bytes, modified_ns, inode, "
        "sha256, whole_by, night, as_of, received_at, rows, accepted, superseded, quarantined, "
        "ignored, unknown_columns, profile, problem) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            file_id,
            profile.name,
            file.relative,
            file.path.name,
            delivery.table,
            file.size,
            file.modified_ns,
            file.inode,
            sha256,
            file.companion.removeprefix(".") or "quiet",
            night.date,
            night.naive_as_of,
            night.received_at.replace(tzinfo=None),
            read,
            counted.get("accepted", 0),
            counted.get("superseded", 0),
            counted.get("quarantined", 0),
            counted.get("ignored", 0),
            "; ".join(unknown) or None,
            profile.shape,
            problem,
        ],
    )
