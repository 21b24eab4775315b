"""What stands beside a name on the lists: which row is shown, which doses came since."""

from datetime import UTC, datetime
from typing import Final

import polars as pl
import pytest

from flows.stages import assess, ingest, opened
from flows.tonight import tonight_path
from tests.home import Home

AS_OF: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
DRAWN: Final = "2026-11-20T10:00:00Z"


def _result(patient: str, value: str, at: str, unit: str, own_id: str = "O") -> dict[str, str]:
    return {
        "observation_id": own_id,
        "patient_id": patient,
        "code": "19123-9",
        "value": value,
        "unit": unit,
        "status": "F",
        "collected_at": at,
    }


def _tablet(patient: str, started_at: str, ended_at: str = "") -> dict[str, str]:
    return {
        "medication_id": patient,
        "patient_id": patient,
        "kind": "administration",
        "name": "magnesium oxide",
        "route": "oral",
        "dose": "400",
        "dose_unit": "mg",
        "started_at": started_at,
        "ended_at": ended_at,
        "status": "given",
    }


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The items of one night with several on review and several severe."""
    home = Home(tmp_path_factory.mktemp("home"))
    home.drop(
        "observations",
        [
            _result("worst", "1.9", "2026-11-15T10:00:00Z", "mg/dL", "judged"),
            _result("worst", "1.0", "2026-11-18T10:00:00Z", "", "older"),
            _result("worst", "2.5", "2026-11-19T10:00:00Z", "", "newer"),
            _result("newest", "2.5", "2026-11-18T10:00:00Z", "", "older"),
            _result("newest", "2.6", "2026-11-19T10:00:00Z", "", "newer"),
            _result("first", "2.6", "2026-11-19T10:00:00Z", "", "B"),
            _result("first", "2.5", "2026-11-19T10:00:00Z", "", "A"),
            *(
                _result(patient, "1.0", DRAWN, "mg/dL")
                for patient in ("ended then", "begun then", "begun after", "over it", "none")
            ),
        ],
    )
    home.drop(
        "medications",
        [
            _tablet("ended then", "2026-11-20T09:00:00Z", DRAWN),
            _tablet("begun then", DRAWN),
            _tablet("begun after", "2026-11-20T10:01:00Z"),
            _tablet("over it", "2026-11-20T09:00:00Z", "2026-11-20T10:01:00Z"),
        ],
    )
    return _night(home)


def _night(home: Home) -> pl.DataFrame:
    night = home.night(AS_OF, zone="UTC")
    ingest(night, lambda _: None)
    assess(night, lambda _: None)
    with opened(night) as store:
        store.run(f"ATTACH '{tonight_path(night)}' AS looked (READ_ONLY)")
        return store.frame("FROM looked.worklist_items")


@pytest.mark.parametrize(
    ("patient", "value", "own_row"),
    [("worst", "1.0", 2), ("newest", "2.6", 5), ("first", "2.5", 7)],
)
def test_review_shows_what_could_be_severe_then_the_newest_then_the_first_of_the_ids(
    items: pl.DataFrame, patient: str, value: str, own_row: int
) -> None:
    (shown,) = items.filter(patient_id=patient, worklist="review").rows(named=True)
    assert (shown["value_as_sent"], shown["row"]) == (value, own_row)
    assert (shown["source"], shown["file"]) == ("canonical", "observations.csv")
    assert shown["last_judged_mg_dl"] == (1.9 if patient == "worst" else None)


@pytest.mark.parametrize(
    ("patient", "given_since"),
    [
        ("none", "none"),
        ("ended then", "none"),
        ("begun then", "none"),
        ("begun after", "oral 400 mg Fri 20 Nov 10:01"),
        ("over it", "oral 400 mg Fri 20 Nov 09:00"),
    ],
)
def test_given_since_is_what_began_or_ended_after_the_sample(
    items: pl.DataFrame, patient: str, given_since: str
) -> None:
    (listed,) = items.filter(patient_id=patient, worklist="iv_replacement").rows(named=True)
    assert listed["magnesium_given_since"] == given_since
    assert listed["last_judged_mg_dl"] is None
