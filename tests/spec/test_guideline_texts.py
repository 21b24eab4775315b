"""What the guideline offers in words stands in the texts that are printed, figure by figure."""

import tomllib
from typing import Final

import pytest

from hypomag_rules.policy import load, shipped_text
from hypomag_rules.spoken import filled_texts

PRINTED: Final = """
statement | text                | words
S3        | iv_options          | 1–2 g magnesium sulfate IV over 15 min
S5        | iv_options          | 5 g (about 40 mEq) in 1 L of
S5        | iv_options          | 5 % dextrose or 0.9 % sodium chloride over 3 h
S6        | iv_options          | not faster than 150 mg/min
S7        | iv_options          | not above 20 %
S8        | iv_options          | 5 % dextrose or 0.9 % sodium chloride
S4        | im_limit            | up to 250 mg per kg within 4 h
S10       | recheck_continue    | continue until above 1.5 mg/dL
S11       | iv_watch            | hypotension and respiratory depression
S24       | iv_watch            | too fast: flushing, hypotension, bradycardia
S13       | oral_figures        | after IV: oral maintenance
S14       | oral_figures        | magnesium oxide 400–800 mg daily (elemental)
S15       | oral_figures        | Gut upset: magnesium glycinate 600–800 mg daily
S16       | oral_figures        | 12–24 mmol daily, preferably at night
S22       | oral_figures        | Too much causes diarrhoea, which worsens absorption
S17       | iv_renal_impaired   | reduce the dose and monitor more often
S20       | LOW_POTASSIUM       | may not correct until magnesium does
S23       | ELDERLY             | follow-up is missed most in older patients
S25       | work_up_guidance    | fractional excretion of magnesium
S26       | work_up_guidance    | urinary calcium-creatinine ratio
S27       | work_up_guidance    | above 2 % suggests renal wasting
S28       | work_up_guidance    | below it gut loss
S29       | page_foot           | advice for a clinician's review; not an order
"""
ROWS: Final = [
    tuple(cell.strip() for cell in line.split("|")) for line in PRINTED.strip().splitlines()[1:]
]


@pytest.mark.parametrize(("statement", "text", "words"), ROWS, ids=lambda cell: cell[:20])
def test_the_guideline_is_printed_in_its_own_figures(statement: str, text: str, words: str) -> None:
    """The phrase stands in the text, and the policy names the statement as its source."""
    policy = load()
    assert words in filled_texts(policy)[text]
    assert statement in policy_sources()[text]


def policy_sources() -> dict[str, list[str]]:
    """The statements that each text of the shipped policy rests on."""
    texts = tomllib.loads(shipped_text())["texts"]
    return {key: text["source"].split(";") for key, text in texts.items()}
