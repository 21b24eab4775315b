"""HL7 v2 text taken apart: segments into fields, components, plain text; all by its separators."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from flows.profile import Profile

_DELETED: Final = '""'
# Whole days at least: what is less exact stays as sent, and is no time to the rules.
_TIME: Final = r"^[0-9]{8}(?:[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:\.[0-9]+)?)?)?)?(?:[+-][0-9]{4})?$"
_DAY: Final = 8


@dataclass(frozen=True, slots=True)
class Separators:
    """What stands between fields (MSH-1) and between their parts, and what escapes it (MSH-2)."""

    field: str = "|"
    component: str = "^"
    repeat: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    @classmethod
    def of(cls, field: str, encoding: str) -> "Separators":
        """The separators that MSH-1 and a sound MSH-2 name."""
        return cls(field, *encoding[:4])


def fields_of(
    segments: pl.DataFrame, wanted: Mapping[str, int], separator: str, first: int = 0
) -> pl.DataFrame:
    """Segments (`text`) with only the wanted fields in its place; `first` is the number of the 0th.

    Fields are numbered as HL7 does: 0 is the segment's name, but in MSH that is field 1.
    """
    split = segments.get_column("text").str.split(separator)
    fields = [
        split.list.get(number - first, null_on_oob=True).alias(name)
        for name, number in wanted.items()
    ]
    return segments.drop("text").hstack(fields)


def part(texts: pl.Series, separator: str, number: int = 1) -> pl.Series:
    """The n-th of the parts between separators, from 1; null where there are fewer."""
    if number == 1 and not texts.str.contains(separator, literal=True).any():
        return texts
    return texts.str.split(separator).list.get(number - 1, null_on_oob=True)


def told(
    sent: pl.DataFrame, separators: Separators, **wanted: tuple[str, *tuple[int, ...]]
) -> pl.DataFrame:
    """Of the first repeats of fields the wanted parts, cleaned: (field, component, subcomponent).

    Numbers count from 1; a field without a number is taken whole.
    """
    levels = (separators.component, separators.subcomponent)
    columns = []
    for name, (field, *numbers) in wanted.items():
        column = part(sent.get_column(field), separators.repeat)
        for separator, number in zip(levels, numbers, strict=False):
            column = part(column, separator, number)
        columns.append(column.alias(name))
    return cleaned(pl.DataFrame(columns), separators)


def cleaned(rows: pl.DataFrame, separators: Separators) -> pl.DataFrame:
    """Columns of text unescaped and stripped; blank text and HL7's `""` are null."""
    text = pl.all().str.strip_chars()
    return unescaped(rows, separators).select(pl.when(~text.is_in(["", _DELETED])).then(text))


def unescaped(rows: pl.DataFrame, separators: Separators) -> pl.DataFrame:
    """Text with its escape sequences resolved, from left to right; an unknown one stays as sent."""
    is_escaped = rows.select(pl.all().str.contains(separators.escape, literal=True))
    for name in rows.columns:
        at = is_escaped.get_column(name).arg_true()
        if at.len():
            sent = rows.get_column(name)
            plain = once_each(sent.gather(at), lambda distinct: _plain(distinct, separators))
            rows = rows.with_columns(sent.scatter(at, plain.to_series()))
    return rows


def _plain(texts: pl.DataFrame, separators: Separators) -> pl.DataFrame:
    """The texts cut into escape sequences and what stands between, each said plainly, joined."""
    mark = exactly(separators.escape)
    sequence = rf"{mark}(?:[FSTREHN]|X(?:[0-9A-Fa-f]{{2}})+|\.[a-zA-Z]{{2}}[+-]?[0-9]*){mark}"
    tokens = (
        texts.with_row_index("at")
        .select("at", token=pl.col("sent").str.extract_all(f"{sequence}|[^{mark}]+|{mark}"))
        .explode("token")
    )
    met = tokens.get_column("token").drop_nulls().unique()
    meanings = {
        word: _meaning(word[1:-1], separators)
        for word in met.filter(met.str.contains(f"^{sequence}$")).to_list()
    }
    joined = (
        tokens.with_columns(pl.col("token").replace(meanings))
        .group_by("at", maintain_order=True)
        .agg(pl.col("token").str.join())
    )
    return texts.with_columns(plain=joined.get_column("token"))


def exactly(mark: str) -> str:
    """A regular expression of one character, whatever it means in others."""
    return f"\\x{{{ord(mark):x}}}"


def _meaning(sequence: str, separators: Separators) -> str:
    """What an escape sequence stands for; formatting of any kind is a blank."""
    if sequence.startswith("."):
        return " "
    if sequence.startswith("X"):
        return _decoded(bytes.fromhex(sequence[1:]))
    return {
        "F": separators.field,
        "S": separators.component,
        "T": separators.subcomponent,
        "R": separators.repeat,
        "E": separators.escape,
    }.get(sequence, "")


def _decoded(sent: bytes) -> str:
    """Bytes that were sent as hexadecimal digits; characters that only steer are blanks."""
    try:
        text = sent.decode("utf-8")
    except UnicodeDecodeError:
        text = sent.decode("latin-1")
    return "".join(character if character.isprintable() else " " for character in text)


def once_each(texts: pl.Series, reading: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """What a reading makes of a column, done once a distinct text: codes, units, times repeat.

    `reading` gets the distinct texts as column `sent`, and gives back its own columns beside it.
    """
    distinct = texts.drop_nulls().unique(maintain_order=True).to_frame("sent")
    return (
        texts.to_frame("sent")
        .join(reading(distinct), on="sent", how="left", maintain_order="left")
        .drop("sent")
    )


def translated(column: str, words: Mapping[str, str], profile: Profile) -> pl.Expr:
    """HL7's own codes as canonical words; an unknown code, and one the profile words, as sent."""
    own = profile.reading.words.get(column, {})
    known = {code: word for code, word in words.items() if code not in own}
    code = pl.col(column)
    return pl.coalesce(code.str.to_uppercase().replace_strict(known, default=None), code)


def iso_times(texts: pl.Series) -> pl.Series:
    """`YYYYMMDD[HH[MM[SS[.S]]]][+ZZZZ]` as ISO 8601; anything else stays as sent."""
    read = once_each(texts, lambda distinct: distinct.with_columns(iso=_iso(pl.col("sent"))))
    return read.to_series().alias(texts.name)


def _iso(text: pl.Expr) -> pl.Expr:
    has_offset = text.str.slice(-5, 1).is_in(["+", "-"])
    local = pl.when(has_offset).then(text.str.head(-5)).otherwise(text)
    clock = local.str.slice(_DAY, 6).str.pad_end(6, "0")
    day = _dotted(local, (0, 4), (4, 2), (6, 2), mark="-")
    time = _dotted(clock, (0, 2), (2, 2), (4, 2), mark=":")
    offset = (
        pl.when(has_offset).then(_dotted(text, (-5, 3), (-2, 2), mark=":")).otherwise(pl.lit(""))
    )
    instant = pl.concat_str(day, pl.lit("T"), time, local.str.slice(_DAY + 6), offset)
    return (
        pl.when(~text.str.contains(_TIME))
        .then(text)
        .when(text.str.len_chars() == _DAY)
        .then(day)
        .otherwise(instant)
    )


def _dotted(text: pl.Expr, *slices: tuple[int, int], mark: str) -> pl.Expr:
    return pl.concat_str((text.str.slice(at, size) for at, size in slices), separator=mark)
