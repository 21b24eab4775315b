"""Patients, encounters, conditions, medications and links: text as sent to judged columns."""

from typing import Final

import polars as pl

from data_contracts.vocabulary import (
    CARE_SETTINGS,
    CODE_SYSTEMS,
    CONDITION_STATUSES,
    MEDICATION_KINDS,
    MEDICATION_STATUSES,
    SEXES,
)
from hypomag_rules.drugs import classified, dose_expressions, folded_routes
from hypomag_rules.instants import read_days, read_times
from hypomag_rules.source_reading import SourceReading

_SEX_LETTERS: Final = {"m": "male", "f": "female"}


def judge_patients(rows: pl.DataFrame, reading: SourceReading) -> pl.DataFrame:
    """Adds `born_on`, `sex_word`, `died_time`, `updated_time`, `reason`."""
    timed = _with_times(rows, reading, {"died_at": "died_time", "updated_at": "updated_time"})
    sex = _word("sex", reading).replace(_SEX_LETTERS)
    return timed.with_columns(
        born_on=read_days(pl.col("birth_date"), reading),
        sex_word=pl.when(sex.is_in(SEXES)).then(sex),
        reason=_reason(),
    ).drop("fault")


def judge_encounters(rows: pl.DataFrame, reading: SourceReading) -> pl.DataFrame:
    """Adds `care_setting_word`, `started_time`, `ended_time`, `updated_time`, `reason`."""
    timed = _with_times(rows, reading, _SPAN)
    setting = _word("care_setting", reading)
    return timed.with_columns(
        care_setting_word=setting,
        reason=_reason(
            identifier="encounter_id",
            must_start="started_time",
            must_know=(setting, CARE_SETTINGS),
        ),
    ).drop("fault")


def judge_conditions(rows: pl.DataFrame, reading: SourceReading) -> pl.DataFrame:
    """Adds `code_plain` (no dots), `system_word`, `status_word`, the two times and `reason`."""
    times = {"recorded_at": "recorded_time", "resolved_at": "resolved_time"}
    timed = _with_times(rows, reading, times)
    system = _word("code_system", reading).str.to_uppercase()
    status = _word("status", reading, "condition_status")
    return timed.with_columns(
        code_plain=pl.col("code").str.to_uppercase().str.replace_all(r"[\s.]", ""),
        system_word=system,
        status_word=_known_word(status, CONDITION_STATUSES, blank="active"),
        reason=_reason(identifier="code", must_know=(system, CODE_SYSTEMS)),
    ).drop("fault")


def judge_medications(rows: pl.DataFrame, reading: SourceReading) -> pl.DataFrame:
    """Adds kind, class, folded route, dose figures (g, mL), times and `reason`.

    `drug_class` is null for what no rule reads; `class_from` says whether code or name decided.
    """
    timed = _with_times(rows, reading, _SPAN)
    kind = _word("kind", reading)
    status = _word("status", reading, "medication_status")
    return (
        timed.pipe(_with_drug, reading)
        .with_columns(
            kind_word=kind,
            status_word=_known_word(status, MEDICATION_STATUSES, blank="blank"),
            reason=_reason(
                identifier="medication_id",
                must_start="started_time",
                must_know=(kind, MEDICATION_KINDS),
            ),
        )
        .drop("fault")
    )


def judge_patient_links(rows: pl.DataFrame, reading: SourceReading) -> pl.DataFrame:
    """Adds `linked_time`, `withdrawn_time`, `updated_time` and `reason`.

    A link of a number to itself is a circle of one, which is refused when links are followed.
    """
    times = {
        "linked_at": "linked_time",
        "withdrawn_at": "withdrawn_time",
        "updated_at": "updated_time",
    }
    timed = _with_times(rows, reading, times)
    patients = ("old_patient_id", "new_patient_id")
    reason = _reason(patients=patients, must_start="linked_time")
    return timed.with_columns(reason=reason).drop("fault")


_DRUG: Final = ("code", "code_system", "name", "route", "dose", "dose_unit", "volume_ml")


def _with_drug(rows: pl.DataFrame, reading: SourceReading) -> pl.DataFrame:
    """Adds class, route and figures, judged once for all rows that say the same."""
    keys = rows.select(_DRUG).hash_rows().alias("drug")
    judged = (
        rows.select(_DRUG)
        .with_columns(keys)
        .unique("drug")
        .pipe(classified)
        .pipe(folded_routes, dict(reading.words.get("route", {})))
        .pipe(dose_expressions, decimal_comma=reading.decimal_comma)
        .drop(_DRUG)
    )
    # Only the keys are joined: a join gathers every column that it carries.
    found = keys.to_frame().join(judged, on="drug", how="left", maintain_order="left")
    return rows.hstack(found.drop("drug"))


_SPAN: Final = {
    "started_at": "started_time",
    "ended_at": "ended_time",
    "updated_at": "updated_time",
}


def _word(column: str, reading: SourceReading, words: str | None = None) -> pl.Expr:
    """The column's word in lower case, after the source's own words; null when blank."""
    sent = pl.col(column).str.strip_chars().replace("", None)
    return sent.replace(dict(reading.words.get(words or column, {}))).str.to_lowercase()


def _known_word(word: pl.Expr, known: tuple[str, ...], blank: str) -> pl.Expr:
    """A known word, `blank` for a blank cell, `unknown` for a word that nobody told us."""
    return (
        pl.when(word.is_null())
        .then(pl.lit(blank))
        .when(word.is_in(known))
        .then(word)
        .otherwise(pl.lit("unknown"))
    )


def _with_times(
    rows: pl.DataFrame, reading: SourceReading, columns: dict[str, str]
) -> pl.DataFrame:
    """Read each time column; `fault` is the worst that was found in any of them.

    Of the texts stays what the instants do not say.
    """
    read = {label: read_times(rows, name, reading) for name, label in columns.items()}
    faults = [frame.get_column("fault").alias(label) for label, frame in read.items()]
    worst = pl.DataFrame(faults).select(
        pl.when(pl.any_horizontal(pl.all() == "time_not_readable"))
        .then(pl.lit("time_not_readable"))
        .when(pl.any_horizontal(pl.all() == "time_does_not_exist"))
        .then(pl.lit("time_does_not_exist"))
        .alias("fault")
    )
    instants = [frame.get_column("instant").alias(label) for label, frame in read.items()]
    texts = [read[label].get_column("spelling").alias(name) for name, label in columns.items()]
    return rows.with_columns(*instants, *texts, worst.to_series())


def _reason(
    *,
    patients: tuple[str, ...] = ("patient_id",),
    identifier: str | None = None,
    must_start: str | None = None,
    must_know: tuple[pl.Expr, tuple[str, ...]] | None = None,
) -> pl.Expr:
    """The ladder of reasons outside observations, first that applies."""
    rungs = [(pl.any_horizontal(pl.col(patients).is_null()), pl.lit("patient_id_missing"))]
    if identifier is not None:
        blank = pl.col(identifier).str.strip_chars().replace("", None).is_null()
        rungs.append((blank, pl.lit("id_missing")))
    rungs.append((pl.col("fault").is_not_null(), pl.col("fault")))
    if must_start is not None:
        rungs.append((pl.col(must_start).is_null(), pl.lit("started_at_missing")))
    if must_know is not None:
        word, known = must_know
        folded = [entry.lower() for entry in known]
        is_known = word.str.to_lowercase().is_in(folded).fill_null(value=False)
        rungs.append((~is_known, pl.lit("word_not_known")))
    return pl.coalesce(*(pl.when(applies).then(reason) for applies, reason in rungs))
