"""Processes this package starts and ends, each by its own pid."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

_STOP_SECONDS = 6.0

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Those this process started, which it has to collect when they end."""


def adopt(child: subprocess.Popen[bytes]) -> None:
    """Keep a child that may outlive whoever started it."""
    _children[child.pid] = child


def end(pid: int) -> None:
    """SIGTERM, some seconds, SIGKILL."""
    _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    if alive(pid):
        _signal(pid, signal.SIGKILL)
        while alive(pid) and time.monotonic() < deadline + _STOP_SECONDS:
            time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether it still runs; collects it when it was a child of this process."""
    child = _children.get(pid)
    if child is not None:
        if child.poll() is not None:
            del _children[pid]
        return pid in _children
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(pid)


def runs(pid: int, module: str) -> bool:
    """Guards against a pid the system gave to another program since."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return not Path("/proc").exists()
    return module.encode() in command


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_zombie(pid: int) -> bool:
    """Ended, but its parent (not this process) has not collected it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return False
