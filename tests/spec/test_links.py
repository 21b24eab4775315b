"""Which numbers are one person: links, chains, circles, against a dull union and follow."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.profile import canonical_profile
from flows.schema import CANONICAL
from hypomag_rules.links import links_at
from hypomag_rules.records import judge_patient_links
from tests.oracle.links import persons_of, states_of
from tests.oracle.times import Moment

AS_OF: Final = datetime(2026, 11, 21, 2, tzinfo=UTC)
ZONE: Final = "Europe/London"
NAMES: Final = CANONICAL["patient_links"].names
Row = dict[str, str]

# Days before the night; `>` goes from the old to the new number, in the order of delivery.
LINKS: Final = """
links                                      | applied  | not followed   | meaning
A>B @9                                     | A:B      |                | a link
A>B @9; B>C @5                             | A:C B:C  |                | a chain, early link first
B>C @9; A>B @5                             | A:C B:C  |                | a chain, late link first
A>B @9; B>C @5; C>D @3                     | A:D B:D C:D |             | a chain of four
A>C @9; B>C @5                             | A:C B:C  |                | two old, one new
A>B @9; B>A @5                             | A:B      | B>A refused    | there and back
B>A @5; A>B @9                             | A:B      | B>A refused    | whatever came first
A>B @9; B>C @5; C>A @3                     | A:C B:C  | C>A refused    | round in three
A>A @9                                     |          | A>A refused    | a circle of one
A>B @9; A>C @5                             | A:C      | A>B overruled  | the newer merge speaks
A>B @5; A>C @5                             | A:C      | A>B overruled  | a tie: the greater number
A>B @9; A>C @5; C>A @3                     | A:C      | A>B overruled, C>A refused | no way
A>B @9; A>C @3; C>A @5                     | C:A      | A>B overruled, A>C refused | none older
A>B @-1                                    |          |                | not linked yet
A>B @9 written @-1                         |          |                | not written yet
A>B @9 withdrawn @3                        |          | A>B withdrawn  | taken back
A>B @9 withdrawn @-1                       | A:B      |                | to be taken back later
A>B @9 withdrawn @3 written @3; A>B @9 written @9 | | A>B withdrawn  | the latest written speaks
A>B @9 withdrawn @3 written @3; A>B @1 written @1 | A:B |             | linked again
A>B @9; A>B @9 withdrawn @3                |          | A>B withdrawn  | undated: the greater text
A>B @9; B>C @5 withdrawn @3                | A:B      | B>C withdrawn  | half a chain taken back
A>B @9; A>C @5 withdrawn @3                | A:B      | A>C withdrawn  | the older speaks again
"""


def table(text: str) -> list[tuple[str, str, str]]:
    lines = [line.split("|") for line in text.strip().splitlines()[1:]]
    return [(cells[0].strip(), cells[1].strip(), cells[2].strip()) for cells in lines]


def days_ago(days: float) -> str:
    return (AS_OF - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def row_of(item: str) -> Row:
    who, linked, *more = item.split()
    old, new = who.split(">")
    told = {"old_patient_id": old, "new_patient_id": new, "linked_at": linked}
    told |= {f"{more[at]}_at": more[at + 1] for at in range(0, len(more), 2)}
    told = {("updated_at" if key == "written_at" else key): cell for key, cell in told.items()}
    return {
        key: days_ago(float(cell[1:])) if cell[0] == "@" else cell for key, cell in told.items()
    }


def followed(rows: list[Row]) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """The product's persons and states of rows as sent."""
    schema = dict.fromkeys(NAMES, pl.String)
    sent = pl.DataFrame([{name: row.get(name) for name in NAMES} for row in rows], schema)
    reading = canonical_profile("feed", ZONE).reading
    text = pl.concat_str(pl.all().fill_null(""), separator="\x1f")
    judged = judge_patient_links(sent, reading).with_columns(sent.select(row_text=text).to_series())
    versions = judged.filter(pl.col("reason").is_null()).select(
        "linked_time",
        "withdrawn_time",
        "updated_time",
        "row_text",
        old_id="old_patient_id",
        new_id="new_patient_id",
    )
    links = links_at(versions, AS_OF.replace(tzinfo=None))
    applied = links.filter(state="applied").select("old_id", "person_id").rows()
    return dict(applied), {
        (old, new): state for old, new, state in links.select("old_id", "new_id", "state").rows()
    }


@pytest.mark.parametrize(("links", "applied", "others"), table(LINKS))
def test_a_link_is_followed_to_the_end_and_never_round(
    links: str, applied: str, others: str
) -> None:
    persons, states = followed([row_of(item) for item in links.split(";")])
    assert persons == dict(pair.split(":") for pair in applied.split())
    told = {f"{old}>{new} {state}" for (old, new), state in states.items() if state != "applied"}
    assert told == {item.strip() for item in others.split(",") if item}


NUMBERS: Final = st.sampled_from("ABCDEFG")
DAYS: Final = st.sampled_from(["", *(days_ago(days) for days in (9, 5, 5, 3, 1, 0, -1))])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda old, new, *times: dict(zip(NAMES, (old, new, *times), strict=True)),
            NUMBERS,
            NUMBERS,
            DAYS,
            st.one_of(st.just(""), DAYS),
            DAYS,
        ),
        max_size=14,
    )
)
def test_the_product_follows_links_as_the_oracle_does(rows: list[Row]) -> None:
    persons, states = followed(rows)
    moment = Moment(AS_OF, ZoneInfo(ZONE))
    assert states == states_of([dict(row) for row in rows], moment)
    assert persons == persons_of([dict(row) for row in rows], moment)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 8, 9, 1000])
def test_long_chains_and_long_circles_are_seen_to_the_end(length: int) -> None:
    chain = [row_of(f"N{at:04}>N{at + 1:04} @{length - at}") for at in range(length)]
    persons, _ = followed(chain)
    assert set(persons.values()) == {f"N{length:04}"}
    persons, states = followed([*chain, row_of(f"N{length:04}>N0000 @0")])
    assert set(persons.values()) == {f"N{length:04}"}
    assert states[f"N{length:04}", "N0000"] == "refused"
