"""Laboratory results and body measures: the one table that a night needs."""

from typing import Final

import pandera.polars as pa
import polars as pl

from data_contracts.columns import Table, text_columns

OBSERVATIONS: Final = Table(
    "observations",
    "Laboratory results, weights and heights as sent",
    text_columns(
        (
            ("observation_id", "the sender's own id of the result; its versions share it"),
            ("patient_id", "the sender's id of the patient"),
            ("encounter_id", "the visit in which it was ordered"),
            ("specimen_id", "the tube"),
            ("facility", "the sending site"),
            ("code", "LOINC, or a local code that the source profile maps"),
            ("name", "the name that the laboratory prints"),
            ("value", "the text of the result"),
            ("unit", "the text of the unit"),
            ("specimen", "serum, plasma, urine ..."),
            ("status", "a letter of HL7 table 0085 or a FHIR word"),
            ("collected_at", "when the sample was drawn"),
            ("reported_at", "when the laboratory released this version"),
            ("reference_low", "lower reference limit in the reported unit"),
            ("reference_high", "upper reference limit in the reported unit"),
            ("is_haemolysed", "true, false or blank"),
        ),
        required=("patient_id", "code", "value", "unit", "collected_at"),
    ),
)

# What varies little and is judged once a distinct wording, not once a row.
WORDING: Final = (
    "facility",
    "code",
    "name",
    "unit",
    "specimen",
    "status",
    "reference_low",
    "reference_high",
    "is_haemolysed",
)

JUDGED: Final = pa.DataFrameSchema(
    {
        "patient_id": pa.Column(pl.String, pa.Check.str_length(min_value=1)),
        "analyte": pa.Column(pl.String),
        "collected_at": pa.Column(pl.Datetime("us")),
        "magnitude": pa.Column(
            pl.Float64,
            [pa.Check.ge(0), pa.Check.lt(float("inf"))],
            nullable=False,
            description="canonical",
        ),
    },
    name="judged observations",
)
