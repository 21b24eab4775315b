"""The sections of the policy: one frozen object each, its fields named as in policy.toml."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Magnesium:
    """S1, S2, S10, S11: the bands, mg/dL."""

    severe_limit: float
    severe_includes_limit: bool
    target: float
    upper_limit: float
    critical_high: float
    also_count_as_serum_magnesium: tuple[str, ...]
    adult_age: int


@dataclass(frozen=True, slots=True)
class Renal:
    """Section on kidney function: limits in mL/min, windows in days and hours."""

    severe_below: float
    reduced_below: float
    creatinine_days: int
    weight_days: int
    adjusted_weight_from_bmi: float
    adjusted_weight_factor: float
    ideal_weight_from_height: float
    unstable_rise: float
    unstable_rise_hours: int
    unstable_ratio: float
    unstable_ratio_hours: int


@dataclass(frozen=True, slots=True)
class Treatment:
    """What counts as treated."""

    supplement_start_days: int
    sufficient_grams: float


@dataclass(frozen=True, slots=True)
class Replacement:
    """S3 to S7: the IV list and its dosing limits."""

    iv_hours: int
    weight_days: int
    im_cap_grams: float
    im_grams_per_kg: float


@dataclass(frozen=True, slots=True)
class Recheck:
    """S9, S18: when a level is owed, in local days."""

    severe_untreated_days: int
    after_parenteral_days: int
    cardiac_days: int
    renal_days: int
    standard_opens_days: int
    standard_days: int
    companion_days: int
    confirm_opens_days: int
    confirm_days: int
    confirm_hours: int
    upcoming_days: int
    expires_severe_days: int
    expires_low_days: int
    expires_confirm_days: int
    ratio_cap: float
    elderly_age: int


@dataclass(frozen=True, slots=True)
class Companions:
    """S12, S19, S20: what stands beside a low magnesium."""

    window_hours: int
    potassium_low: float
    calcium_low: float
    ionised_calcium_low: float
    albumin_days: int
    active_hours: int
    edta_potassium: float
    edta_calcium: float
    edta_minutes: int
    obstetric_days: int


@dataclass(frozen=True, slots=True)
class WorkUp:
    """S25 to S28: persistent low magnesium."""

    persistent_days: int
    index_days: int
    femg_limit: float
    femg_pair_hours: int
    femg_min_clearance: float


@dataclass(frozen=True, slots=True)
class HighWatch:
    """S11, S21: who may carry too much."""

    index_days: int
    mild_index_days: int
    dosed_days: int
    obstetric_high: float
    creatinine_days: int


@dataclass(frozen=True, slots=True)
class Review:
    """How long an unreadable result stays on review."""

    days: int


@dataclass(frozen=True, slots=True)
class Assessment:
    """How far back an index may lie."""

    days: int


@dataclass(frozen=True, slots=True)
class Audit:
    """S4, S6, S7, S17: what a charted dose is held against."""

    max_rate: float
    max_concentration: float
    im_ceiling: float
    im_window_hours: int
    renal_full_dose: float
    level_hours: int
    duplicate_minutes: int
    duplicate_percent: float


@dataclass(frozen=True, slots=True)
class Guard:
    """When the results of a night look like those of another unit."""

    min_results: int
    nights: int
    factor: float


@dataclass(frozen=True, slots=True)
class Plausible:
    """Limits of what a body can hold, in canonical units."""

    magnesium: tuple[float, float]
    creatinine: tuple[float, float]
    potassium: tuple[float, float]
    calcium: tuple[float, float]
    ionised_calcium: tuple[float, float]
    albumin: tuple[float, float]
    clearance: tuple[float, float]
    egfr: tuple[float, float]
    weight: tuple[float, float]
    height: tuple[float, float]
    age: tuple[float, float]
    future_hours: int
