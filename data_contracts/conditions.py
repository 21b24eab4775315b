"""What the patients have."""

from typing import Final

from data_contracts.columns import Table, text_columns

CONDITIONS: Final = Table(
    "conditions",
    "Diagnoses as sent",
    text_columns(
        (
            ("patient_id", "the sender's id of the patient"),
            ("code", "ICD code, dots optional"),
            ("code_system", "ICD-10-CM or ICD-9-CM"),
            ("status", "active (or blank), resolved, refuted, family_history"),
            ("recorded_at", "when it was written down; blank: always known"),
            ("resolved_at", "when it ended"),
        ),
        required=("patient_id", "code", "code_system"),
    ),
)
