"""Flags to the names of those that are set."""

from collections.abc import Mapping

import polars as pl


def named(flags: Mapping[str, pl.Expr]) -> pl.Expr:
    """A list of the names whose flag is true, in their order; null counts as false."""
    names = [pl.when(flag).then(pl.lit(name)) for name, flag in flags.items()]
    return pl.concat_list(names).list.drop_nulls()
