"""Wide lines, several analytes each: a row for every cell that holds something."""

from collections.abc import Iterator
from typing import Final

import polars as pl

from data_contracts.observations import OBSERVATIONS
from data_contracts.vocabulary import value_set
from flows.profile import Profile
from flows.table_profile import TableProfile, WideColumn
from hypomag_rules.wordings import folded_status

# Lines times columns that are unfolded at once.
_CELLS: Final = 500_000
_PLACE: Final = "place"


def unfolded(
    lines: pl.DataFrame, frame: pl.DataFrame, spec: TableProfile, profile: Profile, before: int
) -> Iterator[pl.DataFrame]:
    """The observations in lines of canonical columns, with the cells of the same lines in `frame`.

    `row` is the number of the line in the file, `before` how many came before these. A blank cell
    is no row, unless its line is withdrawn: then each cell of it is. Line ids are completed by the
    column, so that no two analytes of a line pass for versions of one.
    """
    units = [cell.unit_column for cell in spec.wide.values() if cell.unit_column]
    cells = frame.select(*dict.fromkeys((*spec.wide, *units))).rename(_cell_name)
    numbered = lines.with_columns(
        row=pl.int_range(before + 1, before + 1 + pl.len(), dtype=pl.Int32),
        is_withdrawn=_is_withdrawn(profile),
    ).hstack(cells.get_columns())
    for part in numbered.iter_slices(max(1, _CELLS // len(spec.wide))):
        rows = [
            _column(part, own, cell, place) for place, (own, cell) in enumerate(spec.wide.items())
        ]
        yield pl.concat(rows).sort("row", _PLACE).drop(_PLACE)


def _cell_name(own: str) -> str:
    """A name that none of our columns has."""
    return f"cell {own}"


def _is_withdrawn(profile: Profile) -> pl.Expr:
    statuses = value_set("statuses").filter(pl.col("kind") == "withdrawn")
    return folded_status(profile.reading).is_in(statuses.get_column("folded").implode())


def _column(lines: pl.DataFrame, own: str, cell: WideColumn, place: int) -> pl.DataFrame:
    """The rows of one column of wide lines."""
    value = pl.col(_cell_name(own))
    unit = pl.col(_cell_name(cell.unit_column)) if cell.unit_column else pl.lit(cell.unit)
    is_blank = value.str.strip_chars().fill_null("").str.len_bytes() == 0
    told = lines.filter(~is_blank | pl.col("is_withdrawn")).with_columns(
        observation_id=pl.col("observation_id") + pl.lit(f"/{own}"),
        code=pl.lit(cell.code),
        name=pl.coalesce(pl.lit(cell.name, pl.String), "name", pl.lit(own)),
        value=pl.when(~is_blank).then(value),
        unit=pl.when(unit.str.strip_chars().str.len_bytes() > 0).then(unit),
        specimen=pl.coalesce(pl.lit(cell.specimen, pl.String), "specimen"),
    )
    return told.select("row", *OBSERVATIONS.names, pl.lit(place).alias(_PLACE))
