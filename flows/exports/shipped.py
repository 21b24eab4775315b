"""The shipped pages and sheets of style, and the one way in which a page is filled."""

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, StrictUndefined


def environment() -> Environment:
    """Templates in which every value is escaped, and a missing one is an error."""
    return Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def shipped(name: str) -> str:
    """The text of a file that stands beside this one."""
    return files("flows.exports").joinpath(name).read_text(encoding="utf-8")


def source_hash(css: str) -> str:
    """The hash by which the page's own policy lets its one style sheet in, and no other."""
    digest = hashlib.sha256(css.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode()
