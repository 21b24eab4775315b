"""A profile drafted for HL7 v2 messages and FHIR resources: who numbers patients, which words."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import polars as pl

from flows.drafting.columns import Guess, TableGuess
from flows.drafting.sample import naming
from flows.drafting.text import EXPECTED, comment, decide, quoted, section
from flows.drafting.vocabulary import OF_RESULTS, results_as
from flows.drafting.words import words
from flows.profile import Profile, parse_profile
from flows.sources import fhir, hl7v2
from flows.sources.extract import StagedDelivery
from flows.sources.fhir_ndjson import first_line, resources
from flows.sources.fhir_people import PATIENT
from flows.sources.hl7v2_messages import messages_of
from flows.sources.hl7v2_numbers import numbers_given
from flows.sources.hl7v2_pieces import pieces
from flows.sources.hl7v2_segments import fields_of

_MOST_PIECES: Final = 20
_LAYOUTS: Final = {".hl7": "hl7v2", ".ndjson": "fhir"}
_READERS: Final = {"hl7v2": hl7v2, "fhir": fhir}
_BOTH: Final = " | "


def layout_of(path: Path) -> str | None:
    """The layout that the ending of a file announces; null for tables."""
    return _LAYOUTS.get(path.suffix.lower())


def draft_messages(layout: str, paths: list[Path]) -> list[str]:
    """The lines of a profile for files of messages or resources.

    The results are read as a night reads them, with the numbers of the authority that gave most.
    """
    numbers = _numbers(layout, paths)
    told = numbers.filter(pl.col("rows") > 1)
    authority = str(told.item(0, "authority")) if told.height else None
    results = _results(layout, paths, authority if told.height > 1 else None)
    names = ", ".join(path.name for path in paths)
    return [
        *section(comment(f"A source profile drafted from {names}: layout {layout}.")),
        *section([f"layout = {quoted(layout)}"]),
        *section(
            decide("the zone of times without an offset; without this line the hospital's."),
            ['# timezone = "Europe/London"'],
        ),
        *section(_two_units(results)),
        *section(_identifiers(told)),
        *(words(results) if results.height else comment("No results in these files.")),
        *(EXPECTED if results.height else []),
    ]


def _results(layout: str, paths: list[Path], authority: str | None) -> pl.DataFrame:
    chosen = f"[identifiers]\npatient = {quoted(authority)}\n" if authority else ""
    text = f"layout = {quoted(layout)}\n{chosen}"
    profile = parse_profile("draft", text, "UTC", where="the draft")
    frames = []
    for path in paths:
        with naming(path):
            frames += list(_frames(layout, path, profile))
    guess = TableGuess("observations", {name: Guess((name,)) for name in OF_RESULTS[:-1]})
    if not frames:
        return results_as(pl.DataFrame(schema=dict.fromkeys(OF_RESULTS, pl.String)), guess)
    return results_as(pl.concat(frames), guess)


def _frames(layout: str, path: Path, profile: Profile) -> Iterator[pl.DataFrame]:
    if layout == "fhir" and '"Observation"' not in first_line(path):
        return
    staged = StagedDelivery("observations", path.name, path, {})
    read = _READERS[layout].read(staged, profile)
    for frame in islice(read.frames, _MOST_PIECES):
        yield frame.select(OF_RESULTS[:-1])


def _numbers(layout: str, paths: list[Path]) -> pl.DataFrame:
    """Who gave the patients' numbers (`authority`), and how many (`rows`), most first."""
    parts = []
    for path in paths:
        with naming(path):
            parts += list(_given(layout, path))
    given = pl.concat(parts) if parts else pl.DataFrame(schema={"authority": pl.String})
    counted = given.drop_nulls().group_by("authority").agg(pl.len().alias("rows"))
    return counted.sort("rows", "authority", descending=[True, False])


def _given(layout: str, path: Path) -> Iterator[pl.DataFrame]:
    if layout == "hl7v2":
        for piece in islice(pieces(path), _MOST_PIECES):
            for messages in messages_of(piece):
                marks = messages.separators
                sent = fields_of(messages.segments("PID"), {"numbers": 3}, marks.field)
                numbers = numbers_given(sent.get_column("numbers"), marks)
                yield numbers.select(pl.coalesce("authority", "universal").alias("authority"))
    elif '"Patient"' in first_line(path):
        for frame in islice(resources(path, "Patient", PATIENT), _MOST_PIECES):
            numbers = frame.select(pl.col("identifier").explode().struct.field("system"))
            yield numbers.rename({"system": "authority"})


def _two_units(results: pl.DataFrame) -> list[str]:
    """Where a coded unit and one for people to read contradict each other."""
    several = results.filter(pl.col("unit").str.contains(_BOTH, literal=True)).height
    if not several:
        return []
    said = decide(
        f"{several} results have two units that contradict each other, and go to review until the "
        "laboratory says which one is right."
    )
    return [*said, '# unit_from = "code"', '# unit_from = "text"']


def _identifiers(told: pl.DataFrame) -> list[str]:
    if not told.height:
        return comment("Patients' numbers name nobody who gave them: no line needed.")
    lines = comment("Who gave the patients' numbers, and how many of them:")
    lines += [f"#   {quoted(str(name))} {rows}" for name, rows in told.rows()]
    if told.height > 1:
        lines += decide("which of them numbers the patients; the others are kept for nobody.")
    return [*lines, "[identifiers]", f"# patient = {quoted(str(told.item(0, 'authority')))}"]
