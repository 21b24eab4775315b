"""Returned sheets that cannot be read: refused whole, in words, and the others go on."""

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import openpyxl
import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from flows.stages import opened
from tests.flows.returned import (
    FIRST,
    dispositions,
    fill_in,
    fill_in_csv,
    opened_list,
    publish_night,
    result,
    workbook,
)
from tests.home import Home

pytestmark = pytest.mark.long

TITLES: Final = "Token,Answer,Until,By,Note\n"
AS_OF: Final = "2026-11-22T02:00:00Z"
ANSWER: Final = {"CANARY-1": {"Answer": "done", "By": "A. Nurse"}}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in list(os.environ):
        if name.startswith("HYPOMAG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HYPOMAG_QUIET_SECONDS", "0")
    home = Home(tmp_path / "home")
    home.drop("observations", [result("CANARY-1", "1.0"), result("CANARY-2", "1.1")])
    publish_night(home.night(FIRST))
    return home


def _dispositions(home: Home, *words: str) -> Result:
    return CliRunner().invoke(
        app, ["dispositions", "--home", str(home.path), "--as-of", AS_OF, *words]
    )


def _bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"<a>" + b" " * (40 << 20) + b"</a>")


def _far_cell(path: Path) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0]["XFD1048576"] = "CANARY-1"
    book.save(path)


def _entities(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("xl/workbook.xml", '<!DOCTYPE a [<!ENTITY b "CANARY-1">]><a>&b;</a>')


def _two_lists(path: Path) -> None:
    book = openpyxl.Workbook()
    for name in ("one", "two"):
        book.create_sheet(name).append(TITLES.strip().split(","))
    book.save(path)


def _cut(path: Path) -> None:
    book = openpyxl.Workbook()
    book.save(path)
    path.write_bytes(path.read_bytes()[:-200])


def _link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


FAULTS: Final[dict[str, tuple[str, Callable[[Path], object], str]]] = {
    "text": (".xlsx", lambda path: path.write_text("CANARY-1", "utf-8"), "no workbook that"),
    "cut": (".xlsx", _cut, "no workbook that can be read"),
    "old": (".xls", lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0"), "is none of .xlsx, .csv"),
    "bomb": (".xlsx", _bomb, "unpacks to more than a sheet should"),
    "far": (".xlsx", _far_cell, "has a cell beyond row 100000"),
    "entities": (".xlsx", _entities, "declares entities"),
    "two": (".xlsx", _two_lists, "holds more than one list"),
    "untitled": (".csv", lambda path: path.write_text("CANARY-1\n", "utf-8"), "no row of titles"),
    "latin": (".csv", lambda path: path.write_bytes(TITLES.encode() + b"\xe9"), "no CSV in UTF-8"),
    "long": (".csv", lambda path: path.write_text(TITLES + "x" * 200_000, "utf-8"), "no CSV in"),
    "doubled": (
        ".csv",
        lambda path: path.write_text("Token,Answer,Until,By,Note,Token\n", "utf-8"),
        "has two columns titled Token",
    ),
    "link": (".csv", _link, "is a link, and links are not followed"),
}


def test_a_sheet_that_cannot_be_read_is_refused_and_the_others_count(home: Home) -> None:
    """What, where, and what to do; nothing of what stands in it."""
    folder = dispositions(home)
    for name, (ending, write, _) in FAULTS.items():
        write(folder / f"{name}{ending}")
    fill_in(workbook(home, "iv_replacement"), ANSWER, folder / "good.xlsx")
    told = _dispositions(home, *map(str, sorted(folder.iterdir())))
    assert told.exit_code == 20, told.output
    assert "good.xlsx: 1 answers count" in told.output
    assert "CANARY" not in told.output
    lines = told.output.splitlines()
    for name, (ending, _, said) in FAULTS.items():
        (line,) = [line for line in lines if line.startswith(f"refused: {name}{ending} (")]
        assert said in line
    assert len(lines) == len(FAULTS) + 1


def test_a_refused_sheet_is_told_every_night_while_it_lies_there(home: Home) -> None:
    """Once a night in the ledger, on the report, and in the exit code."""
    (dispositions(home) / "a.csv").write_text("CANARY-1\n", encoding="utf-8")
    for day in (22, 23):
        for _ in range(2):
            as_of = f"2026-11-{day}T02:00:00Z"
            words = ["night", "--direct", "--home", str(home.path), "--as-of", as_of]
            told = CliRunner().invoke(app, words)
            assert told.exit_code == 20, told.output
            assert "CANARY" not in told.output
    page = (home.path / "published" / "current" / "report.html").read_text(encoding="utf-8")
    assert "Returned sheet refused, no answer of it counts: a.csv (has no row of titles" in page
    with opened(home.night(FIRST)) as store:
        assert store.number("SELECT count(*) FROM sheets") == 2
    fill_in_csv(
        workbook(home, "iv_replacement").with_suffix(".csv"),
        {"CANARY-1": {"answer": "done", "by": "A. Nurse"}},
        dispositions(home) / "a.csv",
    )
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0, told.output


def test_refused_rows_end_with_ten_and_are_counted_in_json(home: Home) -> None:
    sheet = dispositions(home) / "a.xlsx"
    fill_in(workbook(home, "iv_replacement"), ANSWER | {"CANARY-2": {"Answer": "done"}}, sheet)
    told = _dispositions(home, str(sheet), "--json")
    assert told.exit_code == 10, told.output
    (found,) = json.loads(told.output)["sheets"]
    assert found.pop("returned").startswith("dispositions/returned/a-")
    assert found == {
        "sheet": "a.xlsx",
        "rows": 2,
        "blank": 0,
        "counted": 1,
        "known": 0,
        "refused": 1,
        "reasons": {"by_missing": 1},
        "problem": "",
        "was_read_before": False,
    }
    assert _dispositions(home, str(sheet)).exit_code == 0
    assert "CANARY" not in told.output


def test_an_empty_home_has_nothing_to_answer(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TITLES, encoding="utf-8")
    words = ["dispositions", "--home", str(tmp_path), str(tmp_path / "a.csv")]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 50
    assert "nothing was listed in home" in told.output


def test_formulas_of_another_sheet_are_no_business_of_the_list(home: Home) -> None:
    """A formula counts as its text where it stands, and nowhere else."""
    sheet = dispositions(home) / "a.xlsx"
    fill_in(workbook(home, "iv_replacement"), ANSWER, sheet)
    book, page, header, at = opened_list(sheet)
    other = book.create_sheet("Mine", 0)
    for row in range(1, header + 4):
        for column in range(1, len(at) + 1):
            other.cell(row, column).value = "=1+1"
    book.save(sheet)
    assert page.max_row > header
    told = _dispositions(home, str(sheet))
    assert told.exit_code == 0, told.output
    assert "1 answers count" in told.output
