"""`hypomag explain`: why one patient stands on each list, and why not on the others."""

import json
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer

from flows.command import (
    AsOfOption,
    HomeOption,
    JsonOption,
    ReceivedByOption,
    asked_night,
    asked_of_store,
    finish,
)
from flows.errors import ConfigurationError, ExitCode
from flows.explaining import explain, in_words
from flows.past import FOREVER
from flows.stages import opened


def explain_command(
    patient: Annotated[str, typer.Argument(help="The patient's id as it stands on the lists.")],
    home: HomeOption = None,
    as_of: AsOfOption = None,
    received_by: ReceivedByOption = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="Judge by this policy file, not the home's.")
    ] = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer's way of a flag
) -> None:
    """Say why a patient stands on each list, and why not on the others.

    With --received-by as it was known then; with --policy as another policy would have it.
    """

    def work() -> ExitCode:
        asked = asked_of_store(asked_night(home, None, as_of, received_by, policy))
        if policy is not None and received_by is None:
            # Judged in shadows: another policy may read rows otherwise.
            asked = replace(asked, received_by=FOREVER.replace(tzinfo=UTC))
        with opened(asked) as store:
            told = explain(store, asked, patient)
        if told is None:
            message = (
                "no magnesium of this patient is known at this instant, or all of it is older "
                f"than {asked.policy.assessment.days} days; give the id that the lists print as "
                "patient_id, zeros and all, and check --home, --as-of and --received-by"
            )
            raise ConfigurationError(message)
        typer.echo(json.dumps(told, indent=2) if as_json else in_words(told))
        return ExitCode.CLEAN

    finish(work)
