"""What a policy refuses, and what it says then."""

from dataclasses import fields, is_dataclass
from datetime import date

import pytest

from hypomag_rules.policy import load, with_values
from hypomag_rules.policy_page import policy_page
from hypomag_rules.policy_values import PolicyError

NONSENSE = {
    "an unknown section": ("[magnesia]\nsevere_limit = 1.2", "unknown section [magnesia]"),
    "an unknown key": ("[magnesium]\nsevere = 1.2", "unknown key 'severe' in [magnesium]"),
    "negative days": ("[recheck]\ncardiac_days = -1", "negative"),
    "a number in quotes": ('[recheck]\ncardiac_days = "7"', "expected a number"),
    "an unknown part of a number": (
        "[recheck]\ncardiac_days = { value = 7, units = 'days' }",
        "a number is a table with",
    ),
    "a unit that is none": (
        "[magnesium]\nsevere_limit = { value = 1.2, unit = 'mg' }",
        "unit 'mg' is not accepted",
    ),
    "severe at the target": ("[magnesium]\nsevere_limit = 1.5", "is not below target"),
    "a target above the upper limit": ("[magnesium]\ntarget = 2.7", "is not below upper_limit"),
    "a window that opens after it is due": (
        "[recheck]\nstandard_opens_days = 15",
        "standard_opens_days is after standard_days",
    ),
    "a mild high watched longer": (
        "[high_watch]\nmild_index_days = 15",
        "mild_index_days is above index_days",
    ),
    "reduced below severe": ("[renal]\nreduced_below = 10", "raise reduced_below"),
    "plausible ends in the wrong order": (
        "[plausible]\nmagnesium = [50, 0]",
        "two numbers, the lower first",
    ),
    "plausible ends that leave nothing": (
        "[plausible]\nmagnesium = [5, 5]",
        "two numbers, the lower first",
    ),
    "a limit without end": ("[audit]\nmax_rate = inf", "negative or not finite"),
    "one plausible end": ("[plausible]\nage = [0]", "two numbers, the lower first"),
    "plausible words": ("[plausible]\nmagnesium = ['a', 'b']", "two numbers"),
    "a plausible unit that is none": (
        "[plausible]\nweight = { value = [0, 20], unit = 'stone' }",
        "unit 'stone' is not accepted",
    ),
    "days in another unit": (
        "[recheck]\ncardiac_days = { value = 1, unit = 'weeks' }",
        "use one of: days",
    ),
    "codes that are none": ("[magnesium]\nalso_count_as_serum_magnesium = [1]", "list of codes"),
    "a unit that is a list": (
        "[magnesium]\ntarget = { value = 1.5, unit = ['mg/dL'] }",
        "unit is list; write a text",
    ),
    "a review date in quotes": (
        "[audit]\nmax_rate = { value = 100, review_by = '2027-01-01' }",
        "review_by is no date",
    ),
    "a review date with a time": (
        "[audit]\nmax_rate = { value = 100, review_by = 2027-01-01T00:00:00 }",
        "review_by is no date",
    ),
    "days beyond all dates": ("[renal]\ncreatinine_days = 1000000", "too long"),
    "hours beyond all dates": ("[audit]\nlevel_hours = 10000000000", "too long"),
    "a blank text": ("[texts]\niv_watch = ' '", "the text is blank"),
    "a text that lost its figure": ("[texts]\nim_limit = 'ask'", "{grams} must stand"),
    "no TOML": ("[magnesium", "not readable as TOML"),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_is_refused_with_what_to_change(nonsense: str) -> None:
    text, said = NONSENSE[nonsense]
    with pytest.raises(PolicyError) as refusal:
        load(text)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    "edge",
    [
        "[recheck]\nstandard_opens_days = 14",
        "[recheck]\ncardiac_days = 0",
        "[high_watch]\nmild_index_days = 14",
        "[renal]\nreduced_below = 20",
        "[renal]\ncreatinine_days = 36500",
    ],
)
def test_what_just_makes_sense_is_taken(edge: str) -> None:
    assert load(edge).id != load().id


def test_a_limit_prints_as_the_hospital_gave_it_only_with_its_unit() -> None:
    own = "severe_limit = { value = 0.5, unit = 'mmol/L' }\ntarget = { value = 1.6, why = 'board' }"
    assert load(f"[magnesium]\n{own}").as_given == {"severe_limit": "0.5 mmol/L"}


def test_a_concentration_may_be_given_in_any_accepted_unit() -> None:
    policy = load("[magnesium]\nsevere_limit = { value = 0.5, unit = 'mmol/L' }")
    assert policy.magnesium.severe_limit == 1.21525


def test_plausible_ends_may_be_given_in_any_accepted_unit() -> None:
    policy = load("[plausible]\nmagnesium = { value = [0, 20], unit = 'mmol/L' }")
    assert policy.plausible.magnesium == (0, 48.61)


def test_what_is_wrong_contradicts_nothing() -> None:
    """A value at fault stays as shipped: no line blames the hospital for it."""
    with pytest.raises(PolicyError) as refusal:
        load("[magnesium]\nsevere_limit = 'x'\ntarget = 1.1")
    assert len(str(refusal.value).splitlines()) == 1


def test_an_override_changes_the_id_and_nothing_else() -> None:
    shipped, own = load(), load("[recheck]\ncardiac_days = 5")
    assert own.id != shipped.id
    assert own.magnesium == shipped.magnesium
    assert own.recheck.cardiac_days == 5


def test_an_empty_override_is_the_shipped_policy() -> None:
    assert load("") == load()


def test_a_bare_name_that_stands_in_two_sections_is_refused() -> None:
    with pytest.raises(PolicyError, match="stands in 2 sections"):
        with_values({"index_days": 3})


def test_who_approved_it_is_kept() -> None:
    policy = load('approved_by = "Clinical board"\napproved_on = "2026-11-01"')
    assert (policy.approved_by, policy.approved_on) == ("Clinical board", "2026-11-01")


def test_all_that_is_wrong_is_said_at_once() -> None:
    """A committee mends a file once, not line after line."""
    text = """
[magnesium]
severe = 1.2
target = '1.5'
critical_high = 2.5
[recheck]
cardiac_days = -1
[magnesia]
"""
    with pytest.raises(PolicyError) as refusal:
        load(text)
    said = str(refusal.value).splitlines()
    assert len(said) == 5
    for part in (
        "unknown key 'severe'",
        "target: expected a number",
        "upper_limit = 2.6 is not below critical_high = 2.5",
        "cardiac_days: -1 is negative",
        "unknown section [magnesia]",
    ):
        assert any(part in line for line in said), part


def test_the_page_shows_every_number_with_its_ground() -> None:
    page = policy_page("", "policy.toml", date(2026, 11, 21))
    assert "severe_limit = 1.2 mg/dL\n      S1: at or below it" in page
    assert "Approved by: nobody yet" in page
    assert "OVERDUE" not in page
    for section in fields(load()):
        if is_dataclass(section.type):
            assert f"\n[{section.name}]\n" in page
            for number in fields(section.type):
                assert f"\n  {number.name} = " in page


def test_the_page_says_whose_a_number_is_and_what_it_stands_instead_of() -> None:
    own = "[magnesium]\nsevere_limit = { value = 0.5, unit = 'mmol/L', why = 'board of May' }"
    page = policy_page(own, "policy.toml", date(2026, 11, 21))
    assert "severe_limit = 0.5 mmol/L; shipped: 1.2 mg/dL" in page
    assert "local: board of May (review date not given)" in page


def test_the_page_says_whose_a_text_is() -> None:
    page = policy_page("[texts]\niv_watch = 'ring the ward'", "own", date(2026, 11, 21))
    assert "iv_watch (the hospital's own): ring the ward" in page
    assert "UNIT_MISSING (local): unit missing" in page


def test_the_page_says_what_is_overdue() -> None:
    assert "OVERDUE" not in policy_page("", "policy.toml", date(2027, 11, 1))
    page = policy_page("", "policy.toml", date(2028, 1, 1))
    assert "review by 2027-11-01, OVERDUE" in " ".join(page.split())


def test_the_page_names_the_contradictions_of_the_guideline() -> None:
    page = " ".join(policy_page("", "policy.toml", date(2026, 11, 21)).split())
    for told in (
        "Here 1.2 mg/dL (0.494 mmol/L) is severe",
        "0.6 mmol/L is 1.458 mg/dL",
        "prints mg/dL",
        "salt",
    ):
        assert told in page
    below = policy_page("[magnesium]\nsevere_includes_limit = false", "own", date(2026, 11, 21))
    assert "is not severe" in " ".join(below.split())
