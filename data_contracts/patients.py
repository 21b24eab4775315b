"""Who the patients are."""

from typing import Final

from data_contracts.columns import Table, text_columns

PATIENTS: Final = Table(
    "patients",
    "Patients as sent",
    text_columns(
        (
            ("patient_id", "the sender's id of the patient"),
            ("birth_date", "day of birth"),
            ("sex", "male, female, other; M and F fold; anything else is unknown"),
            ("mrn", "the number printed on the wristband"),
            ("name", "the name as it should print"),
            ("died_at", "death, when known"),
            ("updated_at", "when this version was written"),
        ),
        required=("patient_id",),
    ),
)
