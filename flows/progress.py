"""Saying what goes on: a live line on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def speaker(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A function that shows one step at a time, on standard error."""
    console = Console(stderr=True, quiet=quiet, highlight=False)
    if console.is_terminal:
        with console.status("starting") as status:
            yield status.update
    else:
        yield lambda text: console.print(text, markup=False, soft_wrap=True)
