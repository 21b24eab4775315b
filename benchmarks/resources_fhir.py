"""Writes invented laboratory Observations of FHIR R4 as bulk NDJSON, shaped as US Core has them."""

import re
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from benchmarks.generate import DAY_SECONDS, TEST_OF_SLOT, TESTS, Feed, value_text

_ROWS_AT_ONCE: Final = 100_000
_AS_OF_S: Final = 1_795_226_400  # 2026-11-21T02:00:00Z
_US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab"
_TERMS: Final = "http://terminology.hl7.org/CodeSystem"
_UCUM: Final = '"unit":"<unit>","system":"http://unitsofmeasure.org","code":"<unit>"'
_BOUND: Final = f'{{"value":<at>,{_UCUM}}}'
_RANGE: Final = (
    f',"referenceRange":[{{"low":{_BOUND.replace("<at>", "<reference_low>")},'
    f'"high":{_BOUND.replace("<at>", "<reference_high>")}}}]'
)
_LINE: Final = (
    '{"resourceType":"Observation","id":"obs-<number>","meta":{"versionId":"1","lastUpdated":'
    f'"<reported>","profile":["{_US_CORE}"]}},"status":"final","category":[{{"coding":[{{"system":'
    f'"{_TERMS}/observation-category","code":"laboratory","display":"Laboratory"}}],"text":'
    '"Laboratory"}],"code":{"coding":[{"system":"http://loinc.org","code":"<code>","display":'
    '"<name> [measured]"}],"text":"<name>"},"subject":{"reference":"Patient/pat-<patient>"},'
    '"encounter":{"reference":"Encounter/enc-<patient>"},"effectiveDateTime":"<collected>",'
    '"issued":"<reported>","performer":[{"reference":"Organization/lab-1","display":'
    f'"Invented Laboratory"}}],"valueQuantity":{{"value":<value>,{_UCUM}}},"interpretation":'
    f'[{{"coding":[{{"system":"{_TERMS}/v3-ObservationInterpretation","code":"N","display":'
    '"Normal"}]}],"specimen":{"reference":"Specimen/spec-<specimen_number>","display":"<specimen>"}'
    "<range>}"
)


def write_observations(path: Path, count: int, seed: int = 1) -> None:
    """Write that many Observations, about 1.6 KB each, a line each; one seed, one text."""
    feed = Feed(count, seed, _AS_OF_S)
    with path.open("wb") as file:
        for first in range(0, count, _ROWS_AT_ONCE):
            number = np.arange(first, min(first + _ROWS_AT_ONCE, count))
            lines = _drawn(feed, number).select(line=_filled(_LINE))
            lines.write_csv(file, include_header=False, quote_style="never")


def _drawn(feed: Feed, number: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pl.DataFrame:
    """What varies from one Observation to the next, as text."""
    specimen = number // 8
    test = TEST_OF_SLOT[number % TEST_OF_SLOT.size]
    collected_s = feed.as_of_s - DAY_SECONDS + feed.pick(2, specimen, DAY_SECONDS - 7_200)
    frame = TESTS[test].with_columns(
        number=number,
        patient=feed.patient(specimen),
        specimen_number=specimen,
        collected_s=collected_s,
        reported_s=collected_s + 1_800,
        place=feed.share(3, number),
        magnesium=feed.magnesium_mg_dl(number),
        is_magnesium=test == 0,
        is_moles=np.zeros(number.size, dtype=bool),
    )
    return frame.with_columns(
        value=value_text(),
        specimen=pl.col("specimen").fill_null("none"),
        collected=_instant("collected_s"),
        reported=_instant("reported_s"),
    ).with_columns(
        range=pl.when(pl.col("reference_low").is_not_null())
        .then(_filled(_RANGE))
        .otherwise(pl.lit(""))
    )


def _instant(seconds: str) -> pl.Expr:
    return pl.from_epoch(seconds, time_unit="s").dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _filled(template: str) -> pl.Expr:
    """A template with its `<name>` replaced by the columns of that name."""
    parts = re.split(r"<(\w+)>", template)
    told = [pl.col(part) if at % 2 else pl.lit(part) for at, part in enumerate(parts)]
    return pl.concat_str(told, ignore_nulls=True)
