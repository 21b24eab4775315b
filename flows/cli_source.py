"""The commands on feeds: `hypomag source …`."""

import dataclasses
import getpass
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from flows.check_words import in_words
from flows.checking import check
from flows.command import AsOfOption, HomeOption, JsonOption, asked_night, finish
from flows.drafting.draft import draft, next_command, write_draft
from flows.errors import ConfigurationError, ExitCode, FileRefusedError
from flows.guarding import release
from flows.profile import load_profiles
from flows.stages import opened
from flows.store import has_store

source_app = typer.Typer(help="The feeds: draft a profile from an extract, try it, release a hold.")
FilesArgument = Annotated[
    list[Path], typer.Argument(metavar="FILE...", exists=True, dir_okay=False, help="Extracts.")
]


@source_app.command("draft")
def draft_command(
    files: FilesArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the profile here; never over a file.")
    ] = None,
) -> None:
    """Look at extracts of one feed and write a commented profile for them.

    It says what was guessed and from what, and leaves as comments what only the sender can decide.
    It loads as it stands and names columns and vocabulary, never a patient.
    """

    def work() -> ExitCode:
        try:
            text = draft(files)
        except FileRefusedError as refusal:
            typer.echo(f"refused: {refusal}", err=True)
            return ExitCode.FILE_REFUSED
        if out is None:
            typer.echo(text, nl=False)
        else:
            write_draft(out, text)
            typer.echo(f"wrote {out}; decide what it leaves open, then:")
            typer.echo(next_command(out, files))
        return ExitCode.CLEAN

    finish(work)


@source_app.command("check")
def check_command(
    name: Annotated[str, typer.Argument(help="The profile: NAME of sources/NAME.toml.")],
    files: FilesArgument,
    home: HomeOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer's way of a flag
) -> None:
    """Read files as a night would with the home's profile NAME, say what came of it, keep nothing.

    Rows, codes, units, words that nobody mapped, and why rows would be put aside; no patient data.
    Exit 0 when all is read, 10 when some rows would need a look, 20 when a file would be refused,
    50 for an unknown profile.
    """

    def work() -> ExitCode:
        checked = check(asked_night(home, None, as_of), name, files)
        code = checked.exit_code
        answer = dataclasses.asdict(checked) | {"code": int(code)}
        typer.echo(json.dumps(answer, indent=2) if as_json else in_words(checked))
        return code

    finish(work)


@source_app.command("release")
def release_command(
    name: Annotated[str, typer.Argument(help="The feed: NAME of sources/NAME.toml.")],
    home: HomeOption = None,
) -> None:
    """Release what the unit guard holds of a feed: judged at the next night as it was read.

    Ask the laboratory first; where the unit did change, mend the profile first. Exit 0, also where
    nothing is held; 50 for an unknown feed.
    """

    def work() -> ExitCode:
        night = asked_night(home, None, None)
        known = load_profiles(night.home / "sources", night.settings.timezone)
        if name not in known:
            message = f"no feed is called '{name}'; known: {', '.join(sorted(known))}"
            raise ConfigurationError(message)
        released = []
        if has_store(night.store):
            with opened(night) as store:
                released = release(store, night, name, _who()).rows()
        for analyte, received_on, results in released:
            typer.echo(
                f"released {name}: {results} {analyte} results of the night {received_on}; "
                "judged at the next night"
            )
        if not released:
            typer.echo(f"nothing of {name} is held")
        return ExitCode.CLEAN

    finish(work)


def _who() -> str:
    """Who runs this: the account's name, or its number where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
