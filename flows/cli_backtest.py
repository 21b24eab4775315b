"""`hypomag backtest`: the lists over the whole history, day by day."""

import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from data_contracts.vocabulary import WORKLISTS
from flows.backtesting import Looked, days_of, look_back
from flows.command import HomeOption, JsonOption, asked_night, asked_of_store, finish
from flows.errors import ConfigurationError, ExitCode
from flows.kept_private import keep
from flows.night import aware
from flows.progress import speaker
from flows.stages import opened

_DATE = "%Y-%m-%d"


def backtest_command(
    home: HomeOption = None,
    first: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=[_DATE], help="First night; by default of the first result."
        ),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=[_DATE], help="Last night; by default the last published."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write here; without the flag: backtests/ in the home."),
    ] = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer's way of a flag
) -> None:
    """Judge the whole history day by day, and say how early, how long and how complete it lists.

    How early each patient who became severe stood on the recheck list, how many rows a night the
    team would have had, and which severe results no list ever showed: exit 10 if there are any.
    """

    def work() -> ExitCode:
        asked = asked_of_store(asked_night(home, None, None))
        with speaker(quiet=as_json) as say, opened(asked) as store:
            instants = days_of(store, asked, _day(first), _day(last))
            if not instants:
                message = "no readable magnesium lies between these days; check --from and --to"
                raise ConfigurationError(message)
            say(f"judging {len(instants)} nights")
            looked = look_back(store, asked, instants)
        ends = [replace(asked, as_of=aware(looked.instants[at])).date for at in (0, -1)]
        told = _summary(looked, ends) | {"policy_id": asked.policy.id}
        folder = out or asked.home / "backtests" / f"{ends[1]}"
        tables = {"early": looked.early, "nights": looked.nights, "missed": looked.missed}
        keep(folder, tables, {})
        if as_json:
            typer.echo(json.dumps(told | {"folder": str(folder)}))
        else:
            _tell(told, folder)
        return ExitCode.ROWS_TO_SEE if looked.missed.height else ExitCode.CLEAN

    finish(work)


def _day(given: datetime | None) -> date | None:
    return given and given.date()


def _summary(looked: Looked, ends: list[date]) -> dict[str, Any]:
    """Counts alone."""
    days = looked.early.get_column("days_early").drop_nulls()
    nights = looked.nights
    return {
        "from": f"{ends[0]}",
        "to": f"{ends[1]}",
        "nights": len(looked.instants),
        "became_severe": looked.early.height,
        "early": days.len(),
        "median_days_early": days.median(),
        "rows": {
            name: {
                "median": nights.get_column(name).median(),
                "max": nights.get_column(name).max(),
                "total": nights.get_column(name).sum(),
            }
            for name in WORKLISTS
        },
        "missed": looked.missed.height,
    }


def _tell(told: dict[str, Any], folder: Path) -> None:
    typer.echo(
        f"{told['nights']} nights, {told['from']} to {told['to']}, policy {told['policy_id']}"
    )
    early = f"; median {told['median_days_early']:g} days before" if told["early"] else ""
    typer.echo(
        f"{told['became_severe']} became severe; {told['early']} of them stood on the recheck list "
        f"for an earlier low{early}"
    )
    typer.echo(f"{'rows a night':16}{'median':>8}{'most':>8}{'total':>9}")
    for name, rows in told["rows"].items():
        typer.echo(f"{name:16}{rows['median']:8g}{rows['max']:8d}{rows['total']:9d}")
    typer.echo(f"{told['missed']} severe results that neither IV, recheck nor review list showed")
    typer.echo(f"by patient: {folder}")
