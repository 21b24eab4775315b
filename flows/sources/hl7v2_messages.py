"""HL7 v2 messages of one kind of separators: which are ours, which are broken, what is whose."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from flows.sources.hl7v2_pieces import Piece, without_envelopes
from flows.sources.hl7v2_segments import Separators, exactly, fields_of, iso_times, told

_START: Final = "MSH"
_RESULTS: Final = "ORU"
_STANDARD: Final = Separators()
_STANDARD_ENCODING: Final = r"^~\&"
_HEAD: Final = {"encoding": 2, "facility": 4, "sent_at": 7, "kind": 9, "control_id": 10}
# Whose a segment is ends at these: a second patient has no visit and no order of the first, and an
# ORC speaks for the OBR after it alone.
_BORDERS: Final = {
    "PID": (_START,),
    "PV1": (_START, "PID"),
    "ORC": (_START, "PID", "OBR"),
    "OBR": (_START, "PID"),
}
_READ: Final = (*_BORDERS, _START, "OBX", "SPM")
# Of letters alone: where a field before it is lost, a control id stands in its place.
_KIND: Final = r"^\s*([A-Za-z]{3})(?:[^A-Za-z0-9]|$)"
_TRIGGER: Final = r"^\s*[A-Za-z0-9]{3}[^A-Za-z0-9]+([A-Z0-9]{3})(?:[^A-Za-z0-9]|$)"
_NO_TRIGGER: Final = r"^\s*[A-Za-z0-9]{3}[^A-Za-z0-9]*$"
_UNNAMED: Final = "messages of another type"


@dataclass(frozen=True, slots=True)
class Messages:
    """Result messages of one kind of separators, in file order.

    `heads` has a row a message: `facility`, `sent_at`, `control_id`, `is_broken`. `lines` are the
    segments that we read (`line`, `name`, `text`), each with the row of its message, and in PID,
    PV1, ORC, OBR the row among the segments of that name to which it belongs, or null.
    """

    separators: Separators
    heads: pl.DataFrame
    lines: pl.DataFrame

    def segments(self, name: str) -> pl.DataFrame:
        """The segments of one name."""
        return self.lines.filter(pl.col("name") == name).drop("name")


def of_row(rows: pl.DataFrame, number: pl.Series) -> pl.DataFrame:
    """The rows of these numbers; a null number gives a row of nulls."""
    return rows.select(pl.all().gather(number))


def messages_of(piece: Piece) -> Iterator[Messages]:
    """The result messages of a piece, those of the same separators together."""
    lines = _begun(without_envelopes(piece.lines()))
    if not lines.height:
        return
    is_start = lines.get_column("text").str.starts_with(_START)
    heads = _heads(lines.filter(is_start))
    lines = lines.with_columns(
        message=is_start.cast(pl.UInt32).cum_sum() - 1, name=pl.col("text").str.head(3)
    )
    marks = heads.select("field", "encoding").unique(maintain_order=True)
    for field, encoding in marks.rows():
        is_own = (heads["field"] == field) & (heads["encoding"] == encoding) & ~heads["is_other"]
        if is_own.all():
            own_lines = lines
        else:
            own_lines = lines.filter(is_own.gather(lines["message"])).with_columns(
                message=(pl.col("name") == _START).cum_sum() - 1
            )
        if own_lines.height:
            own = heads.filter(is_own).drop("is_other", "field", "encoding", "line")
            yield _placed(own, own_lines, Separators.of(field, encoding))


def _begun(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines before any MSH are a broken message of their own: an empty MSH is put before them."""
    if not lines.height or lines.item(0, "text").startswith(_START):
        return lines
    begin = lines.head(1).with_columns(text=pl.lit(_START))
    return pl.concat([begin, lines])


def _heads(starts: pl.DataFrame) -> pl.DataFrame:
    """MSH segments taken apart, each by its own MSH-1; unsound separators become the usual ones."""
    mark = pl.col("text").str.slice(3, 1)
    is_mark = mark.str.contains(r"^[^A-Za-z0-9\s]$")
    marked = starts.with_columns(
        field=pl.when(is_mark).then(mark).otherwise(pl.lit(_STANDARD.field)), is_marked=is_mark
    )
    split = [
        fields_of(same, _HEAD, str(field), first=1)
        for (field,), same in marked.partition_by(
            "field", maintain_order=True, as_dict=True
        ).items()
    ]
    heads = pl.concat(split).sort("line")
    marks = heads.select("field", "encoding").unique()
    sound = [row for row in marks.rows() if _is_sound(*row)]
    known = pl.DataFrame(sound, schema=marks.schema, orient="row").with_columns(is_sound=True)
    joined = heads.join(known, on=["field", "encoding"], how="left", maintain_order="left")
    is_sound = pl.col("is_sound").fill_null(value=False) & pl.col("is_marked")
    kind = pl.col("kind").str.extract(_KIND).str.to_uppercase()
    return joined.with_columns(
        field=pl.when(is_sound).then("field").otherwise(pl.lit(_STANDARD.field)),
        encoding=pl.when(is_sound).then("encoding").otherwise(pl.lit(_STANDARD_ENCODING)),
        is_broken=~is_sound | kind.is_null(),
        is_other=is_sound & (kind != _RESULTS).fill_null(value=False),
        type=kind,
    ).drop("is_sound", "is_marked")


def _is_sound(field: str, encoding: str | None) -> bool:
    """Whether MSH-2 names four or five separators, none of them twice or a letter."""
    marks = field + (encoding or "")
    return (
        len(marks) in {5, 6}
        and len(set(marks)) == len(marks)
        and not any(mark.isalnum() or mark.isspace() for mark in marks)
    )


def other_types(lines: pl.DataFrame) -> set[str]:
    """What to call messages among the lines that hold no results: their types, where plain."""
    starts = lines.filter(pl.col("text").str.starts_with(_START))
    if not starts.height:
        return set()
    sent = pl.col("kind")
    trigger = sent.str.extract(_TRIGGER)
    named = pl.concat_str(pl.lit("messages "), "type", ("^" + trigger).fill_null(""))
    is_plain = (trigger.is_not_null() | sent.str.contains(_NO_TRIGGER)) & (
        sent.str.strip_chars().str.head(3) == pl.col("type")
    )
    others = _heads(starts).filter("is_other")
    names = others.select(pl.when(is_plain).then(named).otherwise(pl.lit(_UNNAMED)))
    return set(names.to_series().unique().to_list())


def _placed(heads: pl.DataFrame, lines: pl.DataFrame, separators: Separators) -> Messages:
    name = pl.col("name")
    mark = exactly(separators.field)
    is_segment = pl.col("text").str.contains(f"^[A-Z][A-Z0-9]{{2}}(?:{mark}|$)")
    read = (
        lines.filter(name.is_in(_READ))
        .with_columns((name == kind).cum_sum().alias(kind) for kind in _BORDERS)
        .with_columns(_since(kind, borders) for kind, borders in _BORDERS.items())
    )
    astray = read.filter(name == "OBX", pl.col("OBR").is_null())
    # A head alone: its line ends are none that we know, or the rest of it is lost.
    told_more = lines.filter(name != _START).get_column("message")
    every = lines.get_column("message")
    alone = every.filter(~every.is_in(told_more.unique().implode()))
    # A lost line end makes a result part of the segment before it, where nobody looks.
    glued = pl.col("text").str.contains(
        f".(?:OBX{mark}[0-9]*{mark}[A-Z]{{0,3}}|OBR{mark}[0-9]+){mark}"
    )
    odd = lines.filter(~is_segment | glued)
    broken = pl.concat([odd.get_column("message"), astray.get_column("message"), alone]).unique()
    said = told(
        heads,
        separators,
        facility=("facility", 1),
        sent_at=("sent_at", 1),
        control_id=("control_id",),
    )
    is_broken = heads.get_column("is_broken")
    own = said.with_columns(
        iso_times(said.get_column("sent_at")), is_broken=is_broken.scatter(broken, values=True)
    )
    return Messages(separators, own, read)


def _since(kind: str, borders: tuple[str, ...]) -> pl.Expr:
    """The row of the last segment of a kind since the last border before a line, or null."""
    counted = pl.when(pl.col("name").is_in(borders)).then(kind).forward_fill()
    before = counted.shift(1).fill_null(0)
    return pl.when(pl.col(kind) > before).then(pl.col(kind) - 1).alias(kind)
