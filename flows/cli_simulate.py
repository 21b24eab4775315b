"""`hypomag simulate`: the last nights under another policy, counted, patient by patient."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer

from flows.command import (
    HomeOption,
    JsonOption,
    ReceivedByOption,
    asked_night,
    asked_of_store,
    finish,
)
from flows.errors import ConfigurationError, ExitCode
from flows.exports.simulation_page import simulation_page
from flows.kept_private import keep
from flows.progress import speaker
from flows.simulating import Other, counts_of, patients_of, simulate, wards_of
from flows.stages import opened

_WITHOUT_ANSWERS: Final = (
    "Answers of care teams are left out on both sides: a hidden patient counts as listed."
)


def simulate_command(
    policy: Annotated[Path, typer.Option("--policy", help="The policy file to try.")],
    home: HomeOption = None,
    nights: Annotated[
        int, typer.Option("--nights", min=1, help="How many of the last published nights.")
    ] = 14,
    received_by: ReceivedByOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write here; without the flag: simulations/ in the home."),
    ] = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer's way of a flag
) -> None:
    """Judge the last published nights again under another policy, and say what would change.

    Each night is judged as it was known then, under its own policy and under the other. Nothing is
    published and nothing is kept but a private folder with tables and a page.
    """

    def work() -> ExitCode:
        asked = asked_of_store(asked_night(home, None, None, received_by, policy))
        by = asked.received_by and asked.received_by.replace(tzinfo=None)
        other = Other(asked.policy, asked.policy_text, by)
        asked = replace(asked, received_by=None)
        simulated = []
        with speaker(quiet=as_json) as say, opened(asked) as store:
            for each in simulate(store, asked, nights, other):
                say(f"judged {each.night} twice")
                simulated.append(each)
        if not simulated:
            message = "no night is published yet; run hypomag night first"
            raise ConfigurationError(message)
        counts = counts_of(simulated)
        wards = wards_of(simulated)
        folder = out or asked.home / "simulations" / other.policy.id
        keep(
            folder,
            {"counts": counts, "wards": wards, "patients": patients_of(simulated)},
            {"simulation.html": simulation_page(asked, other.policy, counts, wards)},
        )
        if as_json:
            told = counts.with_columns(pl.col("night").cast(pl.String)).to_dicts()
            typer.echo(
                json.dumps({"policy_id": other.policy.id, "folder": str(folder), "counts": told})
            )
        else:
            _tell(counts, folder, other.policy.id)
            flags = f"--home {asked.home} --policy {policy.resolve()}"
            typer.echo("open a row of patients.csv with its as_of and received_by:")
            typer.echo(
                f"  hypomag explain PATIENT_ID {flags} --as-of AS_OF --received-by RECEIVED_BY"
            )
        return ExitCode.CLEAN

    finish(work)


def _tell(counts: pl.DataFrame, folder: Path, policy_id: str) -> None:
    """Counts alone: who it is stands in the folder."""
    heads = ("listed", "simulated", "added", "removed", "changed")
    typer.echo(f"policy {policy_id}, against each night's own")
    typer.echo(f"{'night':10}  {'worklist':14}" + "".join(f"{head:>10}" for head in heads))
    told = counts.filter(pl.col("listed") + pl.col("simulated") > 0)
    for night, worklist, *figures in told.iter_rows():
        typer.echo(f"{night!s:10}  {worklist:14}" + "".join(f"{figure:10d}" for figure in figures))
    typer.echo(_WITHOUT_ANSWERS)
    typer.echo(f"patients, wards and a page: {folder}")
