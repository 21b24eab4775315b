"""The keys of a profile for files of any shape: what is known, what counts, what contradicts."""

import re
from pathlib import Path
from typing import Final

import pytest

from flows.errors import ConfigurationError
from flows.homes import make_home
from flows.profile import Profile, parse_profile
from flows.table_profile import WideColumn

OBSERVATIONS: Final = "[tables.observations]\n"
COLUMNS: Final = "[tables.observations.columns]\n"
WIDE: Final = "[tables.observations.wide]\n"
MG: Final = 'MG = { code = "19123-9", unit = "mg/dL" }\n'


def parsed(text: str) -> Profile:
    """A profile of a feed called lab."""
    return parse_profile("lab", text, "Europe/London", where="sources/lab.toml")


def test_a_table_says_which_of_their_columns_make_up_ours() -> None:
    table = parsed(
        f'{OBSERVATIONS}files = "LAB_*"\ntimezone = "Europe/Paris"\n'
        f'{COLUMNS}collected_at = ["DATE", " TIME"]\npatient_id = "PAT"\n'
        f'{WIDE}{MG}" K " = {{ code = "2823-3", unit_column = " K_UNIT" }}\n'
    ).tables["observations"]
    assert table.takes("lab_1.CSV")
    assert not table.takes("slab_1.csv")
    assert table.columns == {"collected_at": ("DATE", "TIME"), "patient_id": ("PAT",)}
    assert table.wide == {
        "MG": WideColumn("19123-9", unit="mg/dL"),
        "K": WideColumn("2823-3", unit_column="K_UNIT"),
    }


def test_the_zone_of_a_table_stands_over_that_of_the_profile() -> None:
    profile = parsed('timezone = "Europe/Berlin"\n[tables.patients]\ntimezone = "Europe/Paris"\n')
    zones = [profile.reading_of(table).zone for table in ("patients", "observations")]
    assert zones == ["Europe/Paris", "Europe/Berlin"]


CONTRADICTIONS: Final = {
    "an unknown key": (OBSERVATIONS + 'unit_chek = "U"\n', "unknown key 'unit_chek'"),
    "no column": (COLUMNS + "unit = 3\n", "columns: unit is no column"),
    "an empty list": (COLUMNS + "unit = []\n", "columns: unit is no column"),
    "columns and constants": (
        COLUMNS + 'unit = "U"\n[tables.observations.constants]\nunit = "mg/dL"\n',
        "unit stands in columns and in constants",
    ),
    "an unknown key of a wide column": (WIDE + 'MG = { cod = "1" }\n', "unknown key 'cod'"),
    "a wide column without code": (WIDE + 'MG = { unit = "mg/dL" }\n', "wide.MG: has no code"),
    "a wide column without unit": (WIDE + 'MG = { code = "M" }\n', "either unit or unit_column"),
    "a wide column with two units": (
        WIDE + 'MG = { code = "M", unit = "mg/dL", unit_column = "U" }\n',
        "either unit or unit_column",
    ),
    "wide and long": (f'{COLUMNS}value = "V"\n{WIDE}{MG}', "wide and value"),
    "wide and unit_check": (f'{OBSERVATIONS}unit_check = "U"\n{WIDE}{MG}', "wide and unit_check"),
    "wide patients": ("[tables.patients.wide]\n" + MG, "wide is for observations only"),
    "a unit of patients": ('[tables.patients]\nunit_check = "U"\n', "unit_check is for obser"),
    "an age without its day": ('[tables.patients.columns]\nage = "AGE"\n', "age and age_at"),
    "an age of results": (COLUMNS + 'age = "AGE"\n', "unknown key 'age'"),
    "a zone that is none": (OBSERVATIONS + 'timezone = "Mars"\n', "timezone 'Mars' is not"),
    "hours without minutes": ('time_format = "%d.%m.%Y %H"\n', "time_format is no format"),
    "a format that is none": ("date_format = 3\n", "date_format is no format"),
    "a facility on Mars": ('[facility_timezones]\nA = "Mars"\n', "facility_timezones A 'Mars'"),
    "columns of another layout": ('layout = "fhir"\n' + COLUMNS + 'unit = "U"\n', "layout fhir"),
    "a choice of nothing": ('unit_from = "unit"\n', "name the second as unit_check"),
    "a choice of another layout": ('unit_from = "code"\n', "one of unit, unit_check in layout"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_what_is_unknown_or_contradicts_is_refused_with_file_key_and_way_out(case: str) -> None:
    text, said = CONTRADICTIONS[case]
    with pytest.raises(ConfigurationError) as refused:
        parsed(text)
    message = str(refused.value)
    assert message.startswith("sources/lab.toml")
    assert said in message
    assert ";" in message


AGES: Final = '[tables.patients.columns]\nage = "AGE"\nage_at = "DAY"\n'
CHANGES: Final = {
    "joined columns": (COLUMNS + 'unit = "U"\n', COLUMNS + 'unit = ["U", "V"]\n'),
    "a wide column": (WIDE + MG, WIDE + MG.replace("19123-9", "2601-3")),
    "the second unit": (OBSERVATIONS, OBSERVATIONS + 'unit_check = "U"\n'),
    "a spelling of two units": (
        f'{OBSERVATIONS}unit_check = "U"\n',
        f'{OBSERVATIONS}unit_check = "U"\n[units]\nx = "mg/dL"\n',
    ),
    "the day of an age": ("timezone = 'UTC'\n" + AGES, "timezone = 'Asia/Tokyo'\n" + AGES),
    "a withdrawing word of wide lines": (WIDE + MG, WIDE + MG + "[words.status]\nweg = 'W'\n"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_puts_other_text_into_our_columns_reads_the_files_again(case: str) -> None:
    before, after = CHANGES[case]
    assert parsed(before).shape != parsed(after).shape


def test_what_reads_the_same_text_differently_reads_no_file_again() -> None:
    assert parsed("").shape == parsed("date_format = '%d.%m.%Y'\n[units]\nx = 'mg/dL'\n").shape


@pytest.mark.parametrize("contradicting", [r"(MG|K|\[tables.observations.wide)\b", "unit_"])
def test_every_key_of_the_example_profile_is_known(contradicting: str, tmp_path: Path) -> None:
    make_home(tmp_path, "Ward", "UTC")
    text = (tmp_path / "sources" / "example.toml.txt").read_text(encoding="utf-8")
    lines = [line.removeprefix("# ") for line in text.splitlines()]
    keys = [line for line in lines if re.match(r'\[|"?[\w-]+"? = ', line)]
    example = parsed("\n".join(line for line in keys if not re.match(contradicting, line)))
    assert example.tables["observations"].columns["collected_at"] == ("Tag", "Zeit")
