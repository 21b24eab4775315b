"""Writes invented ORU^R01 messages of HL7 v2.5.1, as an interface engine would drop them."""

from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

_MESSAGES_AT_ONCE: Final = 100_000
_MESSAGES_A_PATIENT: Final = 3
_FIRST_SENT_S: Final = 1_795_132_800  # 2026-11-20T00:00:00Z
_DAY_SECONDS: Final = 86_400
_ROUND: Final = 2
# Name, LOINC code, unit, limits as printed, mean and spread of the values.
_TESTS: Final = (
    ("Magnesium", "19123-9", "mg/dL", "1.6-2.6", 1.9, 0.3),
    ("Potassium", "2823-3", "mmol/L", "3.5-5.1", 4.2, 0.5),
    ("Creatinine", "2160-0", "mg/dL", "0.5-1.2", 1.0, 0.3),
)
_RESULT: Final = (
    "OBX|{place}|NM|{code}^{name}^LN||{{{name}}}|{unit}^{unit}^UCUM|{limits}||||F|||{{drawn}}"
)
_MESSAGE: Final = (
    r"MSH|^~\&|LAB|BENCH|EHR|BENCH|{said}||ORU^R01^ORU_R01|M{number}|P|2.5.1",
    "PID|1||P{patient}^^^BENCH^MR~N{patient}^^^NATION^NH||Testmere^Bench^B||19500131|F",
    "PV1|1|I|W{ward}^1^2^BENCH" + "|" * 16 + "V{patient}" + "|" * 25 + "20261101080000",
    "OBR|1|PL{number}|FL{number}|CHEM^Chemistry^L|||{drawn}" + "|" * 15 + "{said}||CH|F",
    *(
        _RESULT.format(place=place, name=name, code=code, unit=unit, limits=limits)
        for place, (name, code, unit, limits, _, _) in enumerate(_TESTS, 1)
    ),
    "SPM|1|S{number}||SER^Serum^HL70487|||||||||||||{drawn}",
)


def write_messages(path: Path, count: int, seed: int = 1) -> None:
    """Write that many messages of 8 segments, 3 of them results; one seed, one text."""
    random = np.random.default_rng(seed)
    with path.open("wb") as file:
        for first in range(0, count, _MESSAGES_AT_ONCE):
            number = np.arange(first, min(first + _MESSAGES_AT_ONCE, count))
            messages = _drawn(random, number, count).select(_filled("\r".join(_MESSAGE)))
            messages.write_csv(
                file, include_header=False, quote_style="never", line_terminator="\r"
            )


def _drawn(
    random: np.random.Generator, number: np.ndarray[tuple[int], np.dtype[np.int64]], count: int
) -> pl.DataFrame:
    """What varies from one message to the next, as text."""
    patients = max(1, count // _MESSAGES_A_PATIENT)
    said_s = _FIRST_SENT_S + number * _DAY_SECONDS // count
    values = {
        name: pl.Series(random.normal(mean, spread, number.size)).abs().round(_ROUND)
        for name, *_, mean, spread in _TESTS
    }
    return pl.DataFrame(
        {
            "number": number,
            "patient": random.integers(0, patients, number.size),
            "ward": random.integers(1, 40, number.size),
            "said": pl.from_epoch(pl.Series(said_s)).dt.strftime("%Y%m%d%H%M%S"),
            "drawn": pl.from_epoch(pl.Series(said_s - 2_400)).dt.strftime("%Y%m%d%H%M%S"),
            **values,
        }
    )


def _filled(template: str) -> pl.Expr:
    """The template with the columns that it names in braces."""
    names = [part.partition("}")[0] for part in template.split("{")[1:]]
    places = template
    for name in names:
        places = places.replace(f"{{{name}}}", "{}")
    return pl.format(places, *names)
