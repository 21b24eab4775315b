"""Writes canonical extracts of any size, fast, and one ordinary night on top of them.

Run as `python -m benchmarks.generate OUT_DIR --rows 10000000 --seed 1 --as-of
2026-11-21T02:00:00Z`, and again with `--delta 100000` for the night after. Every value is a
function of the seed and the row's own number, so the delta corrects results of the base without
reading it, and one file is in memory at a time.
"""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Shares = NDArray[np.float64]

ROWS_PER_FILE = 1_000_000
ROWS_PER_SPECIMEN = 8
ROWS_PER_MEDICATION = 10
CORRECTIONS_PERCENT = 5
PATIENTS_PERCENT = 6
SPAN_SECONDS = 400 * 86_400
DAY_SECONDS = 86_400
FAULTY_SHARE_KNOWN, FAULTY_SHARE_OTHER = 0.042, 0.004
FAULTS = ("patient", "code", "status", "time", "value", "no unit", "wrong unit")
MOLES_SHARE = 0.1
MAGNESIUM_MG_DL_PER_MMOL_L = 2.4305
CORRECTION_SHIFT = 0.4
TREATED_SHARE = 0.5
ORDER_SHARE = 0.2
DEAD_SHARE = 0.02
HAEMOLYSED_SHARE = 0.02
LOW_MG_DL = 1.5
MAGNESIUM_QUANTILES = (
    (0, 0.002, 0.01, 0.06, 0.3, 0.7, 0.96, 0.99, 1),
    (0.4, 0.8, 1.2, 1.5, 1.8, 2.1, 2.6, 3.2, 5.2),
)

# One row per test: code, name, unit, decimals, the four corners of its values, specimen, and how
# many of 200 rows; the first six are the ones the rules know.
TESTS = pl.DataFrame(
    [
        ("19123-9", "Magnesium", "mg/dL", 1, 0.4, 1.8, 2.1, 5.2, "1.6", "2.6", "serum", 12),
        ("2160-0", "Creatinine", "mg/dL", 2, 0.4, 0.7, 1.3, 8.5, "0.5", "1.2", "serum", 24),
        ("2823-3", "Potassium", "mmol/L", 1, 2.6, 3.8, 4.6, 6.6, "3.5", "5.1", "serum", 24),
        ("17861-6", "Calcium", "mg/dL", 1, 6.8, 8.7, 9.6, 11.8, "8.5", "10.5", "serum", 16),
        ("1751-7", "Albumin", "g/dL", 1, 1.6, 3.2, 4.3, 5.3, "3.5", "5.2", "serum", 6),
        ("29463-7", "Body weight", "kg", 1, 38, 62, 88, 165, None, None, None, 4),
        ("2951-2", "Sodium", "mmol/L", 0, 121, 136, 142, 156, "136", "145", "serum", 14),
        ("2345-7", "Glucose", "mg/dL", 0, 42, 88, 140, 420, "70", "99", "serum", 14),
        ("718-7", "Haemoglobin", "g/dL", 1, 5.4, 10, 14, 18.5, "12", "17", "blood", 14),
        ("6690-2", "Leucocytes", "10*3/uL", 1, 0.6, 5, 10, 34, "4", "11", "blood", 14),
        ("777-3", "Platelets", "10*3/uL", 0, 14, 170, 320, 780, "150", "400", "blood", 14),
        ("2075-0", "Chloride", "mmol/L", 0, 84, 99, 106, 122, "98", "107", "serum", 11),
        ("3094-0", "Urea nitrogen", "mg/dL", 0, 4, 11, 27, 130, "7", "20", "serum", 11),
        ("1988-5", "C-reactive protein", "mg/L", 1, 0.2, 4, 60, 380, "0", "5", "serum", 11),
        ("1963-8", "Bicarbonate", "mmol/L", 0, 9, 22, 27, 41, "22", "29", "serum", 11),
    ],
    schema=[
        "code", "name", "unit", "decimals", "least", "lower", "upper", "most", "reference_low",
        "reference_high", "specimen", "of_200",
    ],
    orient="row",
)  # fmt: skip
KNOWN_TESTS = 6
# Dealt round the 25 specimens of 200 rows, so that no specimen holds a test twice.
DEALT = np.repeat(np.arange(TESTS.height), TESTS["of_200"].to_numpy())
TEST_OF_SLOT = DEALT.reshape(ROWS_PER_SPECIMEN, -1).T.ravel()
DRUGS = pl.DataFrame(
    {
        "code": ["161", "40790", "67108", "7052", "4603", "3407", "6582", "6585"],
        "name": [
            "Paracetamol 1 g tablet", "Pantoprazole 40 mg tablet", "Enoxaparin 40 mg syringe",
            "Morphine 5 mg injection", "Furosemide 40 mg tablet", "Digoxin 125 microgram tablet",
            "Magnesium oxide 400 mg tablet", "Magnesium sulfate 2 g in 50 mL",
        ],
        "route": ["PO", "PO", "SC", "IV", "PO", "PO", "PO", "IV"],
        "dose": ["1000", "40", "40", "5", "40", "0.125", "400", "2"],
        "dose_unit": ["mg", "mg", "mg", "mg", "mg", "mg", "mg", "g"],
        "volume_ml": [None, None, None, None, None, None, None, "50"],
    }
)  # fmt: skip
CONDITIONS = ("I50.9", "E11.9", "I48.91", "J18.9", "N18.6", "K85.90", "C34.90", "I25.10")


@dataclass(frozen=True)
class Feed:
    """The whole base feed, as functions of row numbers; times are seconds since 1970."""

    rows: int
    seed: int
    as_of_s: int

    @property
    def corrections(self) -> int:
        """Return how many rows of the base are second versions."""
        return self.rows * CORRECTIONS_PERCENT // 100

    @property
    def originals(self) -> int:
        """Return how many rows of the base are first versions."""
        return self.rows - self.corrections

    @property
    def specimens(self) -> int:
        """Return how many specimens the base was drawn as."""
        return -(-self.originals // ROWS_PER_SPECIMEN)

    @property
    def patients(self) -> int:
        """Return how many patients the base speaks of."""
        return max(1, self.rows * PATIENTS_PERCENT // 100)

    def share(self, stream: int, number: Numbers) -> Shares:
        """Return a number from 0 to below 1 for each row number and purpose (splitmix64)."""
        mask = (1 << 64) - 1
        start = np.uint64((self.seed * 0x9E3779B97F4A7C15 + stream * 0xD1B54A32D192ED03) & mask)
        z = (number.astype(np.uint64) + start) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = (z ^ (z >> np.uint64(31))) >> np.uint64(11)
        return np.asarray(z * 2.0**-53, dtype=np.float64)

    def pick(self, stream: int, number: Numbers, choices: int) -> Numbers:
        """Return a whole number from 0 to below `choices` for each row number."""
        return (self.share(stream, number) * choices).astype(np.int64)

    def patient(self, specimen: Numbers) -> Numbers:
        """Return whose specimen it is: every second one in turn, the rest mostly a busy few."""
        busy = (self.share(1, specimen) ** 3 * self.patients).astype(np.int64)
        in_turn = specimen // 2 % self.patients
        return np.asarray(np.where(specimen % 2 == 0, in_turn, busy), dtype=np.int64)

    def collected_s(self, specimen: Numbers) -> Numbers:
        """Return when it was drawn: in order through the base, then within the last day."""
        place = (specimen + self.share(2, specimen)) / self.specimens
        base_s = self.as_of_s - SPAN_SECONDS + place * (SPAN_SECONDS - 3_600)
        last_s = self.as_of_s - DAY_SECONDS + self.share(2, specimen) * (DAY_SECONDS - 3_600)
        drawn_s = np.where(specimen < self.specimens, base_s, last_s)
        return np.asarray(drawn_s, dtype=np.int64)

    def magnesium_mg_dl(self, original: Numbers, shift: float = 0.0) -> Shares:
        """Return magnesium to one decimal: 1 % up to 1.2, 6 % up to 1.5, 4 % above 2.6."""
        level = np.interp((self.share(18, original) + shift) % 1, *MAGNESIUM_QUANTILES)
        return np.asarray(np.ceil(level * 10 - 1e-9) / 10, dtype=np.float64)


def first_report_s(feed: Feed, original: Numbers) -> Numbers:
    """Return when a first version was reported: 20 to 300 minutes later, before the night."""
    delay_s = 1_200 + feed.pick(5, original, 16_800)
    reported_s = feed.collected_s(original // ROWS_PER_SPECIMEN) + delay_s
    return np.asarray(np.minimum(reported_s, feed.as_of_s - 60), dtype=np.int64)


def correction_s(feed: Feed, original: Numbers, number: Numbers, earliest_s: int) -> Numbers:
    """Return when a correction was reported: within 48 h of the first report, or of `earliest`."""
    start_s = np.maximum(first_report_s(feed, original), earliest_s)
    room_s = np.minimum(feed.as_of_s - start_s, 2 * DAY_SECONDS) - 1
    reported_s = start_s + 1 + (feed.share(11, number) * room_s).astype(np.int64)
    return np.asarray(reported_s, dtype=np.int64)


def text(prefix: str, number: pl.Expr, digits: int) -> pl.Expr:
    """Return an identifier such as `O00001234`."""
    return pl.lit(prefix) + number.cast(pl.String).str.zfill(digits)


def instant(seconds: pl.Expr) -> pl.Expr:
    """Return an instant as `2026-11-21T02:00:00Z`."""
    return pl.from_epoch(seconds, time_unit="s").dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def faulty(fault: str, sent: str | None, otherwise: pl.Expr) -> pl.Expr:
    """Return what is sent under a fault, and the sound text without it."""
    return pl.when(pl.col("fault") == FAULTS.index(fault)).then(pl.lit(sent)).otherwise(otherwise)


def moles(sent: str, otherwise: pl.Expr) -> pl.Expr:
    """Return what a laboratory that reports magnesium in mmol/L sends."""
    return pl.when(pl.col("is_moles")).then(pl.lit(sent)).otherwise(otherwise)


def value_text() -> pl.Expr:
    """Return the printed value: magnesium as drawn, others along their four corners."""
    least, lower, upper, most = (pl.col(corner) for corner in ("least", "lower", "upper", "most"))
    place = pl.col("place") * 3
    number = (
        pl.when(pl.col("is_magnesium"))
        .then(pl.col("magnesium"))
        .when(place < 1)
        .then(lower - (1 - place) ** 3 * (lower - least))
        .when(place <= 2)
        .then(lower + (place - 1) * (upper - lower))
        .otherwise(upper + (place - 2) ** 3 * (most - upper))
    )
    return (
        pl.when(pl.col("is_moles") | (pl.col("decimals") > 1))
        .then(number.round(2).cast(pl.String))
        .when(pl.col("decimals") == 1)
        .then(number.round(1).cast(pl.String))
        .otherwise(number.round(0).cast(pl.Int64).cast(pl.String))
    )


def observations(feed: Feed, original: Numbers, corrected_s: Numbers | None = None) -> pl.DataFrame:
    """Return first versions of results, or their corrections said at the times given."""
    is_correction = corrected_s is not None
    specimen = original // ROWS_PER_SPECIMEN
    patient = feed.patient(specimen)
    test = TEST_OF_SLOT[original % TEST_OF_SLOT.size]
    shift = CORRECTION_SHIFT if is_correction else 0.0
    level = feed.magnesium_mg_dl(original, shift)
    is_moles = (test == 0) & (feed.share(4, specimen) < MOLES_SHARE)
    fault_limit = np.where(test < KNOWN_TESTS, FAULTY_SHARE_KNOWN, FAULTY_SHARE_OTHER)
    is_faulty = (feed.share(6, original) < fault_limit) & (not is_correction)
    frame = TESTS[test].with_columns(
        original=original,
        patient=patient,
        specimen_number=specimen,
        collected_s=feed.collected_s(specimen),
        reported_s=first_report_s(feed, original) if corrected_s is None else corrected_s,
        # A patient's results lie near one another, a correction far from what it corrects.
        place=(0.8 * feed.share(3, patient) + 0.2 * feed.share(9, original) + shift) % 1,
        magnesium=np.where(is_moles, level / MAGNESIUM_MG_DL_PER_MMOL_L, level),
        is_magnesium=test == 0,
        is_moles=is_moles,
        fault=np.where(is_faulty, feed.pick(7, original, len(FAULTS)), -1),
        haemolysed=feed.share(8, specimen) < HAEMOLYSED_SHARE,
    )
    wrong_unit = moles("mg/dL", pl.when("is_magnesium").then(pl.lit("mmol/L")))
    unit = moles("mmol/L", pl.col("unit"))
    is_wrong = pl.col("fault") == FAULTS.index("wrong unit")
    unit = pl.when(is_wrong).then(pl.coalesce(wrong_unit, pl.lit("IU/L"))).otherwise(unit)
    is_drawn = pl.col("specimen").is_not_null()
    status = pl.lit("C" if is_correction else "F")
    return frame.select(
        observation_id=text("O", pl.col("original"), 8),
        patient_id=faulty("patient", None, text("P", pl.col("patient"), 7)),
        encounter_id=encounter_text(pl.col("patient")),
        specimen_id=pl.when(is_drawn).then(text("S", pl.col("specimen_number"), 8)),
        facility=pl.lit("Benchmark General"),
        code=faulty("code", None, moles("2601-3", pl.col("code"))),
        name="name",
        value=faulty("value", "see comment", value_text()),
        unit=faulty("no unit", None, unit),
        specimen="specimen",
        status=faulty("status", "ZZ", status),
        collected_at=faulty("time", "yesterday", instant(pl.col("collected_s"))),
        reported_at=instant(pl.col("reported_s")),
        reference_low=moles("0.66", pl.col("reference_low")),
        reference_high=moles("1.07", pl.col("reference_high")),
        is_haemolysed=pl.when(is_drawn).then(pl.col("haemolysed").cast(pl.String)),
    )


def encounter_text(patient: pl.Expr) -> pl.Expr:
    """Return the number of the patient's encounter, which every second patient has."""
    return pl.when(patient % 2 == 0).then(text("E", patient // 2, 7))


def medications(feed: Feed, number: Numbers, specimen: Numbers) -> pl.DataFrame:
    """Return one row each, given or ordered 1 to 8 h after a specimen of the patient."""
    first = specimen * ROWS_PER_SPECIMEN
    is_magnesium = TEST_OF_SLOT[first % TEST_OF_SLOT.size] == 0
    is_low = is_magnesium & (feed.magnesium_mg_dl(first) <= LOW_MG_DL)
    is_treated = is_low & (feed.share(12, number) < TREATED_SHARE)
    drug = np.where(is_treated, DRUGS.height - 1, feed.pick(13, number, DRUGS.height - 1))
    started_s = feed.collected_s(specimen) + 3_600 + feed.pick(14, number, 25_200)
    started_s = np.minimum(started_s, feed.as_of_s - 3_600)
    is_order = (feed.share(15, number) < ORDER_SHARE) & ~is_treated
    frame = DRUGS[drug].with_columns(
        number=number, patient=feed.patient(specimen), started_s=started_s, is_order=is_order
    )
    is_infusion = pl.col("volume_ml").is_not_null()
    ended_s = pl.col("started_s") + 1_800
    word = pl.when("is_order").then(pl.lit("completed")).otherwise(pl.lit("given"))
    return frame.select(
        medication_id=text("M", pl.col("number"), 8),
        patient_id=text("P", pl.col("patient"), 7),
        encounter_id=encounter_text(pl.col("patient")),
        order_id=text("R", pl.col("number"), 8),
        kind=pl.when("is_order").then(pl.lit("order")).otherwise(pl.lit("administration")),
        code="code",
        code_system=pl.lit("RxNorm"),
        name="name",
        route="route",
        dose="dose",
        dose_unit="dose_unit",
        volume_ml="volume_ml",
        started_at=instant(pl.col("started_s")),
        ended_at=pl.when(is_infusion | pl.col("is_order")).then(instant(ended_s)),
        status=word,
        updated_at=instant(ended_s),
    )


def patients(feed: Feed, number: Numbers) -> pl.DataFrame:
    """Return one row per patient, most of them adults, 2 % of them dead."""
    birth_s = feed.as_of_s - (10 + 84 * feed.share(20, number)) * 365.25 * DAY_SECONDS
    frame = pl.DataFrame(
        {
            "number": number,
            "birth_s": birth_s.astype(np.int64),
            "is_female": feed.share(21, number) < 1 / 2,
            "is_dead": feed.share(22, number) < DEAD_SHARE,
            "updated_s": feed.as_of_s - feed.pick(23, number, SPAN_SECONDS) - 1,
        }
    )
    sex = pl.when("is_female").then(pl.lit("female")).otherwise(pl.lit("male"))
    return frame.select(
        patient_id=text("P", pl.col("number"), 7),
        birth_date=pl.from_epoch("birth_s", time_unit="s").dt.strftime("%Y-%m-%d"),
        sex=sex,
        mrn=text("BG", pl.col("number"), 7),
        name=text("Bench Testmere ", pl.col("number"), 7),
        died_at=pl.when("is_dead").then(instant(pl.col("updated_s"))),
        updated_at=instant(pl.col("updated_s")),
    )


def encounters(feed: Feed, number: Numbers) -> pl.DataFrame:
    """Return one stay for every second patient, up to 12 days long, the last still open."""
    frame = pl.DataFrame(
        {
            "number": number,
            "started_s": feed.as_of_s - feed.pick(30, number, SPAN_SECONDS) - 60,
            "days": feed.share(31, number) * 12,
            "ward": feed.pick(32, number, 40),
        }
    )
    ended_s = pl.col("started_s") + (pl.col("days") * DAY_SECONDS).cast(pl.Int64)
    is_over = ended_s <= feed.as_of_s
    return frame.select(
        encounter_id=text("E", pl.col("number"), 7),
        patient_id=text("P", pl.col("number") * 2, 7),
        care_setting=pl.lit("inpatient"),
        facility=pl.lit("Benchmark General"),
        ward=text("Ward ", pl.col("ward"), 2),
        care_team=text("Team ", pl.col("ward") // 4, 2),
        started_at=instant(pl.col("started_s")),
        ended_at=pl.when(is_over).then(instant(ended_s)),
        updated_at=instant(pl.when(is_over).then(ended_s).otherwise("started_s")),
    )


def conditions(feed: Feed, number: Numbers) -> pl.DataFrame:
    """Return one active condition for every third patient."""
    recorded_s = feed.as_of_s - feed.pick(40, number, SPAN_SECONDS) - 60
    frame = pl.DataFrame({"number": number, "recorded_s": recorded_s})
    return frame.select(
        patient_id=text("P", pl.col("number") * 3, 7),
        code=pl.Series(CONDITIONS)[feed.pick(41, number, len(CONDITIONS))],
        code_system=pl.lit("ICD-10-CM"),
        status=pl.lit("active"),
        recorded_at=instant(pl.col("recorded_s")),
    )


def write_whole(folder: Path, name: str, frame: pl.DataFrame) -> None:
    """Write one CSV file, then the empty companion that says it is whole."""
    frame.write_csv(folder / name)
    (folder / f"{name}.done").touch()


def parts(rows: int) -> list[tuple[str, Numbers]]:
    """Return row numbers cut into files of at most a million, each with its number as text."""
    files = max(1, -(-rows // ROWS_PER_FILE))
    edges = [rows * file // files for file in range(files + 1)]
    return [(f"{n:05d}", np.arange(*ends)) for n, ends in enumerate(pairwise(edges), start=1)]


def write_base(folder: Path, feed: Feed) -> None:
    """Write the base: all five tables, one file in memory at a time."""
    for file, row in parts(feed.rows):
        # Of all rows up to here, this share are corrections of what was sent up to here.
        fixed = row * feed.corrections // feed.rows
        is_fix = fixed < (row + 1) * feed.corrections // feed.rows
        sent = (row - fixed)[is_fix]
        lag = (feed.share(16, row[is_fix]) ** 4 * sent).astype(np.int64)
        original = np.maximum(sent - 1 - lag, 0)
        later = observations(feed, original, correction_s(feed, original, row[is_fix], 0))
        first = observations(feed, (row - fixed)[~is_fix])
        write_whole(folder, f"observations_{file}.csv", pl.concat([first, later]))
    doses = feed.rows // ROWS_PER_MEDICATION
    for file, number in parts(doses):
        frame = medications(feed, number, number * feed.specimens // doses)
        write_whole(folder, f"medications_{file}.csv", frame)
    for name, table, rows in (
        ("patients", patients, feed.patients),
        ("encounters", encounters, -(-feed.patients // 2)),
        ("conditions", conditions, -(-feed.patients // 3)),
    ):
        for file, number in parts(rows):
            write_whole(folder, f"{name}_{file}.csv", table(feed, number))


def write_delta(folder: Path, feed: Feed, rows: int) -> None:
    """Write one more night: results and doses of the last day, and corrections of the base."""
    corrections = rows * CORRECTIONS_PERCENT // 100
    new = feed.specimens * ROWS_PER_SPECIMEN + np.arange(rows - corrections)
    fix = feed.rows + np.arange(corrections)
    old = feed.originals - 1 - (feed.share(16, fix) ** 4 * feed.originals).astype(np.int64)
    later = observations(feed, old, correction_s(feed, old, fix, feed.as_of_s - DAY_SECONDS))
    write_whole(folder, "observations_delta.csv", pl.concat([observations(feed, new), later]))
    number = np.arange(rows // ROWS_PER_MEDICATION)
    specimen = new[0] // ROWS_PER_SPECIMEN + number % (new.size // ROWS_PER_SPECIMEN)
    number += feed.rows // ROWS_PER_MEDICATION
    write_whole(folder, "medications_delta.csv", medications(feed, number, specimen))


def main() -> None:
    """Read the command line and write the base, or the delta on top of the same base."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="OUT_DIR")
    parser.add_argument("--rows", type=int, default=10_000_000, help="observations of the base")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--as-of", type=datetime.fromisoformat, required=True)
    parser.add_argument("--delta", type=int, help="write one more night of this many instead")
    arguments = parser.parse_args()
    as_of = arguments.as_of
    as_of = as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)
    feed = Feed(arguments.rows, arguments.seed, int(as_of.timestamp()))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if arguments.delta is None:
        write_base(arguments.folder, feed)
    else:
        write_delta(arguments.folder, feed, arguments.delta)


if __name__ == "__main__":
    main()
