"""Panels of FHIR R4: the coding that a rule counts, and components with ids of their own."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import value_set
from flows.profile import Profile
from flows.sources.fhir_contained import contained
from flows.sources.fhir_elements import Resource, coding_of, first_coding
from hypomag_rules.wordings import folded_status

LOINC: Final = "http://loinc.org"
# The first and the second component of one code; no panel that repeats one oftener is known.
_REPEATS: Final = (1, 2)


def result_coding(concept: pl.Expr, profile: Profile) -> pl.Expr:
    """The coding of a result: of several one that a rule counts, else as `coding_of` LOINC."""
    loincs, own = _counted_codes(profile)
    system, code = (pl.element().struct.field(name) for name in ("system", "code"))
    return pl.coalesce(
        first_coding(concept, (system == LOINC) & code.is_in(loincs)),
        first_coding(concept, code.is_in([*loincs, *own])),
        coding_of(concept, LOINC),
    )


def with_part_ids(parts: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """Components with the panel's id and their own code as id, numbered from the second."""
    code = result_coding(pl.col("code"), profile).struct.field("code").fill_null("")
    coded = parts.sort("number", maintain_order=True).with_columns(part=code)
    repeat = pl.int_range(1, pl.len() + 1).over("number", "part")
    return coded.with_columns(observation_id=_part_id(repeat)).drop("part")


def contained_members(resources: pl.DataFrame, resource: Resource) -> pl.DataFrame | None:
    """The contained Observations that `hasMember` refers to: their elements, and `number`, `line`.

    `at` is the row of what holds them. Null when there are none.
    """
    named = (
        resources.select("number", "line", "hasMember")
        .with_row_index("at")
        .filter(pl.col("hasMember").list.len() > 0)
        .explode("hasMember")
        .unnest("hasMember")
    )
    found = contained(named, "reference", "Observation", resource)
    if found is None:
        return None
    members = named.select("at", "number", "line").hstack(found)
    return members.filter(pl.col("resourceType").is_not_null())


def as_parts(members: pl.DataFrame, groups: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """What members say of themselves, and what holds them, row by row, where they say nothing.

    They bear its id; where it is withdrawn, they are, at its time.
    """
    is_withdrawn = groups.select(_is_withdrawn(profile)).to_series()
    tube = ("specimen_id", "specimen", "is_haemolysed")
    told = ("patient_id", "encounter_id", *tube, "collected_at", "status")
    inherited = {name: pl.coalesce(name, groups.get_column(name)) for name in told}
    status, reported_at = groups.get_column("status"), groups.get_column("reported_at")
    return members.with_columns(
        observation_id=groups.get_column("observation_id"),
        **inherited
        | {
            "status": pl.when(is_withdrawn).then(status).otherwise(inherited["status"]),
            "reported_at": pl.when(is_withdrawn)
            .then(pl.coalesce(reported_at, "reported_at"))
            .otherwise(pl.coalesce("reported_at", reported_at)),
        },
    )


def withdrawn_components(said: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """A withdrawal of every component that a rule counts, for panels withdrawn without naming any.

    Columns are those that a withdrawal has; one of a result that never was removes nothing. What
    has a value is a result, no panel; without patient or id nothing can be withdrawn.
    """
    panels = said.filter(
        _is_withdrawn(profile),
        ~pl.col("has_components") & ~pl.col("has_value"),
        pl.col("patient_id").str.contains(r"\S") & pl.col("observation_id").str.contains(r"\S"),
    )
    loincs, own = _counted_codes(profile)
    codes = pl.DataFrame({"part": [*loincs, *own]}, schema={"part": pl.String})
    repeats = pl.DataFrame({"repeat": _REPEATS})
    parts = panels.join(codes, on=None, how="cross").join(repeats, on=None, how="cross")
    coding = pl.struct(
        pl.lit(LOINC).alias("system"), pl.col("part").alias("code"), display=pl.lit(None, pl.String)
    )
    concept = pl.struct(pl.concat_list(coding).alias("coding"), text=pl.lit(None, pl.String))
    return parts.with_columns(observation_id=_part_id(pl.col("repeat")), code=concept).drop(
        "part", "repeat"
    )


def _is_withdrawn(profile: Profile) -> pl.Expr:
    words = value_set("statuses").filter(kind="withdrawn").get_column("folded").to_list()
    return folded_status(profile.reading).is_in(words)


def _part_id(repeat: pl.Expr) -> pl.Expr:
    """The id of a component: the panel's, its code (`part`), and which of that code it is."""
    suffix = pl.when(repeat > 1).then(pl.format("#{}", repeat)).otherwise(pl.lit(""))
    return pl.format("{}/{}{}", "observation_id", "part", suffix)


def _counted_codes(profile: Profile) -> tuple[list[str], list[str]]:
    """LOINC codes that a rule counts, and the codes that the profile maps to one."""
    counted = value_set("analytes").get_column("code").unique(maintain_order=True).to_list()
    codes = profile.reading.codes
    own = [code for code, loinc in codes.items() if loinc in counted]
    return [code for code in counted if code not in codes], own
