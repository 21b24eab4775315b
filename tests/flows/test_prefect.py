"""The night under Prefect: a real server, a real worker, and what is left when they are gone."""

import base64
import binascii
import fcntl
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from flows.hiding import HiddenError
from tests.home import Home

pytestmark = pytest.mark.prefect

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
AS_OF = "2026-11-21T02:00:00Z"
DEPLOYMENT = "hypomag-nightly/hypomag-nightly"
CANARIES = ("KANARIE-PAT-7731", "KANARIE-MRN-4482", "Kanarie Vogelsang", "KANARIE-UNREAD")
PATIENT, MRN, NAME, UNREAD = CANARIES
_LOOPBACK = build_opener(ProxyHandler({}))


def drop_canaries(folder: Path) -> Home:
    """A home with one severe patient and one unreadable row, a file named after the patient."""
    folder.mkdir()
    home = Home(folder)
    row = {
        "observation_id": "O1",
        "patient_id": PATIENT,
        "code": "19123-9",
        "value": "0.9",
        "unit": "mg/dL",
        "specimen": "serum",
        "status": "F",
        "collected_at": "2026-11-20T06:10:00Z",
        "reported_at": "2026-11-20T07:25:00Z",
    }
    unread = row | {"observation_id": "O2", "value": UNREAD}
    home.drop("observations", [row, unread], f"observations_{PATIENT}.csv")
    person = {"patient_id": PATIENT, "mrn": MRN, "name": NAME, "birth_date": "1958-02-11"}
    home.drop("patients", [person])
    (folder / "sources").mkdir()
    expected = "[expect.observations]\nevery_hours = 24\n"
    (folder / "sources" / "lab.toml").write_text(expected, encoding="utf-8")
    return home


def environment(**more: str) -> dict[str, str]:
    """The environment of this process without what steers hypomag and Prefect."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HYPOMAG_", "PREFECT_"))
    }
    silent = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    return kept | silent | more


def processes_under(prefect_home: Path) -> set[int]:
    """Pids of living processes whose Prefect home is this folder."""
    wanted = f"PREFECT_HOME={prefect_home}".encode()
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0"):
                found.add(int(path.parent.name))
        except OSError:  # gone, or not ours to read
            continue
    return found


def words_under(folder: Path) -> bytes:
    """Every byte of every file, and once more what base64 wraps, as Prefect's pickles are."""
    words = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            words.append(content)
            try:
                words.append(base64.b64decode(content))
            except binascii.Error:
                continue
    return b"\n".join(words)


def asked(api: str, path: str, **filters: object) -> Any:  # noqa: ANN401 - whatever the server says
    """What the server answers to a filter."""
    body = json.dumps(filters).encode()
    request = Request(api + path, body, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    with _LOOPBACK.open(request, timeout=10) as answer:
        return json.load(answer)


def wait_for(what: str, seconds: int, is_true: Any) -> None:  # noqa: ANN401 - a question
    """Wait until a question is answered with yes."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"{what} not within {seconds} s"
        time.sleep(0.2)


def is_healthy(api: str) -> bool:
    """Whether the server answers."""
    try:
        with _LOOPBACK.open(f"{api}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


@contextmanager
def running(arguments: list[str], env: dict[str, str], log: Path) -> Iterator[None]:
    """A Prefect command in the background; stopped by its own pid and seen to be gone."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", *arguments],
            cwd=REPOSITORY,
            env=env,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def prefect(env: dict[str, str], *arguments: str) -> str:
    """Run a Prefect command to its end, in the repository's folder."""
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=REPOSITORY,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], Home]]:
    """A server with `prefect.yaml` deployed for a home with canaries."""
    folder = tmp_path_factory.mktemp("site")
    home = drop_canaries(folder / "home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    api = f"http://127.0.0.1:{port}/api"
    env = environment(PREFECT_HOME=str(folder / "prefect"), HYPOMAG_HOME=str(home.path))
    server = ["server", "start", "--host", "127.0.0.1", "--port", port, "--no-ui"]
    with running(server, env, folder / "server.log"):
        wait_for("the server", 120, lambda: is_healthy(api))
        env["PREFECT_API_URL"] = api
        prefect(env, "work-pool", "create", "hypomag", "--type", "process")
        prefect(env, "--no-prompt", "deploy", "--all")
        yield env, home
    assert processes_under(folder / "prefect") == set()


def test_the_deployment_is_listed_and_scheduled(site: tuple[dict[str, str], Home]) -> None:
    """Versions that import together may still fail to list or to schedule."""
    env, home = site
    assert "hypomag-nightly" in prefect(env, "deployment", "ls")
    api = env["PREFECT_API_URL"]
    (deployment,) = asked(api, "/deployments/filter")
    assert deployment["parameters"] == {"home": str(home.path)}
    (schedule,) = deployment["schedules"]
    assert schedule["schedule"]["cron"] == "30 4 * * *"
    assert schedule["schedule"]["timezone"]
    scheduled = {"state": {"type": {"any_": ["SCHEDULED"]}}}
    wait_for(
        "a scheduled run", 90, lambda: asked(api, "/flow_runs/filter", flow_runs=scheduled, limit=1)
    )


def test_a_worker_publishes_and_prefect_learns_no_patient(
    site: tuple[dict[str, str], Home],
) -> None:
    """The worker's night ends in the published folder; Prefect holds counts and the exit code."""
    env, home = site
    api, prefect_home = env["PREFECT_API_URL"], Path(env["PREFECT_HOME"])
    log = prefect_home.parent / "worker.log"
    with running(["worker", "start", "--pool", "hypomag", "--limit", "1"], env, log):
        given = ["-p", f"home={home.path}", "-p", f"as_of={AS_OF}"]
        said = prefect(env, "deployment", "run", DEPLOYMENT, *given, "--watch")
    lists = home.path / "published" / "current" / "worklists"
    assert PATIENT in (lists / "iv_replacement.csv").read_text(encoding="utf-8")

    named = {"name": {"any_": ["hypomag-nightly-2026-11-21"]}}
    (run,) = asked(api, "/flow_runs/filter", flow_runs=named)
    assert (run["state"]["type"], run["state"]["message"]) == (
        "COMPLETED",
        "night 2026-11-21: exit 11",
    )
    (artifact,) = asked(api, "/artifacts/filter")
    counts = {row["what"]: row["count"] for row in json.loads(artifact["data"])}
    assert counts["files read"] == 2
    assert counts["listed: iv_replacement"] == 1
    assert counts["exit code"] == 11
    assert "Feed lab is absent: no observations were received yet" in artifact["description"]

    words = said.encode() + words_under(prefect_home) + log.read_bytes()
    words += (prefect_home.parent / "server.log").read_bytes()
    assert b"hypomag-nightly-2026-11-21" in words
    for canary in CANARIES:
        assert canary.encode() not in words


def test_a_foreign_exception_is_pickled_without_its_text() -> None:
    """Prefect pickles what fails a flow even with `persist_result=False`."""
    held = pickle.dumps(HiddenError("ValueError", ValueError(PATIENT)))
    assert PATIENT.encode() not in held
    assert str(pickle.loads(held)).startswith("ValueError")  # noqa: S301 - pickled a line above


def night(home: Home, *flags: str) -> list[str]:
    """The command of a night."""
    return [str(BIN / "hypomag"), "night", "--home", str(home.path), "--as-of", AS_OF, *flags]


def last_word(home: Home, *flags: str) -> tuple[int, str]:
    """The exit code of a night, and what hypomag itself complains of."""
    done = subprocess.run(
        night(home, *flags),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if line.startswith("hypomag: ")]
    for text in ("Traceback", "Error logging to API"):
        assert text not in done.stderr
    assert processes_under(home.path / "store" / "prefect") == set()
    return done.returncode, "\n".join(ours)


def test_embedded_and_direct_are_the_same_night(tmp_path: Path) -> None:
    """Same bytes, same exit code, same refusal; no server is left and no patient told."""
    embedded, direct = (drop_canaries(tmp_path / name) for name in ("embedded", "direct"))
    assert last_word(embedded) == last_word(direct, "--direct") == (11, "")
    published = [home.path / "published" / "current" for home in (embedded, direct)]
    here, there = (
        {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*.csv"))}
        for folder in published
    )
    assert here
    assert here == there
    with (embedded.path / "store" / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = last_word(embedded)
    with (direct.path / "store" / "lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert last_word(direct, "--direct") == refused
    assert refused[0] == 40
    prefect_home = embedded.path / "store" / "prefect"
    assert prefect_home.stat().st_mode & 0o777 == 0o700
    assert not [path for path in prefect_home.rglob("*") if path.stat().st_mode & 0o077]
    words = words_under(prefect_home)
    for canary in CANARIES:
        assert canary.encode() not in words


def test_a_stopped_night_leaves_no_server(tmp_path: Path) -> None:
    """Ctrl-C, a service manager's stop and a kill -9 each take the server with them."""
    stops = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    homes = [Home(tmp_path / number.name) for number in stops]
    nights = []
    for home in homes:  # side by side: most of it is waiting for Prefect to start
        home.inbox.joinpath("patients.csv").write_text("patient_id\n", encoding="utf-8")
        process = subprocess.Popen(
            night(home),
            env=environment(HYPOMAG_QUIET_SECONDS="600"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        nights.append(process)
    for home, process, number in zip(homes, nights, stops, strict=True):
        prefect_home = home.path / "store" / "prefect"
        wait_for("the store", 180, (home.path / "store" / "warehouse.duckdb").exists)
        assert processes_under(prefect_home)
        os.killpg(process.pid, number)
    for home, process in zip(homes, nights, strict=True):
        assert process.wait(60) != 0
        prefect_home = home.path / "store" / "prefect"
        wait_for("the server's end", 10, lambda at=prefect_home: not processes_under(at))
