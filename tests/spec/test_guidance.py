"""Which of the guideline's texts stand beside a listed patient, and in which order."""

from typing import Final

import polars as pl
import pytest

from hypomag_rules.guidance import guidance, own_guidance
from hypomag_rules.policy import load
from hypomag_rules.spoken import as_sentence, filled_texts

# What stands before a slash is said by the row alone, what stands behind it by a printed row.
SAID: Final = """
list           | reasons                         | says
iv_replacement |                                 | iv_options iv_watch iv_confirm / iv_confirm
iv_replacement | im                              | iv_options im_limit iv_watch iv_confirm / im_limit iv_confirm
iv_replacement | RENAL_IMPAIRED im               | iv_renal_impaired iv_watch iv_confirm / iv_renal_impaired iv_figureless iv_confirm
iv_replacement | RENAL_UNKNOWN                   | iv_renal_unknown iv_options iv_watch iv_confirm / iv_renal_unknown iv_confirm
iv_replacement | RENAL_REDUCED                   | iv_renal_reduced iv_options iv_watch iv_confirm / iv_renal_reduced iv_confirm
iv_replacement | RENAL_UNSTABLE                  | iv_renal_reduced iv_options iv_watch iv_confirm / iv_renal_reduced iv_confirm
iv_replacement | RENAL_IMPAIRED RENAL_UNSTABLE   | iv_renal_impaired iv_watch iv_confirm / iv_renal_impaired iv_figureless iv_confirm
iv_replacement | SUSPECT_SAMPLE IV_CAUTION       | SUSPECT_SAMPLE IV_CAUTION iv_options iv_watch iv_confirm / SUSPECT_SAMPLE IV_CAUTION iv_confirm
recheck        |                                 | recheck_continue /
recheck        | SUPPLEMENT_NOT_STARTED          | recheck_continue oral_figures / oral_see_above
recheck        | ORAL_MAINTENANCE_NOT_STARTED    | recheck_continue oral_figures / oral_see_above
recheck        | SUPPLEMENT_NOT_STARTED RENAL_UNKNOWN  | oral_prescriber recheck_continue / oral_prescriber
recheck        | SUPPLEMENT_NOT_STARTED RENAL_REDUCED  | oral_prescriber recheck_continue / oral_prescriber
recheck        | SUPPLEMENT_NOT_STARTED RENAL_UNSTABLE | oral_prescriber recheck_continue / oral_prescriber
recheck        | SUPPLEMENT_NOT_STARTED RENAL_IMPAIRED | iv_renal_impaired oral_prescriber recheck_continue / iv_renal_impaired oral_prescriber
recheck        | SUPPLEMENT_NOT_STARTED RENAL_FROM_EGFR | recheck_continue oral_figures / oral_see_above
recheck        | RENAL_UNKNOWN                   | recheck_continue /
recheck        | SEVERE_UNTREATED SUPPLEMENT_NOT_STARTED | recheck_untreated recheck_continue / recheck_untreated
recheck        | SUSPECT_SAMPLE                  | SUSPECT_SAMPLE recheck_continue / SUSPECT_SAMPLE
review         |                                 | review_guidance /
review         | could                           | review_could_be_severe review_guidance / review_could_be_severe
work_up        |                                 | work_up_guidance /
high_watch     |                                 | high_watch_guidance /
high_watch     | RENAL_IMPAIRED SUSPECT_SAMPLE   | SUSPECT_SAMPLE high_watch_impaired high_watch_guidance / SUSPECT_SAMPLE high_watch_impaired
high_watch     | sedated                         | high_watch_depressant high_watch_guidance / high_watch_depressant
"""  # noqa: E501 - a table row is as wide as what it says
ROWS: Final = [
    tuple(cell.strip() for cell in line.split("|")) for line in SAID.strip().splitlines()[1:]
]


@pytest.mark.parametrize(("worklist", "reasons", "says"), ROWS)
def test_a_listed_patient_is_told_what_holds_and_nothing_else(
    worklist: str, reasons: str, says: str
) -> None:
    policy = load()
    told = reasons.split()
    row = pl.DataFrame(
        {
            "worklist": [worklist],
            "reasons": [told],
            "im_upper_limit_grams": [19.99 if "im" in told else None],
            "could_be_severe": ["could" in told],
            "is_on_cns_depressant": ["sedated" in told],
        },
        schema_overrides={"reasons": pl.List(pl.String), "im_upper_limit_grams": pl.Float64},
    )
    alone, printed = (half.split() for half in says.split("/"))
    texts = filled_texts(policy)

    def joined(keys: list[str]) -> str | None:
        said = [as_sentence(texts[key]).replace("{grams}", "19.9") for key in keys]
        return " ".join(said) or None

    assert row.select(guidance(policy)).item() == joined(alone)
    assert row.select(own_guidance(policy)).item() == joined(printed)
