"""Resources that lie within the one that refers to them (`contained`, `#id`)."""

import json
from typing import Final, NoReturn

import polars as pl

from flows.sources.fhir_elements import Resource, at, dtype_of, quoted_numbers
from flows.sources.fhir_shapes import mistyped, refuse

_OWN_ID: Final = r"^#([A-Za-z0-9.-]{1,64})$"


def contained(
    resources: pl.DataFrame, path: str, kind: str, resource: Resource
) -> pl.DataFrame | None:
    """The contained resources that a Reference names, a row a line, null where it names none.

    Null altogether when no line has one. What else is contained is not looked at: its elements of
    the same names have other types. Raises `FileRefusedError` naming the line of a wrong type.
    """
    own_id = at(path).str.extract(_OWN_ID, 1)
    found = (
        resources.with_row_index("row")
        .select("row", "number", "line", own_id=own_id)
        .filter(pl.col("own_id").is_not_null())
    )
    if found.is_empty():
        return None
    where = pl.format('$.contained[?(@.id=="{}")]', "own_id")
    texts = found.select(
        "row",
        "number",
        text=quoted_numbers(pl.col("line")).str.json_path_match(where),
        sent=pl.col("line").str.json_path_match(where),
    )
    texts = texts.filter(pl.col("text").is_not_null())
    try:
        decoded = texts.get_column("text").str.json_decode(dtype_of(resource))
    except pl.exceptions.PolarsError:
        _refuse_mistyped(texts, resource)
    named = texts.select("row").hstack(decoded.struct.unnest()).filter(resourceType=kind)
    rows = pl.DataFrame({"row": pl.int_range(resources.height, dtype=pl.UInt32, eager=True)})
    return rows.join(named, on="row", how="left", maintain_order="left").drop("row")


def _refuse_mistyped(texts: pl.DataFrame, resource: Resource) -> NoReturn:
    for number, text in texts.select("number", "sent").iter_rows():
        fault = mistyped(json.loads(text), resource, "contained")
        if fault is not None:
            refuse(number, fault)
    refuse(
        texts.item(0, "number"), "holds a contained resource that cannot be read; mend the export"
    )
