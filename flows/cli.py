"""The command line, one function a command; `command` holds what they share."""

import gc
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from flows.asked import policy_text
from flows.cli_answers import dispositions_command
from flows.cli_backtest import backtest_command
from flows.cli_explain import explain_command
from flows.cli_replay import replay_command
from flows.cli_simulate import simulate_command
from flows.cli_source import source_app
from flows.command import (
    AsOfOption,
    HomeOption,
    InboxOption,
    JsonOption,
    ReceivedByOption,
    asked_of_store,
)
from flows.command import asked_night as _night
from flows.command import finish as _finish
from flows.embedded import prefect_server
from flows.errors import ExitCode
from flows.homes import find_home, make_home
from flows.progress import speaker
from flows.settings import load_settings
from flows.stages import Published, assess, ingest, publish
from flows.version import VERSION
from hypomag_rules.policy import load
from hypomag_rules.policy_page import policy_changes, policy_page

app = typer.Typer(
    help="Nightly worklists of patients with low magnesium, from laboratory extracts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# Lists of thousands are written cell by cell: collecting as often as usual takes a fifth of that.
_OBJECTS_BETWEEN_COLLECTIONS: Final = 100_000
_CODES: Final = {
    ExitCode.CLEAN: "every row classified",
    ExitCode.ROWS_TO_SEE: "done, look by hand at the review list and at quarantine.csv",
    ExitCode.FEED_LATE: "done, a feed is late, absent or far too small",
    ExitCode.FILE_REFUSED: "done, a file was refused: see the report and the lines above",
}


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,  # noqa: FBT002 - typer's way of a flag
) -> None:
    """Set what holds for every command: files are private unless published."""
    os.umask(0o077)
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    if version:
        typer.echo(f"hypomag {VERSION}")
        raise typer.Exit


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    hospital: Annotated[str, typer.Option(help="Name printed on the lists.")] = "Hospital",
    timezone: Annotated[str, typer.Option(help="IANA zone of the hospital.")] = "UTC",
) -> None:
    """Write a commented home with the right modes."""

    def work() -> ExitCode:
        make_home(folder, hospital, timezone)
        typer.echo(f"made {folder}; drop extracts in {folder}/inbox, then run:")
        typer.echo(f"  hypomag night --home {folder} --direct")
        return ExitCode.CLEAN

    _finish(work)


@app.command()
def night(
    home: HomeOption = None,
    inbox: InboxOption = None,
    as_of: AsOfOption = None,
    received_by: ReceivedByOption = None,
    direct: Annotated[bool, typer.Option("--direct", help="Run without Prefect.")] = False,  # noqa: FBT002 - typer's way of a flag
    as_json: JsonOption = False,  # noqa: FBT002 - typer's way of a flag
) -> None:
    """Ingest what is new, assess the patients, publish the lists.

    With --received-by nothing is ingested: the night is published as it was known then, without
    Prefect, and takes the place of what stood there.
    """

    def work() -> ExitCode:
        tonight = _night(home, inbox, as_of, received_by)
        with speaker(quiet=as_json) as say:
            if received_by is not None:
                assess(asked_of_store(tonight), say)
                published = publish(tonight, say)
            elif direct:
                ingest(tonight, say)
                assess(tonight, say)
                published = publish(tonight, say)
            else:
                say("starting under Prefect, up to a minute; --direct skips it")
                with prefect_server(tonight.home, console="CRITICAL"):
                    from flows.nightly import run_nightly  # noqa: PLC0415 - takes 2 s, reads the environment

                    published = run_nightly(tonight, say)
        _tell(published, as_json=as_json)
        return published.code

    _finish(work)


@app.command("ingest")
def ingest_command(
    home: HomeOption = None, inbox: InboxOption = None, as_of: AsOfOption = None
) -> None:
    """Read what is new in the inbox into the store."""

    def work() -> ExitCode:
        with speaker(quiet=False) as say:
            found = ingest(_night(home, inbox, as_of), say)
        typer.echo(f"{found.rows} rows of {found.files} files this night, {found.refused} refused")
        typer.echo(
            f"{found.answers} answers of returned sheets count, {found.answers_refused} refused"
        )
        return ExitCode.FILE_REFUSED if found.refused or found.sheets_refused else ExitCode.CLEAN

    _finish(work)


@app.command("assess")
def assess_command(home: HomeOption = None, as_of: AsOfOption = None) -> None:
    """Judge the patients on what the store holds."""

    def work() -> ExitCode:
        with speaker(quiet=False) as say:
            judged = assess(_night(home, None, as_of), say)
        listed = ", ".join(f"{name} {count}" for name, count in judged.listed.items())
        typer.echo(f"{judged.persons} persons looked at; {listed}")
        return ExitCode.CLEAN

    _finish(work)


@app.command("publish")
def publish_command(
    home: HomeOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer's way of a flag
) -> None:
    """Write the lists of an assessed night and swap them in."""

    def work() -> ExitCode:
        with speaker(quiet=as_json) as say:
            published = publish(_night(home, None, as_of), say)
        _tell(published, as_json=as_json)
        return published.code

    _finish(work)


@app.command()
def serve(
    home: HomeOption = None,
    cron: Annotated[str, typer.Option(help="When, as cron.")] = "30 4 * * *",
) -> None:
    """Run the night on a schedule on this one machine, under Prefect, until stopped."""

    def work() -> ExitCode:
        folder = find_home(home)
        timezone = load_settings(folder).timezone
        with speaker(quiet=False) as say, prefect_server(folder, console="ERROR"):
            from flows.nightly import serve_nightly  # noqa: PLC0415 - takes 2 s, reads the environment

            serve_nightly(folder, timezone, cron, say)
        return ExitCode.CLEAN

    _finish(work)


app.command("dispositions")(dispositions_command)
app.command("explain")(explain_command)
app.command("replay")(replay_command)
app.command("simulate")(simulate_command)
app.command("backtest")(backtest_command)
app.add_typer(source_app, name="source", no_args_is_help=True)
policy_app = typer.Typer(help="The hospital's policy: check a file, show what is in force.")
app.add_typer(policy_app, name="policy", no_args_is_help=True)


@policy_app.command("check")
def policy_check(
    file: Annotated[Path, typer.Argument(help="A policy.toml of the hospital.")],
) -> None:
    """Say all that is wrong with a policy, or what it changes."""

    def work() -> ExitCode:
        text = policy_text(file, is_needed=True)
        sound = load(text, file.name)
        changes = policy_changes(text, file.name)
        typer.echo(f"{file.name} is sound: policy {sound.id}, {len(changes)} keys of its own")
        for change in changes:
            typer.echo(f"  {change}")
        return ExitCode.CLEAN

    _finish(work)


@policy_app.command("show")
def policy_show(home: HomeOption = None) -> None:
    """Print the policy in force, every number with its ground, for a committee to sign."""

    def work() -> ExitCode:
        folder = find_home(home)
        name = load_settings(folder).policy
        today = datetime.now(UTC).date()
        typer.echo(policy_page(policy_text(folder / name), name, today), nl=False)
        return ExitCode.CLEAN

    _finish(work)


def _tell(published: Published, *, as_json: bool) -> None:
    if as_json:
        answer = {
            "folder": str(published.folder),
            "listed": published.listed,
            "banner": published.banner,
            "hidden": published.hidden,
            "code": int(published.code),
        }
        typer.echo(json.dumps(answer))
        return
    for name, count in published.listed.items():
        typer.echo(f"{count:5d}  {name}")
    if published.hidden:
        typer.echo(f"{published.hidden:5d}  hidden by answers, named in the report")
    typer.echo(f"lists and report: {published.folder}")
    for line in published.banner:
        typer.echo(f"READ THIS FIRST: {line}")
    typer.echo(f"exit {int(published.code)}: {_CODES[published.code]}")


if __name__ == "__main__":
    app()
