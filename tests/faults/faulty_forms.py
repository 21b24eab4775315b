"""Part C of the hard nights, second half: ragged rows, bombs, Parquet, names, NDJSON and HL7."""

import gzip
import os
from datetime import timedelta
from typing import Final

import polars as pl

from tests.faults.faulty_files import (
    HEADER,
    OMR,
    PERSON,
    ROW,
    TWO_LINES,
    Fault,
    as_parquet,
    folder,
    link,
    message,
    observation,
    parquet,
)

SOUND: Final = HEADER + ROW
DOUBLED: Final = '{"resourceType": "Observation", "status": "final", "status": "amended"}\n'
MANY_ROWS: Final = (1 << 22) + 1

FORMS: Final[dict[str, Fault]] = {
    # ragged rows; unclosed quote
    "too few cells": Fault("observations_few.csv", TWO_LINES + "X,CANARY\n", ("line 4: 2 fields",)),
    "too many cells": Fault(
        "observations_many.csv", HEADER + ROW.replace("\n", ",CANARY\n"), ("line 2: 8 fields",)
    ),
    "a short and a long line that make up for each other": Fault(
        "observations_both.csv",
        HEADER + ROW.replace("\n", ",CANARY\n") + ROW.replace(",F", ""),
        ("line 2: 8 fields",),
    ),
    "too few cells, OMOP": Fault(
        "omop/person_few.csv", PERSON + "CANARY,8507\n", ("line 3: 2 fields",)
    ),
    "too few cells, MIMIC": Fault(
        "mimic/few/hosp/omr.csv", OMR + "CANARY,1\n", ("line 3: 2 fields",)
    ),
    "an unclosed quote": Fault(
        "observations_unclosed.csv",
        TWO_LINES + ROW.replace("1.0", '"1.0') + ROW,
        ("line 4: a quote opens and the file ends before it closes",),
    ),
    "a quote within a cell": Fault(
        "observations_inch.csv", HEADER + ROW.replace("X", 'X"1', 1), ("line 2: a quote within",)
    ),
    "an unclosed quote in the header": Fault(
        "observations_quoted.csv", '"' + HEADER + ROW, ("line 1: a quote is not closed",)
    ),
    # cut gzip
    "a cut gzip": Fault(
        "observations_cut.csv.gz",
        gzip.compress((HEADER + ROW * 50).encode())[:-12],
        ("gzip stream is cut",),
    ),
    "a cut gzip, FHIR": Fault(
        "fhir/Observation_cut.ndjson.gz", gzip.compress(observation().encode())[:-9], ("is cut",)
    ),
    "a cut gzip, HL7": Fault("hl7/cut.hl7.gz", gzip.compress(message().encode())[:-9], ("is cut",)),
    "no gzip at all": Fault("observations_plain.csv.gz", HEADER + ROW, ("gzip stream",)),
    "gzip with something behind it": Fault(
        "observations_behind.csv.gz",
        gzip.compress((HEADER + ROW).encode()) + b"more",
        ("followed by something else",),
    ),
    "gzip of two members": Fault(
        "observations_members.csv.gz",
        gzip.compress((HEADER + ROW.replace("X", "G1")).encode())
        + gzip.compress(ROW.replace("X", "G2").encode()),
        rows=2,
    ),
    # gzip and Parquet bombs: caps on bytes, ratio, rows, field length
    "a gzip bomb": Fault(
        "observations_bomb.csv.gz",
        gzip.compress(HEADER.encode() + b" " * 20_000_000),
        ("unpacks to more than", "split it"),
    ),
    "a gzip bomb, FHIR": Fault(
        "fhir/Observation_bomb.ndjson.gz", gzip.compress(b" " * 20_000_000), ("unpacks to more",)
    ),
    "a Parquet bomb of rows": Fault(
        "observations_rows.parquet",
        as_parquet(pl.select(patient_id=pl.repeat("CANARY", MANY_ROWS))),
        (f"says {MANY_ROWS} rows", "split it"),
    ),
    "a Parquet bomb of rows, OMOP": Fault(
        "omop/person_rows.parquet",
        as_parquet(pl.select(person_id=pl.repeat(7, MANY_ROWS))),
        (f"says {MANY_ROWS} rows",),
    ),
    "a long field in Parquet": Fault(
        "observations_long.parquet",
        parquet(unit="CANARY" * 200_000),
        ("row 1: its unit is longer than 1048576 bytes",),
    ),
    "a long field in FHIR": Fault(
        "fhir/Observation_long.ndjson",
        observation(id="CANARY" * 200_000),
        ("row 1: its observation_id is longer than",),
    ),
    "a long field in HL7": Fault(
        "hl7/long.hl7",
        message().replace("mg/dL", "CANARY" * 200_000),
        ("row 1: its unit is longer than",),
    ),
    "a long line": Fault(
        "observations_line.csv",
        SOUND + ROW.replace("X", "CANARY" * 200_000),
        ("line 3: is longer than",),
    ),
    "a long header": Fault("observations_head.csv", "CANARY" * 30_000 + "," + SOUND, ("line 1:",)),
    # Parquet: cut, damaged, of other types
    "a cut Parquet": Fault("observations_cut.parquet", parquet()[:-20], ("footer", "send it")),
    "a cut Parquet, OMOP": Fault("omop/person_cut.parquet", parquet()[:-20], ("footer",)),
    "a Parquet without its middle": Fault(
        "observations_hole.parquet",
        parquet()[:4] + b"\xff" * 200 + parquet()[204:],
        ("damaged or cut Parquet file",),
    ),
    "CSV named Parquet": Fault("observations_csv.parquet", SOUND, ("footer",)),
    "Parquet named CSV": Fault("observations_parquet.csv", parquet(), ("line 1:",)),
    "a column of lists": Fault(
        "observations_list.parquet",
        as_parquet(pl.read_parquet(parquet()).with_columns(pl.concat_list("value"))),
        ("column 4: holds List values", "write it as text"),
    ),
    "a column of lapses": Fault(
        "observations_lapse.parquet",
        parquet(collected_at=timedelta(1)),
        ("column 7: holds Duration values",),
    ),
    "ids that floats round": Fault(
        "observations_float.parquet", parquet(patient_id=1e17), ("row 1, column 2: a number too",)
    ),
    "decimals, categories and other types of text": Fault(
        "observations_types.parquet",
        as_parquet(
            pl.read_parquet(parquet()).with_columns(
                pl.col("value").cast(pl.Decimal(38, 12)),
                pl.col("unit").cast(pl.Categorical),
                pl.col("status").cast(pl.Enum(["F"])),
                pl.col("patient_id").cast(pl.Binary),
                pl.col("collected_at").str.to_datetime(time_zone="UTC"),
            )
        ),
    ),
    # symlink, FIFO, folder with a data file's name, folders of partitions
    "a link": Fault("observations_link.csv", link, ("is a link", "drop the file itself")),
    "a pipe": Fault("observations_pipe.csv", os.mkfifo, ("is a pipe",)),
    "a folder": Fault("observations_folder.csv", folder, ("is a folder", "by itself")),
    "a folder of a feed": Fault("lab/observations_folder.csv", folder, ("is a folder",)),
    "a folder of a patient": Fault("patient_id=CANARY", folder, ("is a folder",)),
    "a file in a folder of a patient": Fault(
        "lab/patient_id=CANARY/observations.csv", SOUND, ("a folder of a partitioned table",)
    ),
    # names: a literal *, quotes, newlines, formulas, other bytes, no table's, packed
    "a literal star": Fault("observations_*.csv", SOUND),
    "a literal star, Parquet": Fault("observations_*.parquet", parquet()),
    "brackets and braces": Fault("observations_[a]{b,c}?.csv", SOUND),
    "quotes": Fault("observations_'\";--.csv", SOUND),
    "a newline": Fault("observations_a\nexit 0: every row classified.csv", SOUND),
    "a newline, unknown": Fault("obs\nexit 0.csv", SOUND, ("its name announces no table",)),
    "a formula": Fault('=HYPERLINK("x").csv', SOUND, ("its name announces no table",)),
    "a formula after the table": Fault("observations_=1+1.csv", SOUND),
    "bytes that are no UTF-8": Fault("observations_\udcff.csv", SOUND),
    "no table": Fault("results.csv", SOUND, ("its name announces no table", "begin it with")),
    "no table, FHIR": Fault("fhir/results.ndjson", observation(), ("announces no table",)),
    "no table, OMOP": Fault("omop/results.csv", SOUND, ("announces no table",)),
    "more than a table, MIMIC": Fault(
        "mimic/more/hosp/labevents_2026.csv", SOUND, ("announces no table",)
    ),
    "Parquet, MIMIC": Fault("mimic/labevents.parquet", parquet(), ("announces no table",)),
    "packed": Fault("observations.csv.zip", SOUND, ("is packed", "ending in .csv")),
    "a spreadsheet": Fault("observations.xlsx", SOUND, ("has an ending that its feed",)),
    "another layout's file": Fault("lab/results.hl7", message(), ("has an ending",)),
    # NDJSON cut in its last line or with a key twice
    "NDJSON cut in its last line": Fault(
        "fhir/Observation_last.ndjson", observation() * 2 + observation()[:-30], ("line 3: is not",)
    ),
    "NDJSON with a key twice": Fault(
        "fhir/Observation_key.ndjson", observation() + DOUBLED, ("line 2:", "twice")
    ),
    "NDJSON put together without a line end": Fault(
        "fhir/Observation_glued.ndjson", observation()[:-1] + observation(), ("line 1:",)
    ),
    "NDJSON nested without end": Fault(
        "fhir/Observation_nested.ndjson",
        observation()[:-2] + ', "note": ' + "[" * 100_000 + "]" * 100_000 + "}\n",
        ("line 1:",),
    ),
    "NDJSON without a last line end": Fault("fhir/Observation_end.ndjson", observation()[:-1]),
    # HL7 with \n or \r\n, unescaped separators, missing MSH
    "HL7 with CR": Fault("hl7/cr.hl7", message()),
    "HL7 with LF": Fault("hl7/lf.hl7", message("\n")),
    "HL7 with CRLF": Fault("hl7/crlf.hl7", message("\r\n")),
    "HL7 with line ends of its own": Fault("hl7/nel.hl7", message("\x85"), quarantined=1),
    "HL7 with an unescaped separator": Fault(
        "hl7/bare.hl7", message().replace("1.0", "1|0"), quarantined=1
    ),
    "HL7 with an unescaped line end": Fault(
        "hl7/split.hl7", message().replace("Mg^LN", "M\rg^LN"), quarantined=1
    ),
    "HL7 with two segments on one line": Fault(
        "hl7/glued.hl7", message().replace("\rOBX", "OBX"), quarantined=1
    ),
    "HL7 with a field of MSH lost": Fault(
        "hl7/shifted.hl7", message().replace("|LAB|H|", "|LAB|"), quarantined=1
    ),
    "HL7 without MSH": Fault(
        "hl7/headless.hl7", message().split("\r", 1)[1], ("line 1: no MSH segment",)
    ),
    "HL7 cut in its last segment": Fault("hl7/last.hl7", message()[:-30], quarantined=1),
}
