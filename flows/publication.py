"""Tonight's edition written beside, checked whole, and swapped in; yesterday's stays until then."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import polars as pl

from data_contracts.published import NOTICES
from data_contracts.vocabulary import WORKLISTS
from flows.answering.reading import sheets_of_night
from flows.deliveries import refused_still
from flows.errors import PublishError
from flows.exports import audit_xlsx, changes, report, worklist_csv, worklist_xlsx
from flows.exports.edition import Edition
from flows.lasting import sync
from flows.night import Night
from flows.settings import FILE
from flows.store import Store
from flows.table_digests import table_digests
from flows.tonight import NAME, tonight_path
from flows.version import VERSION

MANIFEST: Final = "manifest.json"
_FOLDER: Final = 0o750
_READABLE: Final = 0o640
_FROZEN: Final = 0o440


def read_edition(store: Store, night: Night) -> Edition:
    """Tonight's edition out of tonight's database.

    Raises `PublishError` when the night was not assessed first.
    """
    path = tonight_path(night)
    if not path.exists():
        message = "nothing is assessed yet; run hypomag assess first"
        raise PublishError(message)
    quoted = os.fspath(path).replace("'", "''")
    store.run(f"ATTACH '{quoted}' AS tonight (READ_ONLY)")
    try:
        runs = store.rows("SELECT as_of FROM tonight.runs WHERE night = ?", [night.date])
        if runs != [(night.naive_as_of,)]:
            message = f"{night.date} is not assessed as of this instant; run hypomag assess first"
            raise PublishError(message)
        return _edition(store, night)
    finally:
        store.run("DETACH tonight")


def _edition(store: Store, night: Night) -> Edition:
    def of_night(table: str, order: str) -> pl.DataFrame:
        return store.frame(
            f"SELECT * FROM tonight.{table} WHERE night = ? ORDER BY {order}",
            [night.date],
        )

    before = "SELECT max(night) FROM runs WHERE is_published AND night < ?"
    previous = store.rows(before, [night.date])
    files = of_night("files", "source, file, table_name").filter(
        pl.col("problem").is_null() | pl.col("file").is_in(refused_still(store, night))
    )
    results = files.filter(pl.col("table_name") == "observations")
    read = results.select(pl.col("rows").sum() - pl.col("ignored").sum()).item()
    return Edition(
        hospital=night.settings.hospital,
        zone=night.settings.timezone,
        night=night.date,
        as_of=night.naive_as_of,
        version=VERSION,
        policy=night.policy,
        items=of_night("worklist_items", "worklist, rank"),
        changes=of_night("worklist_changes", "worklist, patient_id"),
        files=files,
        quarantine=of_night("quarantine", "file, table_name, row, raw"),
        doses=store.frame(_DOSES, [night.date]),
        feeds=store.frame(_FEEDS, [night.naive_as_of] * 2),
        results_read=int(read),
        patients_judged=store.number(
            "SELECT count(*) FROM tonight.assessments WHERE night = ?", [night.date]
        ),
        previous_night=previous[0][0],  # type: ignore[arg-type]  # a DATE or NULL
        unmapped=store.frame(_UNMAPPED),
        holds=of_night("holds", "source, analyte, received_on"),
        notices=of_night("notices", "source, table_name").sort(
            pl.col("kind").cast(NOTICES.schema["kind"]), maintain_order=True
        ),
        hidden=store.frame(_HIDDEN, [night.date]),
        sheets=sheets_of_night(store, night),
        tables=table_digests(store, "tonight", night.date),
        is_zone_default=not (night.home / FILE).exists() and night.settings.timezone == "UTC",
    )


# Of each item the last answer speaks.
_HIDDEN: Final = """
SELECT i.*, d.answer, d.until, d.answered_by, d.note FROM run_items i
JOIN tonight.dispositions d USING (worklist, item_id)
WHERE run_id = (SELECT max(run_id) FROM runs WHERE night = ?) AND is_hidden AND d.hides_item
ORDER BY worklist, rank
"""
_UNMAPPED: Final = """
SELECT source, code, sum(results)::BIGINT AS results FROM tonight.unmapped_codes
WHERE looks_like IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""
# A local month may begin half a day before it does in UTC.
_DOSES: Final = """
SELECT * FROM tonight.doses
WHERE started_at >= date_trunc('month', ?::DATE) - INTERVAL 1 MONTH - INTERVAL 1 DAY
ORDER BY started_at, patient_id, medication_id, source
"""
_FEEDS: Final = """
SELECT source, 'observations' AS table_name,
    max(coalesce(reported_time, collected_time)) AS known_until
FROM observation_versions WHERE coalesce(reported_time, collected_time) <= ? GROUP BY source
UNION ALL
SELECT source, 'administrations', max(started_time) FROM medication_versions
WHERE kind_word = 'administration' AND reason IS NULL AND started_time <= ? GROUP BY source
ORDER BY ALL
"""


def publish_edition(edition: Edition, night: Night) -> Path:
    """Write the night's folder and swap it in; the folder of the same night stays as `.1`.

    Raises `PublishError` when a file cannot be written; what was published before then stays.
    """
    nights = night.published / "nights"
    try:
        with _umask(0o027):
            nights.mkdir(parents=True, exist_ok=True, mode=_FOLDER)
            beside = nights / f".{edition.night}.part"
            shutil.rmtree(beside, ignore_errors=True)
            target = nights / edition.night.isoformat()
            try:
                _write(edition, night, beside)
                _put_in_place(beside, target)
            finally:
                shutil.rmtree(beside, ignore_errors=True)  # half a night is nobody's
            if not _looks_back(night):
                _point(night.published / "current", Path("nights") / target.name)
            _point(night.published / NAME, Path("current") / NAME)
            return target
    except OSError as error:
        message = f"published/ cannot be written ({error.strerror}); free or mend it, run again"
        raise PublishError(message) from None


def _looks_back(night: Night) -> bool:
    """Whether an earlier night is told again as it was received: the newest lists stay current."""
    current = night.published / "current"
    if night.received_by is None or not current.exists():
        return False
    return current.resolve().name > night.date.isoformat()


def _write(edition: Edition, night: Night, folder: Path) -> None:
    """All files of the night, then the manifest that counts and hashes them."""
    folder.mkdir(mode=_FOLDER)
    with ThreadPoolExecutor(max_workers=1) as beside:
        copied = beside.submit(_copy, tonight_path(night), folder / NAME)
        _write_for_readers(edition, folder)
        copied.result()
    hashes = {
        path.relative_to(folder).as_posix(): digest_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != NAME
    }
    told = json.dumps(_manifest(edition, night, hashes), indent=2, sort_keys=True)
    (folder / MANIFEST).write_text(told + "\n", encoding="utf-8")
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.name != NAME:
            path.chmod(_FOLDER if path.is_dir() else _READABLE)
            sync(path)
    sync(folder)


def _copy(path: Path, to: Path) -> None:
    shutil.copyfile(path, to)
    to.chmod(_FROZEN)
    sync(to)


def _write_for_readers(edition: Edition, folder: Path) -> None:
    """The lists, the audit, the report and the quarantine."""
    lists = folder / "worklists"
    lists.mkdir(mode=_FOLDER)
    for name in WORKLISTS:
        worklist_csv.write(edition, name, lists / f"{name}.csv")
        worklist_xlsx.write(edition, name, lists / f"{name}.xlsx")
    changes.write_xlsx(edition, lists / "changes.xlsx")
    worklist_csv.write_changes(edition, lists / "changes.csv")
    audits = folder / "audit"
    audits.mkdir(mode=_FOLDER)
    for month in edition.months:
        audit_xlsx.write(edition, month, audits / f"{month:%Y-%m}.xlsx")
    report.write(edition, folder / "report.html")
    worklist_csv.write_quarantine(edition, folder / "quarantine.csv")


def _manifest(edition: Edition, night: Night, hashes: dict[str, str]) -> dict[str, object]:
    """What was published, from what, under which policy: counts and hashes, no patient."""
    ledger = edition.files
    outcomes = ("rows", "accepted", "superseded", "quarantined", "ignored")
    return {
        "night": edition.night.isoformat(),
        "as_of": edition.as_of.isoformat() + "Z",
        "timezone": edition.zone,
        "version": edition.version,
        "policy_id": edition.policy.id,
        "received_by": night.received_by and f"{night.received_by:%Y-%m-%dT%H:%M:%S.%fZ}",
        "previous_night": edition.previous_night and edition.previous_night.isoformat(),
        "listed": {name: edition.listed(name).height for name in WORKLISTS},
        "changes": edition.changes.height,
        "patients_judged": edition.patients_judged,
        "rows": {name: int(ledger.get_column(name).sum()) for name in outcomes},
        "files": ledger.select("source", "file", "table_name", "sha256", *outcomes).to_dicts(),
        "refused": edition.refused_files.height,
        "hidden": {name: edition.hidden_of(name).height for name in WORKLISTS},
        "answers": {
            name: int(edition.sheets.get_column(name).sum()) for name in ("counted", "refused")
        },
        "banner": edition.banner,
        "notices": edition.notices.drop("night").to_dicts(),
        "hashes": hashes,
        "tables": edition.tables,
    }


def _put_in_place(beside: Path, target: Path) -> None:
    """Rename the finished folder into place; a former edition of the night becomes `.1`."""
    former = target.with_name(target.name + ".1")
    if target.exists():
        if former.exists():
            shutil.rmtree(former)
        target.rename(former)
    beside.rename(target)
    sync(target.parent)


def _point(link: Path, to: Path) -> None:
    """Make a symbolic link say something new in one step."""
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(to)
    fresh.replace(link)
    sync(link.parent)


def digest_of(path: Path) -> str:
    """The sha256 of a published file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
