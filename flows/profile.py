"""A source profile: how one feed words its extracts, and what of it to trust."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from flows.errors import ConfigurationError
from flows.expectations import expected_hours
from flows.profile_keys import checked_format, checked_separator, checked_zone, refuse_unknown
from flows.table_profile import TableProfile, parse_tables
from hypomag_rules.definitions import FACTORS
from hypomag_rules.source_reading import SourceReading

LAYOUTS: Final = ("canonical", "mimic_iv", "hl7v2", "fhir", "omop")
# Of two fields that a layout has for one unit: the coded one, or the one for people to read; of
# two columns that a profile names: the unit, or the one it is checked against.
_CODED_OR_TEXT: Final = ("code", "text")
UNIT_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "canonical": ("unit", "unit_check"),
    "mimic_iv": (),
    "hl7v2": _CODED_OR_TEXT,
    "fhir": _CODED_OR_TEXT,
    "omop": _CODED_OR_TEXT,
}


@dataclass(frozen=True, slots=True)
class Profile:
    """One feed; `reading` is what changes the meaning of its rows, `digest` names what it says.

    `expect` is how many hours may pass between files of a table; it changes no row's meaning.

    `shape` names the part that says where in a file our columns are: rows that were stored under
    another shape cannot be judged again, their files have to be read again.
    """

    name: str
    layout: str
    separator: str
    patient_prefix: str | None
    tables: Mapping[str, TableProfile]
    items: Mapping[str, Mapping[str, str]]
    identifiers: Mapping[str, str]
    unit_from: str | None
    expect: Mapping[str, float]
    reading: SourceReading
    digest: str
    shape: str

    def reading_of(self, table: str) -> SourceReading:
        """How the rows of a table are to be read: its own zone over that of the profile."""
        spec = self.tables.get(table)
        if spec is None or spec.timezone is None:
            return self.reading
        return replace(self.reading, zone=spec.timezone)


def canonical_profile(name: str, zone: str) -> Profile:
    """The profile of files that already have our layout."""
    return parse_profile(name, 'layout = "canonical"\n', zone, where="the canonical layout")


def load_profiles(folder: Path, zone: str) -> dict[str, Profile]:
    """All profiles of a home by name, the canonical one included.

    Raises `ConfigurationError` for unknown keys, and when one of several has no patient_prefix.
    """
    profiles = {"canonical": canonical_profile("canonical", zone)}
    for path in sorted(folder.glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        profiles[path.stem] = parse_profile(path.stem, text, zone, where=f"sources/{path.name}")
    declared = [profile for profile in profiles.values() if profile.name != "canonical"]
    if len(declared) > 1:
        for profile in declared:
            if profile.patient_prefix is None:
                message = (
                    f"sources/{profile.name}.toml: with two or more sources each states "
                    'patient_prefix; write "" where the patients share the hospitals\' numbers'
                )
                raise ConfigurationError(message)
        _refuse_overlap([str(profile.patient_prefix) for profile in declared])
    return profiles


def _refuse_overlap(prefixes: list[str]) -> None:
    """One prefix that begins another would make one person of two."""
    for short in prefixes:
        for long in prefixes:
            if short and short != long and long.startswith(short):
                message = (
                    f"sources: patient_prefix '{short}' begins '{long}': their patients could "
                    "get the same number; end each with a separator, e.g. a hyphen"
                )
                raise ConfigurationError(message)


def parse_profile(name: str, text: str, zone: str, where: str) -> Profile:
    """A profile from its TOML text."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{where}: not readable as TOML ({error}); mend that line"
        raise ConfigurationError(message) from None
    refuse_unknown(given, _TOP, where)
    layout = given.get("layout", "canonical")
    if layout not in LAYOUTS:
        message = f"{where}: layout '{layout}' is not known; one of {', '.join(LAYOUTS)}"
        raise ConfigurationError(message)
    own_zone = checked_zone(given.get("timezone", zone), "timezone", where)
    tables = parse_tables(given.get("tables", {}), layout, where)
    refuse_unknown(given.get("trust", {}), frozenset(FACTORS), f"{where} trust")
    reading = SourceReading(
        zone=own_zone,
        time_format=checked_format(given, "time_format", where),
        date_format=checked_format(given, "date_format", where),
        facility_zones=_facility_zones(given, where),
        decimal_comma=bool(given.get("decimal_comma", False)),
        round_long_decimals=bool(given.get("round_long_decimals", False)),
        default_status=given.get("default_status"),
        codes=given.get("codes", {}),
        units=given.get("units", {}),
        words=given.get("words", {}),
        trust=given.get("trust", {}),
    )
    return Profile(
        name=name,
        layout=layout,
        separator=checked_separator(given, where),
        patient_prefix=given.get("patient_prefix"),
        tables=tables,
        items=given.get("items", {}),
        identifiers=_identifiers(given, where),
        unit_from=_unit_from(given, layout, tables, where),
        expect=expected_hours(given, where),
        reading=reading,
        digest=_digest_of({**given, "expect": None, "zone": zone}),
        shape=_digest_of(_shape_of(given, own_zone, tables)),
    )


def _identifiers(given: Mapping[str, Any], where: str) -> Mapping[str, str]:
    """Who assigned the number that is the patient's id, and the one that lists print."""
    identifiers: Mapping[str, str] = given.get("identifiers", {})
    refuse_unknown(identifiers, frozenset({"patient", "mrn"}), f"{where} identifiers")
    return identifiers


def _unit_from(
    given: Mapping[str, Any], layout: str, tables: Mapping[str, TableProfile], where: str
) -> str | None:
    unit_from: str | None = given.get("unit_from")
    if unit_from is None:
        return None
    known = UNIT_FIELDS[layout]
    if unit_from not in known:
        told = f"is one of {', '.join(known)}" if known else "means nothing"
        message = f"{where}: unit_from {told} in layout {layout}; write that, or take it out"
        raise ConfigurationError(message)
    if layout == "canonical" and not any(table.unit_check for table in tables.values()):
        message = (
            f"{where}: unit_from chooses between two columns with the unit; name the second as "
            "unit_check in [tables.observations], or take unit_from out"
        )
        raise ConfigurationError(message)
    return unit_from


def _facility_zones(given: Mapping[str, Any], where: str) -> Mapping[str, str]:
    """The zone of each facility that has one of its own."""
    key = "facility_timezones"
    return {
        facility: checked_zone(zone, f"{key} {facility}", where)
        for facility, zone in given.get(key, {}).items()
    }


def _shape_of(
    given: Mapping[str, Any], zone: str, tables: Mapping[str, TableProfile]
) -> dict[str, Any]:
    """What decides which text goes into our columns; some keys only where a table needs them."""
    parts = {key: given.get(key) for key in _SHAPE}
    if given.get("layout") in _CODED_TWICE and given.get("codes"):
        parts["codes"] = given["codes"]
    if any(table.has_age for table in tables.values()):
        parts["age"] = [zone, given.get("time_format"), given.get("date_format")]
    if any(table.unit_check for table in tables.values()):
        parts["unit_check"] = given.get("units")
    if any(table.wide for table in tables.values()):
        parts["wide"] = [given.get("words", {}).get("status"), given.get("default_status")]
    return parts


def _digest_of(parts: Mapping[str, Any]) -> str:
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


_TOP: Final = frozenset(
    {
        "layout",
        "timezone",
        "facility_timezones",
        "separator",
        "patient_prefix",
        "time_format",
        "date_format",
        "decimal_comma",
        "round_long_decimals",
        "default_status",
        "tables",
        "codes",
        "units",
        "words",
        "trust",
        "items",
        "identifiers",
        "unit_from",
        "expect",
    }
)
# Of several codes for one test `[codes]` decides which becomes ours.
_CODED_TWICE: Final = ("hl7v2", "fhir")
_SHAPE: Final = ("layout", "separator", "tables", "items", "identifiers", "unit_from")
