"""The hospital's numbers, loaded into frozen objects that refuse nonsense."""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

from hypomag_rules.policy_sections import (
    Assessment,
    Audit,
    Companions,
    Guard,
    HighWatch,
    Magnesium,
    Plausible,
    Recheck,
    Renal,
    Replacement,
    Review,
    Treatment,
    WorkUp,
)
from hypomag_rules.policy_values import (
    MAGNESIUM_LIMITS,
    PolicyError,
    approval_day,
    is_number,
    value_in_force,
)

_TOP_KEYS: Final = ("name", "approved_by", "approved_on")
_KEY: Final = re.compile(r"\] (\w+)")
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Policy:
    """Every choice that decides who is listed; `id` stands on each row it decided."""

    magnesium: Magnesium
    renal: Renal
    treatment: Treatment
    replacement: Replacement
    recheck: Recheck
    companions: Companions
    work_up: WorkUp
    high_watch: HighWatch
    review: Review
    assessment: Assessment
    audit: Audit
    guard: Guard
    plausible: Plausible
    texts: Mapping[str, str]
    as_given: Mapping[str, str]
    id: str
    approved_by: str = ""
    approved_on: str = ""

    def __post_init__(self) -> None:
        """Refuse bands that overlap or stand in the wrong order, all of it at once."""
        contradictions = list(self._contradictions())
        if contradictions:
            raise PolicyError("\n".join(contradictions))

    def _contradictions(self) -> Iterator[str]:
        ladder = ("severe_limit", "target", "upper_limit", "critical_high")
        for lower, upper in pairwise(ladder):
            low, high = getattr(self.magnesium, lower), getattr(self.magnesium, upper)
            if low >= high:
                yield (
                    f"policy [magnesium]: {lower} = {low:g} is not below {upper} = {high:g} "
                    f"(mg/dL); lower the first or raise the second"
                )
        for first, second in (
            ("standard_opens_days", "standard_days"),
            ("confirm_opens_days", "confirm_days"),
        ):
            if getattr(self.recheck, first) > getattr(self.recheck, second):
                yield f"policy [recheck]: {first} is after {second}; a window opens before due"
        if self.high_watch.mild_index_days > self.high_watch.index_days:
            yield (
                "policy [high_watch]: mild_index_days is above index_days; a mild high is watched "
                "no longer than a pressing one"
            )
        if self.renal.severe_below > self.renal.reduced_below:
            yield "policy [renal]: severe_below is above reduced_below; raise reduced_below"
        if self.guard.factor <= 1 or self.guard.min_results < 1:
            yield (
                "policy [guard]: a factor of 1 or less, or no result at all, would hold every "
                "night; write a factor above 1 and min_results of 1 or more"
            )


def shipped_text() -> str:
    """The shipped policy as TOML text."""
    return files("hypomag_rules").joinpath("policy.toml").read_text(encoding="utf-8")


def load(override: str = "", where: str = "policy.toml") -> Policy:
    """The shipped policy with a hospital's overrides (TOML text) laid over it.

    Raises `PolicyError` for unknown keys, wrong types, negative numbers, overlapping bands: a line
    for each thing that is wrong.
    """
    return _build(tomllib.loads(shipped_text()), read_override(override, where), where)


def read_override(override: str, where: str) -> dict[str, Any]:
    """A hospital's policy as TOML says it; raises `PolicyError` when it is none."""
    try:
        return tomllib.loads(override)
    except tomllib.TOMLDecodeError as error:
        message = f"{where}: not readable as TOML: {error}"
        raise PolicyError(message) from None


def with_values(overrides: Mapping[str, object]) -> Policy:
    """The shipped policy with keys overridden by their bare name, whatever their section."""
    shipped = tomllib.loads(shipped_text())
    own: dict[str, dict[str, object]] = {}
    for key, value in overrides.items():
        sections = [name for name, section in shipped.items() if key in _mapping(section)]
        if len(sections) != 1:
            message = f"policy key '{key}' stands in {len(sections)} sections; name the section"
            raise PolicyError(message)
        own.setdefault(sections[0], {})[key] = value
    return _build(shipped, own, "overrides")


def _build(shipped: dict[str, Any], own: Mapping[str, Any], where: str) -> Policy:
    sections: dict[str, dict[str, Any]] = {
        name: {key: spec["value"] for key, spec in section.items()}
        for name, section in shipped.items()
        if name not in _TOP_KEYS
    }
    faults = _lay_over(sections, shipped, own, where)
    texts = sections.pop("texts")
    digest = hashlib.sha256(
        json.dumps([sections, texts], sort_keys=True, default=str).encode()
    ).hexdigest()
    name = str(own.get("name", shipped["name"]))
    kinds: dict[str, Any] = {field.name: field.type for field in fields(Policy)}
    loaded = {key: kinds[key](**_frozen(values)) for key, values in sections.items()}
    try:
        policy = Policy(
            **loaded,
            texts=MappingProxyType(texts),
            as_given=MappingProxyType(_as_given(own)),
            id=f"{name}+{digest[:12]}",
            approved_by=str(own.get("approved_by", shipped["approved_by"])),
            approved_on=approval_day(own.get("approved_on", shipped["approved_on"]), where),
        )
    except PolicyError as contradictions:
        # A value at fault stays as shipped: what it contradicts then nobody wrote.
        wrong = {match for fault in faults for match in _KEY.findall(fault)}
        told = str(contradictions).splitlines()
        faults += [line for line in told if not wrong & set(_WORD.findall(line))]
        if not faults:
            raise
    if faults:
        raise PolicyError("\n".join(faults))
    return policy


def _lay_over(
    sections: dict[str, dict[str, Any]], shipped: dict[str, Any], own: Mapping[str, Any], where: str
) -> list[str]:
    """Put the hospital's values in; what cannot be stays as shipped and is told."""
    faults = []
    for name, section in own.items():
        if name in _TOP_KEYS:
            continue
        if name not in sections:
            faults.append(f"{where}: unknown section [{name}]; known: {', '.join(sections)}")
            continue
        if not isinstance(section, dict):
            faults.append(f"{where}: '{name}' is a section: write it as [{name}]")
            continue
        for key, given in section.items():
            if key not in sections[name]:
                known = ", ".join(sections[name])
                faults.append(f"{where}: unknown key '{key}' in [{name}]; known: {known}")
                continue
            try:
                sections[name][key] = value_in_force(
                    key, given, shipped[name][key], f"{where} [{name}] {key}"
                )
            except PolicyError as fault:
                faults.append(str(fault))
    return faults


def _as_given(own: Mapping[str, Any]) -> dict[str, str]:
    """Magnesium limits as the hospital wrote them, where it named a unit: `0.5 mmol/L`."""
    limits = {key: _mapping(given) for key, given in _mapping(own.get("magnesium")).items()}
    return {
        key: f"{limit['value']:g} {limit['unit']}"
        for key, limit in limits.items()
        if key in MAGNESIUM_LIMITS and "unit" in limit and is_number(limit.get("value"))
    }


def _frozen(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def _mapping(section: object) -> Mapping[str, Any]:
    return section if isinstance(section, dict) else {}
