"""Finding and making a home: the folder where a site lives."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from flows.errors import ConfigurationError
from flows.settings import FILE, check_zone

_SETTINGS: Final = """\
# hypomag: settings of this home. Every key has its variable, e.g. HYPOMAG_TIMEZONE.

# Printed on top of every list.
hospital = {hospital}

# The zone in which days are counted, an IANA name.
timezone = "{timezone}"

# The hospital's own numbers over the shipped ones; absent: the shipped policy.
# policy = "policy.toml"

# A file that nothing beside it vouches for (.done, .sha256, .manifest.json) is read when it has
# lain still this long.
# quiet_seconds = 10

# What a night may take of this machine.
# threads = 2
# memory_limit_mb = 700
"""
_POLICY: Final = """\
# The hospital's own numbers over the shipped ones: name only what differs.
# Approved by whom, and when, prints on the report.
approved_by = ""
approved_on = ""

# [magnesium]
# severe_limit = { value = 1.2, unit = "mg/dL", source = "local", why = "..." }
"""
_SOURCE: Final = """\
# One profile a feed; files of this feed are dropped in inbox/NAME/ where NAME is this file's name.
# Copy this file to NAME.toml and take out what you do not need, or have one written for an extract:
#   hypomag source draft FILE --out sources/NAME.toml
# layout = "canonical"            # or "hl7v2", "fhir", "omop", "mimic_iv"
# timezone = "Europe/Berlin"      # zone of times without an offset
# separator = ";"
# decimal_comma = true
# time_format = "%d.%m.%Y %H:%M"
# date_format = "%d.%m.%Y"        # of days; without it what time_format has before the hours
# default_status = "F"            # what a blank status means
# unit_from = "unit"              # of two units, or "unit_check"; hl7v2, fhir, omop: "code", "text"
# patient_prefix = ""             # needed with two or more feeds
#
# [facility_timezones]            # a facility = its zone
#
# [tables.observations]           # one file may feed several tables
# files = "lab_results_*.csv"
# timezone = "Europe/Lisbon"      # of this table's times
# unit_check = "Einheit2"         # a second unit column: a contradiction goes on review
# [tables.observations.columns]   # our name = theirs
# patient_id = "PatNr"
# collected_at = ["Tag", "Zeit"]  # joined by a blank
# [tables.observations.constants] # our name = what no column of theirs says
# specimen = "serum"
# [tables.observations.wide]      # one line, several analytes: their column = what it holds
# MG = { code = "19123-9", unit = "mg/dL" } # in place of code, value, unit and unit_check
# K = { code = "2823-3", unit_column = "K_UNIT", name = "Potassium", specimen = "plasma" }
# [tables.patients]
# snapshot = "patients_%Y%m%d*.csv" # the time of rows without updated_at, from the file's name
# [tables.patients.columns]
# age = "Alter"                   # whole years, for an estimated birth date,
# age_at = "Tag"                  # and when the age held
# [codes]                         # their test code = LOINC
# "MG-S" = "2601-3"
# [units]                         # their spelling = ours
# [words.status]                  # their word = HL7 letter or FHIR word
# [trust]
# magnesium = "unit"              # the unit decides where code and unit contradict each other
# [expect.observations]           # a night without a file in the last so many hours says so
# every_hours = 24
"""
_CANONICAL: Final = """\
# The feed whose files lie directly in inbox/, in hypomag's own layout.
# Its results are expected every day, from the first file on; without these lines nobody is told
# when they stop to come.
[expect.observations]
every_hours = 24
"""
_FOLDERS: Final = {
    "sources": 0o750,
    "inbox": 0o770,
    "dispositions": 0o770,
    "store": 0o700,
    "published": 0o750,
}


def find_home(given: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The flag's home, else HYPOMAG_HOME, else this folder if it is one.

    Raises `ConfigurationError` naming `hypomag init` when there is none.
    """
    if given is None and "HYPOMAG_HOME" in environment:
        given = Path(environment["HYPOMAG_HOME"])
    if given is not None:
        if not given.is_dir():
            message = (
                f"home '{given.name}' is not a folder; make it with: hypomag init {given.name}"
            )
            raise ConfigurationError(message)
        return given.resolve()
    here = Path.cwd()
    if (here / FILE).exists():
        return here
    message = f"no {FILE} here and no --home given; make a home with: hypomag init DIR"
    raise ConfigurationError(message)


def make_home(folder: Path, hospital: str, timezone: str) -> None:
    """Write a commented home with the right modes.

    Raises `ConfigurationError` when one stands there already, and for an unknown time zone.
    """
    check_zone(timezone)
    if (folder / FILE).exists():
        message = f"{folder.name}/{FILE} stands already; name another folder"
        raise ConfigurationError(message)
    folder.mkdir(parents=True, exist_ok=True)
    for name, mode in _FOLDERS.items():
        path = folder / name
        path.mkdir(exist_ok=True)
        path.chmod(mode)
    (folder / FILE).write_text(settings_text(hospital, timezone), encoding="utf-8")
    (folder / "policy.toml").write_text(_POLICY, encoding="utf-8")
    (folder / "sources" / "canonical.toml").write_text(_CANONICAL, encoding="utf-8")
    (folder / "sources" / "example.toml.txt").write_text(_SOURCE, encoding="utf-8")


def settings_text(hospital: str, timezone: str) -> str:
    """The text of a commented settings file."""
    return _SETTINGS.format(hospital=json.dumps(hospital, ensure_ascii=False), timezone=timezone)
