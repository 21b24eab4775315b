"""The night that was asked for, from the words that a flag or a flow parameter holds."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from flows.errors import ConfigurationError
from flows.night import Night
from flows.settings import load_settings
from hypomag_rules.policy import load


def night_of(
    folder: Path,
    inbox: Path | None,
    as_of: str | None,
    now: datetime,
    received_by: str | None = None,
    policy: Path | None = None,
) -> Night:
    """A night over a home, with its settings and policy; `as_of` is now when not given.

    `policy` is a file to judge by in place of the home's. Raises `ConfigurationError` for a time
    that is no ISO 8601.
    """
    settings = load_settings(folder)
    zone = settings.timezone
    file = policy or folder / settings.policy
    text = policy_text(file, is_needed=policy is not None)
    return Night(
        home=folder,
        inbox=(inbox or folder / "inbox").resolve(),
        as_of=now.astimezone(UTC) if as_of is None else _instant("--as-of", as_of, zone),
        received_at=now,
        settings=settings,
        policy=load(text, where=file.name),
        policy_text=text,
        received_by=None if received_by is None else _instant("--received-by", received_by, zone),
    )


def _instant(flag: str, text: str, zone: str) -> datetime:
    """The aware UTC instant that a flag holds; one without an offset is in the hospital's zone."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        message = f"{flag} '{text}' is no ISO 8601 time; write e.g. 2026-11-21T02:00:00Z"
        raise ConfigurationError(message) from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=ZoneInfo(zone))
    return instant.astimezone(UTC)


def policy_text(path: Path, *, is_needed: bool = False) -> str:
    """A hospital's policy as text; blank when there is none and none is needed.

    Raises `ConfigurationError` when it cannot be read.
    """
    if not path.exists() and not is_needed:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path.name} cannot be read ({type(error).__name__}); name a UTF-8 file"
        raise ConfigurationError(message) from None
