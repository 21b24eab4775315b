"""What else analysts find beside assessments and lists: results, files, refused rows, nights."""

from typing import Final

import polars as pl

from data_contracts import vocabulary as words
from data_contracts.assessments import ASSESSMENTS
from data_contracts.columns import Column, Table
from data_contracts.worklists import WORKLIST_CHANGES, WORKLIST_ITEMS

_T: Final = words.Instant
_LIST: Final = pl.List(pl.String)

OBSERVATIONS: Final = Table(
    "observations",
    "Counted standing results of persons with serum magnesium, of the last 400 days",
    (
        Column("patient_id", "the person, source prefix included"),
        Column("source", "feed that sent it"),
        Column("observation_id", "the sender's id of the result"),
        Column("analyte", "what was measured"),
        Column("code", "LOINC after the source profile's mapping"),
        Column("collected_at", "collection, UTC", _T),
        Column("reported_at", "release of the standing version, UTC", _T),
        Column("value", "text as sent"),
        Column("unit", "unit as sent"),
        Column("comparator", "<, <=, > or >=; null for a plain value"),
        Column("magnitude", "value in the analyte's canonical unit, 6 decimals", pl.Float64),
        Column("severity", "band of a magnesium result", words.Severity),
        Column("is_provisional", "the standing version is not final", pl.Boolean),
    ),
)
QUARANTINE: Final = Table(
    "quarantine",
    "Rows that nobody could judge, of all nights",
    (
        Column("night", "night that read the row", pl.Date),
        Column("file", "base name of the file"),
        Column("row", "data row in the file, from 1; analytes of one line share it", pl.Int64),
        Column("table_name", "canonical table"),
        Column("observation_id", "the sender's id, for observations"),
        Column("patient_id", "the sender's id of the patient"),
        Column("reason", "the first ground that applied"),
        Column("raw", "the row as sent, JSON"),
    ),
)
FILES: Final = Table(
    "files",
    "The ledger: every file that was read, and where each of its rows went",
    (
        Column("night", "night that read the file", pl.Date),
        Column("source", "feed"),
        Column("file", "path below the inbox"),
        Column("table_name", "canonical table"),
        Column("sha256", "hash of the file as dropped"),
        Column(
            "whole_by",
            "what vouched for it: manifest, sha256, done (joined by +); else quiet",
        ),
        Column("rows", "data rows read; of wide lines the cells that hold something", pl.Int64),
        Column("accepted", "rows that stand or wait to", pl.Int64),
        Column("superseded", "older versions of what a newer row says", pl.Int64),
        Column("quarantined", "rows set aside with a reason", pl.Int64),
        Column("ignored", "copies of rows known before", pl.Int64),
        Column("reclassed", "rows that a changed profile or policy judged otherwise", pl.Int64),
        Column("unknown_columns", "columns of the file that nobody reads"),
        Column("problem", "why the file was refused; null when it was read"),
    ),
)
UNMAPPED_CODES: Final = Table(
    "unmapped_codes",
    "The queue of codes that no profile maps and no LOINC code explains, over all nights",
    (
        Column("source", "feed"),
        Column("code", "code as sent; null where it is blank"),
        Column("name", "name as sent"),
        Column("unit", "unit as sent"),
        Column("results", "results that were sent so, copies left out", pl.Int64),
        Column("first_night", "night that first read one", pl.Date),
        Column("last_night", "night that last read one", pl.Date),
        Column("looks_like", "magnesium, by its code or name: map these first; else null"),
    ),
)
NOTICES: Final = Table(
    "notices",
    "What each night said of late feeds, files left out, holds and changed profiles, as it is read",
    (
        Column("night", "local date of the night", pl.Date, is_nullable=False),
        Column("kind", "what it is", pl.Enum(words.NOTICES), is_nullable=False),
        Column("source", "feed that it speaks of"),
        Column("table_name", "canonical table that it speaks of"),
        Column("said", "the sentence, without any patient", is_nullable=False),
    ),
)
RUNS: Final = Table(
    "runs",
    "Published nights",
    (
        Column("night", "local date of the night", pl.Date),
        Column("as_of", "instant the night speaks for, UTC", _T),
        Column("policy_id", "policy in force"),
        Column("version", "hypomag version"),
    ),
)
HOLDS: Final = Table(
    "holds",
    "What the unit guard held on each night: a feed's results of an analyte, not judged",
    (
        Column("night", "night on which it was held", pl.Date),
        Column("source", "feed"),
        Column("analyte", "magnesium or creatinine"),
        Column("received_on", "night that received the results", pl.Date),
        Column("results", "results received for that night and drawn lately", pl.Int64),
        Column("median", "their median, in the canonical unit", pl.Float64),
        Column("median_before", "that of the nights before", pl.Float64),
    ),
)
BASIS: Final = Table(
    "basis",
    "What the standing results above were computed from; the next night grows from it",
    (Column("key", "what is said"), Column("value", "what it is")),
)
DOSES: Final = Table(
    "doses",
    "Magnesium doses of the last 400 days that stand, with what the audit found",
    (
        Column("patient_id", "the person, source prefix included", is_nullable=False),
        Column("source", "feed that sent it"),
        Column("medication_id", "the sender's id; of rows that are one dose the first"),
        Column("product", "name as sent"),
        Column("route", "iv, im, oral or other"),
        Column("started_at", "start, UTC", _T, is_nullable=False),
        Column("ended_at", "end, UTC; null without a later one and while it runs", _T),
        Column("grams", "mass of the product", pl.Float64),
        Column("dose_unit", "unit as sent of the row that says the mass"),
        Column("meq", "mEq: as sulfate by IV or IM, else where the product is known", pl.Float64),
        Column("elemental_mg", "elemental magnesium where the product is known", pl.Float64),
        Column("volume_ml", "volume", pl.Float64),
        Column("minutes", "from start to end", pl.Float64),
        Column("rate_mg_min", "mg of the product a minute", pl.Float64),
        Column("concentration_percent", "g in 100 mL", pl.Float64),
        Column("findings", "codes, sorted", pl.List(pl.String)),
        Column("missing", "what a needed figure lacks: end, mass, volume, weight", _LIST),
        Column("policy_id", "name and hash of the policy that decided", is_nullable=False),
    ),
)
EPISODES: Final = Table(
    "episodes",
    "Episodes of low magnesium within the last 400 days, a view over observations",
    (
        Column("patient_id", "the person, source prefix included"),
        Column("started_at", "first severe or low result of these days, UTC", _T),
        Column("ended_at", "the target-met or high result that ended it, UTC; null while open", _T),
        Column("lows", "number of severe and low results", pl.Int64),
        Column("lowest_mg_dl", "lowest of them, mg/dL", pl.Float64),
        Column("latest_low_at", "last of them, UTC", _T),
        Column("had_severe", "one of them was severe", pl.Boolean),
    ),
)
DISPOSITIONS: Final = Table(
    "dispositions",
    "Every answer of a care team that counts, in the order in which they were received",
    (
        Column("received_at", "when the sheet was read, UTC", _T, is_nullable=False),
        Column("night", "night of the list that was answered", pl.Date, is_nullable=False),
        Column("worklist", "the list", pl.Enum(words.WORKLISTS), is_nullable=False),
        Column("item_id", "the item, as in worklist_items", is_nullable=False),
        Column("patient_id", "the person as listed on that night", is_nullable=False),
        Column("answer", "what was answered", words.Answer, is_nullable=False),
        Column("until", "first night on which a snoozed item is shown again", pl.Date),
        Column("answered_by", "who answered, as written", is_nullable=False),
        Column("note", "why, as written"),
        Column("collected_at", "collection of the index that was answered, UTC", _T),
        Column("magnesium_mg_dl", "that index in mg/dL", pl.Float64),
        Column("comparator", "<, <=, > or >= of it"),
        Column("severity", "its band", words.Severity),
        Column("hides_item", "it hides its item on the newest night", pl.Boolean),
    ),
)
PATIENT_LINKS: Final = Table(
    "patient_links",
    "Links of patient numbers known to the last night, and what became of each",
    (
        Column("patient_id", "the old number, source prefix included", is_nullable=False),
        Column("new_patient_id", "the new number, prefix included", is_nullable=False),
        Column("person_id", "the person after all links; null unless this one is applied"),
        Column("state", "what became of it", pl.Enum(words.LINK_STATES), is_nullable=False),
        Column("source", "feed that sent the version that speaks", is_nullable=False),
        Column("linked_at", "when the two became one, UTC", _T, is_nullable=False),
        Column("withdrawn_at", "when that was taken back, UTC", _T),
    ),
)
VIEWS: Final = (EPISODES,)
PUBLISHED: Final = (
    ASSESSMENTS,
    WORKLIST_ITEMS,
    WORKLIST_CHANGES,
    OBSERVATIONS,
    DOSES,
    QUARANTINE,
    FILES,
    UNMAPPED_CODES,
    NOTICES,
    RUNS,
    HOLDS,
    DISPOSITIONS,
    PATIENT_LINKS,
    BASIS,
)
