"""The administration audit of a night: whose doses are looked at, and where the rows go."""

import polars as pl

from data_contracts.gate import hold_to_table
from data_contracts.published import DOSES
from flows.gathering import Batch
from flows.night import Night
from flows.repeating import Last, is_whole, mark_redosed
from flows.selection import select_dosed
from flows.store import Store
from flows.tonight import append
from hypomag_rules.audit import audited


def select_doses(store: Store, night: Night, last: Last) -> None:
    """Choose whose doses are audited anew, and take their old rows out of tonight's database."""
    everybody = is_whole(night, last)
    mark_redosed(store, night, last)
    select_dosed(store, night, everybody=everybody)
    store.run(
        f"DELETE FROM tonight.{DOSES.name} WHERE ? OR started_at < ? "
        "OR patient_id IN (FROM redosed)",
        [everybody, night.window_start],
    )


def audit_batch(store: Store, night: Night, batch: Batch) -> None:
    """Audit a batch's doses into tonight's database."""
    append(store, DOSES, audited_doses(night, batch))


def audited_doses(night: Night, batch: Batch) -> pl.DataFrame:
    """The rows of `doses` that a batch gives."""
    doses = audited(batch.facts, batch.dosed, night.policy, night.settings.timezone)
    rows = doses.filter(pl.col("started_at") >= night.window_start).select(
        pl.col(name).cast(dtype) for name, dtype in DOSES.schema.items()
    )
    return hold_to_table(DOSES, rows)
