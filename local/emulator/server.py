"""Start and stop the emulator as a process of its own.

Errors: `ServerError`, with the tail of the emulator's log when it did not start.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.emulator import process

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
_HOST = "127.0.0.1"
_START_SECONDS = 30.0
_TAIL_LINES = 25
_TEMPORARY = "tmp"
_SETTINGS = ("LOCAL_S3_", "LOCAL_DYNAMODB_")


class ServerError(RuntimeError):
    """The emulator did not start, or does not belong to this state directory."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running emulator."""

    pid: int
    port: int
    state_dir: Path

    @property
    def endpoint_url(self) -> str:
        return f"http://{_HOST}:{self.port}"

    @property
    def log(self) -> Path:
        return log_file(self.state_dir)


def log_file(state_dir: Path) -> Path:
    return state_dir / "emulator.log"


def pid_file(state_dir: Path) -> Path:
    """Two lines: the pid and the port."""
    return state_dir / "emulator.pid"


def start(
    port: int,
    state_dir: Path,
    *,
    environment: Mapping[str, str] | None = None,
    tied: bool = False,
    wait_seconds: float = _START_SECONDS,
) -> Server:
    """Start the emulator and wait until it answers.

    `environment` adds `LOCAL_S3_*` and `LOCAL_DYNAMODB_*` settings; `tied` ends the emulator when
    this process ends.
    """
    state_dir = state_dir.resolve()
    if (old := running(state_dir)) is not None:
        raise ServerError(f"already running as pid {old.pid} on port {old.port}; stop it first")
    if _answers(port):
        raise ServerError(f"port {port} is taken by another program; choose another --port")
    temporary = state_dir / _TEMPORARY
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    with log_file(state_dir).open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "local.emulator"],
            cwd=ROOT,
            env=_environment(port, temporary, environment or {}, tied=tied),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process.adopt(child)
    server = Server(child.pid, port, state_dir)
    pid_file(state_dir).write_text(f"{child.pid}\n{port}\n")
    deadline = time.monotonic() + wait_seconds
    while time.monotonic() < deadline:
        if child.poll() is not None:
            break
        if healthy(server.endpoint_url):
            return server
        time.sleep(0.05)
    state = "did not answer in time" if child.poll() is None else f"ended ({child.returncode})"
    stop(child.pid, state_dir)
    raise ServerError(f"the emulator {state}; the end of {server.log}:\n{tail(server.log)}")


def stop(pid: int, state_dir: Path) -> None:
    """End that process and remove what it left in `state_dir`."""
    process.end(pid)
    pid_file(state_dir).unlink(missing_ok=True)
    shutil.rmtree(state_dir / _TEMPORARY, ignore_errors=True)


def running(state_dir: Path) -> Server | None:
    """The emulator this state directory knows of, or None; forgets one that is gone."""
    file = pid_file(state_dir)
    try:
        pid, port = (int(line) for line in file.read_text().split())
    except (FileNotFoundError, ValueError):
        return None
    if process.alive(pid) and process.runs(pid, "local.emulator"):
        return Server(pid, port, state_dir.resolve())
    file.unlink(missing_ok=True)
    return None


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def healthy(endpoint_url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint_url}/_ministack/health", timeout=1) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def tail(file: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log; empty when there is none."""
    try:
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def _environment(
    port: int, temporary: Path, extra: Mapping[str, str], *, tied: bool
) -> dict[str, str]:
    """The caller's environment without its AWS account, its Python path and its own settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "LOCAL_", "PYTHON", "COV_", "COVERAGE_"))
    }
    return kept | {
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(temporary),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "LOCAL_EXIT_WITH_PARENT": "1" if tied else "0",
        **{name: value for name, value in os.environ.items() if name.startswith(_SETTINGS)},
        **extra,
    }


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((_HOST, port)) == 0
