"""Rules judge moments: one call for several instants gives what a call for each gives."""

from datetime import timedelta
from typing import Final

import polars as pl

from hypomag_rules.assess import assess
from hypomag_rules.policy import load
from tests.drawing import AS_OF, ZONE, Drawn, hold_on_every_night
from tests.product import Tables, read_facts

_EARLIER: Final = (timedelta(0), timedelta(days=9))
_LOW_THEN_TREATED: Final[Tables] = {
    "observations": [
        {
            "observation_id": name,
            "patient_id": "P1",
            "code": "19123-9",
            "value": value,
            "unit": "mg/dL",
            "status": "F",
            "collected_at": at,
        }
        for name, value, at in (
            ("O1", "1.4", "2026-11-19T08:00:00Z"),
            ("O2", "1.0", "2026-11-20T16:00:00Z"),
        )
    ],
    "medications": [
        {
            "medication_id": "M1",
            "patient_id": "P1",
            "kind": "administration",
            "name": "magnesium sulfate",
            "route": "IV",
            "dose": "2",
            "dose_unit": "g",
            "started_at": "2026-11-20T18:00:00Z",
            "status": "given",
        }
    ],
}
_ORDER: Final = ("moment", "source", "version_key", "medication_id", "review_reason", "row")


def test_two_moments_of_one_patient_are_judged_apart() -> None:
    """Before the severe result the patient was low; after the dose nobody waits for a drip."""
    instants = (AS_OF - timedelta(days=1), AS_OF - timedelta(hours=9), AS_OF)
    moments, facts = read_facts([_LOW_THEN_TREATED], instants, ZONE)
    judged = assess(facts, pl.concat(moments), load(), ZONE).patients
    said = judged.sort("as_of").select("severity", "is_on_iv_replacement").rows()
    assert said == [("low", False), ("severe", True), ("severe", False)]


def test_moments_judged_together_are_as_judged_alone() -> None:
    """A backtest of many nights is the nights themselves."""
    hold_on_every_night(_differing_parts)


def _differing_parts(nights: list[Drawn]) -> list[list[str]]:
    """What differs between one call and one call a moment, told of the nights as a whole."""
    moments, facts = read_facts(nights, [AS_OF - before for before in _EARLIER], ZONE)
    together = assess(facts, pl.concat(moments), load(), ZONE)
    faults = [
        f"{name} as of {own['as_of'][0]}: differs"
        for own in moments
        for name, part in assess(facts, own, load(), ZONE)._asdict().items()
        if not _sorted(part).equals(
            _sorted(getattr(together, name).join(own.select("moment"), on="moment", how="semi"))
        )
    ]
    return [faults for _ in nights]


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort([name for name in _ORDER if name in frame.columns], maintain_order=True)
