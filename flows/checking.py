"""A dry run of a profile: files read and judged as a night does it, and nothing kept."""

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from data_contracts.gate import try_canary
from flows.check_queries import (
    CODES,
    FILES,
    UNITS,
    UNREAD,
    UPDATED,
    Answer,
    quarantined_of,
    undated_of,
    unread_of,
)
from flows.deliveries import LAYOUTS, ingest_delivery, prepared
from flows.errors import ConfigurationError, ExitCode
from flows.inbox import Dropped, dropped_file
from flows.night import Night
from flows.profile import Profile, load_profiles
from flows.schema import CANONICAL
from flows.scratch import scratch_folder
from flows.store import Store, open_store


@dataclass(frozen=True, slots=True)
class Checked:
    """What files came to under a profile; each answer is a table of plain cells.

    `left_alone` are base names of files that a night would not look at, `passed_over` of those
    that hold nothing a rule reads. Words of the feed (codes, units, status words) are named when a
    rule knows them or enough patients share them.
    """

    source: str
    left_alone: tuple[str, ...]
    passed_over: tuple[str, ...]
    files: Answer
    codes: Answer
    units: Answer
    unread: Answer
    reasons: Answer
    undated: Answer

    @property
    def exit_code(self) -> ExitCode:
        """The highest that applies: a file refused, something to look at, all read."""
        if self.left_alone or any(file["problem"] for file in self.files):
            return ExitCode.FILE_REFUSED
        if self.reasons or self.unread or any(code["looks_like_magnesium"] for code in self.codes):
            return ExitCode.ROWS_TO_SEE
        return ExitCode.CLEAN


def check(night: Night, name: str, paths: Sequence[Path]) -> Checked:
    """Read files with a profile of the home into a store of their own that is then removed.

    Raises `ConfigurationError` for a profile that the home does not have.
    """
    try_canary()
    profiles = load_profiles(night.home / "sources", night.settings.timezone)
    if name not in profiles:
        message = (
            f"no profile sources/{name}.toml in home '{night.home.name}'; there is "
            f"{', '.join(sorted(profiles))}; make one with: hypomag source draft FILE"
        )
        raise ConfigurationError(message)
    profile = profiles[name]
    files, left_alone = _as_dropped(profile, paths)
    with scratch_folder(night.store) as folder:
        dry = replace(night, home=folder)
        deliveries = LAYOUTS[profile.layout].deliveries(files, profile)
        with (
            open_store(dry.store, dry.settings) as store,
            closing(prepared(dry, profiles, deliveries)) as ready,
        ):
            for delivery in ready:
                ingest_delivery(store, dry, profile, delivery)
            read = [file for d in deliveries for file in (d.file, *d.lookups.values())]
            others = tuple(file.path.name for file in files if file not in read)
            return _answers(store, name, left_alone, others)


def _as_dropped(profile: Profile, paths: Sequence[Path]) -> tuple[list[Dropped], tuple[str, ...]]:
    """The files as if they lay in one inbox, and the base names of those it would not see."""
    places = list(dict.fromkeys(path.absolute() for path in paths))
    inbox = Path(os.path.commonpath([path.parent for path in places]))
    files, left_alone = [], []
    for path in places:
        found = dropped_file(profile, path, inbox)
        if found is None:
            left_alone.append(path.name)
        else:
            files.append(found)
    return files, tuple(left_alone)


def _answers(
    store: Store, name: str, left_alone: tuple[str, ...], passed_over: tuple[str, ...]
) -> Checked:
    def asked(sql: str) -> Answer:
        return store.frame(sql).to_dicts()

    return Checked(
        source=name,
        left_alone=left_alone,
        passed_over=passed_over,
        files=asked(FILES),
        codes=asked(CODES),
        units=asked(UNITS),
        unread=[row for column in UNREAD for row in asked(unread_of(column))],
        reasons=[row for table in CANONICAL for row in asked(quarantined_of(table))],
        undated=[row for table in UPDATED for row in asked(undated_of(table))],
    )
