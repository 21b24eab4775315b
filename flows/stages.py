"""The night, stage by stage, as plain functions over a `Night`; both drivers run these."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from data_contracts.gate import try_canary
from data_contracts.vocabulary import FEED_NOTICES, LINK_NOTICE
from flows import journal
from flows.answering.dropped import dropped_sheets
from flows.answering.reading import in_a_line, read_sheets, sheets_of_night
from flows.auditing import audit_batch, select_doses
from flows.deliveries import LAYOUTS, ingest_delivery, prepared, refused_still
from flows.errors import ExitCode
from flows.exports.edition import Edition
from flows.gathering import batches
from flows.guarding import append_holds, guard, held_digest
from flows.inbox import Dropped, dropped_files, youngest_age_seconds
from flows.judging import append_run, basis_of, judge_batch, lay_out_items, watched_persons
from flows.linking import renew_links
from flows.memory import mark_published, previous_items
from flows.night import Night
from flows.notices import append_notices
from flows.past import Past, as_known
from flows.profile import Profile, load_profiles
from flows.publication import MANIFEST, digest_of, publish_edition, read_edition
from flows.rejudging import note_profiles
from flows.repeating import (
    append_repeated,
    last_published,
    mark_repeated,
    mark_touched,
    remember_basis,
)
from flows.selection import lay_in_batches, select_persons
from flows.sources.extract import Delivery
from flows.store import Store, open_store
from flows.tonight import append_ledger, clear_night, comment_on, grown
from flows.unmapped import renew_unmapped
from hypomag_rules.worklists import counts_by_list

Say = Callable[[str], None]


class Ingested(NamedTuple):
    """What the reading of a night came to, from the ledger; answers are rows of returned sheets."""

    files: int
    refused: int
    rows: int
    answers: int = 0
    answers_refused: int = 0
    sheets_refused: int = 0


@contextmanager
def opened(night: Night) -> Iterator[Store]:
    """The store, checked against its journal; of a night `received_by`, as it was known then."""
    with open_store(night.store, night.settings) as store:
        journal.compare(night.store, store)
        journal.witness(night.store, store)
        if night.received_by is None:
            yield store
            return
        past = Past(night.received_by.replace(tzinfo=None))
        with as_known(store, night, past, keeps_runs=True):
            yield store


def ingest(night: Night, say: Say) -> Ingested:
    """Read every new file of the inbox, each in a transaction of its own with its ledger row."""
    try_canary()
    profiles = load_profiles(night.home / "sources", night.settings.timezone)
    with opened(night) as store:
        note_profiles(store, night, profiles)
        fresh = _fresh_deliveries(store, night, profiles)
        sheets = dropped_sheets(night.home)
        _wait_until_quiet([*(delivery.file for delivery in fresh), *sheets], night, say)
        with closing(prepared(night, profiles, fresh)) as deliveries:
            for at, ready in enumerate(deliveries, 1):
                file = ready.delivery.file
                say(f"reading {at} of {len(fresh)}: {file.relative}")
                ingest_delivery(store, night, profiles[file.source], ready)
                journal.witness(night.store, store)
        for sheet in read_sheets(store, night, sheets):
            say(in_a_line(sheet))
        for path, problem in refused_still(store, night).items():
            say(f"refused: {path} ({problem})")
        counted = store.rows(
            "SELECT count(*), count(problem), coalesce(sum(rows), 0) FROM files WHERE night = ?",
            [night.date],
        )
        sheets_read = sheets_of_night(store, night)
    answered = (
        int(sheets_read.get_column("counted").sum()),
        int(sheets_read.get_column("refused").sum()),
        sheets_read.get_column("problem").count(),
    )
    return Ingested(*(int(str(value)) for value in (*counted[0], *answered)))


def _fresh_deliveries(store: Store, night: Night, profiles: dict[str, Profile]) -> list[Delivery]:
    """Deliveries whose file the ledger does not know unchanged, read in the profile's shape.

    A file that was refused is tried again each night: it is not forgotten while it lies there.
    """
    columns = "path, bytes, modified_ns, inode, coalesce(table_name, ''), profile"
    held = f"SELECT {columns} FROM files WHERE problem IS NULL OR night = ?"
    known = set(store.rows(held, [night.date]))
    by_source: dict[str, list[Dropped]] = {}
    told: list[Delivery] = []
    for file in dropped_files(night.inbox, profiles):
        if file.problem:
            told.append(Delivery(file, None))
        else:
            by_source.setdefault(file.source, []).append(file)
    for source, files in by_source.items():
        told += LAYOUTS[profiles[source].layout].deliveries(files, profiles[source])
    return [
        delivery
        for delivery in told
        if (*delivery.file.identity, delivery.table or "", profiles[delivery.file.source].shape)
        not in known
    ]


def _wait_until_quiet(files: list[Dropped], night: Night, say: Say) -> None:
    """Wait, once for all files, until the youngest without a companion has lain still."""
    wait = night.settings.quiet_seconds - youngest_age_seconds(files, time.time_ns())
    if 0 < wait <= night.settings.quiet_seconds:
        say(f"waiting {wait:.0f} s for files that are still young")
        time.sleep(wait)


class Judged(NamedTuple):
    """What the judging of a night came to."""

    persons: int
    listed: dict[str, int]


def assess(night: Night, say: Say) -> Judged:
    """Judge every patient who can matter, and lay tonight's database beside the store."""
    with opened(night) as store:
        return judge_night(store, night, say)


def judge_night(store: Store, night: Night, say: Say) -> Judged:
    """Judge a night on an open store, be it as it is or as it was known then."""
    profiles = load_profiles(night.home / "sources", night.settings.timezone)
    note_profiles(store, night, profiles)
    guard(store, night)
    basis = f"{basis_of(night, profiles)}|{held_digest(store)}"
    select_persons(store, night)
    with grown(store, night):
        clear_night(store, night)
        last = last_published(store, night, basis)
        mark_touched(store, night, last)
        mark_repeated(store, night, last)
        append_repeated(store, night, last)
        select_doses(store, night, last)
        total = max(lay_in_batches(store, night.settings.persons_at_once), 1)
        previous = previous_items(store, night)
        watched = watched_persons(store, previous)
        listed = []
        for at, batch in enumerate(batches(store, night, total), 1):
            say(f"judging {at} of {total}: {batch.judged.height} patients")
            listed.append(judge_batch(store, night, batch, watched))
            audit_batch(store, night, batch)
        items = lay_out_items(store, night, listed, previous)
        append_ledger(store, night, since=last.file_id)
        append_holds(store, night)
        renew_links(store)
        renew_unmapped(store, night)
        append_notices(store, night, profiles)
        append_run(store, night)
        remember_basis(store, night, basis)
        if not last.file_id:
            comment_on(store)
    return Judged(store.number("SELECT count(*) FROM persons"), counts_by_list(items))


class Published(NamedTuple):
    """What was published, the code it earned, what stands above all, how many are hidden."""

    folder: Path
    listed: dict[str, int]
    code: ExitCode
    banner: tuple[str, ...]
    hidden: int


def publish(night: Night, say: Say) -> Published:
    """Write tonight's files and swap them in."""
    with opened(night) as store:
        edition = read_edition(store, night)
    say("publishing the worklists")
    folder = publish_edition(edition, night)
    with opened(replace(night, received_by=None)) as store:
        mark_published(store, night, digest_of(folder / MANIFEST))
    listed = counts_by_list(edition.items)
    return Published(folder, listed, _earned(edition), edition.banner, edition.hidden.height)


def _earned(edition: Edition) -> ExitCode:
    """The highest code that applies to a published night."""
    if edition.refused_files.height or edition.sheets.get_column("problem").count():
        return ExitCode.FILE_REFUSED
    if edition.notices_of(*FEED_NOTICES):
        return ExitCode.FEED_LATE
    unread = edition.quarantine.height + edition.unmapped.height + edition.holds.height
    unread += int(edition.sheets.get_column("refused").sum())
    if unread or edition.listed("review").height or edition.notices_of(LINK_NOTICE):
        return ExitCode.ROWS_TO_SEE
    return ExitCode.CLEAN


STAGES: Final = (ingest, assess, publish)
