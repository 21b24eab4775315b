"""The queue of codes that no profile maps, for analysts; counts and nights, no patient."""

from typing import Final

from data_contracts.published import UNMAPPED_CODES
from flows.night import Night
from flows.store import Store

# LOINC codes that no rule counts (red cells, 24 h urine) are known for what they are.
# Grouped by numbers first, 0.25 s of CPU for ten million rows; the texts are met once a wording.
_UNMAPPED: Final = """
WITH unmapped AS (
    SELECT wording_id, source, code, name, unit FROM wordings
    WHERE analyte IS NULL AND NOT regexp_matches(coalesce(loinc, ''), '^[0-9]+-[0-9]$')
), counted AS (
    SELECT wording_id, count(*) AS results, min(night) AS first_night, max(night) AS last_night
    FROM observation_versions JOIN files USING (file_id)
    WHERE wording_id IN (SELECT wording_id FROM unmapped) AND files.as_of <= ? GROUP BY wording_id
)
SELECT u.source, u.code, u.name, u.unit, sum(results)::BIGINT AS results,
    min(first_night) AS first_night, max(last_night) AS last_night,
    CASE WHEN regexp_matches(lower(concat_ws(' ', u.code, u.name)),
        'magn[eé]|(^|[^a-z])mg([^a-z/]|$)') THEN 'magnesium' END AS looks_like
FROM counted JOIN unmapped u USING (wording_id) GROUP BY ALL
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
