"""What was ordered and what was given."""

from typing import Final

from data_contracts.columns import Table, text_columns

MEDICATIONS: Final = Table(
    "medications",
    "Orders and administrations as sent",
    text_columns(
        (
            ("medication_id", "the sender's id of the row"),
            ("patient_id", "the sender's id of the patient"),
            ("encounter_id", "the visit"),
            ("order_id", "the order that this row belongs to"),
            ("kind", "order or administration"),
            ("code", "drug code"),
            ("code_system", "RxNorm, ATC or local"),
            ("name", "the drug's name as printed"),
            ("route", "the way it is given, as sent"),
            ("dose", "the dose as sent"),
            ("dose_unit", "the unit of the dose as sent"),
            ("volume_ml", "volume in mL as sent"),
            ("rate", "rate as sent"),
            ("rate_unit", "unit of the rate as sent"),
            ("started_at", "start"),
            ("ended_at", "end"),
            ("status", "given, held, cancelled ... or blank"),
            ("updated_at", "when this version was written"),
        ),
        required=("medication_id", "patient_id", "kind", "name", "started_at"),
    ),
)
