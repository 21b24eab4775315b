"""The beginning of an extract as text, with the separator that its header shows."""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from flows.drafting.looks import looks_of
from flows.errors import FileRefusedError
from flows.sources.tabular import batches, header_of, names_in

_MOST_BYTES: Final = 64 << 20
_SEPARATORS: Final = (",", ";", "\t", "|")
_QUOTED: Final = re.compile(rb'"[^"]*"')


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of one extract as text under its own names; `separator` is null for Parquet.

    `is_whole` says whether all of the file was looked at.
    """

    name: str
    separator: str | None
    rows: pl.DataFrame
    is_whole: bool


def read_sample(path: Path) -> Sample:
    """The first 64 MB of a CSV, packed or not, or the first batch of a Parquet file.

    Raises `FileRefusedError` for what a night would refuse by its header.
    """
    if path.suffix.lower() == ".parquet":
        names = header_of(path, ",")
        first = next(
            batches(path, names, ","), pl.DataFrame(schema=dict.fromkeys(names, pl.String))
        )
        total = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
        return Sample(path.name, None, first, first.height == total)
    text, is_whole = _beginning(path)
    header, _, body = text.partition(b"\n")
    if not header.strip():
        message = "is empty, or begins with a blank line; send the header line first"
        raise FileRefusedError(message)
    separator = _separator_of(header)
    names = names_in(header, separator)
    _refuse_data(names)
    schema = dict.fromkeys(names, pl.String)
    if not body.strip():
        return Sample(path.name, separator, pl.DataFrame(schema=schema), is_whole)
    try:
        # Read without its header: a reader of ours or of polars may spell the names differently.
        rows = pl.read_csv(io.BytesIO(body), schema=schema, separator=separator, has_header=False)
    except pl.exceptions.PolarsError:
        message = "cannot be read as CSV in UTF-8; check quotes and encoding, send it again"
        raise FileRefusedError(message) from None
    return Sample(path.name, separator, rows, is_whole)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Refusals of the block begin with the name of the file."""
    try:
        yield
    except FileRefusedError as refusal:
        message = f"{path.name}: {refusal}"
        raise FileRefusedError(message) from None


def _refuse_data(names: list[str]) -> None:
    """A first line that holds a number or a time is somebody's row: its cells are not repeated."""
    header = looks_of(pl.Series(names, dtype=pl.String))
    if header.kinds["amount"] or header.kinds["time"]:
        message = "line 1: looks like a row, not like a header; send the header line with it"
        raise FileRefusedError(message)


def _beginning(path: Path) -> tuple[bytes, bool]:
    """As many whole lines as fit, and whether they are all."""
    is_gzip = path.name.lower().endswith(".gz")
    try:
        with gzip.open(path) if is_gzip else path.open("rb") as raw:
            text = raw.read(_MOST_BYTES)
            is_whole = not raw.read(1)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        message = "the gzip stream is cut or damaged; send it again"
        raise FileRefusedError(message) from None
    except OSError as error:
        message = f"cannot be opened ({error.strerror}); give yourself the right to read it"
        raise FileRefusedError(message) from None
    return (text if is_whole else text[: text.rfind(b"\n") + 1]), is_whole


def _separator_of(header: bytes) -> str:
    """The mark that stands most often in the header, outside quotes."""
    bare = _QUOTED.sub(b"", header)
    return max(_SEPARATORS, key=lambda mark: bare.count(mark.encode()))


def pattern_of(name: str) -> str:
    """A file's name as the pattern of its feed: runs of digits and marks become one star."""
    stem, dot, ending = name.partition(".")
    starred = re.sub(r"[0-9][0-9_\-]*", "*", stem)
    escaped = re.sub(r"([\[\]?])", r"[\1]", starred)
    return f"{escaped}*{dot}{ending}".replace("**", "*")
