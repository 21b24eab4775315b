"""The tables of the private store: raw text as sent beside what it was judged to be."""

from typing import Final

from data_contracts.columns import Table
from data_contracts.conditions import CONDITIONS
from data_contracts.encounters import ENCOUNTERS
from data_contracts.medications import MEDICATIONS
from data_contracts.observations import OBSERVATIONS, WORDING
from data_contracts.patient_links import PATIENT_LINKS
from data_contracts.patients import PATIENTS
from data_contracts.worklists import WORKLIST_ITEMS
from flows.sql_types import sql_type
from hypomag_rules.instants import PLAIN_STAMP

CANONICAL: Final[dict[str, Table]] = {
    table.name: table
    for table in (OBSERVATIONS, PATIENTS, ENCOUNTERS, CONDITIONS, MEDICATIONS, PATIENT_LINKS)
}
VERSION: Final = 3

# Choosing how to compress a column takes more CPU than reading it from a file: what hardly repeats
# is written as it is.
_AS_IS: Final = " USING COMPRESSION uncompressed"
_HARDLY_REPEATS: Final = ("row", "_id", "_at", "_hash", "_key", "_time", "value", "magnitude")
_JUDGED: Final[dict[str, dict[str, str]]] = {
    "patients": {
        "born_on": "DATE",
        "sex_word": "VARCHAR",
        "died_time": "TIMESTAMP",
        "updated_time": "TIMESTAMP",
    },
    "encounters": {
        "care_setting_word": "VARCHAR",
        "started_time": "TIMESTAMP",
        "ended_time": "TIMESTAMP",
        "updated_time": "TIMESTAMP",
    },
    "conditions": {
        "code_plain": "VARCHAR",
        "system_word": "VARCHAR",
        "status_word": "VARCHAR",
        "recorded_time": "TIMESTAMP",
        "resolved_time": "TIMESTAMP",
    },
    "medications": {
        "kind_word": "VARCHAR",
        "drug_class": "VARCHAR",
        "class_from": "VARCHAR",
        "route_folded": "VARCHAR",
        "grams": "DOUBLE",
        "millilitres": "DOUBLE",
        "is_dose_zero": "BOOLEAN",
        "status_word": "VARCHAR",
        "started_time": "TIMESTAMP",
        "ended_time": "TIMESTAMP",
        "updated_time": "TIMESTAMP",
    },
    "patient_links": {
        "linked_time": "TIMESTAMP",
        "withdrawn_time": "TIMESTAMP",
        "updated_time": "TIMESTAMP",
    },
}
# What identifies the versions of one thing, beside its source.
KEYS: Final[dict[str, dict[str, str]]] = {
    "observations": {
        "patient_id": "v.patient_id",
        "version_key": "coalesce(v.observation_id, v.version_key)",
    },
    "patients": {"patient_id": "v.patient_id"},
    "encounters": {"encounter_id": "v.encounter_id"},
    "conditions": {
        "patient_id": "v.patient_id",
        "system_word": "v.system_word",
        "code_plain": "v.code_plain",
    },
    "medications": {"medication_id": "v.medication_id"},
    "patient_links": {
        "old_patient_id": "v.old_patient_id",
        "new_patient_id": "v.new_patient_id",
    },
}
# When a version was written, where its table says so.
WRITTEN: Final[dict[str, str]] = {
    "observations": "coalesce(reported_time, collected_time)",
    "patients": "updated_time",
    "encounters": "updated_time",
    "conditions": "recorded_time",
    "medications": "updated_time",
    "patient_links": "updated_time",
}
_UNWORDED: Final = tuple(name for name in OBSERVATIONS.names if name not in WORDING)
RAW: Final[dict[str, tuple[str, ...]]] = {
    "observations": (*_UNWORDED, "wording_id"),
    **{name: table.names for name, table in CANONICAL.items() if name != "observations"},
}
JUDGED_OBSERVATION: Final = {
    "collected_time": "TIMESTAMP",
    "reported_time": "TIMESTAMP",
    "comparator": "VARCHAR",
    "magnitude": "DOUBLE",
}


def versions_of(table: str) -> str:
    """The name of the table of versions of a canonical table."""
    return {"observations": "observation_versions"}.get(table, f"{table[:-1]}_versions")


def patient_column(table: str) -> str:
    """The column of a canonical table that says whose row it is."""
    return "old_patient_id" if table == PATIENT_LINKS.name else "patient_id"


def judged_columns(table: str) -> dict[str, str]:
    """The judged columns that are stored of a table other than observations, with SQL types."""
    return _JUDGED[table]


def key_hash(table: str) -> str:
    """The SQL of what is the same for all versions of one thing, beside its source."""
    return f"hash({', '.join(KEYS[table].values())})"


def row_hash(table: str) -> str:
    """The SQL of what is the same for exact copies of a row."""
    columns = [f"v.{name}" for name in RAW[table]]
    columns += [f"v.{time_of(name)}" for name in RAW[table] if name.endswith(_INSTANT)]
    return f"hash({', '.join(columns)})"


_INSTANT: Final = "_at"


def time_of(column: str) -> str:
    """The judged column of an instant that was sent as text: `started_time` of `started_at`."""
    return column.removesuffix(_INSTANT) + "_time"


def as_sent(table: str, column: str) -> str:
    """The SQL of a cell's text as it was sent.

    A time that reads like most is stored once, as an instant: 20 bytes less, twice a row.
    """
    if table == "observations" and column in WORDING:
        return f"w.{column}"
    if column.endswith(_INSTANT):
        return f"coalesce(v.{column}, strftime(v.{time_of(column)}, '{PLAIN_STAMP}'))"
    return f"v.{column}"


def row_text(table: str) -> str:
    """The SQL of a row as sent in one text, which orders versions of one time."""
    cells = (f"coalesce({as_sent(table, name)}, '')" for name in CANONICAL[table].names)
    return f"concat_ws(chr(31), {', '.join(cells)})"


_LEDGER: Final = """
CREATE TABLE meta (key VARCHAR, value VARCHAR);
CREATE TABLE files (
    file_id INTEGER, source VARCHAR, path VARCHAR, name VARCHAR, table_name VARCHAR,
    bytes BIGINT, modified_ns BIGINT, inode BIGINT, sha256 VARCHAR, whole_by VARCHAR,
    night DATE, as_of TIMESTAMP, received_at TIMESTAMP, rows BIGINT, accepted BIGINT,
    superseded BIGINT, quarantined BIGINT, ignored BIGINT, reclassed BIGINT DEFAULT 0,
    unknown_columns VARCHAR, profile VARCHAR, problem VARCHAR
);
CREATE TABLE profiles (source VARCHAR, digest VARCHAR, patient_prefix VARCHAR);
CREATE TABLE contested (source VARCHAR, key_hash UBIGINT, is_ours BOOLEAN);
CREATE TABLE texts (sha256 VARCHAR, text VARCHAR);
CREATE TABLE runs (
    run_id INTEGER, night DATE, as_of TIMESTAMP, received_at TIMESTAMP, newest_file INTEGER,
    policy_id VARCHAR, policy VARCHAR, profiles MAP(VARCHAR, VARCHAR), settings VARCHAR,
    version VARCHAR, rules VARCHAR, is_published BOOLEAN, manifest VARCHAR
);
"""
# What came after the first stores of this version: made wherever a store is opened. `files` are
# the hashes of what was received, so that a file stays held when it is read in another shape.
# `first_file_id` is the number under which such a file was first read. A run's `newest_file`,
# `newest_sheet` and `newest_answer` are the last that it knew, whatever the clock said;
# `received_by` is null unless somebody asked for the night as it was known by that time.
ADDED: Final = """
CREATE TABLE IF NOT EXISTS holds (
    source VARCHAR, analyte VARCHAR, night DATE, collected_since TIMESTAMP, files VARCHAR[],
    received_from TIMESTAMP, received_to TIMESTAMP, results BIGINT, median DOUBLE,
    median_before DOUBLE, released_at TIMESTAMP, released_by VARCHAR
);
CREATE TABLE IF NOT EXISTS rejudged (
    night DATE, as_of TIMESTAMP, source VARCHAR, table_name VARCHAR, was VARCHAR, became VARCHAR,
    rows BIGINT
);
ALTER TABLE files ADD COLUMN IF NOT EXISTS first_file_id INTEGER;
ALTER TABLE holds ADD COLUMN IF NOT EXISTS held_at TIMESTAMP;
ALTER TABLE runs ADD COLUMN IF NOT EXISTS received_by TIMESTAMP;
ALTER TABLE runs ADD COLUMN IF NOT EXISTS newest_sheet INTEGER;
ALTER TABLE runs ADD COLUMN IF NOT EXISTS newest_answer INTEGER;
ALTER TABLE rejudged ADD COLUMN IF NOT EXISTS received_at TIMESTAMP;
CREATE TABLE IF NOT EXISTS sheets (
    sheet_id INTEGER, night DATE, name VARCHAR, sha256 VARCHAR, received_at TIMESTAMP, rows BIGINT,
    blank BIGINT, counted BIGINT, known BIGINT, refused BIGINT, problem VARCHAR
);
CREATE TABLE IF NOT EXISTS dispositions (
    disposition_id INTEGER, sheet_id INTEGER, row INTEGER, received_at TIMESTAMP, token VARCHAR,
    night DATE, worklist VARCHAR, item_id VARCHAR, patient_id VARCHAR, answer VARCHAR, until DATE,
    answered_by VARCHAR, note VARCHAR, collected_at TIMESTAMP, severity VARCHAR,
    magnesium_mg_dl DOUBLE, comparator VARCHAR, value_collected_at TIMESTAMP, review_at TIMESTAMP,
    could_be_severe BOOLEAN
);
ALTER TABLE IF EXISTS run_items ADD COLUMN IF NOT EXISTS linked_numbers VARCHAR;
ALTER TABLE dispositions ADD COLUMN IF NOT EXISTS linked_numbers VARCHAR;
ALTER TABLE dispositions ADD COLUMN IF NOT EXISTS modified_ns BIGINT;
"""
# The keys that have several versions, out of the versions themselves.
CONTESTED: Final = """
SELECT source, key_hash, bool_or(w.analyte IS NOT NULL) AS is_ours
FROM observation_versions JOIN wordings w USING (source, wording_id) {where}
GROUP BY ALL HAVING count(*) > 1
"""
_WORDING_JUDGED: Final = {
    "loinc": "VARCHAR",
    "analyte": "VARCHAR",
    "status_kind": "VARCHAR",
    "is_correction": "BOOLEAN",
    "is_update": "BOOLEAN",
    "is_code_missing": "BOOLEAN",
    "is_status_unknown": "BOOLEAN",
    "numerator": "BIGINT",
    "denominator": "BIGINT",
    "reference_low_canonical": "DOUBLE",
    "was_haemolysed": "BOOLEAN",
    "is_specimen_conflict": "BOOLEAN",
    "wording_fault": "VARCHAR",
}
# What a run said of each item, the hidden ones included.
_RUN_ITEMS: Final = {
    "run_id": "INTEGER",
    **{name: sql_type(dtype) for name, dtype in WORKLIST_ITEMS.schema.items() if name != "night"},
    "is_hidden": "BOOLEAN",
}
_HASHES: Final = {"key_hash": "UBIGINT", "row_hash": "UBIGINT"}
_ROW: Final = {"file_id": "INTEGER", "row": "INTEGER", "source": "VARCHAR"}


def statements() -> list[str]:
    """The statements that make an empty store."""
    wordings = {"wording_id": "INTEGER", "source": "VARCHAR"}
    wordings |= dict.fromkeys(WORDING, "VARCHAR") | _WORDING_JUDGED
    observations = _ROW | dict.fromkeys(RAW["observations"], "VARCHAR")
    observations |= {"wording_id": "INTEGER"} | JUDGED_OBSERVATION
    observations |= {"version_key": "VARCHAR", "reason": "VARCHAR"} | _HASHES
    others = [name for name in CANONICAL if name not in {OBSERVATIONS.name, PATIENT_LINKS.name}]
    return [
        _LEDGER,
        *added(),
        _create("run_items", _RUN_ITEMS),
        f"INSERT INTO meta VALUES ('schema', '{VERSION}')",
        "INSERT INTO meta SELECT 'hashed_by', version()",
        _create("wordings", wordings),
        _create("observation_versions", observations),
        *(_create(versions_of(name), _columns_of(name)) for name in others),
    ]


def added() -> list[str]:
    """The statements for what came after the first stores of this version: run on each opening."""
    links = PATIENT_LINKS.name
    return [ADDED, _create(f"IF NOT EXISTS {versions_of(links)}", _columns_of(links))]


def _columns_of(table: str) -> dict[str, str]:
    """The columns of the versions of a table other than observations, with SQL types."""
    sent = dict.fromkeys(CANONICAL[table].names, "VARCHAR")
    return _ROW | sent | judged_columns(table) | {"reason": "VARCHAR"} | _HASHES


def _create(name: str, columns: dict[str, str]) -> str:
    told = [f"{column} {kind}{_compression(column)}" for column, kind in columns.items()]
    return f"CREATE TABLE {name} ({', '.join(told)})"


def _compression(column: str) -> str:
    return _AS_IS if column.endswith(_HARDLY_REPEATS) and column != "file_id" else ""
