"""Which persons a night needs, and in which batches they are judged."""

from datetime import timedelta
from typing import Final

from flows.linking import NUMBER, link_persons
from flows.night import Night
from flows.store import Store

_MARGIN: Final = timedelta(days=2)
_IS_MAGNESIUM: Final = (
    "v.wording_id IN (SELECT wording_id FROM wordings WHERE analyte = 'magnesium')"
)
# A version under a code that no rule reads, of an observation that some rule does: a correction
# that lost its code is still one of the magnesium whose id it bears.
IS_STRAY: Final = (
    "(v.key_hash IN (SELECT key_hash FROM contested WHERE is_ours) "
    "AND v.wording_id IN (SELECT wording_id FROM wordings WHERE analyte IS NULL))"
)
# A version that some rule reads.
IS_READ: Final = (
    f"(v.wording_id IN (SELECT wording_id FROM wordings WHERE analyte IS NOT NULL) OR {IS_STRAY})"
)

# Of what was found by number, each person's.
_PERSON_OF: Final = (
    "coalesce(l.person_id, number) AS person_id, min(patient_prefix) AS patient_prefix"
)
_LINKED: Final = "LEFT JOIN linked l ON l.linked_id = number"


def select_persons(store: Store, night: Night) -> None:
    """Fill the temp table `persons` with who may be assessed or reviewed.

    Anyone with a magnesium row that is not too old, judged or not, or with a stray that may have
    been one; of who has several numbers however old it is. `is_short` marks those who ever had a
    result at or below the target: only for them do the rules look at potassium, calcium, albumin
    and urine.
    """
    link_persons(store, night)
    since = night.window_start - _MARGIN
    # Each half finds its rows by one narrow column; asked for together, all rows would be joined.
    rows = " UNION ALL ".join(
        "SELECT v.source, v.patient_id, v.magnitude, v.reason, v.collected_time "
        f"FROM observation_versions v WHERE v.patient_id IS NOT NULL AND {are_ours}"
        for are_ours in (_IS_MAGNESIUM, IS_STRAY)
    )
    store.run(
        f"CREATE OR REPLACE TEMP TABLE persons AS SELECT {_PERSON_OF}, "
        "bool_or(is_short) AS is_short FROM ("
        f"SELECT {NUMBER} AS number, min(coalesce(p.patient_prefix, '')) AS patient_prefix, "
        "coalesce(bool_or(v.magnitude <= ?), false) AS is_short, "
        "bool_or(v.reason IS NOT NULL OR v.collected_time IS NULL OR v.collected_time >= ?) "
        f"AS is_current FROM ({rows}) v LEFT JOIN profiles p ON p.source = v.source GROUP BY 1) n "
        f"{_LINKED} GROUP BY 1 HAVING bool_or(is_current) "
        "OR coalesce(l.person_id, number) IN (SELECT person_id FROM linked)",
        [night.policy.magnesium.target, since],
    )
    for table in ("touched", "repeated", "redosed"):
        store.run(f"CREATE TEMP TABLE IF NOT EXISTS {table} (person_id VARCHAR)")


def select_dosed(store: Store, night: Night, *, everybody: bool = True) -> None:
    """Fill the temp table `dosed` with who got magnesium, of everybody or of the `redosed`.

    `is_parenteral` marks those who got any by IV or IM: of these the audit reads the results.
    """
    store.run(
        f"CREATE OR REPLACE TEMP TABLE dosed AS SELECT {_PERSON_OF}, "
        "bool_or(is_parenteral) AS is_parenteral FROM ("
        f"SELECT {NUMBER} AS number, min(coalesce(p.patient_prefix, '')) AS patient_prefix, "
        "bool_or(v.route_folded IN ('iv', 'im')) AS is_parenteral FROM medication_versions v "
        "LEFT JOIN profiles p ON p.source = v.source WHERE v.reason IS NULL "
        "AND v.drug_class = 'magnesium' AND v.kind_word = 'administration' "
        f"AND v.started_time BETWEEN ? AND ? GROUP BY 1) n {_LINKED} "
        "WHERE ? OR coalesce(l.person_id, number) IN (FROM redosed) GROUP BY 1",
        [night.window_start, night.naive_as_of, everybody],
    )


def lay_in_batches(store: Store, size: int) -> int:
    """Fill the temp table `looked_at` with whom the night judges or audits; returns the batches.

    Judged are the persons who are not repeated; audited are the `dosed`.
    """
    # Neighbours in number are often alike: dealt out, no batch holds all who are drawn daily.
    order = "ORDER BY hash(person_id), person_id"
    place = f"CAST(row_number() OVER ({order}) - 1 AS INTEGER) AS place"
    store.run(
        f"CREATE OR REPLACE TEMP TABLE looked_at AS SELECT *, place // {size} AS batch FROM "
        f"(SELECT *, {place} FROM (SELECT person_id, "
        "coalesce(j.patient_prefix, d.patient_prefix) AS patient_prefix, "
        "coalesce(is_short, false) AS is_short, coalesce(is_parenteral, false) AS is_parenteral, "
        "j.person_id IS NOT NULL AS is_judged, d.person_id IS NOT NULL AS is_dosed "
        "FROM (FROM persons WHERE person_id NOT IN (FROM repeated)) j "
        "FULL JOIN dosed d USING (person_id)))"
    )
    return store.number("SELECT coalesce(max(batch) + 1, 0) FROM looked_at")
