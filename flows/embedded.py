"""Prefect's server beside a night: private, on loopback, gone when the night is over.

Prefect reads its environment on import and keeps it, so this file never imports prefect.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import Final

from flows.errors import ConfigurationError, StoreError

_LOOPBACK: Final = "127.0.0.1"
_START_SECONDS: Final = 120
_STOP_SECONDS: Final = 15
_PRIVATE: Final = 0o700
_SILENT: Final = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": str(_START_SECONDS),
}
# Prefect's own embedded server outlives a kill -9 of the night. Ours asks the kernel to end it
# with its parent, and sits in a session of its own: a Ctrl-C is for the night, which still has to
# tell the server how it ended.
_CHILD: Final = """\
import os, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 15)
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execv(sys.executable, [sys.executable, "-m", "prefect", "server", "start", *sys.argv[2:]])
"""


@contextmanager
def prefect_server(home: Path, console: str) -> Iterator[None]:
    """The server named by PREFECT_API_URL, else one of our own for as long as the block lasts.

    `console` is the level from which Prefect's own lines show on the terminal. The database and
    log of a server of ours lie in `store/prefect`. Raises `ConfigurationError` when it does not
    start, `StoreError` when its folder cannot be made.
    """
    os.environ.update(_SILENT)
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", console)
    if os.environ.get("PREFECT_API_URL"):
        yield
        return
    folder = _private_folder(home / "store" / "prefect")
    os.environ["PREFECT_HOME"] = str(folder)
    os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "false"  # states and artifacts say it all
    os.environ.pop("PREFECT_PROFILE", None)  # a profile of the site's is not in our folder
    # Prefect's client would ask a hospital's proxy for loopback too.
    os.environ["NO_PROXY"] = ",".join(filter(None, [os.environ.get("NO_PROXY"), _LOOPBACK]))
    port = _free_port()
    # Without this, SIGTERM ends Python at once and leaves nobody to stop the server.
    former = signal.signal(signal.SIGTERM, _leave)
    server = _start(port, folder / "server.log")
    try:
        _wait_until_up(server, port)
        os.environ["PREFECT_API_URL"] = f"http://{_LOOPBACK}:{port}/api"
        yield
    finally:
        _stop(server)
        signal.signal(signal.SIGTERM, former)


def _private_folder(folder: Path) -> Path:
    try:
        folder.parent.mkdir(mode=_PRIVATE, exist_ok=True)
        folder.mkdir(mode=_PRIVATE, exist_ok=True)
    except OSError as error:
        message = f"store/prefect cannot be made ({error.strerror}); free or mend the disk"
        raise StoreError(message) from None
    mode = folder.stat().st_mode & 0o777
    if mode != _PRIVATE:
        message = f"store/prefect has mode {mode:o}, wanted 700: chmod 700 store/prefect"
        raise ConfigurationError(message)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler's signature
    sys.exit(128 + number)


def _start(port: int, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our interpreter, our constants
            [
                *(sys.executable, "-c", _CHILD, str(os.getpid())),
                *("--host", _LOOPBACK, "--port", str(port), "--no-ui"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _wait_until_up(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        if _is_up(port):
            return
        time.sleep(0.1)
    message = (
        "Prefect's server did not start: see store/prefect/server.log; "
        "mend it, or run the night with --direct"
    )
    raise ConfigurationError(message)


def _is_up(port: int) -> bool:
    connection = HTTPConnection(_LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)  # lets it write down what it holds; SIGTERM would not
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
