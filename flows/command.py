"""What every command has: its flags, the one look at the clock, and the exit code it earned."""

import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from data_contracts.gate import ContractBrokenError, GateAsleepError
from flows.asked import night_of
from flows.errors import (
    AccountingError,
    ConfigurationError,
    ExitCode,
    LockedError,
    PublishError,
    StoreError,
)
from flows.homes import find_home
from flows.night import Night
from flows.store import has_store
from hypomag_rules.policy_values import PolicyError

HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder made by `hypomag init`.")]
InboxOption = Annotated[Path | None, typer.Option("--inbox", help="Read this drop folder instead.")]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="Instant the night speaks for, ISO 8601, without an offset in the hospital's zone; "
        "without the flag: now.",
    ),
]
ReceivedByOption = Annotated[
    str | None,
    typer.Option(
        "--received-by",
        help="Leave out every file that was received after this instant, ISO 8601 like --as-of.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON on standard output.")]


def asked_night(
    home: Path | None,
    inbox: Path | None,
    as_of: str | None,
    received_by: str | None = None,
    policy: Path | None = None,
) -> Night:
    """The night that the flags speak of; the clock is read here and nowhere else."""
    return night_of(find_home(home), inbox, as_of, datetime.now(UTC), received_by, policy)


def asked_of_store(night: Night) -> Night:
    """The night itself; raises `ConfigurationError` when its home has read nothing yet."""
    if not has_store(night.store):
        message = f"nothing was read in home '{night.home.name}' yet; run hypomag night first"
        raise ConfigurationError(message)
    return night


def finish(work: Callable[[], ExitCode]) -> None:
    """Run a command and leave with the exit code that its outcome earned."""
    try:
        code = work()
    except Exception as error:  # noqa: BLE001 - the last door: what leaves here holds no patient
        code, said = _earned_by(error)
        typer.echo(f"hypomag: {said}", err=True)
    sys.exit(int(code))


def _earned_by(error: Exception) -> tuple[ExitCode, str]:
    """The exit code of an exception, and what to say of it.

    Of one that nobody foresaw only the kind and the place: its text may quote a row.
    """
    match error:
        case ConfigurationError() | PolicyError() | GateAsleepError():
            return ExitCode.CONFIGURATION, str(error)
        case LockedError():
            return ExitCode.LOCKED, str(error)
        case StoreError():
            return ExitCode.STORE, str(error)
        case PublishError():
            return ExitCode.PUBLISH, str(error)
        case AccountingError() | ContractBrokenError():
            return ExitCode.ACCOUNTING, str(error)
        case _:
            last = traceback.extract_tb(error.__traceback__)[-1]
            said = (
                f"unexpected {type(error).__name__} at {Path(last.filename).name}:{last.lineno}; "
                "what was published before stays; report this line"
            )
            return ExitCode.ACCOUNTING, said
