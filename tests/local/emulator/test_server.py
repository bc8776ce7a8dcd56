"""Starting and stopping the emulator as a process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from local.emulator import server
from tests.local.conftest import Buckets, Emulator, wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_starts_answers_and_stops_several_times_in_a_row(tmp_path: Path) -> None:
    for _ in range(3):
        running = server.start(server.free_port(), tmp_path, tied=True)
        assert server.healthy(running.endpoint_url)
        assert server.running(tmp_path) == running
        server.stop(running.pid, tmp_path)
        assert not alive(running.pid)
        assert server.running(tmp_path) is None
        assert sorted(path.name for path in tmp_path.iterdir()) == ["emulator.log"]


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(server.ServerError, match=f"port {port} is taken"):
            server.start(port, tmp_path, tied=True)


def test_one_state_directory_has_one_emulator(tmp_path: Path) -> None:
    running = server.start(server.free_port(), tmp_path, tied=True)
    try:
        with pytest.raises(server.ServerError, match=f"already running as pid {running.pid}"):
            server.start(server.free_port(), tmp_path, tied=True)
    finally:
        server.stop(running.pid, tmp_path)


def test_a_start_that_fails_shows_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(server.ServerError, match="LOCAL_S3_TYPO is not a setting"):
        server.start(server.free_port(), tmp_path, environment={"LOCAL_S3_TYPO": "1"}, tied=True)
    assert server.running(tmp_path) is None


def test_a_tied_emulator_ends_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from local.emulator import server;"
        f"print(server.start(server.free_port(), Path({str(tmp_path)!r}), tied=True).pid);"
        "sys.stdout.flush(); import os; os._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=server.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert int(done.stdout) > 0
    wait_for(lambda: server.running(tmp_path) is None)


def test_a_foreign_pid_is_never_taken_for_the_emulator(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"]) as other:
        try:
            server.pid_file(tmp_path).write_text(f"{other.pid}\n4566\n")
            assert server.running(tmp_path) is None
            assert other.poll() is None
        finally:
            other.kill()


def test_a_reset_forgets_what_waits_to_be_replicated(tmp_path: Path) -> None:
    running = server.start(server.free_port(), tmp_path, tied=True)
    try:
        emulator = Emulator(running)
        buckets = Buckets(emulator)
        buckets.replicate(buckets.rule(buckets.first))
        buckets.put("slow-1")
        reset = urllib.request.Request(  # noqa: S310
            f"{running.endpoint_url}/_ministack/reset", method="POST"
        )
        urllib.request.urlopen(reset, timeout=10).close()  # noqa: S310
        buckets.bucket(buckets.first)
        emulator.quiet()
        assert buckets.versions(buckets.first, "") == []
    finally:
        server.stop(running.pid, tmp_path)


def test_it_stops_while_a_client_is_connected(tmp_path: Path) -> None:
    running = server.start(server.free_port(), tmp_path, tied=True)
    with socket.create_connection(("127.0.0.1", running.port)):
        begun = time.monotonic()
        server.stop(running.pid, tmp_path)
    assert time.monotonic() - begun < 5
    assert not alive(running.pid)
