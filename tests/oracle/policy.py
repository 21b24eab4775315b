"""The shipped policy numbers (tables.md section 5) that sections 1-9 use, as one frozen object."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal


@dataclass(frozen=True)
class Policy:
    """Numbers under their bare names; a name two sections share carries its section in front."""

    severe_limit: Decimal = Decimal("1.2")
    severe_includes_limit: bool = True
    target: Decimal = Decimal("1.5")
    upper_limit: Decimal = Decimal("2.6")
    critical_high: Decimal = Decimal("4.0")
    also_count_as_serum_magnesium: tuple[str, ...] = ()
    adult_age: int = 18
    severe_below: Decimal = Decimal(20)
    reduced_below: Decimal = Decimal(30)
    renal_creatinine_days: int = 90
    renal_weight_days: int = 365
    adjusted_weight_from_bmi: Decimal = Decimal(30)
    adjusted_weight_factor: Decimal = Decimal("0.4")
    ideal_weight_from_height: Decimal = Decimal("152.4")
    unstable_rise: Decimal = Decimal("0.3")
    unstable_rise_hours: int = 48
    unstable_ratio: Decimal = Decimal("1.5")
    unstable_ratio_hours: int = 168
    supplement_start_days: int = 7
    sufficient_grams: Decimal = Decimal("0.95")
    iv_hours: int = 72
    severe_untreated_days: int = 3
    after_parenteral_days: int = 1
    cardiac_days: int = 7
    renal_days: int = 7
    standard_opens_days: int = 7
    standard_days: int = 14
    companion_days: int = 3
    confirm_opens_days: int = 1
    confirm_days: int = 3
    confirm_hours: int = 24
    upcoming_days: int = 3
    expires_severe_days: int = 90
    expires_low_days: int = 30
    expires_confirm_days: int = 14
    ratio_cap: Decimal = Decimal(3)
    elderly_age: int = 65
    window_hours: int = 24
    potassium_low: Decimal = Decimal("3.5")
    calcium_low: Decimal = Decimal("8.5")
    ionised_calcium_low: Decimal = Decimal("1.12")
    albumin_days: int = 7
    active_hours: int = 24
    edta_potassium: Decimal = Decimal("6.0")
    edta_calcium: Decimal = Decimal("7.0")
    edta_minutes: int = 5
    obstetric_days: int = 300
    persistent_days: int = 7
    work_up_index_days: int = 90
    femg_limit: Decimal = Decimal(2)
    femg_pair_hours: int = 24
    femg_min_clearance: Decimal = Decimal(60)
    high_watch_index_days: int = 14
    mild_index_days: int = 3
    dosed_days: int = 7
    obstetric_high: Decimal = Decimal("7.3")
    high_watch_creatinine_days: int = 7
    review_days: int = 30
    assessment_days: int = 400
    future_hours: int = 1
    max_rate: Decimal = Decimal(150)
    max_concentration: Decimal = Decimal(20)
    im_weight_days: int = 30
    im_cap_grams: Decimal = Decimal(20)
    im_grams_per_kg: Decimal = Decimal("0.25")
    im_ceiling: Decimal = Decimal(250)
    im_window_hours: int = 4
    renal_full_dose: Decimal = Decimal("0.95")
    level_hours: int = 72
    duplicate_minutes: int = 30
    duplicate_percent: Decimal = Decimal(5)


def policy_with(overrides: Mapping[str, object] | None) -> Policy:
    """Return the shipped policy with the named keys replaced; an unknown name is a TypeError."""
    shipped = Policy()
    changed: dict[str, object] = {}
    for name, value in (overrides or {}).items():
        if isinstance(value, list):
            changed[name] = tuple(value)
        elif isinstance(getattr(shipped, name, None), Decimal):
            changed[name] = Decimal(str(value))
        else:
            changed[name] = value
    return replace(shipped, **changed)  # type: ignore[arg-type]
