"""What is timed of each feed: a library, and ours as far as objects and as far as rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import hl7  # type: ignore[import-untyped]
import polars as pl
from fhir.resources.R4B.observation import Observation

from flows.profile import parse_profile
from flows.sources import fhir, hl7v2
from flows.sources.extract import StagedDelivery
from flows.sources.fhir_ndjson import resources
from flows.sources.fhir_observations import OBSERVATION
from flows.sources.hl7v2_messages import messages_of
from flows.sources.hl7v2_pieces import pieces
from flows.sources.hl7v2_segments import fields_of

START: Final = b"MSH|"
PROFILES: Final = {
    "hl7v2": 'layout = "hl7v2"\n[identifiers]\npatient = "BENCH"\n',
    "fhir": 'layout = "fhir"\n',
}


def hl7_library(path: Path) -> None:
    """Each message of a file as an object of `hl7`."""
    for message in path.read_bytes().split(START)[1:]:
        hl7.parse(START + message)


def hl7_parse(path: Path) -> None:
    """Each segment of a file as its fields, and they as their components."""
    for piece in pieces(path):
        for messages in messages_of(piece):
            mark = messages.separators
            for name in messages.lines.get_column("name").unique():
                segments = messages.segments(name)
                most = segments.get_column("text").str.count_matches(mark.field, literal=True).max()
                numbers = {str(number): number for number in range(int(str(most)) + 1)}
                fields = fields_of(segments, numbers, mark.field)
                fields.select(pl.col(*numbers).str.split(mark.component))


def hl7_rows(path: Path) -> None:
    """The canonical results of a file."""
    _read("hl7v2", "observations", path)


def hl7_all_rows(path: Path) -> None:
    """The canonical results, patients and stays of a file."""
    for table in ("observations", "patients", "encounters"):
        _read("hl7v2", table, path)


def fhir_library(path: Path) -> None:
    """Each line of a file as an object of `fhir.resources`."""
    for line in path.read_bytes().splitlines():
        Observation.model_validate_json(line)


def fhir_parse(path: Path) -> None:
    """The elements of each line of a file."""
    for _ in resources(path, "Observation", OBSERVATION):
        pass


def fhir_rows(path: Path) -> None:
    """The canonical results of a file."""
    _read("fhir", "observations", path)


def _read(layout: str, table: str, path: Path) -> None:

    read = {"hl7v2": hl7v2.read, "fhir": fhir.read}[layout]
    profile = parse_profile("bench", PROFILES[layout], "UTC", "profile")
    for _ in read(StagedDelivery(table, path.name, path, {}), profile).frames:
        pass


class Side(NamedTuple):
    """What is timed: for one feed, the parsing of one file, of a sample or whole."""

    feed: str
    name: str
    part: str
    file: str
    parse: Callable[[Path], None]


SAMPLE: Final = "sample"
WHOLE: Final = "whole"
MESSAGES: Final = "messages.hl7"
RESOURCES: Final = "Observation.ndjson"
SHUFFLED: Final = "Observation.shuffled.ndjson"
# The library of each feed comes first: the others are measured against it.
SIDES: Final = (
    Side("HL7 v2", "hl7", SAMPLE, MESSAGES, hl7_library),
    Side("HL7 v2", "hypomag, parse", WHOLE, MESSAGES, hl7_parse),
    Side("HL7 v2", "hypomag, rows of results", WHOLE, MESSAGES, hl7_rows),
    Side("HL7 v2", "hypomag, rows of all tables", WHOLE, MESSAGES, hl7_all_rows),
    Side("FHIR", "fhir.resources", SAMPLE, RESOURCES, fhir_library),
    Side("FHIR", "hypomag, parse", WHOLE, RESOURCES, fhir_parse),
    Side("FHIR", "hypomag, rows", WHOLE, RESOURCES, fhir_rows),
    Side("FHIR", "hypomag, parse, keys shuffled", SAMPLE, SHUFFLED, fhir_parse),
)
