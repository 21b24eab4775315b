"""A profile drafted from an extract: what is guessed, what is left open, and no patient told."""

import gzip
import json
import os
from pathlib import Path
from typing import Final

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from flows.drafting.analytes import analyte_named, is_plain_name
from flows.drafting.dates import spelling_of
from flows.drafting.draft import draft
from flows.errors import FileRefusedError
from flows.profile import Profile, parse_profile

OLD_EXPORT: Final = Path(__file__).parents[2] / "sample_data" / "old-export"
MOST_EDITS: Final = 5
CSV: Final = "PAT,TEST,RESULT,UNITS,DRAWN\n"
ROWS: Final = "CANARY-1,19123-9,1.1,mg/dL,{0}\nCANARY-2,19123-9,1.2,mg/dL,{0}\n"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HYPOMAG_"):
            monkeypatch.delenv(name)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def file_of(tmp_path: Path, text: str, name: str = "lab_20261120.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_help_tells_a_stranger_what_to_do() -> None:
    told = run("source", "--help").output
    assert "draft" in told
    assert "check" in told
    assert "FILE" in run("source", "draft", "--help").output
    assert run("source", "draft", "nowhere.csv").exit_code == 2


def drafted(*paths: Path) -> tuple[str, Profile]:
    """The draft and the profile that it loads as; no canary is in it."""
    text = draft(paths)
    assert "CANARY" not in text
    return text, parse_profile("lab", text, "Europe/London", where="the draft")


def test_the_draft_of_the_old_export_is_the_committed_one() -> None:
    text = draft([OLD_EXPORT / "labexp_20261120.csv"])
    assert text == (OLD_EXPORT / "drafted.toml").read_text(encoding="utf-8")


def test_a_handful_of_lines_lie_between_the_draft_and_the_finished_profile() -> None:
    """Each edit uncomments a line that the draft proposes: nothing had to be found out anew."""
    before = (OLD_EXPORT / "drafted.toml").read_text(encoding="utf-8").splitlines()
    after = (OLD_EXPORT / "profile.toml").read_text(encoding="utf-8").splitlines()
    assert len(before) == len(after)
    edits = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert 1 <= len(edits) <= MOST_EDITS
    assert all(old.startswith(f"# {new}") for old, new in edits)


@pytest.mark.parametrize("sample", ["one-ward/pipes", "one-ward/semicolons", "third-hospital"])
def test_what_is_guessed_of_other_hospitals_is_what_their_profiles_say(sample: str) -> None:
    """Nothing guessed is wrong, and hardly a column that their people named is missed."""
    folder = OLD_EXPORT.parent / sample
    _, guessed = drafted(*sorted(folder.glob("*.csv")))
    text = (folder / "profile.toml").read_text(encoding="utf-8")
    told = parse_profile("lab", text, "Europe/London", where="their profile")
    assert guessed.separator == told.separator
    assert guessed.reading.decimal_comma == told.reading.decimal_comma
    assert guessed.reading.time_format == told.reading.time_format
    columns = {
        (table, column): own
        for table, spec in told.tables.items()
        for column, own in spec.columns.items()
    }
    found = {key: guessed.tables[key[0]].columns.get(key[1]) for key in columns}
    assert not {key: own for key, own in found.items() if own not in {None, columns[key]}}
    assert len([own for own in found.values() if own]) >= 0.85 * len(columns)


SPELLINGS: Final = {
    "day first by one cell": (["03/04/2026 06:10", "13/04/2026 06:10"], ["%d/%m/%Y %H:%M"]),
    "month first by one cell": (["03/04/2026 06:10", "03/14/2026 06:10"], ["%m/%d/%Y %H:%M"]),
    "nothing decides": (["03/04/26", "05/06/26"], ["%d/%m/%y", "%m/%d/%y"]),
    "both orders": (["13/04/2026", "04/13/2026"], ["%d/%m/%Y", "%m/%d/%Y"]),
    "points and seconds": (["20.11.2026 06:10:00"], ["%d.%m.%Y %H:%M:%S"]),
    "half days": (["11/20/2026 6:10 PM"], ["%m/%d/%Y %H:%M %p".replace("%H", "%I")]),
    "named months": (["20-NOV-2026 06:10"], ["%d-%b-%Y %H:%M"]),
    "eight digits": (["20261120", "20261121"], ["%Y%m%d"]),
    "digits with a clock": (["20261120061000"], ["%Y%m%d%H%M%S"]),
    "ISO": (["2026-11-20 06:10", "2026-11-20T06:10:00+01:00"], []),
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_times_are_read_by_what_proves_their_spelling(case: str) -> None:
    texts, formats = SPELLINGS[case]
    spelling = spelling_of(pl.Series(texts))
    assert spelling is not None
    assert list(spelling.formats) == formats
    assert not spelling.others
    read = [pl.Series(texts).str.to_datetime(one, strict=False) for one in spelling.formats]
    assert not read or not pl.select(pl.coalesce(read)).to_series().null_count()


def test_an_undecided_order_leaves_both_possibilities_and_reads_neither(tmp_path: Path) -> None:
    text, profile = drafted(file_of(tmp_path, CSV + ROWS.format("03/04/2026 06:10")))
    assert profile.reading.time_format is None
    assert '# time_format = "%d/%m/%Y %H:%M"\n# time_format = "%m/%d/%Y %H:%M"' in text


def test_a_birth_date_proves_no_order_of_times(tmp_path: Path) -> None:
    """It may come from another system; a time in the wrong order is half a year away."""
    rows = ROWS.format("03/04/2026 06:10,31/01/1950")
    text, profile = drafted(file_of(tmp_path, CSV.replace("DRAWN", "DRAWN,DOB") + rows))
    assert profile.reading.time_format is None
    assert profile.reading.date_format == "%d/%m/%Y"
    assert '# time_format = "%m/%d/%Y %H:%M"' in text
    rows = ROWS.format("13/04/2026 06:10,03/01/1950")
    text, profile = drafted(file_of(tmp_path, CSV.replace("DRAWN", "DRAWN,DOB") + rows))
    assert profile.reading.time_format == "%d/%m/%Y %H:%M"
    assert profile.reading.date_format is None
    assert "They are read as the times are." in text


def test_cells_in_another_spelling_are_counted(tmp_path: Path) -> None:
    rows = ROWS.format("20/11/2026 06:10") + "CANARY-3,19123-9,1.1,mg/dL,yesterday\n"
    text, profile = drafted(file_of(tmp_path, CSV + rows))
    assert profile.reading.time_format == "%d/%m/%Y %H:%M"
    assert "1 cell" in text


def test_a_loinc_against_its_unit_is_pointed_out_and_never_decided(tmp_path: Path) -> None:
    rows = ROWS.format("2026-11-20T06:10").replace("19123-9", "2601-3")
    text, profile = drafted(file_of(tmp_path, CSV + rows))
    assert not profile.reading.trust
    assert '2 of 2 results of "2601-3"' in text
    assert '# magnesium = "unit"' in text
    assert "[trust]" not in drafted(file_of(tmp_path, CSV + ROWS.format("2026-11-20")))[0]


def test_two_units_that_disagree_are_left_to_the_laboratory(tmp_path: Path) -> None:
    header = CSV.replace("UNITS", "UNITS,UNITS2")
    rows = ROWS.format("2026-11-20T06:10").replace("mg/dL", "mg/dL,meq/L")
    text, profile = drafted(file_of(tmp_path, header + rows))
    assert profile.tables["observations"].unit_check == "UNITS2"
    assert profile.unit_from is None
    assert '# unit_from = "unit"\n# unit_from = "unit_check"' in text


def test_separators_packing_and_commas_are_seen(tmp_path: Path) -> None:
    sent = (CSV + ROWS.format("2026-10-20 06:00")).replace(",", ";").replace("1.", "1,")
    path = tmp_path / "LAB_1.CSV.GZ"
    path.write_bytes(gzip.compress(("\ufeff" + sent).encode()))
    profile = drafted(path)[1]
    assert profile.separator == ";"
    assert profile.reading.decimal_comma
    assert profile.tables["observations"].takes("lab_2.csv.gz")
    table = tmp_path / "lab.parquet"
    pl.DataFrame({"PAT": ["CANARY"], "LOINC": ["2601-3"], "VALUE": [0.5]}).write_parquet(table)
    assert drafted(table)[1].tables["observations"].columns["value"] == ("VALUE",)


def test_a_wide_line_becomes_analytes_and_an_unknown_unit_is_left_open(tmp_path: Path) -> None:
    wide = "PAT,DOB,DRAWN,MG_MMOL_L,CA,WARD\nCANARY-1,1950-01-31,2026-11-20T06:10,0.45,2.1,7B\n"
    text, profile = drafted(file_of(tmp_path, wide))
    assert list(profile.tables["observations"].wide) == ["MG_MMOL_L"]
    assert profile.tables["observations"].wide["MG_MMOL_L"].code == "2601-3"
    assert profile.tables["patients"].columns["birth_date"] == ("DOB",)
    assert '# "CA" = { code = "17861-6", unit = "?" }' in text


def test_a_wide_column_is_named_by_the_unit_in_its_cells(tmp_path: Path) -> None:
    rows = "".join(f"CANARY{at},0.4{at},mmol/L\n" for at in range(3))
    text, profile = drafted(file_of(tmp_path, "PAT,MG,MG_UNIT\n" + rows))
    assert profile.tables["observations"].wide["MG"].code == "2601-3"
    assert profile.tables["observations"].wide["MG"].unit_column == "MG_UNIT"
    assert "# Decide: nothing looks like collected_at" in text
    assert "contradicts this LOINC" not in text
    text, profile = drafted(file_of(tmp_path, "PAT,MG,MG_UNIT\n" + rows + "CANARY9,1.1,mg/dL\n"))
    assert profile.tables["observations"].wide["MG"].code == "2601-3"
    assert '# Decide: 1 of the results of "MG" have a unit' in text


@pytest.mark.parametrize(
    ("time", "has_offsets"),
    [
        ("2026-11-20T06:10Z", True),
        ("2026-11-20 06:10+01:00", True),
        ("20-11-2026", False),
        ("", False),
    ],
)
def test_offsets_are_said_only_where_every_time_has_one(
    time: str, *, has_offsets: bool, tmp_path: Path
) -> None:
    text, _ = drafted(file_of(tmp_path, CSV + ROWS.format(time)))
    assert ("All times have an offset" in text) == has_offsets
    assert ('# timezone = "Europe/London"' in text) != has_offsets


DOUBTS: Final = {
    "an order is no tube when it has samples of several times": (
        "PAT,LABNO,TEST,RESULT,UNITS,DRAWN",
        "CANARY,7,19123-9,1.{0},mg/dL,2026-11-20T0{0}:10",
        '# specimen_id = "LABNO"',
    ),
    "an id of several codes is no result": (
        "PAT,RESULTID,TEST,RESULT,UNITS,DRAWN",
        "CANARY,7,1912{0}-9,1.1,mg/dL,2026-11-20T06:10",
        '# observation_id = "RESULTID"',
    ),
    "a date of death in most rows stands for none": (
        "PAT,SEX,DIED",
        "CANARY{0},F,1900-01-01",
        '# died_at = "DIED"',
    ),
    "a lone time may be anything": (
        "PAT,TEST,RESULT,UNITS,ZULETZT",
        "CANARY{0},19123-9,1.1,mg/dL,1950-01-01",
        '# collected_at = "ZULETZT"',
    ),
    "letters of priority are letters of status too": (
        "PAT,TEST,RESULT,UNITS,DRAWN,PRIO",
        "CANARY{0},19123-9,1.1,mg/dL,2026-11-20,R",
        '# status = "PRIO"',
    ),
    "numbers without a name": (
        "PAT,TEST,X,UNITS,DRAWN",
        "CANARY{0},19123-9,1.1,mg/dL,2026-11-20",
        '# value = "X"',
    ),
    "groups of a thousand are no decimals": (
        "PAT,TEST,RESULT,UNITS,DRAWN",
        'CANARY{0},19123-9,"1,100",mg/dL,2026-11-20',
        "# decimal_comma = true",
    ),
}


@pytest.mark.parametrize("case", DOUBTS)
def test_a_guess_that_could_hide_a_result_is_left_to_be_decided(case: str, tmp_path: Path) -> None:
    header, row, said = DOUBTS[case]
    rows = "".join(f"{row.format(at)}\n" for at in range(1, 5))
    text, _ = drafted(file_of(tmp_path, f"{header}\n{rows}"))
    before, line, _ = text.partition(f"\n{said}\n")
    assert line, text
    assert "Decide" in before.rpartition("\n# Decide")[1]


HANDED_OVER: Final = (
    "ID,PATIENT_NUMBER,SEX,TEST_CODE,RESULT,UNIT,STATUS,DATE,TIME\n"
    "1,CANARY1,F,MG,0.41,mmol/L,AUTH,20/11/2026,06:10\n"
    "2,CANARY2,M,MG,0.81,mmol/L,CANC,20/11/2026,06:20\n"
)


def test_results_without_a_sure_time_are_drafted_as_results(tmp_path: Path) -> None:
    """A lab file that lacks something is still one, whatever it also tells of patients."""
    text, profile = drafted(file_of(tmp_path, HANDED_OVER))
    assert list(profile.tables) == ["observations", "patients"]
    results = profile.tables["observations"].columns
    assert (results["code"], results["value"]) == (("TEST_CODE",), ("RESULT",))
    assert "# Decide: is this collected_at?" in text
    assert '# collected_at = ["DATE", "TIME"]' in text
    text, profile = drafted(file_of(tmp_path, HANDED_OVER.replace("DATE,TIME", "NOTE,OTHER")))
    assert "value" in profile.tables["observations"].columns


STATUSES: Final = {
    "a name and words": ("STAT", "AUTH AMD CANC PREL", 'status = "STAT"   # Decide: status?'),
    "a word of one patient": ("STAT", "AUTH AMD CANC PREL", '# "CANC" = "X"   # Decide'),
    "letters may be of priority": ("STAT", "R S A R", '# status = "STAT"'),
    "short names": ("RES_ST", "F C X F", '# status = "RES_ST"'),
    "words alone": ("REL", "Released Cancelled_by_lab Released Prelim", '# status = "REL"'),
    "a prefix": ("OBS_STATUS", "VERIF VERIF CORR CANC", 'status = "OBS_STATUS"   # Decide'),
    "a suffix": ("FLAG_STATUS", "ok ok bad held", '# status = "FLAG_STATUS"'),
    "one cancelled": ("Z", "ok ok ok cancelled", '# status = "Z"'),
}


@pytest.mark.parametrize("case", STATUSES)
def test_what_may_be_a_status_never_passes_for_final_in_silence(case: str, tmp_path: Path) -> None:
    name, words, said = STATUSES[case]
    rows = "".join(
        f"CANARY{at},19123-9,1.1,mg/dL,2026-11-20T06:10,{word}\n"
        for at, word in enumerate(words.split())
    )
    text, _ = drafted(file_of(tmp_path, f"{CSV.strip()},{name}\n{rows}"))
    assert f"\n{said}" in text
    assert "No status: every result would be final." not in text
    assert not said.startswith("# status") or "EVERY RESULT IS FINAL" in text.replace("\n# ", " ")


def test_numbers_that_nothing_reads_are_said_loudly(tmp_path: Path) -> None:
    sent = "MRN,SEX,X,Y,Z\nCANARY1,F,1.1,2.5,mg/dL\nCANARY2,M,1.2,2.5,mg/dL\n"
    text, profile = drafted(file_of(tmp_path, sent))
    assert list(profile.tables) == ["patients"]
    assert '# Decide: NO RESULT would be read from "lab_20261120.csv"' in text
    people = "MRN,SEX,DOB\nCANARY1,F,1950-01-31\n"
    assert "NO RESULT" not in drafted(file_of(tmp_path, people))[0]


CLOCKS: Final = {
    "digits": ("PAT,TEST,RESULT,UNITS,COLL_DT,COLL_TM", "20/11/2026,0610", "%d/%m/%Y %H%M"),
    "marks": ("PAT,TEST,RESULT,UNITS,COLL_DT,COLL_TM", "20/11/2026,06:10", "%d/%m/%Y %H:%M"),
    "ISO days": ("PAT,TEST,RESULT,UNITS,COLL_DT,COLL_TM", "2026-11-20,0610", "%Y-%m-%d %H%M"),
    "all digits": ("PAT,TEST,RESULT,UNITS,COLL_DT,COLL_TM", "20261120,061000", "%Y%m%d %H%M%S"),
    "half digits": ("PAT,TEST,RESULT,UNITS,COLL_DT,COLL_TM", "20261120,06:10", "%Y%m%d %H:%M"),
}


@pytest.mark.parametrize("case", CLOCKS)
def test_a_clock_beside_its_day_is_joined_to_it(case: str, tmp_path: Path) -> None:
    header, time, spelled = CLOCKS[case]
    rows = f"CANARY1,19123-9,1.1,mg/dL,{time}\nCANARY2,19123-9,1.2,mg/dL,{time}\n"
    _, profile = drafted(file_of(tmp_path, f"{header}\n{rows}"))
    columns = profile.tables["observations"].columns
    assert columns["collected_at"] == ("COLL_DT", "COLL_TM")
    assert profile.reading.time_format == spelled
    read = pl.Series([time.replace(",", " ")]).str.to_datetime(spelled)
    assert read.dt.strftime("%Y-%m-%dT%H:%M").to_list() == ["2026-11-20T06:10"]


@pytest.mark.parametrize(("name", "cell"), [("LAB_TM", "0610"), ("COLL_TM", "610"), ("X", "6:10")])
def test_a_clock_without_a_day_of_its_own_is_asked_about(
    name: str, cell: str, tmp_path: Path
) -> None:
    header = CSV.replace("DRAWN", f"COLL_DT,{name}")
    text, _ = drafted(file_of(tmp_path, header + ROWS.format(f"20/11/2026,{cell}")))
    assert f'# Decide: "{name}" looks like clock times' in text
    assert "Not used" not in text


def test_a_day_in_the_name_of_a_file_without_times_is_proposed(tmp_path: Path) -> None:
    sent = file_of(tmp_path, "PAT,SEX\nCANARY,F\n", "ward_2026-11-20_2.csv")
    assert '# snapshot = "ward_%Y-%m-%d_2.csv"' in drafted(sent)[0]


def test_patients_without_any_result_are_pointed_out(tmp_path: Path) -> None:
    """A table told by another number than the results would leave every age and death unknown."""
    results = file_of(tmp_path, CSV + ROWS.format("2026-11-20"))
    people = "MRN,SEX,DOB\nCANARY-{0},F,1950-01-31\n"
    said = "none of these patients has a result"
    assert said in drafted(results, file_of(tmp_path, people.format(9), "pat.csv"))[0]
    assert said not in drafted(results, file_of(tmp_path, people.format(1), "pat.csv"))[0]


def test_tables_of_omop_are_told_their_layout(tmp_path: Path) -> None:
    text, _ = drafted(file_of(tmp_path, "person_id,gender_concept_id\nCANARY,8507\n"))
    assert '`layout = "omop"` alone will do' in text


def test_words_of_few_patients_are_not_told(tmp_path: Path) -> None:
    """A column that is taken for codes, units or words by mistake must not tell who it is of."""
    rows = [
        f"CANARY-{at},CANARY{at},CANARY NAME {at},1.{at},CANARYUNIT{at},CANARYWORD{at},{day}"
        for at, day in enumerate(["2026-11-20T06:10", "2026-11-20T06:11", "2026-11-20T06:12"])
    ]
    rows += ["CANARY-7,MG-S,Magnesium,1.1,mg/dL,done,2026-11-20T06:10"]
    rows += ["CANARY-8,MG-S,Magnesium,1.1,mg/dL,done,2026-11-20T06:10"]
    typed = "CANARY JONES,Magnesium,1.1,mg/dL,CANARY WORD,2026-11-20T06:10"
    rows += [f"CANARY-{at},{typed}" for at in range(20, 24)]
    shared = "Our panel,Panel,1.1,mg/dL,ready here,2026-11-20T06:10"
    rows += [f"CANARY-{at},{shared}" for at in range(30, 35)]
    header = "MRN,TESTCODE,TESTNAME,RESULT,UNITS,STATUS,DRAWN\n"
    text, profile = drafted(file_of(tmp_path, header + "\n".join(rows) + "\n"))
    assert profile.tables["observations"].columns["patient_id"] == ("MRN",)
    assert '# "MG-S" = "19123-9"' in text
    assert '# "done" = "?"' in text
    assert '# "ready here" = "?"' in text
    assert '"Our panel" 5' in text
    assert "4 codes of few patients" in text


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ("CANARY-1,1.1,mg/dL,2026-11-20\n", "looks like a row, not like a header"),
        ("", "is empty"),
        ("PAT,PAT\n", "have the same name"),
    ],
)
def test_a_file_without_its_header_is_refused_and_not_repeated(
    sent: str, said: str, tmp_path: Path
) -> None:
    result = run("source", "draft", str(file_of(tmp_path, sent)))
    assert result.exit_code == 20
    assert said in result.output
    assert "lab_20261120.csv" in result.output
    assert "CANARY" not in result.output


def test_a_header_alone_and_columns_that_say_nothing_still_make_a_profile(tmp_path: Path) -> None:
    assert drafted(file_of(tmp_path, CSV))[1].tables["observations"].columns["unit"] == ("UNITS",)
    text, _ = drafted(file_of(tmp_path, "A,B\nCANARY,x\n"))
    assert 'no table fits "lab_20261120.csv"' in text


def test_a_name_with_quotes_and_newlines_is_still_toml(tmp_path: Path) -> None:
    header = 'PAT,TEST,RESULT,"UN""ITS\\",DRAWN,"Übrig\t1"\n'
    rows = "".join(f"{line},x\n" for line in ROWS.format("2026-11-20").splitlines())
    profile = drafted(file_of(tmp_path, header + rows))[1]
    assert profile.tables["observations"].columns["unit"] == ('UN"ITS\\',)


def test_it_writes_only_where_nothing_stands(tmp_path: Path) -> None:
    sent, out = file_of(tmp_path, CSV + ROWS.format("2026-11-20")), tmp_path / "lab.toml"
    assert run("source", "draft", str(sent), "--out", str(out)).exit_code == 0
    assert out.read_text(encoding="utf-8") == draft([sent])
    assert "# [expect.observations]\n# every_hours = 24\n" in out.read_text(encoding="utf-8")
    again = run("source", "draft", str(sent), "--out", str(out))
    assert again.exit_code == 50
    assert "stands already" in again.output
    out = tmp_path / "my home" / "sources" / "ward.toml"
    out.parent.mkdir(parents=True)
    *_, last = run("source", "draft", str(sent), "--out", str(out)).output.splitlines()
    assert last == f"hypomag source check ward {sent} --home '{tmp_path / 'my home'}'"


HL7: Final = "\r".join(
    f"MSH|^~\\&|L|N|E|H|20261120070000||ORU^R01|C{at}|P|2.5\r"
    f"PID|1||CANARY-{at}^^^HOSP^MR~CANARY{at}^^^BAND^PI||CANARY^A||19500131|F\r"
    f"OBR|1|P{at}|F{at}|CHEM|||20261120061000|||||||||||||||20261120064500\r"
    f"OBX|1|NM|2601-3^Magnesium^LN||1.10|mg/dL|||||F"
    for at in range(2)
)


def test_messages_and_resources_name_who_numbers_patients_and_which_units(tmp_path: Path) -> None:
    text, profile = drafted(file_of(tmp_path, HL7 + "\r", "night.hl7"))
    assert profile.layout == "hl7v2"
    assert '"BAND" 2' in text
    assert '# patient = "BAND"' in text
    assert '2 of 2 results of "2601-3"' in text
    resources = [
        {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "19123-9"}]},
            "subject": {"reference": f"Patient/CANARY-{at}"},
            "valueQuantity": {"value": 1.1, "unit": "mg/dL", "code": "mg/dL"},
        }
        for at in range(2)
    ]
    lines = "".join(json.dumps(resource) + "\n" for resource in resources)
    text, profile = drafted(file_of(tmp_path, lines, "Observation.ndjson"))
    assert profile.layout == "fhir"
    assert '"mg/dL" 2' in text
    with pytest.raises(FileRefusedError, match=r"^cut.hl7: "):
        draft([file_of(tmp_path, "no message", "cut.hl7")])


@pytest.mark.parametrize(
    ("words", "analyte"),
    [
        ("MG-S Magnesium", "magnesium"),
        ("CREA", "creatinine"),
        ("1029 Kreatinin urine", "urine_creatinine"),
        ("Ca ionisiert", "ionised_calcium"),
        ("Pancreatic amylase", None),
        ("Calcium ionised", "ionised_calcium"),
        ("Magnesium RBC", None),
        ("Albumin/creatinine ratio", None),
        ("Körpergröße", "height"),
        ("creatinine clearance", None),
        ("IMG", None),
    ],
)
def test_only_names_of_what_the_rules_read_are_proposed(words: str, analyte: str | None) -> None:
    assert analyte_named(words) == analyte


def test_a_persons_name_beside_a_letter_is_no_name_of_a_test() -> None:
    assert is_plain_name("Magnesium, serum")
    assert is_plain_name("K")
    assert not is_plain_name("Jones K")
    assert not is_plain_name("serum")


def test_a_file_of_merges_is_one_of_links(tmp_path: Path) -> None:
    text = "OLD_MRN,NEW_MRN,MERGE_DATE\n" + "".join(
        f"CANARY-{at},CANARY-{at + 1},2026-11-20T0{at}:00:00Z\n" for at in range(8)
    )
    told = drafted(file_of(tmp_path, text, "merges_20261120.csv"))[1].tables["patient_links"]
    assert dict(told.columns) == {
        "old_patient_id": ("OLD_MRN",),
        "new_patient_id": ("NEW_MRN",),
        "linked_at": ("MERGE_DATE",),
    }
