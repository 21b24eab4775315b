"""What is asked of the store of a dry run; no answer holds a cell that few patients have."""

from typing import Final, NamedTuple

from flows.schema import KEYS, WRITTEN, versions_of
from flows.tellable import tellable_sql
from flows.unmapped import IS_UNMAPPED, LIKE_MAGNESIUM

Answer = list[dict[str, object]]
_RESULTS: Final = "observation_versions v JOIN wordings w USING (source, wording_id)"

# Letters that stand for magnesium and for nobody.
_SHORT: Final = "regexp_matches(lower(code), '^(magn[a-z]*|s?[-_]?mg[-_]?[a-z]?)$')"

FILES: Final = """
SELECT name AS file, table_name AS "table", rows, accepted, superseded, quarantined, ignored,
    unknown_columns, problem
FROM files ORDER BY file_id
"""
CODES: Final = f"""
SELECT CASE WHEN is_shown THEN code END AS code, CASE WHEN is_shown THEN loinc END AS loinc,
    analyte, looks_like_magnesium, sum(results)::BIGINT AS results, count(*) AS codes
FROM (
    SELECT *, analyte IS NOT NULL OR {tellable_sql("code", "patients")} OR {_SHORT} AS is_shown
    FROM (
        SELECT w.code, w.loinc, w.analyte, count(*) AS results,
            count(DISTINCT v.patient_id) AS patients,
            {IS_UNMAPPED} AND {LIKE_MAGNESIUM} AS looks_like_magnesium
        FROM {_RESULTS} WHERE NOT w.is_code_missing GROUP BY ALL
    )
)
GROUP BY 1, 2, 3, 4, is_shown ORDER BY analyte IS NULL, is_shown DESC, 5 DESC, 1
"""
UNITS: Final = f"""
SELECT analyte, CASE WHEN is_shown THEN unit END AS unit, reason, sum(results)::BIGINT AS results
FROM (
    SELECT w.analyte, w.unit, w.wording_fault AS reason, count(*) AS results,
        w.numerator IS NOT NULL OR {tellable_sql("w.unit", "count(DISTINCT v.patient_id)")}
            AS is_shown
    FROM {_RESULTS} WHERE w.analyte IS NOT NULL
    GROUP BY w.analyte, w.unit, w.wording_fault, w.numerator
)
GROUP BY 1, 2, 3, is_shown ORDER BY 1, 4 DESC, 2
"""


class Unread(NamedTuple):
    """Cells that were sent and not understood, and what that leaves unknown."""

    table: str
    column: str
    where: str
    means: str
    is_word: bool = True


UNREAD: Final = (
    Unread("observations", "status", "w.is_status_unknown", "put aside"),
    Unread("patients", "birth_date", "v.born_on IS NULL", "age unknown", is_word=False),
    Unread("patients", "sex", "v.sex_word IS NULL", "sex unknown"),
    Unread("encounters", "care_setting", "v.reason = 'word_not_known'", "put aside"),
    Unread("conditions", "code_system", "v.reason = 'word_not_known'", "put aside"),
    Unread("conditions", "status", "v.status_word = 'unknown'", "not active"),
    Unread("medications", "kind", "v.reason = 'word_not_known'", "put aside"),
    Unread("medications", "status", "v.status_word = 'unknown'", "never counts as given"),
)
UPDATED: Final = tuple(name for name, column in WRITTEN.items() if column == "updated_time")


def unread_of(asked: Unread) -> str:
    """The SQL of cells that were sent and not understood, by word."""
    is_result = asked.table == "observations"
    rows = _RESULTS if is_result else f"{versions_of(asked.table)} v"
    cell = f"{'w' if is_result else 'v'}.{asked.column}"
    shown = tellable_sql("word", "patients") if asked.is_word else "false"
    return f"""
        SELECT '{asked.table}' AS "table", '{asked.column}' AS "column",
            CASE WHEN {shown} THEN word END AS word, '{asked.means}' AS means,
            sum(rows)::BIGINT AS rows
        FROM (
            SELECT {cell} AS word, count(*) AS rows, count(DISTINCT v.patient_id) AS patients
            FROM {rows} WHERE trim({cell}) <> '' AND {asked.where} GROUP BY ALL
        )
        GROUP BY 3 ORDER BY 5 DESC, 3
    """


def quarantined_of(table: str) -> str:
    """The SQL of the reasons of a table's rows, with the first row of each in its file."""
    return f"""
        SELECT f.name AS file, '{table}' AS "table", v.reason, count(*) AS rows,
            min(v.row) AS first_row
        FROM {versions_of(table)} v JOIN files f USING (file_id)
        WHERE v.reason IS NOT NULL GROUP BY f.file_id, f.name, v.reason
        ORDER BY f.file_id, rows DESC, v.reason
    """


def undated_of(table: str) -> str:
    """The SQL of a table whose rows never say when they were written: one row, or none.

    `several` counts the ids that already have more than one version.
    """
    key = ", ".join(KEYS[table].values())
    return f"""
        SELECT '{table}' AS "table", count(*) AS ids, count(*) FILTER (rows > 1) AS several
        FROM (SELECT count(*) AS rows, count({WRITTEN[table]}) AS dated
              FROM {versions_of(table)} v GROUP BY {key})
        HAVING count(*) > 0 AND sum(dated) = 0
    """
