"""Which numbers are one patient's: an old number goes on under a new one."""

from typing import Final

from data_contracts.columns import Table, text_columns

PATIENT_LINKS: Final = Table(
    "patient_links",
    "Merges of patients as sent",
    text_columns(
        (
            ("old_patient_id", "the sender's id that is given up"),
            ("new_patient_id", "the sender's id under which the patient goes on"),
            ("linked_at", "when the two became one"),
            ("withdrawn_at", "when that was taken back"),
            ("updated_at", "when this version was written"),
        ),
        required=("old_patient_id", "new_patient_id", "linked_at"),
    ),
)
