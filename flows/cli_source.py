"""The commands on feeds: `hypomag source …`."""

import getpass
import os
from typing import Annotated

import typer

from flows.command import HomeOption, asked_night, finish
from flows.errors import ConfigurationError, ExitCode
from flows.guarding import release
from flows.profile import load_profiles
from flows.stages import opened
from flows.store import has_store

source_app = typer.Typer(help="The feeds: draft a profile from an extract, try it, release a hold.")


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
