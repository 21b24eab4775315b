"""What can go wrong, and the exit code that says so."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The answers of a run, the worse the higher; the highest that applies is given."""

    CLEAN = 0
    USAGE = 2
    ROWS_TO_SEE = 10
    FEED_LATE = 11
    FILE_REFUSED = 20
    STORE = 30
    LOCKED = 40
    CONFIGURATION = 50
    PUBLISH = 60
    ACCOUNTING = 70


class FileRefusedError(Exception):
    """A file that cannot be read as it says; the others go on."""


class StoreError(Exception):
    """The store or the disk below it."""


class LockedError(Exception):
    """Another run holds the store."""


class ConfigurationError(Exception):
    """A setting, a profile, a permission or a self-check."""


class PublishError(Exception):
    """Tonight's lists could not be put in place; yesterday's stay."""


class AccountingError(Exception):
    """Rows read are not the rows accounted for; nothing is published."""
