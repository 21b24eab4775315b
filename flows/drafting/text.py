"""Lines of a drafted profile: TOML that loads, comments that say what to decide."""

import textwrap
from collections.abc import Iterable, Sequence

_WIDTH = 98
EXPECTED = (
    "# Where results come every day, these lines tell when they stop; hours between two files:",
    "# [expect.observations]",
    "# every_hours = 24",
)


def quoted(text: str) -> str:
    """A text as TOML spells it, on one line whatever it holds."""
    marks = {'"': '\\"', "\\": "\\\\"}
    return '"' + "".join(marks.get(sign) or _sign(sign) for sign in text) + '"'


def _sign(sign: str) -> str:
    return sign if sign.isprintable() else f"\\U{ord(sign):08x}"


def quoted_all(texts: Sequence[str]) -> str:
    """One text, or several as a list."""
    told = [quoted(text) for text in texts]
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]"


def comment(*sentences: str) -> list[str]:
    """Sentences as comment lines."""
    return [f"# {line}" for line in _wrapped(" ".join(sentences))]


def decide(*sentences: str) -> list[str]:
    """Sentences that leave something to a person."""
    return comment("Decide:", *sentences)


def section(*parts: Iterable[str]) -> list[str]:
    """Lines that belong together, with a blank one behind; nothing for nothing."""
    lines = [line for part in parts for line in part]
    return [*lines, ""] if lines else []


def amount(count: int, noun: str) -> str:
    """A count with its noun: `1 row`, `2 rows`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def counted(words: Iterable[tuple[str, int]]) -> str:
    """Words with their counts: `mg/dL 40, mmol/L 2`."""
    return ", ".join(f"{word} {count}" for word, count in words)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH - 2, break_on_hyphens=False, break_long_words=False)
