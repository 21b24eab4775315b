"""The queue of codes that no profile maps, for analysts; counts and nights, no patient."""

from typing import Final

from data_contracts.published import UNMAPPED_CODES
from flows.night import Night
from flows.store import Store

# Of a wording `w`. LOINC that no rule counts (red cells, 24 h urine) is known for what it is.
IS_UNMAPPED: Final = (
    "w.analyte IS NULL AND NOT regexp_matches(coalesce(w.loinc, ''), '^[0-9]+-[0-9]$')"
)
LIKE_MAGNESIUM: Final = (
    "regexp_matches(lower(concat_ws(' ', w.code, w.name)), 'magn[eé]|(^|[^a-z])mg([^a-z/]|$)')"
)
# Grouped by numbers first, 0.25 s of CPU for ten million rows; the texts are met once a wording.
_UNMAPPED: Final = f"""
WITH unmapped AS (
    SELECT wording_id, source, code, name, unit FROM wordings w WHERE {IS_UNMAPPED}
), counted AS (
    SELECT wording_id, count(*) AS results, min(night) AS first_night, max(night) AS last_night
    FROM observation_versions JOIN files USING (file_id)
    WHERE wording_id IN (SELECT wording_id FROM unmapped) AND files.as_of <= ? GROUP BY wording_id
)
SELECT w.source, w.code, w.name, w.unit, sum(results)::BIGINT AS results,
    min(first_night) AS first_night, max(last_night) AS last_night,
    CASE WHEN {LIKE_MAGNESIUM} THEN 'magnesium' END AS looks_like
FROM counted JOIN unmapped w USING (wording_id) GROUP BY ALL
ORDER BY looks_like NULLS LAST, results DESC, source, code, name, unit
"""


def renew_unmapped(store: Store, night: Night) -> None:
    """Lay the queue anew in tonight's database; what looks like magnesium comes first."""
    names = ", ".join(UNMAPPED_CODES.names)
    store.run(f"DELETE FROM tonight.{UNMAPPED_CODES.name}")
    store.run(
        f"INSERT INTO tonight.{UNMAPPED_CODES.name} SELECT {names} FROM ({_UNMAPPED})",
        [night.naive_as_of],
    )
