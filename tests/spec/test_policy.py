"""What a policy refuses, and what it says then."""

import pytest

from hypomag_rules.policy import PolicyError, load, with_values

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
    "no TOML": ("[magnesium", "not readable as TOML"),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_is_refused_with_what_to_change(nonsense: str) -> None:
    text, said = NONSENSE[nonsense]
    with pytest.raises(PolicyError) as refusal:
        load(text)
    assert said in str(refusal.value)


def test_a_concentration_may_be_given_in_any_accepted_unit() -> None:
    policy = load("[magnesium]\nsevere_limit = { value = 0.5, unit = 'mmol/L' }")
    assert policy.magnesium.severe_limit == 1.21525


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
