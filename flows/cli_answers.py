"""`hypomag dispositions FILE...`: returned sheets read at once, without waiting for the night."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from flows.answering.dropped import named_sheets
from flows.answering.reading import exit_code, in_a_line, read_sheets
from flows.command import AsOfOption, HomeOption, JsonOption, asked_night, finish
from flows.errors import ConfigurationError, ExitCode
from flows.stages import opened
from flows.store import has_store


def dispositions_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            exists=True,
            dir_okay=False,
            help="Lists with answers, .xlsx or .csv.",
        ),
    ],
    home: HomeOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - typer's way of a flag
) -> None:
    """Read what care teams answered on the lists, and say row by row what does not count.

    An answer counts from now on; the next night hides or shows by it. Rows that do not count go
    back on a sheet in dispositions/returned/ with the reason in words; everything else of the sheet
    counts. Sheets that lie in the home's dispositions/ are read by every night without this
    command. Numbers and reasons are printed, no patient data.

    Exit 0 when all answers count, 10 when some rows do not, 20 when a sheet cannot be read, 50 when
    nothing was published yet.
    """

    def work() -> ExitCode:
        asked = asked_night(home, None, as_of)
        if not has_store(asked.store):
            message = f"nothing was listed in home '{asked.home.name}' yet; run hypomag night first"
            raise ConfigurationError(message)
        with opened(asked) as store:
            read = list(read_sheets(store, asked, named_sheets(files)))
        code = exit_code(read)
        if as_json:
            told = {"sheets": [dataclasses.asdict(sheet) for sheet in read], "code": int(code)}
            typer.echo(json.dumps(told, indent=2))
        else:
            for sheet in read:
                typer.echo(in_a_line(sheet))
        return code

    finish(work)
