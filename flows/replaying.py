"""A published night built again from what the store knew then, and held against its manifest."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

import polars as pl

from data_contracts.worklists import WORKLIST_ITEMS
from flows.errors import ConfigurationError, StoreError
from flows.home_then import home_of_run
from flows.memory import run_items
from flows.night import Night
from flows.past import as_known, past_of_run
from flows.publication import MANIFEST, digest_of, publish_edition, read_edition
from flows.scratch import scratch_folder
from flows.stages import Say, judge_night, opened
from flows.store import Store
from flows.table_digests import table_digests
from flows.tonight import NAME
from flows.version import VERSION, rules_digest

_KEY: Final = ("worklist", "item_id")
_COMPARED: Final = tuple(
    name for name in (*WORKLIST_ITEMS.names, "is_hidden") if name not in {"night", *_KEY}
)
# Both say of every item what the manifest of the night says once.
_SAID_ONCE: Final = ("policy_id",)

_TAMPERING: Final = "tampering"
_OTHER_STORE: Final = (
    "cause unknown: the same software and policy find other rows; the store no longer holds what "
    "that night read, or holds it otherwise"
)


class Replayed(NamedTuple):
    """What a replay found: files by name and state, rows that differ, and grounds in words.

    `files` holds only those that are not byte for byte the same: `differs`, `not there then`,
    `not there now`. `rows` (worklist, item_id, difference, columns) names items, not patients.
    """

    night: date
    published_by: str
    compared: int
    files: dict[str, str]
    rows: pl.DataFrame
    grounds: tuple[str, ...]

    @property
    def is_identical(self) -> bool:
        """Whether every byte is the same, and nobody touched what was published."""
        is_touched = any(ground.startswith(_TAMPERING) for ground in self.grounds)
        return not self.files and not self.rows.height and not is_touched


def replay(asked: Night, day: date, say: Say, out: Path | None = None) -> Replayed:
    """Build the night again as it was known then; with `out` its files are left in that folder.

    Raises `ConfigurationError` when the store knows no published night of that date.
    """
    with opened(asked) as store, scratch_folder(asked.store) as folder:
        run_id = _last_published(store, day)
        then = home_of_run(store, run_id, folder)
        said = run_items(store, run_id)
        ((version, rules, policy_id, manifest_hash),) = store.rows(
            "SELECT version, rules, policy_id, manifest FROM runs WHERE run_id = ?", [run_id]
        )
        with as_known(store, then, past_of_run(store, run_id)):
            judge_night(store, then, say)
            built = publish_edition(read_edition(store, then), then)
            again = run_items(store, store.number("SELECT max(run_id) FROM runs"))
        if out is not None:
            shutil.copytree(built, out, dirs_exist_ok=True)
        published = asked.published / "nights" / day.isoformat()
        told = _manifest(published)
        new = _manifest(built)
        rows = row_differences(said, again)
        files = _differing(told.get("hashes", {}), new["hashes"]) if told else {}
        if "tables" in told:
            tables = _differing(told["tables"], new["tables"])
            files |= {f"{NAME} {name}": state for name, state in tables.items()}
        grounds = (
            *_software(str(version), str(rules)),
            *_policy(str(policy_id), str(new["policy_id"])),
            *_tampering(published, told, str(manifest_hash)),
            *_edited_database(store, published, told, day),
            *_read_again(told, new),
        )
        if (files or rows.height) and not grounds:
            grounds = (_OTHER_STORE,)
        return Replayed(day, str(version), len(new["hashes"]), files, rows, grounds)


def _last_published(store: Store, day: date) -> int:
    found = store.number("SELECT max(run_id) FROM runs WHERE is_published AND night = ?", [day])
    if not found:
        message = f"no night of {day} was published from this store; see the table runs"
        raise ConfigurationError(message)
    return found


def row_differences(then: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Items that two runs do not say alike: `difference` and the `columns` that differ."""
    both = then.join(now, on=_KEY, how="inner", suffix="_now")
    alike = (
        pl.when(pl.col(name).ne_missing(pl.col(f"{name}_now"))).then(pl.lit(name))
        for name in _COMPARED
        if name not in _SAID_ONCE
    )
    changed = both.select(*_KEY, columns=pl.concat_list(*alike).list.drop_nulls())
    none = pl.lit([], dtype=pl.List(pl.String))
    parts = (
        then.join(now, on=_KEY, how="anti").select(
            *_KEY, difference=pl.lit("only then"), columns=none
        ),
        now.join(then, on=_KEY, how="anti").select(
            *_KEY, difference=pl.lit("only now"), columns=none
        ),
        changed.filter(pl.col("columns").list.len() > 0).select(
            *_KEY, difference=pl.lit("differs"), columns="columns"
        ),
    )
    return pl.concat(parts).sort(_KEY)


def _differing(then: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    states = {name: "differs" for name in then.keys() & now.keys() if then[name] != now[name]}
    states |= dict.fromkeys(then.keys() - now.keys(), "not there now")
    states |= dict.fromkeys(now.keys() - then.keys(), "not there then")
    return dict(sorted(states.items()))


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a published folder; empty when there is none that can be read."""
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _software(version: str, rules: str) -> tuple[str, ...]:
    if version != VERSION:
        return (f"version: published by hypomag {version}, built again by {VERSION}",)
    if rules != rules_digest():
        return (f"version: also hypomag {version}, but with other code or libraries",)
    return ()


def _policy(then: str, now: str) -> tuple[str, ...]:
    """The hospital's own text is that of then; the shipped numbers are those of this software."""
    if then == now:
        return ()
    return (f"policy: published under {then}; with the numbers shipped now it is {now}",)


def _tampering(published: Path, told: dict[str, Any], manifest_hash: str) -> tuple[str, ...]:
    """What stands in the published folder and is not what was published there."""
    if not told:
        return (
            f"{_TAMPERING}: the manifest is gone or cannot be read; compared are the rows alone",
        )
    found = []
    if digest_of(published / MANIFEST) != manifest_hash:
        found.append(f"{_TAMPERING}: the manifest is not the one that was published")
    edited = [
        name
        for name, digest in told["hashes"].items()
        if (published / name).exists() and digest_of(published / name) != digest
    ]
    found += [f"{_TAMPERING}: {name} was changed after it was published" for name in edited]
    standing = {
        path.relative_to(published).as_posix() for path in published.rglob("*") if path.is_file()
    }
    listed = told["hashes"].keys()
    # Nights that are long past may be cleared; a list of which others stand was taken away.
    gone = sorted(listed - standing) if listed & standing else []
    found += [f"{_TAMPERING}: {name} is gone from published/" for name in gone]
    foreign = sorted(standing - listed - {MANIFEST, NAME})
    found += [f"{_TAMPERING}: {name} was never published, and lies among it" for name in foreign]
    return tuple(found)


def _edited_database(
    store: Store, published: Path, told: dict[str, Any], day: date
) -> tuple[str, ...]:
    """Tables of the published database, where it stands, that hold other rows of the night."""
    path = published / NAME
    if "tables" not in told or not path.exists():
        return ()
    try:
        with store.attached(path, "published"):
            held = table_digests(store, "published", day)
    except StoreError as error:
        return (f"{_TAMPERING}: {error}",)
    return tuple(
        f"{_TAMPERING}: {name} in {NAME} was changed after it was published"
        for name, digest in told["tables"].items()
        if held.get(name) != digest
    )


def _read_again(told: dict[str, Any], new: dict[str, Any]) -> tuple[str, ...]:
    """Files whose rows are accounted for otherwise than then."""
    keys = ("source", "file", "table_name", "sha256")
    then = {tuple(row[key] for key in keys): row for row in told.get("files", [])}
    now = {tuple(row[key] for key in keys): row for row in new["files"]}
    other = sum(then.get(key) != now.get(key) for key in then.keys() | now.keys())
    if not told or not other:
        return ()
    return (f"files: {other} of that night are accounted for otherwise, or are gone",)
