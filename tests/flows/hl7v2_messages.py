"""A message of HL7 v2 with one result, and what its reader makes of it."""

from pathlib import Path
from typing import Final

import polars as pl

from flows.profile import Profile, parse_profile
from flows.schema import CANONICAL
from flows.sources import hl7v2
from flows.sources.extract import StagedDelivery

MSH: Final = r"MSH|^~\&|LAB|NORTH|EHR|HOSP|20261120070000+0100||ORU^R01^ORU_R01|C1|P|2.5.1"
PID: Final = "PID|1||P1^^^HOSP^MR||Testmere^Anna^B||19500131|F"
PV1: Final = "PV1|1|I|7B^12^1^SOUTH|||||||TEAM|||||||||V1" + "|" * 25 + "20261118101500"
ORC: Final = "ORC|RE|PL1|FL1"
OBR: Final = "OBR|1|PL1|FL1|CHEM^Chemistry^L|||20261120061000+0100" + "|" * 15 + "20261120064500"
OBX: Final = "OBX|1|NM|19123-9^Magnesium^LN||1.10|mg/dL^mg/dL^UCUM|1.6-2.6|L|||F"
SPM: Final = "SPM|1|PS1&EHR^FS1&LAB||SER^Serum^HL70487"
WHOLE: Final = (MSH, PID, PV1, ORC, OBR, OBX, SPM)
NAME: Final = "Testmere"


def profile(toml: str = "") -> Profile:
    return parse_profile("lab", f'layout = "hl7v2"\n{toml}', "Europe/London", "profile")


def text_of(*segments: str, end: str = "\r") -> str:
    return end.join(segments) + end


def replaced(segment: str, number: int, field: str) -> str:
    """A segment with another text in one field; MSH-2 is number 1 of its parts."""
    fields = segment.split("|")
    fields += [""] * (number + 1 - len(fields))
    fields[number] = field
    return "|".join(fields)


def obx(value: str = "1.1", kind: str = "NM", **more: str) -> str:
    """An OBX with the value, and the fields given as `f11="C"`."""
    segment = replaced(replaced(OBX, 2, kind), 5, value)
    for name, field in more.items():
        segment = replaced(segment, int(name.removeprefix("f")), field)
    return segment


def staged(tmp_path: Path, sent: str | bytes, table: str) -> StagedDelivery:
    path = tmp_path / "copy.hl7"
    path.write_bytes(sent if isinstance(sent, bytes) else sent.encode())
    return StagedDelivery(table, "night.hl7", path, {})


def rows_of(
    tmp_path: Path, sent: str | bytes, table: str = "observations", toml: str = ""
) -> pl.DataFrame:
    """What a file becomes."""
    frames = list(hl7v2.read(staged(tmp_path, sent, table), profile(toml)).frames)
    names = [*CANONICAL[table].names, *(["layout_fault"] if table == "observations" else [])]
    return pl.concat([pl.DataFrame(schema=dict.fromkeys(names, pl.String)), *frames])


def column(rows: pl.DataFrame, name: str) -> list[str | None]:
    return rows.get_column(name).to_list()


def only(tmp_path: Path, name: str, *segments: str, toml: str = "") -> str | None:
    """One cell of the only row that a message gives."""
    rows = rows_of(tmp_path, text_of(*segments), toml=toml)
    assert rows.height == 1
    cell: str | None = rows.item(0, name)
    return cell
