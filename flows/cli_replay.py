"""`hypomag replay`: a published night is built again and held against its manifest."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from flows.command import HomeOption, JsonOption, asked_night, finish
from flows.errors import ConfigurationError, ExitCode
from flows.progress import speaker
from flows.replaying import Replayed, replay

_MOST_ROWS: Final = 20


def replay_command(
    day: Annotated[str, typer.Option("--night", help="Date of a published night, YYYY-MM-DD.")],
    home: HomeOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Leave the night's files in this folder: they name patients."),
    ] = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer's way of a flag
) -> None:
    """Build a published night again as it was known then; say what differs from it and why.

    Exit 0 when all is identical, 10 when something differs, 50 when no such night was published.
    Nothing is published or changed.
    """

    def work() -> ExitCode:
        with speaker(quiet=as_json) as say:
            found = replay(asked_night(home, None, None), _date(day), say, out)
        typer.echo(json.dumps(_told(found), indent=2) if as_json else _in_words(found))
        return ExitCode.CLEAN if found.is_identical else ExitCode.ROWS_TO_SEE

    finish(work)


def _date(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a date, no instant
    except ValueError:
        message = f"--night '{text}' is no date; write e.g. 2026-11-21"
        raise ConfigurationError(message) from None


def _told(found: Replayed) -> dict[str, object]:
    return {
        "night": found.night.isoformat(),
        "published_by": found.published_by,
        "identical": found.is_identical,
        "grounds": found.grounds,
        "files": found.files,
        "rows": found.rows.to_dicts(),
    }


def _in_words(found: Replayed) -> str:
    """The outcome for a terminal; items are named by their id, never the patient."""
    if found.is_identical:
        same = f"night {found.night}: identical, all {found.compared} files byte for byte"
        return "\n".join([same, *(f"  {ground}" for ground in found.grounds)])
    lines = [f"night {found.night}: not identical"]
    lines += [f"  {ground}" for ground in found.grounds]
    lines += [f"  file {name}: {state}" for name, state in found.files.items()]
    lines.append(f"  rows that differ: {found.rows.height}")
    for worklist, item, difference, columns in found.rows.head(_MOST_ROWS).iter_rows():
        in_columns = f" in {', '.join(columns)}" if columns else ""
        lines.append(f"    {worklist} {item}: {difference}{in_columns}")
    if found.rows.height > _MOST_ROWS:
        lines.append(f"    ... and {found.rows.height - _MOST_ROWS} more; --json says all")
    return "\n".join(lines)
