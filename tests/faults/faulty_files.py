"""Part C of the hard nights, fault by fault: what is dropped, and what a night must make of it."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

HEADER: Final = "observation_id,patient_id,code,value,unit,status,collected_at\n"
ROW: Final = "X,CANARY,19123-9,1.0,mg/dL,F,2026-11-20T10:00:00Z\n"
PROFILES: Final = {
    "lab": "",
    "semi": 'separator = ";"\n',
    "fhir": 'layout = "fhir"\n',
    "hl7": 'layout = "hl7v2"\n',
    "omop": 'layout = "omop"\n',
    "mimic": 'layout = "mimic_iv"\n[items.laboratory]\n"50960" = "19123-9"\n',
}

Made = bytes | str | Callable[[Path], None]


class Fault(NamedTuple):
    """A file under `inbox/`, and its outcome.

    `said` are words of the refusal; without them the file is read, and of its `rows` so many are
    quarantined.
    """

    path: str
    made: Made
    said: tuple[str, ...] = ()
    rows: int = 1
    quarantined: int = 0

    def drop(self, inbox: Path) -> None:
        """Make the file and the folders above it."""
        target = inbox / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if callable(self.made):
            self.made(target)
        else:
            content = self.made if isinstance(self.made, bytes) else self.made.encode()
            target.write_bytes(content)


def parquet(**columns: object) -> bytes:
    """One severe result as Parquet, some of its columns replaced."""
    whole = dict(zip(HEADER.strip().split(","), ROW.strip().split(","), strict=True))
    frame = pl.DataFrame({name: [cell] for name, cell in whole.items()}).with_columns(
        **{name: pl.lit(cell) for name, cell in columns.items()}
    )
    return as_parquet(frame)


def as_parquet(frame: pl.DataFrame) -> bytes:
    """A frame as the bytes of a Parquet file."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def observation(**more: object) -> str:
    """One severe result as a line of FHIR."""
    quantity = {"value": 1.0, "unit": "mg/dL", "system": "http://unitsofmeasure.org"}
    whole = {
        "resourceType": "Observation",
        "id": "X",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "19123-9"}]},
        "subject": {"reference": "Patient/CANARY"},
        "effectiveDateTime": "2026-11-20T10:00:00Z",
        "valueQuantity": quantity | {"code": "mg/dL"},
    }
    return json.dumps(whole | more) + "\n"


def message(end: str = "\r") -> str:
    """One severe result as a message of HL7 v2."""
    segments = (
        r"MSH|^~\&|LAB|H|||20261120100000||ORU^R01|C1|P|2.5",
        "PID|1||CANARY^^^H^MR||CANARY^JO",
        "OBR|1||O1|MG^x|||20261120090000|||||||||||||||20261120095500|||F",
        "OBX|1|NM|19123-9^Mg^LN||1.0|mg/dL|||||F|||20261120090000",
    )
    return "".join(segment + end for segment in segments)


def link(path: Path) -> None:
    """A link to a sound file outside of the inbox."""
    target = path.parents[2] / "elsewhere.csv"
    target.write_text(HEADER + ROW, encoding="utf-8")
    path.symlink_to(target)


def folder(path: Path) -> None:
    """A folder with a data file's name, with such a file in it."""
    path.mkdir()
    (path / "observations_part.csv").write_text(HEADER + ROW, encoding="utf-8")


def with_hash(path: Path) -> None:
    """A file beside a hash of another one."""
    path.write_text(HEADER + ROW, encoding="utf-8")
    path.with_name(path.name + ".sha256").write_text("0" * 64, encoding="ascii")


def in_latin_1(text: str) -> bytes:
    """Text with a micro sign as one byte."""
    return text.replace("mg/dL", "\xb5g/dL").encode("latin-1")


SEMICOLONS: Final = (HEADER + ROW).replace(",", ";")
DOUBLE: Final = '{"resourceType": "Observation", "status": "final", '
PERSON: Final = "person_id,gender_concept_id,year_of_birth\nCANARY,8507,1950\n"
OMR: Final = (
    "subject_id,chartdate,seq_num,result_name,result_value\nCANARY,2026-11-20,1,Weight (Lbs),150\n"
)
TWO_LINES: Final = HEADER + ROW * 2
# Two stray quotes a line apart: a lenient reader makes one row of two, and the first is nobody's.
HIDING: Final = HEADER + ROW.replace("X,", '"X,', 1) + ROW.replace("X,", 'Y",', 1) + ROW

FAULTS: Final[dict[str, Fault]] = {
    # half-copied; checksum that disagrees (what grows meanwhile: `test_file_faults.py`)
    "a hash that disagrees": Fault("observations_hash.csv", with_hash, (".sha256", "again")),
    "half-copied within a row": Fault(
        "observations_half.csv", TWO_LINES[:-24], ("line 3: 5 fields where the header has 7",)
    ),
    "half-copied just before the last line end": Fault("observations_end.csv", (HEADER + ROW)[:-1]),
    # empty; header only; no header
    "empty": Fault("observations_empty.csv", "", ("is empty", "header")),
    "empty gzip": Fault("observations_empty.csv.gz", gzip.compress(b""), ("is empty",)),
    "empty Parquet": Fault("observations_empty.parquet", "", ("footer",)),
    "empty FHIR": Fault("fhir/Observation_empty.ndjson", "", ("is empty",)),
    "empty HL7": Fault("hl7/empty.hl7", "", ("is empty",)),
    "empty OMOP": Fault("omop/person_empty.csv", "", ("is empty",)),
    "empty MIMIC": Fault("mimic/empty/hosp/omr.csv", "", ("is empty",)),
    "a blank line first": Fault("observations_blank.csv", "\n" + HEADER + ROW, ("line 1: is bl",)),
    "header only": Fault("observations_header.csv", HEADER, rows=0),
    "header only, OMOP": Fault("omop/person_header.csv", PERSON.split("\n")[0] + "\n", rows=0),
    "header only, MIMIC": Fault("mimic/header/hosp/omr.csv", OMR.split("\n")[0] + "\n", rows=0),
    "header only, Parquet": Fault(
        "observations_header.parquet", as_parquet(pl.read_parquet(parquet()).clear()), rows=0
    ),
    "no header": Fault(
        "observations_headless.csv", ROW * 2, ("line 1: required column 'patient_id' is missing",)
    ),
    "no header, OMOP": Fault(
        "omop/person_headless.csv", "CANARY,8507,1950\n", ("line 1: column 'person_id'",)
    ),
    # swapped, duplicate, extra, missing columns
    "swapped columns": Fault(
        "observations_swapped.csv",
        "value,unit,patient_id,code,collected_at,status\n"
        "1.0,mg/dL,SWAPPED,19123-9,2026-11-20T10:00:00Z,F\n",
    ),
    "a duplicate column": Fault(
        "observations_twice.csv",
        HEADER.replace("status", "value") + ROW,
        ("line 1: columns 4 and 6 have the same name",),
    ),
    "an extra column": Fault(
        "observations_extra.csv",
        (HEADER + ROW).replace("\n", ",CANARY\n").replace(",CANARY\n", ",remark\n", 1),
    ),
    "a missing column": Fault(
        "observations_missing.csv",
        (HEADER + ROW).replace(",unit", "").replace(",mg/dL", ""),
        ("line 1: required column 'unit' is missing", "source profile"),
    ),
    "a missing column, Parquet": Fault(
        "observations_missing.parquet",
        as_parquet(pl.read_parquet(parquet()).drop("unit")),
        ("required column 'unit' is missing",),
    ),
    "a missing column, MIMIC": Fault(
        "mimic/missing/hosp/omr.csv", OMR.replace("_value", ""), ("line 1: column 'result_value'",)
    ),
    # wrong delimiter
    "a wrong delimiter": Fault("observations_semi.csv", SEMICOLONS, ("line 1: required column",)),
    "a wrong delimiter for its profile": Fault(
        "semi/observations_comma.csv", HEADER + ROW, ("line 1: required column",)
    ),
    "the delimiter of its profile": Fault("semi/observations_semi.csv", SEMICOLONS),
    # UTF-16, Latin-1, BOM, NUL bytes
    "UTF-16": Fault("observations_16.csv", (HEADER + ROW).encode("utf-16"), ("line 1", "UTF-8")),
    "UTF-16 FHIR": Fault(
        "fhir/Observation_16.ndjson", observation().encode("utf-16"), ("line 1: is UTF-16",)
    ),
    "UTF-16 HL7": Fault("hl7/utf16.hl7", message().encode("utf-16"), ("line 1: is UTF-16",)),
    "Latin-1": Fault(
        "observations_latin.csv", in_latin_1(HEADER + ROW), ("line 2: byte 22 is not UTF-8",)
    ),
    "Latin-1 in the middle of many lines": Fault(
        "observations_deep.csv",
        (HEADER + ROW * 40_000).encode() + in_latin_1(ROW) + ROW.encode(),
        ("line 40002: byte 22 is not UTF-8",),
    ),
    "Latin-1 FHIR": Fault(
        "fhir/Observation_latin.ndjson",
        observation().encode() + in_latin_1(observation()),
        ("line 2: is not UTF-8",),
    ),
    "Latin-1 HL7": Fault(
        "hl7/latin.hl7", in_latin_1(message()), ("line 4: byte 29 is not UTF-8", "MSH-18")
    ),
    "Latin-1 OMOP": Fault(
        "omop/person_latin.csv", PERSON.replace("CANARY", "CAN\xc4RY").encode("latin-1"), ("UTF-8",)
    ),
    "Latin-1 MIMIC": Fault(
        "mimic/latin/hosp/omr.csv", OMR.replace("CANARY", "CAN\xc4RY").encode("latin-1"), ("UTF-8",)
    ),
    "a byte order mark": Fault("observations_bom.csv", (HEADER + ROW).encode("utf-8-sig")),
    "a byte order mark in the middle": Fault(
        "observations_seam.csv",
        (HEADER + ROW).encode("utf-8-sig") + ROW.encode("utf-8-sig"),
        ("row 2: a second file begins",),
    ),
    "NUL bytes": Fault("observations_nul.csv", TWO_LINES + "X,\0\n", ("line 4: holds NUL bytes",)),
    "NUL bytes HL7": Fault("hl7/nul.hl7", message() + "\0", ("NUL bytes",)),
    "NUL bytes FHIR": Fault(
        "fhir/Observation_nul.ndjson", observation() + "\0\n", ("line 2: holds NUL",)
    ),
    # CR-only line ends; quoted newlines
    "CR alone": Fault(
        "observations_cr.csv", (HEADER + ROW).replace("\n", "\r"), ("line 1: lines end in CR",)
    ),
    "CR alone after the header": Fault(
        "observations_cr_rows.csv",
        HEADER + ROW.replace("\n", "\r") * 2,
        ("line 2: a CR stands alone",),
    ),
    "LF and CRLF mixed": Fault(
        "observations_mixed.csv", HEADER + ROW + ROW.replace("\n", "\r\n"), rows=2
    ),
    "a quoted newline": Fault("observations_newline.csv", HEADER + ROW.replace("X", '"N\n1"', 1)),
    "quotes that hide a row between them": Fault(
        "observations_hiding.csv", HIDING, ("line 2: column 1: a quoted cell runs on to line 3",)
    ),
}
