"""Returned sheets into the store: each in one transaction, with a count of where its rows went."""

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from flows.answering.checking import KNOWN, SAID, judged_rows, told_rows
from flows.answering.published_rows import BASIS, published_rows
from flows.answering.returning import return_rows
from flows.answering.sheets import Sheet, read_sheet
from flows.errors import AccountingError, ConfigurationError, ExitCode, FileRefusedError
from flows.inbox import Dropped, Staged, stage
from flows.limits import unforeseen
from flows.night import Night
from flows.store import Store
from hypomag_rules.answers import can_hide, latest_answers

_STAGING: Final = "staging/sheets"
_TOLD: Final = (
    "SELECT count(*) FROM sheets WHERE night = ? AND name = ? AND sha256 = ? AND problem = ?"
)
_OF_NIGHT: Final = """
SELECT name AS sheet, counted, refused, problem FROM sheets WHERE night = ?
QUALIFY problem IS NULL OR sheet_id = max(sheet_id) OVER (PARTITION BY name)
ORDER BY name, sha256
"""


@dataclass(frozen=True, slots=True)
class SheetRead:
    """What came of one returned sheet; `reasons` counts the refused rows, `problem` refuses all.

    `returned` names the sheet that goes back, below the home.
    """

    sheet: str
    rows: int = 0
    blank: int = 0
    counted: int = 0
    known: int = 0
    refused: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    returned: str = ""
    problem: str = ""
    was_read_before: bool = False


def sheets_of_night(store: Store, night: Night) -> pl.DataFrame:
    """The sheets read for a night: `sheet`, `counted`, `refused`, `problem`.

    What made a sheet unreadable is over once a mended one came under its name.
    """
    return store.frame(_OF_NIGHT, [night.date])


def in_a_line(read: SheetRead) -> str:
    """What came of a sheet, in numbers and reasons; nothing that stands in it."""
    if read.problem:
        return f"refused: {read.sheet} ({read.problem})"
    if read.was_read_before:
        return f"{read.sheet}: read before, nothing in it is new"
    why = ", ".join(f"{count} {reason}" for reason, count in sorted(read.reasons.items()))
    sent = f" ({why}; see {read.returned})" if why else ""
    return (
        f"{read.sheet}: {read.counted} answers count, {read.refused} refused{sent}, "
        f"{read.known} known before, {read.blank} of {read.rows} rows without an answer"
    )


def exit_code(read: Iterable[SheetRead]) -> ExitCode:
    """The highest code that applies to some sheets."""
    told = list(read)
    if any(sheet.problem for sheet in told):
        return ExitCode.FILE_REFUSED
    return ExitCode.ROWS_TO_SEE if any(sheet.refused for sheet in told) else ExitCode.CLEAN


def read_sheets(store: Store, night: Night, files: Iterable[Dropped]) -> Iterator[SheetRead]:
    """Read each sheet whose content was not read before; what cannot be read is told and kept.

    The later a sheet was written the later it is read: of two answers the later speaks.
    """
    folder = night.store / _STAGING
    try:
        for file in sorted(files, key=lambda file: (file.modified_ns, file.relative)):
            yield _read(store, night, file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read(store: Store, night: Night, file: Dropped) -> SheetRead:
    digest = ""
    try:
        _refuse_at_sight(file)
        staged = stage(file, night.store / _STAGING)
        digest = staged.sha256
        if store.number(
            "SELECT count(*) FROM sheets WHERE sha256 = ? AND problem IS NULL", [digest]
        ):
            return SheetRead(file.relative, was_read_before=True)
        return _counted(store, night, file, staged, read_sheet(staged.path))
    except FileRefusedError as refusal:
        problem = str(refusal)
    except (ConfigurationError, AccountingError):
        raise
    except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001 - one sheet never stops the night
        problem = unforeseen(error)
    read = SheetRead(file.relative, problem=problem)
    with store.transaction():
        _enter(store, night, read, digest)
    return read


def _refuse_at_sight(file: Dropped) -> None:
    if file.problem:
        raise FileRefusedError(file.problem)


def _counted(store: Store, night: Night, file: Dropped, staged: Staged, sheet: Sheet) -> SheetRead:
    """Keep what counts, return what does not, and enter the sheet with its counts."""
    told = told_rows(sheet)
    asked = told.select("item_id", "night").drop_nulls()
    judged = judged_rows(
        sheet,
        published_rows(store, asked),
        _answers_so_far(store),
        night.settings.hospital,
        night.date,
    )
    reason = pl.col("reason")
    counts = judged.filter(reason.is_null())
    refused = judged.filter(reason.is_not_null() & (reason != KNOWN))
    returned = ""
    if refused.height:
        path = return_rows(night.home, file, staged.sha256, sheet, refused)
        returned = path.relative_to(night.home).as_posix()
    read = SheetRead(
        file.relative,
        rows=len(sheet.rows),
        blank=len(sheet.rows) - told.height,
        counted=counts.height,
        known=judged.filter(reason == KNOWN).height,
        refused=refused.height,
        reasons=dict(Counter(refused.get_column("reason").to_list())),
        returned=returned,
    )
    with store.transaction():
        number = _enter(store, night, read, staged.sha256)
        _keep(store, night, number, counts.with_columns(modified_ns=pl.lit(file.modified_ns)))
    return read


def _answers_so_far(store: Store) -> pl.DataFrame:
    """What a sheet may say again: the answer that speaks for each item, and all that can hide it.

    One that hides does not count anew behind one that took it back, for an old sheet that is saved
    again says it still; one that hides nothing does.
    """
    answers = store.frame(
        "SELECT *, until AS until_day, answered_by AS by FROM dispositions"
    ).with_columns(pl.col("note").fill_null(""))
    is_last = pl.col("disposition_id").is_in(
        latest_answers(answers).get_column("disposition_id").implode()
    )
    return answers.filter(is_last | can_hide()).select(SAID)


def _enter(store: Store, night: Night, read: SheetRead, sha256: str) -> int:
    """The sheet's row of the ledger; of one that cannot be read one row a night is enough."""
    if read.rows != read.blank + read.counted + read.known + read.refused:
        message = "the rows of a returned sheet do not add up: nothing of it counts"
        raise AccountingError(message)
    if read.problem and store.number(_TOLD, [night.date, read.sheet, sha256, read.problem]):
        return 0
    number = store.number("SELECT coalesce(max(sheet_id), 0) + 1 FROM sheets")
    received = night.received_at.replace(tzinfo=None)
    counts = [read.rows, read.blank, read.counted, read.known, read.refused]
    store.run(
        "INSERT INTO sheets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [number, night.date, read.sheet, sha256, received, *counts, read.problem or None],
    )
    return number


def _keep(store: Store, night: Night, sheet: int, counts: pl.DataFrame) -> None:
    """Append answers, each with what it was given on."""
    last = store.number("SELECT coalesce(max(disposition_id), 0) FROM dispositions")
    store.load(
        "dispositions",
        counts.select(
            (pl.int_range(1, pl.len() + 1) + last).cast(pl.Int32).alias("disposition_id"),
            pl.lit(sheet, pl.Int32).alias("sheet_id"),
            pl.col("row").cast(pl.Int32),
            pl.lit(night.received_at.replace(tzinfo=None)).alias("received_at"),
            "token",
            "night",
            "worklist",
            "item_id",
            "patient_id",
            "answer",
            pl.col("until_day").alias("until"),
            pl.col("by").alias("answered_by"),
            pl.col("note").replace("", None),
            "modified_ns",
            *BASIS,
        ),
    )
