"""The same results as a canonical extract, as wide lines and as long lines of a third hospital."""

import gzip
import os
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from flows.stages import ingest, opened
from tests.drawing import EXAMPLES
from tests.flows.conftest import AS_OF
from tests.home import Home

BERLIN: Final = ZoneInfo("Europe/Berlin")
DAY: Final = "%d.%m.%Y"
CODES: Final = {"MG": "19123-9", "K": "2823-3", "KREA": "14682-9"}
UNITS: Final = {"MG": "mg/dL", "K": "", "KREA": "umol/l"}
STATUSES: Final = {"F": "fertig", "P": "vorab", "C": "korrigiert", "W": "storniert", "": ""}

WIDE: Final = """
separator = ";"
timezone = "Europe/Berlin"
time_format = "%d.%m.%Y %H:%M"
decimal_comma = true
patient_prefix = "W-"
[codes]
KREA-S = "14682-9"
[words.status]
fertig = "F"
vorab = "P"
korrigiert = "C"
storniert = "W"
[tables.observations]
files = "flach_*"
[tables.observations.columns]
patient_id = "PATNR"
observation_id = "BEFUND"
collected_at = ["TAG", "ZEIT"]
reported_at = "FREIGABE"
status = "STATUS"
[tables.observations.constants]
specimen = "serum"
[tables.observations.wide]
MG = { code = "19123-9", unit = "mg/dL" }
K = { code = "2823-3", unit_column = "K EINHEIT", name = "Kalium" }
KREA = { code = "KREA-S", unit = "umol/l" }
[tables.patients]
files = "flach_*"
[tables.patients.columns]
patient_id = "PATNR"
sex = "GESCHLECHT"
age = "ALTER"
age_at = "TAG"
"""
SPLIT: Final = """
separator = "|"
time_format = "%d/%m/%Y %Hh%M"
patient_prefix = "S-"
[units]
"mg je dL" = "mg/dL"
[tables.observations]
files = "long_*"
timezone = "Europe/Berlin"
unit_check = "UNIT2"
[tables.observations.columns]
patient_id = "ID"
observation_id = "RESULT"
code = "TEST"
value = "VALUE"
unit = "UNIT"
specimen = "MATERIAL"
status = "STATE"
collected_at = ["DATE", "TIME"]
reported_at = ["RDATE", "RTIME"]
"""


class Line(NamedTuple):
    """What one line of a wide extract says; times are local to Berlin."""

    patient: int
    drawn: datetime
    lag: int
    status: str
    age: str
    cells: tuple[str, ...]
    potassium_unit: str


LINES: Final = st.lists(
    st.builds(
        Line,
        patient=st.integers(1, 3),
        drawn=st.integers(0, 400).map(
            lambda quarters: datetime(2026, 6, 25) + timedelta(hours=6 * quarters)  # noqa: DTZ001
        ),
        lag=st.integers(0, 200),
        status=st.sampled_from([*STATUSES]),
        age=st.sampled_from(["17", "18", "64", "0", "", "old", "130"]),
        cells=st.tuples(
            *[st.sampled_from(["0.9", "1.25", "<.8", "2.4 H", "", " ", "clotted", ">=4", "7"])] * 3
        ),
        potassium_unit=st.sampled_from(["mmol/L", "mEq/L", " ", "furlong"]),
    ),
    min_size=20,
    max_size=40,
)


# No table of a night is empty.
ALWAYS: Final = Line(1, datetime(2026, 11, 20, 6, 10), 45, "F", "64", ("0.9", "4", "84"), "mmol/L")  # noqa: DTZ001


def utc(local: datetime) -> str:
    """A local time as the canonical extract has it."""
    return local.replace(tzinfo=BERLIN).astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


def born(age: str, on: date) -> str | None:
    """The latest 1 July on which somebody was born who is so old on that day."""
    if not age.isdigit():
        return None
    years = [year for year in range(on.year, on.year - 200, -1) if date(year, 7, 1) <= on]
    return f"{years[int(age)]}-07-01"


def long_rows(lines: list[Line]) -> list[dict[str, Any]]:
    """The canonical observations of wide lines: cells that hold something, or are withdrawn."""
    rows = []
    for number, line in enumerate(lines):
        for column, value in zip(CODES, line.cells, strict=True):
            if value.strip() or line.status == "W":
                rows.append(
                    {
                        "observation_id": f"B{number}/{column}",
                        "patient_id": f"P{line.patient}",
                        "code": CODES[column],
                        "value": value,
                        "unit": UNITS[column] or line.potassium_unit,
                        "specimen": "serum",
                        "status": line.status,
                        "collected_at": utc(line.drawn),
                        "reported_at": utc(line.drawn + timedelta(minutes=line.lag)),
                        "line": number + 1,
                    }
                )
    return rows


def clock(local: datetime, how: str) -> str:
    """The clock of a local time; of midnight nothing, so that the day stands alone."""
    return local.strftime(how) if local.hour or local.minute else " "


def wide_frame(lines: list[Line]) -> pl.DataFrame:
    """One line each, header padded, decimal commas, day first."""
    return pl.DataFrame(
        [
            {
                " PATNR": f" P{line.patient} ",
                "BEFUND ": f"B{number}",
                "TAG": line.drawn.strftime(DAY),
                "ZEIT": clock(line.drawn, "%H:%M"),
                "FREIGABE": (line.drawn + timedelta(minutes=line.lag)).strftime(DAY + " %H:%M"),
                "STATUS": STATUSES[line.status],
                "GESCHLECHT": "F",
                "ALTER": line.age,
                **{
                    column: value.replace(".", ",")
                    for column, value in zip(CODES, line.cells, strict=True)
                },
                "K EINHEIT": line.potassium_unit,
                "MG EINHEIT": "unread",
            }
            for number, line in enumerate(lines)
        ],
        schema_overrides={"ALTER": pl.String},
    )


def split_frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Long lines with day and clock apart, and the unit in one of two columns or in both."""

    def local(stamp: str) -> datetime:
        return datetime.fromisoformat(stamp).astimezone(BERLIN)

    units = {"mg/dL": (" ", "mg je dL"), "umol/l": ("µmol/L", "UMOL / L"), " ": ("", " ")}
    return pl.DataFrame(
        [
            {
                "ID": row["patient_id"],
                "RESULT": row["observation_id"],
                "TEST": row["code"],
                "VALUE": row["value"],
                "UNIT": units.get(row["unit"], (row["unit"], ""))[0],
                "UNIT2": units.get(row["unit"], (row["unit"], ""))[1],
                "MATERIAL": row["specimen"],
                "STATE": row["status"],
                "DATE": local(row["collected_at"]).strftime("%d/%m/%Y"),
                "TIME": clock(local(row["collected_at"]), "%Hh%M"),
                "RDATE": local(row["reported_at"]).strftime("%d/%m/%Y"),
                "RTIME": local(row["reported_at"]).strftime("%Hh%M"),
            }
            for row in rows
        ]
    )


def written(frame: pl.DataFrame, folder: Path, stem: str, how: str, separator: str) -> None:
    """A frame as CSV with a byte order mark, as the same in gzip, or as Parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    if how == "PARQUET":
        frame.write_parquet(folder / f"{stem}.{how}")
        return
    text = "\ufeff" + frame.write_csv(separator=separator, line_terminator="\r\n")
    content = text.encode()
    zipped = how.endswith("GZ")
    (folder / f"{stem}.{how}").write_bytes(gzip.compress(content) if zipped else content)


JUDGED: Final = (
    "SELECT v.source, v.patient_id, v.observation_id, w.loinc, "
    "w.analyte, w.status_kind, v.collected_time, v.reported_time, v.comparator, v.magnitude, "
    "v.reason, w.is_specimen_conflict "
    "FROM observation_versions v JOIN wordings w USING (wording_id)"
)
PEOPLE: Final = (
    "SELECT DISTINCT patient_id, born_on, sex_word FROM patient_versions WHERE source = ?"
)
LEDGER: Final = "SELECT rows, accepted + superseded + quarantined + ignored FROM files"


@settings(
    max_examples=max(2, EXAMPLES // 75),
    deadline=None,
    derandomize="HYPOMAG_EXAMPLES" not in os.environ,
    database=None,
    phases=[Phase.generate],  # each example is a home of three feeds: shrinking takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(lines=LINES, hows=st.permutations(["CSV", "csv.GZ", "PARQUET"]))
def test_the_same_results_in_three_csv_layouts_are_judged_alike(
    lines: list[Line], hows: list[str]
) -> None:
    lines = [ALWAYS, *lines]
    rows = long_rows(lines)
    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        (home.path / "sources").mkdir()
        for name, text in (("wide", WIDE), ("split", SPLIT)):
            (home.path / "sources" / f"{name}.toml").write_text(text, encoding="utf-8")
        ours = [{k: v for k, v in row.items() if k != "line"} for row in rows]
        home.drop("observations", ours)
        home.drop(
            "patients",
            [
                {
                    "patient_id": f"P{line.patient}",
                    "birth_date": born(line.age, line.drawn.date()),
                    "sex": "female",
                }
                for line in lines
            ],
        )
        written(wide_frame(lines), home.inbox / "wide", "FLACH_1", hows[0], ";")
        written(split_frame(rows), home.inbox / "split", "long_1", hows[1], "|")
        night = home.night(AS_OF)
        assert ingest(night, lambda _: None).refused == 0
        with opened(night) as store:
            judged = store.frame(JUDGED, [])
            people = [set(store.rows(PEOPLE, [source])) for source in ("canonical", "wide")]
            assert all(read == summed for read, summed in store.rows(LEDGER))
            numbered = set(
                store.rows(
                    "SELECT row, observation_id FROM observation_versions WHERE source = 'wide'"
                )
            )
    first, *others = (
        sorted(judged.filter(source=source).drop("source").rows(), key=repr)
        for source in ("canonical", "wide", "split")
    )
    assert len(first) == len(rows)
    assert others == [first, first]
    assert people[0] == people[1]
    assert numbered == {(row["line"], row["observation_id"]) for row in rows}
