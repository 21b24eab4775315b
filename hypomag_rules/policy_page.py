"""The policy in force as a page that a clinical committee can read, question and sign."""

import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from hypomag_rules.definitions import FACTORS
from hypomag_rules.policy import Policy, load, read_override, shipped_text

_WIDTH: Final = 96
_INDENT: Final = "      "
_TOP: Final = ("name", "approved_by", "approved_on")
_MG_DL_PER_MMOL_L: Final = float(FACTORS["magnesium"]["mmol/L"])


def policy_page(override: str, where: str, on: date) -> str:
    """Every number and text in force with its ground, whose it is, and when it is to be reviewed.

    `override` is the hospital's TOML text, blank for the shipped policy alone. Raises
    `PolicyError` as `load` does.
    """
    policy = load(override, where)
    own = read_override(override, where)
    parts = [_head(policy), *_numbers(own, on), _contradictions(policy), *_texts(own), _signature()]
    return "\n".join(parts) + "\n"


def policy_changes(override: str, where: str) -> list[str]:
    """What a sound policy of a hospital says instead of the shipped one, a line a key."""
    shipped, own = tomllib.loads(shipped_text()), read_override(override, where)
    return [
        f"[{name}] {key}: {_value(shipped[name][key])}, here {_value(_spec(given))}"
        for name, section in own.items()
        if isinstance(section, dict)
        for key, given in section.items()
    ]


def _spec(given: object) -> dict[str, Any]:
    """A value as a table, when it was given bare."""
    return given if isinstance(given, dict) else {"value": given}


def _head(policy: Policy) -> str:
    approved = f"{policy.approved_by} {policy.approved_on}".strip() or "nobody yet"
    said = (
        "What hypomag reads from a published guideline and what is a choice of ours or of the "
        "hospital's. S1 to S29 are statements of the guideline; local is a choice. It lists "
        "patients for a clinician's review and orders nothing."
    )
    title = f"POLICY {policy.id}"
    return f"{title}\n{'=' * len(title)}\nApproved by: {approved}\n\n{_wrapped(said, '')}\n"


def _numbers(own: Mapping[str, Any], on: date) -> Iterator[str]:
    for name, section in tomllib.loads(shipped_text()).items():
        if name in _TOP or name == "texts":
            continue
        yield f"\n[{name}]"
        for key, shipped in section.items():
            yield _number(key, shipped, own.get(name, {}).get(key), on)


def _number(key: str, shipped: Mapping[str, Any], given: object, on: date) -> str:
    """A number in force: the hospital's own when it names one, and what it stands instead of."""
    spec: dict[str, Any] = dict(shipped)
    instead = ""
    if given is not None:
        told = _spec(given)
        grounds = {
            "source": "local",
            "why": "the hospital's own",
            "reviewed_on": "",
            "review_by": "",
        }
        spec |= grounds | told
        instead = f"; shipped: {_value(shipped)}"
    line = f"  {key} = {_value(spec)}{instead}"
    reviewed = [
        f"reviewed {spec['reviewed_on']}" if spec["reviewed_on"] else "review date not given"
    ]
    if isinstance(spec["review_by"], date):
        late = ", OVERDUE" if spec["review_by"] < on else ""
        reviewed.append(f"review by {spec['review_by']}{late}")
    ground = f"{spec['source']}: {spec['why']} ({', '.join(reviewed)})"
    return f"{line}\n{_wrapped(ground, _INDENT)}"


def _value(spec: Mapping[str, Any]) -> str:
    value, unit = spec["value"], spec.get("unit", "")
    shown = (
        ("yes" if value else "no")
        if isinstance(value, bool)
        else " to ".join(f"{part:g}" if isinstance(part, float) else str(part) for part in value)
        if isinstance(value, list)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
    return f"{shown or 'none'} {unit}".strip()


def _contradictions(policy: Policy) -> str:
    """Where the guideline says two things, and which one holds here."""
    bands = policy.magnesium
    at_limit = "severe" if bands.severe_includes_limit else "not severe"
    told = (
        (
            "Is 1.2 mg/dL itself severe? The opening treats a level of 1.2 (S1), the definition "
            f"says below 1.2 (S2). Here {bands.severe_limit:g} mg/dL "
            f"({bands.severe_limit / _MG_DL_PER_MMOL_L:.3g} mmol/L) is {at_limit} "
            "(severe_includes_limit)."
        ),
        (
            "Until when? Above 1.5 mg/dL and above 0.6 mmol/L are not the same (S10): 0.6 mmol/L "
            f"is {0.6 * _MG_DL_PER_MMOL_L:.4g} mg/dL. Here the target is {bands.target:g} mg/dL "
            f"({bands.target / _MG_DL_PER_MMOL_L:.3g} mmol/L)."
        ),
        (
            "Creatinine clearance below 20: the guideline prints mg/dL, the unit of a creatinine "
            f"(S17). Here it is a clearance: severe impairment below {policy.renal.severe_below:g} "
            "mL/min."
        ),
        (
            "How much by mouth? 400 to 800 mg of elemental magnesium daily as oxide (S14) and "
            "12 to 24 mmol daily in capsules of 4 mmol, 160 mg of oxide (S16): 12 to 24 mmol are "
            "292 to 583 mg elemental, and 160 mg is the salt. Here both are printed and a "
            "pharmacist chooses; nothing is computed from either."
        ),
    )
    lines = [_wrapped(f"{at}. {text}", "  ") for at, text in enumerate(told, 1)]
    return "\nWhere the guideline contradicts itself\n" + "\n".join(lines)


def _texts(own: Mapping[str, Any]) -> Iterator[str]:
    yield "\nTexts as printed (figures in braces are filled from the numbers above)"
    for key, shipped in tomllib.loads(shipped_text())["texts"].items():
        given = own.get("texts", {}).get(key)
        told = given.get("value", "") if isinstance(given, dict) else given
        whose = shipped["source"] if told is None else "the hospital's own"
        yield _wrapped(f"{key} ({whose}): {shipped['value'] if told is None else told}", "  ")


def _signature() -> str:
    line = "_" * 40
    return f"\nApproved by {line}  on {'_' * 16}\n\nSignature   {line}"


def _wrapped(text: str, indent: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
