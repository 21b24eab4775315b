"""Extracts in, the text of a source profile out."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flows.drafting.head import head
from flows.drafting.messages import draft_messages, layout_of
from flows.drafting.other_words import other_words
from flows.drafting.sample import Sample, naming, read_sample
from flows.drafting.seen import Seen, holding, seen
from flows.drafting.tables import tables
from flows.drafting.text import EXPECTED, comment, decide, quoted, section
from flows.drafting.words import default_status, results_in, which_unit, words
from flows.errors import ConfigurationError, FileRefusedError

_SOME: Final = 0.3
_ENDINGS: Final = (".csv", ".csv.gz", ".parquet")


def draft(paths: Sequence[Path]) -> str:
    """A commented profile for extracts of one feed; it loads as it stands, and holds no patient.

    Raises `FileRefusedError` naming a file that cannot be looked at, and `ConfigurationError` for
    files that no one profile could read.
    """
    layouts = {layout_of(path) for path in paths}
    if len(layouts) > 1:
        message = "tables, HL7 and FHIR files need a profile each; draft them one kind at a time"
        raise ConfigurationError(message)
    (layout,) = layouts
    if layout is None:
        lines = _of_tables([seen(_sampled(path)) for path in paths])
    else:
        lines = draft_messages(layout, list(paths))
    return "\n".join(lines).rstrip() + "\n"


def write_draft(path: Path, text: str) -> None:
    """Write a draft to a path of its own; raises `ConfigurationError` where that cannot be."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        message = f"{path.name} stands already; name another file with --out"
        raise ConfigurationError(message) from None
    except OSError as error:
        message = f"{path.name} cannot be written ({error.strerror}); name another with --out"
        raise ConfigurationError(message) from None


def next_command(out: Path, files: Sequence[Path]) -> str:
    """How to try a draft that was written; its home is where `sources/` is, if it lies in one."""
    home = out.absolute().parent.parent if out.absolute().parent.name == "sources" else "HOME"
    words = ["hypomag", "source", "check", out.stem, *map(str, files), "--home", str(home)]
    return shlex.join(words)


def _sampled(path: Path) -> Sample:
    with naming(path):
        if not path.name.lower().endswith(_ENDINGS):
            message = (
                "is none of .csv, .csv.gz, .parquet, .hl7, .ndjson; unpack it or give it the "
                "ending of what it is"
            )
            raise FileRefusedError(message)
        return read_sample(path)


def _of_tables(extracts: list[Seen]) -> list[str]:
    results = results_in(extracts)
    unfit = [quoted(extract.sample.name) for extract in extracts if not extract.guesses]
    return [
        *section(_title(extracts)),
        *section(decide(f"no table fits {', '.join(unfit)}.") if unfit else []),
        *section(*map(_unread_results, extracts)),
        *section(_of_omop(extracts)),
        *head(extracts),
        *(default_status(results) if results is not None else []),
        *(which_unit(results) if results is not None else []),
        *tables(extracts),
        *(words(results) if results is not None else []),
        *other_words(extracts),
        *(EXPECTED if any(holding(extracts, "observations")) else []),
    ]


def _unread_results(extract: Seen) -> list[str]:
    """Numbers beside units or codes that no table reads as results."""
    read = {name for guess in extract.guesses for name in guess.used}
    events = {guess.table for guess in extract.guesses} - {"patients"}
    left = {name: cells for name, cells in extract.looks.items() if name not in read}
    numbers = [name for name, cells in left.items() if cells.are("point", _SOME)]
    told = [n for n, cells in left.items() if cells.are("unit", _SOME) or cells.are("loinc", _SOME)]
    if events or not numbers or not told:
        return []
    said = ", ".join(quoted(name) for name in (*numbers, *told))
    return decide(
        f"NO RESULT would be read from {quoted(extract.sample.name)}, though {said} hold numbers "
        "beside units or codes. Name them in [tables.observations.columns], or nobody in this "
        "file is ever listed."
    )


def _of_omop(extracts: list[Seen]) -> list[str]:
    """Tables of OMOP need no columns named."""
    if not any(name.endswith("_concept_id") for extract in extracts for name in extract.looks):
        return []
    return decide('these look like tables of OMOP CDM: for them `layout = "omop"` alone will do.')


def _title(extracts: list[Seen]) -> list[str]:
    told = ", ".join(
        f"{extract.sample.name} ({extract.sample.rows.height} rows"
        f"{'' if extract.sample.is_whole else ', the rest not looked at'})"
        for extract in extracts
    )
    return [
        *comment(f"A source profile drafted from {told}."),
        *comment(
            'Lines that begin with "# Decide" need somebody who knows the feed. Save this as '
            "sources/NAME.toml of the home, try it with: hypomag source check NAME FILE..."
        ),
    ]
