"""When a feed counts as absent, late or far too small: a ledger in, the notice out."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from flows.profile import parse_profile
from flows.stages import opened
from flows.store import Store
from flows.watching import feed_notices
from tests.home import Home

ZONE: Final = "Europe/London"
AS_OF: Final = datetime.fromisoformat("2026-11-21T02:00:00+00:00")
# The clock was put forward, and back, in the night before.
FORWARD: Final = datetime.fromisoformat("2026-03-29T04:00:00+01:00")
BACK: Final = datetime.fromisoformat("2026-10-25T04:00:00+00:00")
USUAL: Final = tuple((24 * day, 10) for day in range(1, 5))

# Files as (hours before the night, rows); then hours expected, and the kind of notice.
CASES: Final[dict[str, tuple[tuple[tuple[float, int], ...], float, str]]] = {
    "a file tonight": (((0, 10),), 24, ""),
    "a file of last night alone": (((24, 10),), 24, "feed_late"),
    "last night began minutes later": (((23.8, 10),), 24, "feed_late"),
    "a file of yesterday morning": (((20, 10),), 24, ""),
    "a weekly file, six days old": (((144, 10),), 168, ""),
    "a weekly file, a week old": (((168, 10),), 168, "feed_late"),
    "a file every eight hours, nine hours old": (((9, 10),), 8, "feed_late"),
    "no file ever": ((), 24, "feed_absent"),
    "a file that came after the night": (((-1, 10),), 24, "feed_absent"),
    "half of the usual rows": (((0, 5), *USUAL), 24, ""),
    "under half of the usual rows": (((0, 4), *USUAL), 24, "feed_small"),
    "no rows at all": (((0, 0), *USUAL), 24, "feed_small"),
    "two files that make up for it": (((0, 2), (3, 3), *USUAL), 24, ""),
    "two days before alone": (((0, 4), *USUAL[:2]), 24, ""),
    "three days before": (((0, 4), *USUAL[:3]), 24, "feed_small"),
    "a first load of years": (((0, 10), (24, 12), (48, 10**6)), 24, ""),
    "the usual of older days": (
        ((0, 4), *((24.0 * day, 4 if day < 15 else 99) for day in range(1, 40))),
        24,
        "",
    ),
    "small and days old": (((24, 4), (48, 10), (72, 10), (96, 10)), 24, "feed_late"),
    "a weekly file that is small": (
        ((24, 4), (192, 10), (360, 10), (528, 10)),
        168,
        "feed_small",
    ),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened(Home(tmp_path_factory.mktemp("home")).night(AS_OF, ZONE)) as opened_store:
        yield opened_store


def enter(store: Store, came: datetime, rows: int, *, sha256: str = "", problem: str = "") -> None:
    number = store.number("SELECT count(*) + 1 FROM files")
    store.run(
        "INSERT INTO files (file_id, source, table_name, sha256, as_of, rows, problem) "
        "VALUES (?, 'lab', 'observations', ?, ?, ?, nullif(?, ''))",
        [number, sha256 or str(number), came.astimezone(UTC).replace(tzinfo=None), rows, problem],
    )


def kind(store: Store, hours: float, as_of: datetime = AS_OF, source: str = "lab") -> str:
    profile = parse_profile(source, f"[expect.observations]\nevery_hours = {hours}\n", ZONE, "here")
    night = Home(Path("nowhere")).night(as_of, ZONE)
    found = feed_notices(store, night, {source: profile})
    return ";".join(found.get_column("kind"))


@pytest.mark.parametrize("case", CASES)
def test_what_came_when_decides(case: str, store: Store) -> None:
    files, every, expected = CASES[case]
    store.run("DELETE FROM files")
    for hours, rows in reversed(files):
        enter(store, AS_OF - timedelta(hours=hours), rows)
    assert kind(store, every) == expected


@pytest.mark.parametrize(("as_of", "elapsed"), [(FORWARD, 23), (BACK, 25)])
def test_a_change_of_the_clock_makes_no_day_longer(
    as_of: datetime, elapsed: int, store: Store
) -> None:
    store.run("DELETE FROM files")
    enter(store, as_of - timedelta(hours=elapsed), 10)
    assert kind(store, 24, as_of) == "feed_late"
    assert kind(store, 25, as_of) == ""


def test_a_refused_file_and_one_sent_again_are_no_delivery(store: Store) -> None:
    store.run("DELETE FROM files")
    enter(store, AS_OF - timedelta(days=1), 10, sha256="same")
    enter(store, AS_OF, 10, sha256="same")
    enter(store, AS_OF, 0, problem="is empty")
    assert kind(store, 24) == "feed_late"
    store.run("DELETE FROM files")
    for days in (1, 0):
        enter(store, AS_OF - timedelta(days=days), 0, sha256="a header")
    assert kind(store, 24) == ""


def test_the_canonical_feed_is_watched_from_its_first_file_on(store: Store) -> None:
    store.run("DELETE FROM files")
    assert kind(store, 24, source="canonical") == ""
    enter(store, AS_OF - timedelta(days=1), 10)
    store.run("UPDATE files SET source = 'canonical'")
    assert kind(store, 24, source="canonical") == "feed_late"
