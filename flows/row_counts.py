"""What a staged file holds, counted apart from reading it, and held to what its manifest says."""

import csv
from pathlib import Path
from typing import Final

import polars as pl

from flows.errors import FileRefusedError
from flows.sources.hl7v2_pieces import pieces

_TAB: Final = "\t"
_NEVER: Final = "\x1f"


def hold_to_count(copy: Path, said: int | None, separator: str) -> None:
    """Raise `FileRefusedError` with both numbers when a file does not hold the rows it should.

    Counted are data rows of a table, resources of NDJSON, messages of HL7; no blank lines.
    """
    if said is None or _quick(copy, separator) == said:
        return
    held = _of_csv(copy, separator) if copy.suffix == ".csv" else _quick(copy, separator)
    if held != said:
        message = (
            f"its .manifest.json says {said} row{'' if said == 1 else 's'}, the file holds {held}; "
            "send the whole file again, or a manifest that counts it"
        )
        raise FileRefusedError(message)


def _quick(copy: Path, separator: str) -> int:
    """The count at the speed of a scan; of CSV too many where blank lines stand."""
    if copy.suffix == ".hl7":
        is_message = pl.col("text").str.starts_with("MSH")
        return sum(piece.lines().filter(is_message).height for piece in pieces(copy))
    try:
        return int(_rows(copy, separator).select(pl.len()).collect(engine="streaming").item())
    except pl.exceptions.PolarsError:
        message = "cannot be counted; check quotes and encoding, send the file again"
        raise FileRefusedError(message) from None


def _rows(copy: Path, separator: str) -> pl.LazyFrame:
    if copy.suffix == ".parquet":
        return pl.scan_parquet(copy, glob=False)
    if copy.suffix == ".csv" and not _is_tabbed(copy, separator):
        return pl.scan_csv(copy, separator=separator, infer_schema=False, glob=False)
    lines = pl.scan_csv(
        copy,
        separator=_NEVER,
        quote_char=None,
        has_header=False,
        skip_rows=int(copy.suffix == ".csv"),
        schema={"line": pl.String},
        truncate_ragged_lines=True,
        glob=False,
    )
    return lines.filter(pl.col("line").str.strip_chars().str.len_bytes() > 0)


def _of_csv(copy: Path, separator: str) -> int:
    """Record by record, to say how many a refused file holds."""
    with copy.open(encoding="utf-8", errors="replace", newline="") as text:
        if _is_tabbed(copy, separator):
            return sum(1 for line in text if line.strip()) - 1
        return sum(1 for fields in csv.reader(text, delimiter=separator) if fields) - 1


def _is_tabbed(copy: Path, separator: str) -> bool:
    """Whether a table is written as OHDSI writes them: tabs, and no quotes."""
    with copy.open("rb") as raw:
        return separator != _TAB and _TAB.encode() in raw.readline(1 << 20)
