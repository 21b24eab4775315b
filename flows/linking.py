"""Whose numbers are one person's tonight: every person is made out of a sent number here.

Few numbers are linked, and most homes have no links at all: the numbers that stand for themselves
are in no table, and rows are grouped by number before persons are looked up.
"""

from typing import Final

import polars as pl

from data_contracts.gate import hold_to_table
from data_contracts.published import PATIENT_LINKS
from data_contracts.vocabulary import APPLIED, LINK_NOTICE
from flows.memory import previous_run
from flows.night import Night
from flows.schema import row_text, versions_of
from flows.store import Store
from hypomag_rules.links import links_at

# A number as its source sends it, and the person it stands for; `v` is a row of versions.
NUMBER: Final = "coalesce(p.patient_prefix, '') || v.patient_id"
PERSON: Final = f"coalesce(l.person_id, {NUMBER})"
TO_PERSON: Final = (
    f"LEFT JOIN profiles p ON p.source = v.source LEFT JOIN linked l ON l.linked_id = {NUMBER}"
)
_VERSIONS: Final = f"""
SELECT coalesce(p.patient_prefix, '') || v.old_patient_id AS old_id,
    coalesce(p.patient_prefix, '') || v.new_patient_id AS new_id, v.source,
    v.linked_time, v.withdrawn_time, v.updated_time, {row_text("patient_links")} AS row_text
FROM {versions_of("patient_links")} v JOIN files f USING (file_id)
LEFT JOIN profiles p ON p.source = v.source WHERE v.reason IS NULL
"""


def link_persons(store: Store, night: Night) -> None:
    """Fill the temp tables `links`, each link with what became of it, and `linked`.

    `linked` has each number (`linked_id`) that is tonight another's (`person_id`).
    """
    links = links_at(store.frame(_VERSIONS), night.naive_as_of)
    with store.lent(links) as told:
        store.run(f"CREATE OR REPLACE TEMP TABLE links AS FROM {told}")
    store.run(
        "CREATE OR REPLACE TEMP TABLE linked AS SELECT old_id AS linked_id, person_id FROM links "
        f"WHERE state = '{APPLIED}'"
    )


def linked_then(store: Store, night: Night) -> pl.DataFrame:
    """Which person each linked number meant to the last published night (as in `linked`)."""
    last = previous_run(store, night)
    if last is None:
        return store.frame("SELECT * FROM linked LIMIT 0")
    as_of, newest_file = last
    known = f"{_VERSIONS} AND coalesce(f.first_file_id, f.file_id) <= ?"
    links = links_at(store.frame(known, [newest_file]), as_of)
    return links.filter(pl.col("state") == APPLIED).select("person_id", linked_id="old_id")


def person_of(store: Store, number: str) -> str:
    """The person that a number stands for tonight; the number itself where nothing links it."""
    found = store.rows("SELECT person_id FROM linked WHERE linked_id = ?", [number])
    return str(found[0][0]) if found else number


def with_linked_numbers(store: Store, rows: pl.DataFrame) -> pl.DataFrame:
    """Adds `linked_numbers`: the other numbers of each person tonight; null without any."""
    numbers = store.frame(
        "SELECT person_id, string_agg(linked_id, ', ' ORDER BY linked_id) AS linked_numbers "
        "FROM linked GROUP BY person_id"
    )
    return rows.join(numbers, on="person_id", how="left", maintain_order="left")


def stir_by_links(store: Store) -> None:
    """Fill the temp table `relinked` with everybody whom a link concerns, last night or tonight.

    They are judged and audited anew each night: a row under one number may be a version of a row
    under another, which no key tells. With them stand the numbers that are nobody's own any more.
    """
    before = f"FROM tonight.{PATIENT_LINKS.name} WHERE state = '{APPLIED}'"
    store.run(
        "CREATE OR REPLACE TEMP TABLE relinked AS SELECT unnest([linked_id, person_id]) "
        "AS person_id FROM linked UNION "
        f"SELECT unnest([patient_id, person_id]) {before}"
    )


def renew_links(store: Store) -> None:
    """Say in tonight's database which links are known and what became of each."""
    rows = store.frame("SELECT * FROM links").select(
        patient_id="old_id",
        new_patient_id="new_id",
        person_id="person_id",
        state=pl.col("state").cast(PATIENT_LINKS.schema["state"]),
        source="source",
        linked_at="linked_time",
        withdrawn_at="withdrawn_time",
    )
    held = hold_to_table(PATIENT_LINKS, rows.sort("patient_id", "new_patient_id"))
    store.run(f"DELETE FROM tonight.{PATIENT_LINKS.name}")
    store.load(f"tonight.{PATIENT_LINKS.name}", held.with_columns(pl.col("state").cast(pl.String)))


def link_notices(store: Store) -> pl.DataFrame:
    """A row (`kind`, `source`, `table_name`, `said`) for each feed whose links close a circle."""
    refused = store.frame(
        "SELECT source, count(*)::BIGINT AS links FROM links WHERE state = 'refused' "
        "GROUP BY source ORDER BY source"
    )
    is_one = pl.col("links") == 1
    what = pl.when(is_one).then(pl.lit(" link")).otherwise(pl.lit(" links"))
    does = pl.when(is_one).then(pl.lit("closes")).otherwise(pl.lit("close"))
    return refused.select(
        "source",
        kind=pl.lit(LINK_NOTICE),
        table_name=pl.lit(PATIENT_LINKS.name),
        said=pl.lit("Feed ")
        + pl.col("source")
        + pl.lit(": ")
        + pl.col("links").cast(pl.String)
        + what
        + pl.lit(" of patient numbers ")
        + does
        + pl.lit(" a circle and ")
        + pl.when(is_one).then(pl.lit("is")).otherwise(pl.lit("are"))
        + pl.lit(" not followed; see patient_links."),
    ).select("kind", "source", "table_name", "said")
