"""The home of a run as it stood then: its settings, policy and profiles, written out again."""

import json
from pathlib import Path

from flows.errors import ConfigurationError
from flows.homes import settings_text
from flows.memory import SOURCES
from flows.night import Night, aware
from flows.settings import FILE, Settings
from flows.store import Store, private_folder
from hypomag_rules.policy import load


def home_of_run(store: Store, run_id: int, folder: Path) -> Night:
    """Write the home that a run had into an empty folder, and return the run's night over it.

    Raises `ConfigurationError` when the store no longer holds one of its texts, and `PolicyError`
    when this software cannot read the policy of then.
    """
    ((as_of, received_at, received_by, policy, profiles, said),) = store.rows(
        "SELECT as_of, received_at, received_by, policy, profiles, settings FROM runs "
        "WHERE run_id = ?",
        [run_id],
    )
    told = json.loads(str(said))
    settings = Settings(hospital=told["hospital"], timezone=told["timezone"])
    if told["has_file"]:
        (folder / FILE).write_text(
            settings_text(settings.hospital, settings.timezone), encoding="utf-8"
        )
    policy_text = _text(store, policy)
    if policy_text:
        (folder / settings.policy).write_text(policy_text, encoding="utf-8")
    (folder / SOURCES).mkdir()
    for name, sha256 in dict(profiles).items():  # type: ignore[call-overload]  # a MAP
        path = folder / SOURCES / f"{name}.toml"
        path.write_text(_text(store, sha256), encoding="utf-8")
    night = Night(
        home=folder,
        inbox=folder / "inbox",
        as_of=aware(as_of),
        received_at=aware(received_at),
        settings=settings,
        policy=load(policy_text, where=settings.policy),
        policy_text=policy_text,
        received_by=None if received_by is None else aware(received_by),
    )
    private_folder(night.store)
    return night


def _text(store: Store, sha256: object) -> str:
    found = store.rows("SELECT text FROM texts WHERE sha256 = ?", [sha256])
    if not found:
        message = "store: a policy or profile of that night is not kept; it cannot be rebuilt"
        raise ConfigurationError(message)
    return str(found[0][0])
