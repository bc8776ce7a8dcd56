"""The page of `s3rt open` as a process beside the local stack, ended with it.

Its address has a token in it, so it is read from the process and kept in `<state>/page.json`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from local.emulator import process, server

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "page.json"
_MODULE = "s3rt.main"


def start(state_dir: Path, outputs_file: Path) -> str:
    """The address of the page; one that is served already stays as it is."""
    file = state_dir / _FILE
    if file.exists():
        known = json.loads(file.read_text())
        if process.alive(known["pid"]) and process.runs(known["pid"], _MODULE):
            return str(known["url"])
    command = (sys.executable, "-m", _MODULE, "--outputs", str(outputs_file.resolve()))
    child = subprocess.Popen(
        [*command, "open", "--no-browser", "--json"],
        cwd=server.ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    process.adopt(child)
    assert child.stdout is not None
    with child.stdout as answer:
        url = str(json.loads(answer.readline())["url"])
    file.write_text(json.dumps({"pid": child.pid, "url": url}))
    return url


def stop(state_dir: Path) -> None:
    """Ends the page of this state directory, if there is one."""
    file = state_dir / _FILE
    if not file.exists():
        return
    pid = json.loads(file.read_text())["pid"]
    if process.alive(pid) and process.runs(pid, _MODULE):
        process.end(pid)
    file.unlink()
