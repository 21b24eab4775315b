"""Where the patients are, and who looks after them."""

from typing import Final

from data_contracts.columns import Table, text_columns

ENCOUNTERS: Final = Table(
    "encounters",
    "Stays and visits as sent",
    text_columns(
        (
            ("encounter_id", "the sender's id of the visit"),
            ("patient_id", "the sender's id of the patient"),
            ("care_setting", "inpatient, observation, emergency or outpatient"),
            ("facility", "the site"),
            ("ward", "the ward"),
            ("care_team", "the team in charge"),
            ("started_at", "arrival"),
            ("ended_at", "departure"),
            ("updated_at", "when this version was written"),
        ),
        required=("encounter_id", "patient_id", "care_setting", "started_at"),
    ),
)
