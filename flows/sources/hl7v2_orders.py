"""Orders out of HL7 v2: each OBR with the ORC before it and the specimen after it."""

from typing import Final

import polars as pl

from flows.profile import Profile
from flows.sources.hl7v2_messages import Messages, of_row
from flows.sources.hl7v2_segments import fields_of, iso_times, told, translated

_NUMBERS: Final = {"placer": 2, "filler": 3}
_ORDER: Final = _NUMBERS | {"drawn": 7, "source": 15, "reported": 22}
_SPECIMEN: Final = {"number": 2, "kind": 4, "drawn": 17, "condition": 24}
_HAEMOLYSED: Final = "HEM"
# HL7 tables 0487 (SPM-4) and 0070 (OBR-15).
_CODES: Final = {
    "serum": ("SER",),
    "plasma": ("PLAS", "PLS", "PPP"),
    "urine": ("UR", "URN", "URNS", "U24"),
    "blood": ("BLD", "WB", "VBLD", "BLDV", "BLDA", "BLDC"),
    "csf": ("CSF",),
    "stool": ("STL",),
    "sweat": ("SWT",),
    "fluid": ("FLD", "FLU"),
}
_SPECIMENS: Final = {code: word for word, codes in _CODES.items() for code in codes}


def orders(messages: Messages, profile: Profile) -> pl.DataFrame:
    """A row for each OBR: what its results have in common, under canonical names.

    Beside them `order_number`, and `ordered_drawn`, the time of OBR-7 as sent.
    """
    separators = messages.separators
    sent = fields_of(messages.segments("OBR"), _ORDER, separators.field)
    common = fields_of(messages.segments("ORC"), _NUMBERS, separators.field)
    said = told(
        sent,
        separators,
        placer=("placer", 1),
        filler=("filler", 1),
        drawn=("drawn", 1),
        source=("source", 1, 1),
        reported=("reported", 1),
    )
    numbers = told(common, separators, common_placer=("placer", 1), common_filler=("filler", 1))
    specimens = _specimens(messages)
    rows = pl.concat(
        [
            said,
            of_row(numbers, sent.get_column("ORC")),
            sent.select("OBR").join(specimens, on="OBR", how="left", maintain_order="left"),
        ],
        how="horizontal",
    ).with_columns(
        specimen=pl.coalesce("specimen_code", "specimen_text", "source"),
        collected_at=pl.coalesce("drawn", "specimen_drawn"),
    )
    return rows.select(
        "specimen_id",
        "is_haemolysed",
        iso_times(rows.get_column("collected_at")),
        iso_times(rows.get_column("reported")).alias("reported_at"),
        translated("specimen", _SPECIMENS, profile),
        order_number=pl.coalesce("filler", "common_filler", "placer", "common_placer"),
        ordered_drawn="drawn",
    )


def _specimens(messages: Messages) -> pl.DataFrame:
    """The first SPM of each order; any that is haemolysed warns of all the order's results."""
    separators = messages.separators
    placed = messages.segments("SPM").filter(pl.col("OBR").is_not_null())
    sent = fields_of(placed, _SPECIMEN, separators.field)
    said = told(
        sent,
        separators,
        placer=("number", 1, 1),
        filler=("number", 2, 1),
        specimen_code=("kind", 1),
        specimen_text=("kind", 2),
        specimen_drawn=("drawn", 1),
    )
    conditions = sent.get_column("condition").str.split(separators.repeat).list
    codes = conditions.eval(pl.element().str.split(separators.component).list.first())
    is_haemolysed = codes.list.contains(_HAEMOLYSED)
    return (
        said.hstack([sent.get_column("OBR"), is_haemolysed.alias("haemolysed")])
        .group_by("OBR", maintain_order=True)
        .agg(pl.col("haemolysed").any(), pl.all().exclude("haemolysed").first())
        .with_columns(
            specimen_id=pl.coalesce("filler", "placer"),
            is_haemolysed=pl.when("haemolysed").then(pl.lit("true")),
        )
        .drop("filler", "placer", "haemolysed")
    )
