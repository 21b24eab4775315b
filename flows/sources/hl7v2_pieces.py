"""HL7 v2 files in pieces of whole messages: cleaned, decoded, their batch envelopes checked."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from flows.errors import FileRefusedError

_PIECE: Final = 1 << 24
_MOST_MESSAGE: Final = 4 * _PIECE
_BOM: Final = b"\xef\xbb\xbf"
_MLLP: Final = b"\x0b\x1c"
_START: Final = b"MSH"
_CHARSET_FIELD: Final = 17  # MSH-18, the field separator being MSH-1
_LATIN: Final = re.compile(r"8859/([1-9]|1[013-6])(?![0-9])")
_ENVELOPE: Final = r"^[FB](?:HS|TS)(?:[^A-Za-z0-9\s]|$)"
_SAID: Final = r"^[FB]TS[^A-Za-z0-9\s]([0-9]{1,9})(?:[^0-9]|$)"


class Piece(NamedTuple):
    """Some tens of megabytes of whole messages, in UTF-8 with plain line ends."""

    text: bytes
    first_line: int

    def lines(self) -> pl.DataFrame:
        """The lines that are not blank: `line`, its number in the file, and `text`."""
        # Without a NUL each line is one field: four times as fast as str.split and explode.
        read = pl.read_csv(
            self.text,
            separator="\0",
            quote_char=None,
            has_header=False,
            schema={"text": pl.String},
            raise_if_empty=False,
        )
        is_blank = pl.col("text").str.strip_chars().str.len_bytes() == 0
        numbered = read.with_row_index("line", offset=self.first_line)
        return numbered.filter(pl.col("text").is_not_null() & ~is_blank)


def pieces(path: Path) -> Iterator[Piece]:
    """The file cut at message starts.

    Raises `FileRefusedError` for a file that is empty, holds no message, or is not the text that
    its first MSH-18 says (UTF-8 when it says nothing).
    """
    charset, line = None, 1
    for sent in _cut(path):
        charset = charset or _charset(sent)
        yield Piece(_as_utf8(sent, charset or "utf-8", line), line)
        line += sent.count(b"\n")
    if charset is None:
        message = "line 1: no MSH segment in the file; begin each message with one, on its own line"
        raise FileRefusedError(message)


def _cut(path: Path) -> Iterator[bytes]:
    line, rest, is_first = 1, b"", True
    size = path.stat().st_size
    with path.open("rb") as raw:
        while chunk := raw.read(_PIECE):
            while chunk.endswith(b"\r") and (more := raw.read(1)):
                chunk += more
            if is_first:
                _refuse_utf16(chunk)
                chunk, is_first = chunk.removeprefix(_BOM), False
            rest += _with_plain_ends(chunk, line + rest.count(b"\n"))
            is_end = raw.tell() == size
            end = 0 if is_end else rest.rfind(b"\n" + _START) + 1
            if end:
                yield rest[:end]
                line += rest.count(b"\n", 0, end)
                rest = rest[end:]
            elif len(rest) > _MOST_MESSAGE:
                message = (
                    f"line {line}: no message ends in the {_MOST_MESSAGE >> 20} MB from here; "
                    "begin each message with MSH on a line of its own"
                )
                raise FileRefusedError(message)
    if not rest.strip():
        message = "is empty; send at least one message"
        raise FileRefusedError(message)
    yield rest


def _refuse_utf16(chunk: bytes) -> None:
    if chunk[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        message = "line 1: is UTF-16 or holds NUL bytes; save it as UTF-8"
        raise FileRefusedError(message)


def _with_plain_ends(chunk: bytes, line: int) -> bytes:
    if any(byte in chunk for byte in _MLLP):
        chunk = chunk.translate(None, _MLLP)
    if b"\r" in chunk:
        chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\0" in chunk:
        at = line + chunk.count(b"\n", 0, chunk.index(b"\0"))
        message = f"line {at}: is UTF-16 or holds NUL bytes; save it as UTF-8"
        raise FileRefusedError(message)
    return chunk


def _charset(sent: bytes) -> str | None:
    """The encoding that the first message names; null before any message."""
    at = 0 if sent.startswith(_START) else sent.find(b"\n" + _START) + 1
    start = sent[at:].partition(b"\n")[0]
    if not start.startswith(_START):
        return None
    fields = start.split(start[3:4] or b"|")
    said = fields[_CHARSET_FIELD].strip() if len(fields) > _CHARSET_FIELD else b""
    latin = _LATIN.match(said.decode("ascii", errors="replace"))
    return f"iso8859-{latin[1]}" if latin else "utf-8"


def _as_utf8(sent: bytes, charset: str, line: int) -> bytes:
    if sent.isascii():
        return sent
    try:
        text = sent.decode(charset)
    except UnicodeDecodeError as error:
        at = line + sent.count(b"\n", 0, error.start)
        column = error.start - sent.rfind(b"\n", 0, error.start)
        message = (
            f"line {at}: byte {column} is not {charset.upper()}; save the file as UTF-8, "
            "or name its character set in MSH-18"
        )
        raise FileRefusedError(message) from None
    return sent if charset == "utf-8" else text.encode()


def without_envelopes(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines of messages alone."""
    return lines.filter(~pl.col("text").str.contains(_ENVELOPE))


class Envelopes:
    """The batch envelopes of a file, piece by piece, and whether they hold what they say."""

    def __init__(self) -> None:
        self._messages = 0
        self._met: list[pl.DataFrame] = []

    def meet(self, lines: pl.DataFrame) -> None:
        """Note the envelope segments among the lines of the next piece."""
        text = pl.col("text")
        is_message = text.str.starts_with(_START.decode())
        counted = lines.with_columns(messages=is_message.cast(pl.Int64).cum_sum() + self._messages)
        envelope = counted.filter(text.str.contains(_ENVELOPE)).select(
            "line",
            "messages",
            level=text.str.head(1),
            is_end=text.str.slice(1, 1) == "T",
            said=text.str.extract(_SAID).cast(pl.Int64),
        )
        self._met.append(envelope)
        self._messages += lines.select(is_message.sum()).item()

    def check(self) -> None:
        """Raise `FileRefusedError` when one is cut, or holds another number than it says."""
        met = pl.concat(self._met)
        if not met.height:
            return
        files, batches = (met.filter(pl.col("level") == level) for level in "FB")
        whole_batches = _pairs(batches, "BHS", "BTS").with_columns(
            held=pl.col("messages") - pl.col("messages_before")
        )
        _compare(whole_batches, "BTS-1", "messages")
        ends = (
            batches.filter("is_end")
            .select("line")
            .with_columns(batches=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
        )
        whole_files = _pairs(files, "FHS", "FTS")
        for side in ("line", "line_before"):
            # How many batches had ended by each end of the envelope.
            whole_files = whole_files.join_asof(
                ends.rename({"line": side, "batches": f"batches_by_{side}"}), on=side
            )
        by = pl.col("batches_by_line").fill_null(0)
        held = by - pl.col("batches_by_line_before").fill_null(0)
        _compare(whole_files.with_columns(held=held), "FTS-1", "batches")


def _pairs(met: pl.DataFrame, start: str, end: str) -> pl.DataFrame:
    """Each end with its start beside it (`_before`); the file is cut where one is missing."""
    expected = pl.int_range(pl.len()) % 2 == 1
    wrong = met.filter(pl.col("is_end") != expected)
    if wrong.height:
        line, is_end = wrong.select("line", "is_end").row(0)
        here, missing = (end, start) if is_end else (start, end)
        message = f"line {line}: {here} without the {missing} before it; send the file whole"
        raise FileRefusedError(message)
    if met.height % 2:
        line = met.item(-1, "line")
        message = f"line {line}: {start} without its {end} before the file ends; send it whole"
        raise FileRefusedError(message)
    starts = met.gather_every(2).select(pl.all().name.suffix("_before"))
    return met.gather_every(2, offset=1).hstack(starts)


def _compare(whole: pl.DataFrame, field: str, what: str) -> None:
    wrong = whole.filter(pl.col("said") != pl.col("held"))
    if wrong.height:
        line, said, held = wrong.select("line", "said", "held").row(0)
        message = (
            f"line {line}: {field} says {said} {what}, {held} are there; "
            "send the file whole, or mend the count"
        )
        raise FileRefusedError(message)
