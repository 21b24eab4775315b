"""Tables of the OMOP CDM, as CSV or Parquet, become the canonical rows that a hospital sends."""

# ruff: noqa: E501 - a row of a wide table reads best as one line
import gzip
import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from flows.errors import FileRefusedError
from flows.inbox import dropped_files, stage
from flows.profile import Profile, parse_profile
from flows.schema import CANONICAL
from flows.sources import omop
from flows.sources.extract import StagedDelivery
from flows.stages import assess, ingest
from flows.tonight import tonight_path
from tests.flows.mimic_iv_tables import as_csv
from tests.home import Home

AS_OF = datetime(2026, 11, 21, 2, tzinfo=UTC)
CONCEPT = """
    concept_id | concept_name | vocabulary_id | concept_code
    3001420  | Magnesium [Mass/volume] in Serum or Plasma | LOINC | 19123-9
    3012095  | Magnesium [Moles/volume] in Serum or Plasma | LOINC | 2601-3
    4097430  | Magnesium measurement | SNOMED | 38151008
    8840     | milligram per deciliter | UCUM | mg/dL
    8753     | millimole per liter | UCUM | mmol/L
    4123508  | Haemolysed specimen | SNOMED | 281279002
    35207784 | Unspecified atrial fibrillation | ICD10CM | I48.91
    44821957 | Atrial fibrillation | ICD9CM | 427.31
    313217   | Atrial fibrillation | SNOMED | 49436004
    19093848 | magnesium sulfate 40 MG/ML Injectable Solution | RxNorm | 1234567
    36894000 | magnesium sulfate 80 MG/ML Injection by Nobody | RxNorm Extension | OMOP99
    21600847 | magnesium oxide; oral | ATC | A12CC10
    4171047  | Intravenous route | SNOMED | 47625008
    4132161  | Oral | SNOMED | 26643006
    """
TABLES = {
    "measurement": """
        measurement_id | person_id | measurement_concept_id | measurement_date | measurement_datetime | measurement_time | operator_concept_id | value_as_number | value_as_concept_id | unit_concept_id | range_low | range_high | visit_occurrence_id | measurement_source_value | measurement_source_concept_id | unit_source_value | value_source_value
        1 | 90000001 | 3001420 | 2026-11-20 | 2026-11-20T06:10:00 |          | 0       | 0.9 | 0       | 8840 | 1.6 | 2.6 | 501 | MG  | 0       | mg/dL  | 0.9
        2 | 90000001 | 3001420 | 2026-11-19 |                     | 07:20:00 | 4171756 | 1.5 | 0       | 8840 |     |     |     | MG  | 0       | mg/dL  | <1.5
        3 | 90000001 | 0       | 2026-11-18 |                     |          | 4171754 | 2   | 0       | 0    |     |     |     | MG2 | 3012095 | mmol/L |
        4 | 90000002 | 0       | 2026-11-18 |                     |          | 4172704 | 2   | 0       | 0    |     |     |     | MG2 | 0       | mmol/L |
        5 | 90000002 | 4097430 | 2026-11-18 |                     |          | 4171755 | 2   | 0       | 8753 |     |     |     |     | 0       | mg/dL  |
        6 | 90000002 | 3001420 | 2026-11-20 |                     |          | 4172703 | 0.5 | 0       | 8840 |     |     |     | MG  | 0       |        | <0.5
        7 | 90000002 | 3001420 | 2026-11-18 |                     |          | 4171756 |     | 0       | 8840 |     |     |     | MG  | 0       |        | 0.5
        8 | 90000002 | 3001420 | 2026-11-18 |                     |          | 77      | 1.1 | 0       | 8840 |     |     |     | MG  | 0       |        |
        9 | 90000002 | 3001420 | 2026-11-18 |                     |          |         |     | 4123508 | 8840 |     |     |     | MG  | 0       |        |
        """,
    "person": """
        person_id | gender_concept_id | year_of_birth | month_of_birth | day_of_birth | birth_datetime | person_source_value | gender_source_value
        90000001  | 8532              | 1950          | 5              | 7            |                | MRN-1               | F
        90000002  | 8507              | 1960          |                |              | 1960-01-02T00:00:00 | MRN-2          | M
        90000003  | 8521              | 1970          |                |              |                | MRN-3               | other
        """,
    "death": """
        person_id | death_date | death_datetime
        90000002  | 2026-11-20 | 2026-11-20T23:30:00
        90000009  | 2026-11-19 |
        """,
    "visit_occurrence": """
        visit_occurrence_id | person_id | visit_concept_id | visit_start_date | visit_start_datetime | visit_end_date | visit_end_datetime | visit_source_value | care_site_id
        501 | 90000001 | 262    | 2026-11-19 | 2026-11-19T05:00:00 |            |                     | EI  | 7
        502 | 90000001 | 9203   | 2026-10-01 |                     | 2026-10-02 |                     | ED  |
        503 | 90000002 | 581385 | 2026-10-01 |                     | 2026-10-02 | 2026-10-02T09:00:00 | OBS | 8
        504 | 90000002 | 5083   | 2026-10-03 |                     | 2026-10-03 |                     | TEL |
        505 | 90000002 | 38004284 | 2026-10-03 |                   | 2026-10-03 |                     | PSY |
        """,
    "condition_occurrence": """
        condition_occurrence_id | person_id | condition_concept_id | condition_start_date | condition_start_datetime | condition_end_date | condition_source_value | condition_source_concept_id
        1 | 90000001 | 313217 | 2026-11-01 | 2026-11-01T09:00:00 |            | I48.91 | 35207784
        2 | 90000001 | 313217 | 2010-01-01 |                     | 2010-02-01 | 427.31 | 44821957
        3 | 90000002 | 313217 | 2026-11-01 |                     |            | AF     | 0
        4 | 90000002 | 0      | 2026-11-01 |                     |            | I48    | 0
        5 | 90000002 | 313217 | 2026-11-02 | 2026-11-02T09:00:00 | 2026-11-02 | I48.91 | 35207784
        """,
    "drug_exposure": """
        drug_exposure_id | person_id | drug_concept_id | drug_exposure_start_date | drug_exposure_start_datetime | drug_exposure_end_date | drug_exposure_end_datetime | drug_type_concept_id | quantity | route_concept_id | visit_occurrence_id | drug_source_value | route_source_value | dose_unit_source_value
        1 | 90000001 | 19093848 | 2026-11-20 | 2026-11-20T08:00:00 | 2026-11-20 | 2026-11-20T08:15:00 | 32818    | 2   | 4171047 | 501 | 00000-0000-00     | IVPB | g
        2 | 90000001 | 36894000 | 2026-11-20 |                     | 2026-11-20 |                     | 38000180 | 0   | 0       |     | Magnesium sulfate | IVPB | g
        3 | 90000002 | 21600847 | 2026-11-20 |                     | 2026-11-25 |                     | 32838    | 400 | 4132161 |     |                   |      | mg
        4 | 90000002 | 0        | 2026-11-20 |                     | 2026-11-25 |                     | 38000177 |     | 0       |     | Digoxin           | PO   |
        5 | 90000002 | 0        | 2026-11-20 |                     | 2026-11-25 |                     | 32825    | 1.5 | 0       |     | Digoxin           | PO   | mg
        """,
    "care_site": """
        care_site_id | care_site_name
        7            | Ward 7B
        """,
    "concept": CONCEPT,
}
NEEDS_LOOKUP = ("measurement", "condition_occurrence", "drug_exposure")


def profile(text: str = "") -> Profile:
    return parse_profile("omop", f'layout = "omop"\n{text}', "UTC", "profile")


def write(folder: Path, tables: dict[str, str], ending: str = "csv") -> Path:
    """Write tables as CSV or as Parquet with the types that they have in the CDM."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pipes in tables.items():
        path = folder / f"{name}.csv"
        path.write_text(as_csv(pipes), encoding="utf-8")
        if ending == "parquet":
            typed = pl.read_csv(path, try_parse_dates=True, infer_schema_length=None)
            typed.write_parquet(folder / f"{name}.parquet")
            path.unlink()
    return folder.parent


def read_all(inbox: Path, spoken: Profile) -> dict[str, pl.DataFrame]:
    """Every delivery of an inbox, staged as the night does, by the table it came from."""
    rows = {}
    files = list(dropped_files(inbox, {"omop": spoken}))
    for number, delivery in enumerate(omop.deliveries(files, spoken)):
        assert delivery.table is not None
        folder = inbox.parent / "staging" / str(number)
        copies = StagedDelivery(
            delivery.table,
            delivery.file.path.name,
            stage(delivery.file, folder).path,
            {name: stage(file, folder / name).path for name, file in delivery.lookups.items()},
        )
        name = delivery.file.path.name.partition(".")[0]
        frames = list(omop.read(copies, spoken).frames)
        rows[name] = pl.concat(frames) if frames else pl.DataFrame()
    return rows


def read_one(inbox: Path, tables: dict[str, str], text: str = "") -> pl.DataFrame:
    """The first of the tables, with the others beside it."""
    return read_all(write(inbox / "omop", tables), profile(text))[next(iter(tables))]


def with_concepts(name: str, text: str = "") -> dict[str, str]:
    return {name: text or TABLES[name], "concept": CONCEPT}


@pytest.fixture(scope="module", params=["csv", "parquet"])
def extracted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pl.DataFrame]:
    """The same small CDM, once as CSV and once as Parquet: each promise holds of both."""
    inbox = tmp_path_factory.mktemp("cdm") / "inbox"
    write(inbox / "omop", TABLES, request.param)
    return read_all(inbox, profile())


def cells(rows: pl.DataFrame, *columns: str) -> list[tuple[str | None, ...]]:
    return rows.select(columns).rows()


def known_cells(rows: pl.DataFrame, column: str, value: str) -> dict[str, str]:
    """The cells of a row that are not blank."""
    row = rows.row(by_predicate=pl.col(column) == value, named=True)
    return {name: cell for name, cell in row.items() if cell is not None}


def test_frames_have_exactly_the_canonical_columns_as_text(
    extracted: dict[str, pl.DataFrame],
) -> None:
    tables = {"measurement": "observations", "person": "patients", "death": "patients"}
    tables |= {"visit_occurrence": "encounters", "condition_occurrence": "conditions"}
    tables |= {"drug_exposure": "medications"}
    assert extracted.keys() == tables.keys()
    for name, table in tables.items():
        assert extracted[name].schema == dict.fromkeys(CANONICAL[table].names, pl.String())


def test_a_measurement_takes_code_unit_and_limits(extracted: dict[str, pl.DataFrame]) -> None:
    assert known_cells(extracted["measurement"], "observation_id", "1") == {
        "observation_id": "1",
        "patient_id": "90000001",
        "encounter_id": "501",
        "code": "19123-9",
        "name": "MG",
        "value": "0.9",
        "unit": "mg/dL",
        "status": "final",
        "collected_at": "2026-11-20T06:10:00",
        "reference_low": "1.6",
        "reference_high": "2.6",
    }


def test_a_bound_never_reads_as_a_value(extracted: dict[str, pl.DataFrame]) -> None:
    """An unknown operator stays before the number, a comparator of the source text is not lost."""
    assert cells(extracted["measurement"], "observation_id", "value")[1:] == [
        ("2", "<1.5"),
        ("3", "<=2"),
        ("4", ">2"),
        ("5", ">=2"),
        ("6", "<0.5"),
        ("7", "<0.5"),
        ("8", "77 1.1"),
        ("9", "Haemolysed specimen"),
    ]


def test_without_a_loinc_concept_the_source_speaks(extracted: dict[str, pl.DataFrame]) -> None:
    assert cells(extracted["measurement"], "observation_id", "code")[2:5] == [
        ("3", "2601-3"),  # the source concept is LOINC
        ("4", "MG2"),  # a local code that the profile may map
        ("5", "38151008"),  # nothing else is known of it
    ]


def test_a_time_of_day_joins_its_date(extracted: dict[str, pl.DataFrame]) -> None:
    collected = extracted["measurement"].get_column("collected_at").to_list()
    assert collected[:3] == ["2026-11-20T06:10:00", "2026-11-19T07:20:00", "2026-11-18"]


@pytest.mark.parametrize(
    ("trust", "unit"),
    [("", "mmol/L | mg/dL"), ('unit_from = "code"', "mmol/L"), ('unit_from = "text"', "mg/dL")],
)
def test_a_unit_whose_concept_and_text_disagree_needs_a_word_of_the_profile(
    tmp_path: Path, trust: str, unit: str
) -> None:
    """An ETL that maps the unit and leaves the number makes 2 mg/dL a 4.9 mg/dL."""
    rows = read_one(tmp_path / "inbox", with_concepts("measurement"), trust)
    units = rows.get_column("unit").to_list()
    assert units[4] == unit
    assert units[2] == "mmol/L"  # unit concept 0 says nothing


def test_a_person_is_born_on_a_whole_date_or_on_none(extracted: dict[str, pl.DataFrame]) -> None:
    assert cells(extracted["person"], "patient_id", "birth_date", "sex", "mrn", "died_at") == [
        ("90000001", "1950-05-07", "female", "MRN-1", None),
        ("90000002", "1960-01-02", "male", "MRN-2", None),
        ("90000003", None, "other", "MRN-3", None),
    ]


def test_a_death_is_a_newer_version_of_the_person(extracted: dict[str, pl.DataFrame]) -> None:
    """Undated it would lose to the longer row of the person table, and the dead stay listed."""
    columns = ("patient_id", "birth_date", "mrn", "died_at", "updated_at")
    assert cells(extracted["death"], *columns) == [
        ("90000002", "1960-01-02", "MRN-2", "2026-11-20T23:30:00", "2026-11-20T23:30:00"),
        ("90000009", None, None, "2026-11-19", "2026-11-19"),
    ]


def test_visit_concepts_are_care_settings(extracted: dict[str, pl.DataFrame]) -> None:
    columns = ("encounter_id", "care_setting", "ward", "started_at", "ended_at")
    assert cells(extracted["visit_occurrence"], *columns) == [
        ("501", "inpatient", "Ward 7B", "2026-11-19T05:00:00", None),
        ("502", "emergency", None, "2026-10-01", "2026-10-02"),
        ("503", "observation", None, "2026-10-01", "2026-10-02T09:00:00"),
        ("504", "outpatient", None, "2026-10-03", "2026-10-03"),
        ("505", "PSY", None, "2026-10-03", "2026-10-03"),
    ]


def test_a_condition_takes_the_icd_code_of_its_source(extracted: dict[str, pl.DataFrame]) -> None:
    columns = ("code", "code_system", "status", "recorded_at", "resolved_at")
    assert cells(extracted["condition_occurrence"], *columns) == [
        ("I48.91", "ICD-10-CM", None, "2026-11-01T09:00:00", None),
        ("427.31", "ICD-9-CM", None, "2010-01-01", "2010-02-01"),
        ("49436004", "SNOMED", None, "2026-11-01", None),
        ("I48", None, None, "2026-11-01", None),
        # The day of its one record, twice: that is no end.
        ("I48.91", "ICD-10-CM", None, "2026-11-02T09:00:00", None),
    ]


def test_a_profile_may_say_that_source_values_are_icd_codes(tmp_path: Path) -> None:
    text = '[tables.conditions]\nconstants = { code_system = "ICD-10-CM" }\n'
    rows = read_one(tmp_path / "inbox", with_concepts("condition_occurrence"), text)
    assert cells(rows, "code", "code_system") == [
        ("I48.91", "ICD-10-CM"),
        ("427.31", "ICD-9-CM"),
        ("AF", "ICD-10-CM"),
        ("I48", "ICD-10-CM"),
        ("I48.91", "ICD-10-CM"),
    ]


def test_drug_types_are_orders_or_administrations(extracted: dict[str, pl.DataFrame]) -> None:
    """A dose of zero is not said to be given; a type that tells neither is handed on."""
    columns = ("medication_id", "kind", "status", "code", "code_system", "route", "dose")
    assert cells(extracted["drug_exposure"], *columns) == [
        ("1", "administration", "given", "1234567", "RxNorm", "Intravenous", "2"),
        ("2", "administration", None, "OMOP99", "RxNorm", "IVPB", "0"),
        ("3", "order", None, "A12CC10", "ATC", "Oral", "400"),
        ("4", "order", None, "Digoxin", "local", "PO", None),
        ("5", "32825", None, "Digoxin", "local", "PO", "1.5"),
    ]


def test_a_drug_is_named_by_source_and_vocabulary(extracted: dict[str, pl.DataFrame]) -> None:
    """By the number of its package alone no rule would know it."""
    assert cells(extracted["drug_exposure"], "name")[::2] == [
        ("00000-0000-00 (magnesium sulfate 40 MG/ML Injectable Solution)",),
        ("magnesium oxide; oral",),
        ("Digoxin",),
    ]


def test_the_words_of_a_profile_speak_of_concepts_too(tmp_path: Path) -> None:
    """An id that the profile words is handed on: the rules map it, also when it judges anew."""
    text = '[words.kind]\n"32825" = "administration"\n"32838" = "administration"\n'
    rows = read_one(tmp_path / "inbox", with_concepts("drug_exposure"), text)
    assert cells(rows, "kind", "status")[2:] == [
        ("32838", "given"),
        ("order", None),
        ("32825", "given"),
    ]


def test_upper_case_headers_and_names_are_the_same_tables(tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / "omop"
    write(folder, with_concepts("measurement"))
    for name in ("measurement", "concept"):
        header, rows = (folder / f"{name}.csv").read_text(encoding="utf-8").split("\n", 1)
        (folder / f"{name}.csv").unlink()
        packed = gzip.compress(f"{header.upper()}\n{rows}".encode())
        (folder / f"{name.upper()}_2026-11-20.csv.gz").write_bytes(packed)
    (measured,) = read_all(tmp_path / "inbox", profile()).values()
    assert measured.get_column("code").to_list()[:3] == ["19123-9", "19123-9", "2601-3"]


def test_the_vocabularies_of_athena_have_tabs_and_bare_quotes(tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / "omop"
    write(folder, {"measurement": TABLES["measurement"]})
    lines = [line.split("|") for line in CONCEPT.strip().splitlines()]
    lines.insert(1, ["99", 'Blood group "O', "LOINC", "0-0"])
    text = "\n".join("\t".join(cell.strip() for cell in line) for line in lines)
    (folder / "CONCEPT.csv").write_text(text + "\n", encoding="utf-8")
    rows = read_all(tmp_path / "inbox", profile())["measurement"]
    assert rows.get_column("code").to_list()[:3] == ["19123-9", "19123-9", "2601-3"]
    (folder / "CONCEPT.csv").write_text(text[:-12], encoding="utf-8")
    with pytest.raises(FileRefusedError, match="concept: line 16: 3 fields where the header has 4"):
        read_all(tmp_path / "inbox", profile())


def test_numbers_of_parquet_are_their_shortest_text(tmp_path: Path) -> None:
    """A visit id with a gap comes as floats; zeros of a decimal's scale are no digits."""
    folder = tmp_path / "inbox" / "omop"
    write(folder, with_concepts("measurement"))
    numbers = [Decimal("1.20000"), Decimal(10), None, Decimal("0.8"), *[Decimal(1)] * 5]
    typed = pl.read_csv(folder / "measurement.csv", infer_schema_length=None).with_columns(
        pl.Series("value_as_number", numbers, pl.Decimal(18, 5)),
        pl.col("visit_occurrence_id").cast(pl.Float64),
        pl.col("range_high").cast(pl.Float32),
    )
    (folder / "measurement.csv").unlink()
    typed.write_parquet(folder / "measurement.parquet")
    rows = read_all(tmp_path / "inbox", profile())["measurement"]
    values = rows.get_column("value").str.strip_chars("<>= ").to_list()
    assert (values[0], values[1], values[3]) == ("1.2", "10", "0.8")
    assert cells(rows, "encounter_id", "reference_high")[0] == ("501", "2.6")


def test_a_printed_number_is_handed_on_as_sent(tmp_path: Path) -> None:
    text = TABLES["measurement"].replace("| 0.9 | 0 ", "| 0.90000 | 0 ")
    rows = read_one(tmp_path / "inbox", with_concepts("measurement", text=text))
    assert rows.get_column("value").to_list()[0] == "0.90000"


def test_only_tables_of_the_model_are_known(tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / "omop"
    names = ["observation.csv", "concept_cpt4.csv", "visit_detail.csv", "drug_era-2.parquet"]
    names += ["death.csv", "Person-2026.csv", "measurements.csv", "labs.csv"]
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    files = list(dropped_files(tmp_path / "inbox", {"omop": profile()}))
    assert {d.file.path.name: d.table for d in omop.deliveries(files, profile())} == {
        "Person-2026.csv": "patients",
        "death.csv": "patients",
        "labs.csv": None,
        "measurements.csv": None,
    }


def test_of_several_vocabularies_that_of_the_same_drop_is_read(tmp_path: Path) -> None:
    for night in ("2026-11-20", "2026-11-21"):
        write(tmp_path / "inbox" / "omop" / night, TABLES)
    files = list(dropped_files(tmp_path / "inbox", {"omop": profile()}))
    for delivery in omop.deliveries(files, profile()):
        own = Path(delivery.file.relative).parent
        assert {Path(file.relative).parent for file in delivery.lookups.values()} <= {own}


@pytest.mark.parametrize("name", NEEDS_LOOKUP)
def test_without_concepts_a_table_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileRefusedError, match="without the concept table; put concept"):
        read_one(tmp_path / "inbox", {name: TABLES[name]})


def test_a_vocabulary_without_any_of_our_concepts_is_refused(tmp_path: Path) -> None:
    """Every result would be a local code that nobody maps, and the night empty."""
    tables = {
        "measurement": TABLES["measurement"],
        "concept": "concept_id | concept_name | vocabulary_id | concept_code\n1 | x | LOINC | 1-1",
    }
    with pytest.raises(FileRefusedError, match="concept: none of the 6 concepts"):
        read_one(tmp_path / "inbox", tables)


def test_concepts_that_the_vocabulary_lacks_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / "omop"
    short = "\n".join(CONCEPT.strip().splitlines()[:2])
    write(folder, {"measurement": TABLES["measurement"], "concept": short})
    paths = {"concept": folder / "concept.csv"}
    staged = StagedDelivery("observations", "measurement.csv", folder / "measurement.csv", paths)
    assert omop.read(staged, profile()).unknown_columns == ("5 of 6 concepts are not in concept",)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("measurement", "operator_concept_id"),
        ("measurement", "unit_source_value"),
        ("person", "gender_concept_id"),
        ("visit_occurrence", "visit_concept_id"),
        ("condition_occurrence", "condition_concept_id"),
        ("drug_exposure", "drug_type_concept_id"),
    ],
)
def test_a_missing_column_is_named(tmp_path: Path, name: str, column: str) -> None:
    text = TABLES[name].replace(column, "somebody")
    with pytest.raises(FileRefusedError, match=f"line 1: column '{column}' of the OMOP") as refused:
        read_one(tmp_path / "inbox", with_concepts(name, text=text))
    assert "somebody" not in str(refused.value)


def test_a_table_needs_a_date_or_a_time(tmp_path: Path) -> None:
    dated = TABLES["measurement"].replace("measurement_datetime", "other")
    rows = read_one(tmp_path / "one" / "inbox", with_concepts("measurement", text=dated))
    assert rows.get_column("collected_at").to_list()[0] == "2026-11-20"
    undated = dated.replace("measurement_date", "another")
    with pytest.raises(FileRefusedError, match="column 'measurement_date' of the OMOP"):
        read_one(tmp_path / "two" / "inbox", with_concepts("measurement", text=undated))


def test_a_missing_column_of_the_vocabulary_is_named_with_its_table(tmp_path: Path) -> None:
    tables = with_concepts("measurement") | {"concept": CONCEPT.replace("vocabulary_id", "v")}
    with pytest.raises(FileRefusedError, match="concept: line 1: column 'vocabulary_id'"):
        read_one(tmp_path / "inbox", tables)


def test_a_short_line_refuses_the_file_and_quotes_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / "omop"
    write(folder, {"person": TABLES["person"]})
    with (folder / "person.csv").open("a", encoding="utf-8") as table:
        table.write("90000004,8532,1950\n")
    with pytest.raises(FileRefusedError, match="line 5: 3 fields where the header has 8") as short:
        read_all(tmp_path / "inbox", profile())
    assert "90000004" not in str(short.value)


def test_a_table_without_header_is_refused_and_quotes_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / "omop"
    folder.mkdir(parents=True)
    (folder / "person.csv").write_text("90000004,8532,1950,Nemo\n", encoding="utf-8")
    with pytest.raises(FileRefusedError, match="of 4 columns known: none of ours") as refused:
        read_all(tmp_path / "inbox", profile())
    assert "Nemo" not in str(refused.value)
    assert "90000004" not in str(refused.value)


def test_a_table_without_rows_is_an_empty_one(tmp_path: Path) -> None:
    header = TABLES["measurement"].strip().splitlines()[0]
    assert read_one(tmp_path / "inbox", with_concepts("measurement", text=header)).is_empty()


def test_a_cut_parquet_file_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / "omop"
    write(folder, {"person": TABLES["person"]}, "parquet")
    whole = (folder / "person.parquet").read_bytes()
    (folder / "person.parquet").write_bytes(whole[:-20])
    with pytest.raises(FileRefusedError, match="not a whole Parquet file"):
        read_all(tmp_path / "inbox", profile())


@pytest.fixture
def night_home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    write(home.inbox / "omop", TABLES)
    (home.path / "sources").mkdir()
    text = 'layout = "omop"\ntimezone = "Europe/London"\npatient_prefix = ""\n'
    (home.path / "sources" / "omop.toml").write_text(text, encoding="utf-8")
    return home


def test_a_night_lists_the_severe_and_knows_dose_and_death(night_home: Home) -> None:
    night = night_home.night(AS_OF)
    ingested = ingest(night, lambda _: None)
    assert (ingested.files, ingested.refused, ingested.rows) == (6, 0, 29)
    assess(night, lambda _: None)
    with duckdb.connect(str(tonight_path(night)), read_only=True) as database:
        assessed = database.execute(
            "SELECT patient_id, magnesium_mg_dl, severity, sex, is_cardiac, "
            "parenteral_after_index_at IS NOT NULL, is_on_iv_replacement FROM assessments ORDER BY 1"
        ).fetchall()
        wards = database.execute("SELECT DISTINCT ward FROM worklist_items").fetchall()
        audited = database.execute("SELECT medication_id, route, grams FROM doses").fetchall()
    assert assessed == [
        ("90000001", 0.9, "severe", "female", True, True, False),
        ("90000002", 0.5, "severe", "male", True, False, False),  # died that night
    ]
    assert ("1", "iv", 2.0) in audited
    assert wards == [("Ward 7B",)]


def test_a_death_that_comes_after_its_person_still_counts(night_home: Home) -> None:
    """The person's own row, longer and without a death, would stand if the death had no date."""
    folder = night_home.inbox / "omop"
    later = (folder / "death.csv").rename(night_home.path / "death.csv")
    night = night_home.night(AS_OF)
    ingest(night, lambda _: None)
    assert listed_for_replacement(night_home) == ["90000002"]
    (folder / "person.csv").unlink()
    later.rename(folder / "death.csv")
    ingest(night, lambda _: None)
    assert listed_for_replacement(night_home) == []


def listed_for_replacement(home: Home) -> list[str]:
    night = home.night(AS_OF)
    assess(night, lambda _: None)
    with duckdb.connect(str(tonight_path(night)), read_only=True) as database:
        listed = "SELECT patient_id FROM assessments WHERE is_on_iv_replacement ORDER BY 1"
        return [patient_id for (patient_id,) in database.execute(listed).fetchall()]


def test_what_was_read_beside_a_poorer_vocabulary_is_read_again(night_home: Home) -> None:
    concepts = night_home.inbox / "omop" / "concept.csv"
    whole = concepts.read_text(encoding="utf-8")
    poor = "\n".join(line for line in whole.splitlines() if "19123-9" not in line)
    concepts.write_text(f"{poor}\n", encoding="utf-8")
    ingest(night_home.night(AS_OF), lambda _: None)
    assert listed_for_replacement(night_home) == []
    concepts.write_text(whole, encoding="utf-8")
    os.utime(concepts, (0, 0))
    (night_home.inbox / "omop" / "death.csv").unlink()
    later = night_home.night(AS_OF + timedelta(hours=1))
    ingest(later, lambda _: None)
    assess(later, lambda _: None)
    with duckdb.connect(str(tonight_path(later)), read_only=True) as database:
        held = database.execute("SELECT severity FROM assessments ORDER BY ALL").fetchall()
        twice = "SELECT 1 FROM quarantine GROUP BY night, file, table_name, row HAVING count(*) > 1"
        assert database.execute(twice).fetchall() == []
    assert ("severe",) in held
