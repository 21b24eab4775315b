"""The night as Prefect flows: the only file that imports prefect.

Parameters, messages, logs and artifacts end in Prefect's database in clear: they hold paths,
times and counts, never a row and never an identifier.
"""

import asyncio
import multiprocessing
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from prefect import State, flow, runtime, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.events.worker import EventsWorker
from prefect.runner import Runner
from prefect.schedules import Cron
from prefect.states import Completed
from prefect.tasks import Task
from prefect.types.entrypoint import EntrypointType

from flows import stages
from flows.asked import night_of
from flows.errors import ConfigurationError
from flows.hiding import OURS, HiddenError, hiding
from flows.homes import find_home
from flows.night import Night
from flows.stages import Ingested, Judged, Published, Say

_DRAIN_SECONDS: Final = 5


def _silent(_text: str) -> None:
    """Say nothing."""


class _Voice:
    """Where the words of the stages go: a terminal or nowhere, never Prefect.

    They name files, and a file may be named after a patient. No context variable: Prefect pickles
    a served flow together with what it refers to.
    """

    say: Say = staticmethod(_silent)


_voice = _Voice()


def _may_pass(_task: Task[..., object], _run: TaskRun, state: State[object]) -> bool:
    """Whether a second try may help: a drop folder that failed to answer, nothing of ours."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, HiddenError) and isinstance(error.original, OSError)


@task(
    retries=2,
    retry_delay_seconds=10,
    retry_condition_fn=_may_pass,
    persist_result=False,
    cache_policy=NO_CACHE,
)
@hiding
def read_inbox(night: Night) -> Ingested:
    """Read what is new in the inbox into the store."""
    return stages.ingest(night, _voice.say)


@task(persist_result=False, cache_policy=NO_CACHE)
@hiding
def judge_patients(night: Night) -> Judged:
    """Judge every patient on what the store holds."""
    return stages.assess(night, _voice.say)


@task(persist_result=False, cache_policy=NO_CACHE)
@hiding
def publish_lists(night: Night) -> Published:
    """Write the lists and swap them in."""
    return stages.publish(night, _voice.say)


def _night(
    home: str | None, as_of: str | None, inbox: str | None, received_at: str | None
) -> Night:
    """The night of a flow's parameters; a run of a deployment speaks for its scheduled time."""
    os.umask(0o077)
    # The clock is read once a run, at the door it came in by: for `hypomag night` that is cli.py,
    # which passes `received_at`; for a deployment it is this line.
    now = datetime.fromisoformat(received_at) if received_at else datetime.now(UTC)
    folder = find_home(Path(home) if home else None)
    return night_of(folder, Path(inbox) if inbox else None, as_of or _scheduled(), now)


def _scheduled() -> str:
    """When this run was meant to start; its creation for one that was never scheduled."""
    return str(runtime.flow_run.scheduled_start_time.isoformat())


def _run_name() -> str:
    """The flow's name and the night; the name alone when the parameters make no night."""
    name = str(runtime.flow_run.flow_name)
    given = runtime.flow_run.parameters
    try:
        night = _night(given.get("home"), given.get("as_of"), None, _scheduled())
    except OURS:  # the flow's body raises it again, where it is recorded
        return name
    return f"{name}-{night.date}"


@flow(name="hypomag-ingest", flow_run_name=_run_name, persist_result=False)
@hiding
def ingest(
    home: str | None = None,
    as_of: str | None = None,
    inbox: str | None = None,
    received_at: str | None = None,
) -> Ingested:
    """Read every new file of the inbox; without a home, HYPOMAG_HOME."""
    return read_inbox(_night(home, as_of, inbox, received_at))


@flow(name="hypomag-assess", flow_run_name=_run_name, persist_result=False)
@hiding
def assess(
    home: str | None = None, as_of: str | None = None, received_at: str | None = None
) -> Judged:
    """Judge every patient; without a home, HYPOMAG_HOME."""
    return judge_patients(_night(home, as_of, None, received_at))


@flow(name="hypomag-publish", flow_run_name=_run_name, persist_result=False)
@hiding
def publish(
    home: str | None = None, as_of: str | None = None, received_at: str | None = None
) -> Published:
    """Publish an assessed night; without a home, HYPOMAG_HOME."""
    return publish_lists(_night(home, as_of, None, received_at))


@flow(name="hypomag-nightly", flow_run_name=_run_name, persist_result=False)
@hiding
def nightly(
    home: str | None = None,
    as_of: str | None = None,
    inbox: str | None = None,
    received_at: str | None = None,
) -> State[Published]:
    """Ingest, assess, publish; completed for 0, 10, 11 and 20, with the code in its message."""
    night = _night(home, as_of, inbox, received_at)
    folder, instant, now = str(night.home), night.as_of.isoformat(), night.received_at.isoformat()
    ingested = ingest(folder, instant, str(night.inbox), now)
    judged = assess(folder, instant, now)
    published = publish(folder, instant, now)
    message = f"night {night.date}: exit {int(published.code)}"
    create_table_artifact(
        key="hypomag-night",
        description="\n\n".join([message, *published.banner]),
        table=_counts(ingested, judged, published),
    )
    return Completed(message=message, data=published)


def _counts(ingested: Ingested, judged: Judged, published: Published) -> list[dict[str, str | int]]:
    """What a night came to, in numbers alone."""
    counts = {
        "files read": ingested.files,
        "files refused": ingested.refused,
        "rows read": ingested.rows,
        "answers that count": ingested.answers,
        "answers refused": ingested.answers_refused,
        "returned sheets refused": ingested.sheets_refused,
        "patients judged": judged.persons,
        **{f"listed: {name}": count for name, count in published.listed.items()},
        "exit code": int(published.code),
    }
    return [{"what": what, "count": count} for what, count in counts.items()]


def run_nightly(night: Night, say: Say) -> Published:
    """Run the nightly flow in this process; raises what the stages raised, as they raised it.

    Raises `ConfigurationError` when Prefect's server does not answer.
    """
    _voice.say = say
    try:
        state: State[Published] = nightly(  # type: ignore[assignment]  # a returned state is not nested
            str(night.home),
            night.as_of.isoformat(),
            str(night.inbox),
            night.received_at.isoformat(),
            return_state=True,
        )
    except Exception as error:  # noqa: BLE001 - ours come as a state, this is Prefect's own
        kind = type(error).__name__
        message = f"Prefect's server does not answer ({kind}); mend it, or run with --direct"
        raise ConfigurationError(message) from None
    finally:
        _voice.say = _silent
        EventsWorker.drain_all(
            timeout=_DRAIN_SECONDS
        )  # how the tasks ended, before the server goes
    try:
        return state.result()
    except HiddenError as error:
        raise (error.original or error) from None


class _Runner(Runner):
    """A runner that takes SIGTERM for Ctrl-C: Prefect's own handler forgets to await its end."""

    def handle_sigterm(self, *_args: object, **_kwargs: object) -> None:
        """Stop as on Ctrl-C, which the terminal would have sent to a running night as well."""
        for child in multiprocessing.active_children():
            child.terminate()
        signal.raise_signal(signal.SIGINT)


def serve_nightly(home: Path, timezone: str, cron: str, say: Say) -> None:
    """Run the nightly flow on a schedule in this process until it is told to stop."""
    try:
        schedule = Cron(cron, timezone=timezone)
    except ValueError:
        message = f"--cron '{cron}' is no schedule; write e.g. '30 4 * * *'"
        raise ConfigurationError(message) from None
    say(f"serving at '{cron}' {timezone}; Ctrl-C stops")
    runner = _Runner(name="hypomag-nightly", limit=1)
    runner.add_flow(
        nightly,
        name="hypomag-nightly",
        parameters={"home": str(home)},
        schedule=schedule,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(runner.start())
