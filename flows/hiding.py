"""What may be told to a database that others read: the texts of our own errors, no others."""

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from data_contracts.gate import ContractBrokenError, GateAsleepError
from flows.errors import (
    AccountingError,
    ConfigurationError,
    LockedError,
    PublishError,
    StoreError,
)
from hypomag_rules.policy_values import PolicyError

_P = ParamSpec("_P")
_R = TypeVar("_R")
# These are ours and never quote a row; the text of any other may.
OURS: Final = (
    AccountingError,
    ConfigurationError,
    ContractBrokenError,
    GateAsleepError,
    LockedError,
    PolicyError,
    PublishError,
    StoreError,
)


class HiddenError(Exception):
    """What Prefect sees of an exception that is not ours: its type; the CLI gets the original."""

    def __init__(self, kind: str, original: Exception | None = None) -> None:
        super().__init__(f"{kind}, its text is kept from this database")
        self.kind = kind
        self.original = original

    def __reduce__(self) -> tuple[type["HiddenError"], tuple[str]]:
        """Leave the original behind: Prefect pickles what fails a flow, persist_result or not."""
        return (HiddenError, (self.kind,))


def hiding(body: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let no text out of `body` that may quote a row."""

    @wraps(body)
    def hidden(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return body(*args, **kwargs)
        except (*OURS, HiddenError) as error:
            raise error from None
        except Exception as error:  # noqa: BLE001 - whatever it is, its text stays here
            raise HiddenError(type(error).__name__, error) from None

    return hidden
