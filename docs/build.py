"""Write the generated pages of docs/, or say with --check that they are stale."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from data_contracts import vocabulary as words
from data_contracts.columns import Table
from data_contracts.published import PUBLISHED, VIEWS
from docs.traceability import traceability
from flows.schema import CANONICAL
from hypomag_rules.policy import load
from hypomag_rules.spoken import filled_texts

_FOLDER: Final = Path(__file__).parent
_HEAD: Final = """\
# Data dictionary

Generated from `data_contracts/` by `make docs`; do not edit. Instants are UTC, days are the
hospital's. The same words stand as COMMENT on the tables and columns of
`published/hypomag.duckdb`.

"""


def data_dictionary() -> str:
    """The page: what comes in, what is published."""
    parts = [_HEAD, "## What comes in\n\n"]
    parts += [_section(table, is_sent=True) for table in CANONICAL.values()]
    parts.append("## What is published\n\n")
    parts += [_section(table, is_sent=False) for table in (*PUBLISHED, *VIEWS)]
    return "".join([*parts, _codes()]).rstrip() + "\n"


_WORDS: Final = {
    "severity": words.SEVERITIES,
    "renal_status": words.RENAL_STATUSES,
    "renal_method": words.RENAL_METHODS,
    "recheck_rule": words.RECHECK_RULES,
    "recheck_status": words.RECHECK_STATUSES,
    "femg_finding": words.FEMG_FINDINGS,
    "worklist": words.WORKLISTS,
    "section": words.SECTIONS,
    "life": words.LIVES,
    "answer": words.ANSWERS,
    "route": words.ROUTES,
    "notices.kind": words.NOTICES,
    "quarantine.reason": tuple(dict.fromkeys((*words.OBSERVATION_REASONS, *words.OTHER_REASONS))),
}


def _codes() -> str:
    """What the codes of `reasons` and `findings` print, and the closed word lists."""
    lines = ["## Codes\n", "Closed lists of words:\n", "| column | words |", "|---|---|"]
    lines += [f"| `{name}` | {', '.join(listed)} |" for name, listed in _WORDS.items()]
    lines += ["\n`reasons` and `findings`, as they are printed under the shipped policy:\n"]
    lines += ["| code | printed |", "|---|---|"]
    texts = filled_texts(load())
    lines += [f"| `{code}` | {text} |" for code, text in texts.items() if code.isupper()]
    return "\n".join(lines) + "\n"


def _section(table: Table, *, is_sent: bool) -> str:
    mark = "required" if is_sent else "type"
    lines = [f"### `{table.name}`\n", f"{table.comment}.\n", f"| column | {mark} | meaning |"]
    lines.append("|---|---|---|")
    for column in table.columns:
        said = ("yes" if column.is_required else "") if is_sent else _type(str(column.dtype))
        lines.append(f"| `{column.name}` | {said} | {column.comment} |")
    return "\n".join(lines) + "\n\n"


def _type(dtype: str) -> str:
    return dtype.split("(", maxsplit=1)[0].lower().replace("enum", "word")


def rules() -> str:
    """The page: every promise of the rule tables, in the order of the rules, then of answers."""
    spec = _FOLDER.parent / "tests" / "spec"
    pages = [*sorted((spec / "promises").glob("*.md")), spec / "answers.md"]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


_PAGES: Final[dict[str, Callable[[], str]]] = {
    "data-dictionary.md": data_dictionary,
    "rules.md": rules,
    "traceability.md": traceability,
}


def main() -> int:
    """Write the pages, or compare them; 1 when one is stale."""
    stale = []
    for name, write in _PAGES.items():
        page, path = write(), _FOLDER / name
        if "--check" not in sys.argv:
            path.write_text(page, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != page:
            stale.append(name)
    if stale:
        sys.stderr.write(f"{', '.join(stale)} stale: run make docs and commit it\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
