"""The original tables of MIMIC-IV become the canonical rows that a hospital would send."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from benchmarks.compare_mimic import PROFILE, compare
from flows.errors import ConfigurationError, FileRefusedError
from flows.inbox import dropped_files, stage
from flows.night import Night
from flows.profile import Profile, parse_profile
from flows.schema import CANONICAL
from flows.settings import Settings
from flows.sources import mimic_iv
from flows.sources.extract import StagedDelivery
from flows.stages import ingest, opened
from hypomag_rules.policy import load
from tests.flows.mimic_iv_tables import write_drop

DEMO = Path(__file__).parents[3] / "shared" / "data"
PROFILES = {
    "mimic_iv": parse_profile("mimic_iv", PROFILE.read_text(encoding="utf-8"), "UTC", "profile"),
}


def drop(tmp_path: Path, without: tuple[str, ...] = ()) -> Path:
    inbox = tmp_path / "inbox"
    write_drop(inbox / "mimic_iv", without)
    return inbox


def read_all(inbox: Path, profile: Profile) -> dict[tuple[str, str], pl.DataFrame]:
    """Every delivery of an inbox, staged as the night does, by original name and table."""
    files = list(dropped_files(inbox, PROFILES))
    rows = {}
    for number, delivery in enumerate(mimic_iv.deliveries(files, profile)):
        assert delivery.table is not None
        staging = inbox.parent / "staging" / str(number)
        copies = StagedDelivery(
            delivery.table,
            delivery.file.path.name,
            stage(delivery.file, staging).path,
            {name: stage(file, staging / name).path for name, file in delivery.lookups.items()},
        )
        frames = list(mimic_iv.read(copies, profile).frames)
        name = delivery.file.path.name.partition(".")[0]
        rows[name, delivery.table] = pl.concat(frames)
    return rows


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], pl.DataFrame]:
    return read_all(drop(tmp_path_factory.mktemp("drop")), PROFILES["mimic_iv"])


def row_of(rows: pl.DataFrame, column: str, value: str) -> Mapping[str, str]:
    """The cells of a row that are not blank."""
    cells = rows.row(by_predicate=pl.col(column) == value, named=True)
    return {name: cell for name, cell in cells.items() if cell is not None}


def test_lookups_and_tables_of_no_use_are_no_deliveries(
    extracted: dict[tuple[str, str], pl.DataFrame],
) -> None:
    assert sorted(extracted) == [
        ("admissions", "encounters"),
        ("diagnoses_icd", "conditions"),
        ("emar", "medications"),
        ("inputevents", "medications"),
        ("inputevents", "observations"),
        ("labevents", "observations"),
        ("omr", "observations"),
        ("patients", "patients"),
        ("prescriptions", "medications"),
        ("transfers", "encounters"),
    ]


def test_frames_have_exactly_the_canonical_columns_as_text(
    extracted: dict[tuple[str, str], pl.DataFrame],
) -> None:
    for (_, table), rows in extracted.items():
        assert rows.schema == dict.fromkeys(CANONICAL[table].names, pl.String())


def test_a_laboratory_event_keeps_its_text_and_takes_code_name_and_specimen(
    extracted: dict[tuple[str, str], pl.DataFrame],
) -> None:
    rows = extracted["labevents", "observations"]
    assert row_of(rows, "observation_id", "11") == {
        "observation_id": "11",
        "patient_id": "70000001",
        "encounter_id": "501",
        "specimen_id": "81",
        "code": "19123-9",
        "name": "Magnesium",
        "value": "1.10",
        "unit": "mg/dL",
        "specimen": "serum",
        "status": "final",
        "collected_at": "2152-05-01 11:00:00",
        "reported_at": "2152-05-01 12:00:00",
        "reference_low": "1.6",
        "reference_high": "2.6",
    }
    chosen = rows.select("observation_id", "value", "specimen", "is_haemolysed").rows()
    assert chosen == [
        ("11", "1.10", "serum", None),
        ("13", "___", "serum", "true"),  # the text stands, never the number beside it
        ("14", "1.05", "blood", "false"),
        ("15", "88", "urine", None),
    ]


def test_clinic_measures_take_their_unit_from_the_name(
    extracted: dict[tuple[str, str], pl.DataFrame],
) -> None:
    rows = extracted["omr", "observations"]
    columns = ("observation_id", "code", "value", "unit", "collected_at")
    assert rows.select(columns).rows() == [
        ("omr-2", "29463-7", "150.5", "lb", "2152-01-05"),
        ("omr-3", "8302-2", "64", "in", "2152-01-05"),
        ("omr-4", "29463-7", "80", None, "2160-01-05"),  # no unit is guessed
        ("omr-5", "29463-7", "80", "kg", "2160-01-06"),
    ]


def test_an_icu_weight_is_one_row_a_stay_and_weight_at_its_first_infusion(
    extracted: dict[tuple[str, str], pl.DataFrame],
) -> None:
    rows = extracted["inputevents", "observations"]
    columns = ("observation_id", "encounter_id", "value", "unit", "collected_at")
    assert rows.select(columns).rows() == [
        ("icuwt-301-68.5", "501", "68.5", "kg", "2152-05-01 12:30:00"),
        ("icuwt-301-70", "501", "70", "kg", "2152-05-02 12:30:00"),
    ]


def test_an_emar_entry_is_a_dose_a_bag_with_the_route_of_entry_or_order(
    extracted: dict[tuple[str, str], pl.DataFrame],
) -> None:
    rows = extracted["emar", "medications"]
    columns = ("medication_id", "order_id", "route", "dose", "dose_unit", "status", "ended_at")
    assert rows.select(columns).rows() == [
        ("emar-70000001-1", "601", "IV", "2", "gm", "Administered", None),
        ("emar-70000001-2", "602", "PO", None, None, "Hold Dose", None),
        ("emar-70000001-3.1", "603", "IV DRIP", "1.5", "gm", None, None),
        ("emar-70000001-3.2", "603", "IV DRIP", "2", "gm", None, None),
        ("emar-70000001-4", None, None, None, None, "Started", "2152-05-01 19:30:00"),
        ("emar-70000002-1", "605", None, None, None, "Something New", None),
    ]
    assert set(rows.get_column("kind")) == {"administration"}


def test_an_icu_infusion_keeps_its_long_dose_and_counts_only_millilitres_as_volume(
    extracted: dict[tuple[str, str], pl.DataFrame],
) -> None:
    rows = extracted["inputevents", "medications"]
    assert row_of(rows, "medication_id", "icu-401-222011") == {
        "medication_id": "icu-401-222011",
        "patient_id": "70000001",
        "encounter_id": "501",
        "order_id": "icu-401",
        "kind": "administration",
        "code": "222011",
        "code_system": "local",
        "name": "Magnesium Sulfate",
        "route": "02-Fluids (Crystalloids)",
        "dose": "2.0000001043081284",
        "dose_unit": "grams",
        "volume_ml": "100",
        "rate": "1",
        "rate_unit": "grams/hour",
        "started_at": "2152-05-01 18:00:00",
        "ended_at": "2152-05-01 20:00:00",
        "status": "FinishedRunning",
    }
    assert rows.get_column("volume_ml").to_list() == ["100", None, None]


def test_a_prescription_is_an_order(extracted: dict[tuple[str, str], pl.DataFrame]) -> None:
    rows = extracted["prescriptions", "medications"]
    assert row_of(rows, "medication_id", "rx-603-2") == {
        "medication_id": "rx-603-2",
        "patient_id": "70000001",
        "encounter_id": "501",
        "order_id": "603",
        "kind": "order",
        "name": "Magnesium Sulfate",
        "route": "IV DRIP",
        "dose": "4",
        "dose_unit": "gm",
        "started_at": "2152-05-01 14:00:00",
        "ended_at": "2152-05-02 14:00:00",
    }


def test_a_diagnosis_is_known_from_the_discharge(
    extracted: dict[tuple[str, str], pl.DataFrame],
) -> None:
    rows = extracted["diagnoses_icd", "conditions"]
    columns = ("patient_id", "code", "code_system", "status", "recorded_at")
    assert rows.select(columns).rows() == [
        ("70000001", "I4820", "ICD-10-CM", None, "2152-05-04 07:00:00"),
        ("70000002", "4271", "ICD-9-CM", None, "2160-03-02 12:00:00"),
    ]


def test_a_stay_has_its_last_ward_and_team_and_a_visit_without_stay_is_emergency(
    extracted: dict[tuple[str, str], pl.DataFrame],
) -> None:
    columns = ("encounter_id", "care_setting", "ward", "care_team", "started_at", "ended_at")
    assert extracted["admissions", "encounters"].select(columns).rows() == [
        ("501", "inpatient", "Medicine", "CMED", "2152-05-01 10:00:00", "2152-05-04 07:00:00"),
        (
            "502",
            "observation",
            "Emergency Department",
            None,
            "2160-03-01 09:00:00",
            "2160-03-02 12:00:00",
        ),
    ]
    assert extracted["transfers", "encounters"].select(columns).rows() == [
        (
            "ed-9004",
            "emergency",
            "Emergency Department",
            None,
            "2160-02-01 20:00:00",
            "2160-02-01 23:00:00",
        ),
    ]


def test_a_patient_is_born_on_1_july_and_died_when_an_admission_or_the_register_says(
    extracted: dict[tuple[str, str], pl.DataFrame],
) -> None:
    rows = extracted["patients", "patients"]
    assert rows.select("patient_id", "birth_date", "sex", "died_at").rows() == [
        ("70000001", "2089-07-01", "F", "2152-05-04 06:45:00"),
        ("70000002", "2120-07-01", "M", None),
        ("70000003", "2060-07-01", "M", "2141-01-09"),
    ]


def test_a_missing_lookup_refuses_the_file_and_says_what_to_put_beside(tmp_path: Path) -> None:
    """Without its details an eMAR has no doses, and a dose that nobody sees looks untreated."""
    inbox = drop(tmp_path, without=("emar_detail",))
    with pytest.raises(FileRefusedError, match=r"emar_detail\.csv\.gz; put it beside emar\.csv"):
        read_all(inbox, PROFILES["mimic_iv"])


def test_a_missing_column_of_a_lookup_is_named_with_its_table(tmp_path: Path) -> None:
    inbox = drop(tmp_path, without=("d_labitems",))
    lookup = inbox / "mimic_iv" / "hosp" / "d_labitems.csv"
    lookup.write_text("itemid,label\n50960,Magnesium\n", encoding="utf-8")
    with pytest.raises(FileRefusedError, match="d_labitems: line 1: column 'fluid'"):
        read_all(inbox, PROFILES["mimic_iv"])


def test_a_short_line_refuses_the_file(tmp_path: Path) -> None:
    """A lenient reader would fill it with blanks."""
    inbox = drop(tmp_path, without=("omr",))
    cut = inbox / "mimic_iv" / "hosp" / "omr.csv"
    cut.write_text(
        "subject_id,chartdate,seq_num,result_name,result_value\n70000001,2152-01-05,1,Weight\n",
        encoding="utf-8",
    )
    with pytest.raises(FileRefusedError, match="line 2: 4 fields where the header has 5"):
        read_all(inbox, PROFILES["mimic_iv"])


def test_of_two_drops_each_file_is_read_with_the_lookups_of_its_own(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    for night in ("2152-05-01", "2152-05-02"):
        write_drop(inbox / "mimic_iv" / night)
    files = list(dropped_files(inbox, PROFILES))
    for delivery in mimic_iv.deliveries(files, PROFILES["mimic_iv"]):
        own = Path(delivery.file.relative).parts[1]
        assert {Path(file.relative).parts[1] for file in delivery.lookups.values()} <= {own}


def test_a_profile_without_laboratory_items_is_refused() -> None:
    """Nothing would be read, and nobody would be listed."""
    empty = parse_profile("ours", 'layout = "mimic_iv"\n', "UTC", "profile")
    with pytest.raises(ConfigurationError, match=r"\[items\.laboratory\] is missing"):
        mimic_iv.deliveries([], empty)


def test_a_night_folds_routes_and_words_and_leaves_no_private_copy(tmp_path: Path) -> None:
    """An event that the profile does not know is kept, and never counts as given."""
    drop(tmp_path)
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "mimic_iv.toml").write_bytes(PROFILE.read_bytes())
    as_of = datetime(2250, 1, 1, tzinfo=UTC)
    settings = Settings(timezone="America/New_York", quiet_seconds=0)
    night = Night(tmp_path, tmp_path / "inbox", as_of, as_of, settings, load())
    ingested = ingest(night, lambda _: None)
    assert (ingested.files, ingested.refused) == (10, 0)
    assert not list((tmp_path / "store").rglob("*.csv"))
    with opened(night) as store:
        judged = store.frame(
            "SELECT medication_id, concat_ws(' ', status_word, route_folded, drug_class) "
            "FROM medication_versions WHERE kind_word = 'administration' AND reason IS NULL",
        )
    assert dict(judged.iter_rows()) == {
        "emar-70000001-1": "given iv magnesium",
        "emar-70000001-2": "held oral magnesium",
        "emar-70000001-3.1": "blank iv magnesium",
        "emar-70000001-3.2": "blank iv magnesium",
        "emar-70000001-4": "given other cns_depressant",
        "emar-70000002-1": "unknown other cardiac_glycoside",
        "icu-401-222011": "given iv magnesium",
        "icu-402-225943": "partial iv",
        "icu-403-225943": "partial other",
    }


def test_the_demo_and_its_canonical_extract_agree() -> None:
    """Every magnesium result that stands in both: text, mg/dL, severity, clock time, shift."""
    originals, extract = DEMO / "mimic-iv-demo", DEMO / "mimic-iv-demo-canonical"
    if not (originals.is_dir() and extract.is_dir()):
        pytest.skip("the MIMIC-IV demo does not stand in ../shared/data")
    assert compare(originals, extract) == 0
