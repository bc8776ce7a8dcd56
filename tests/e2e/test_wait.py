"""A wait for many objects, from the writes to S3 to the end of the command.

`WAIT_OBJECTS` is how many; `make wait` writes 10,000 and prints what was measured.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from local.demo_buckets import SOURCE
from tests.e2e.conftest import Deployed, eventually
from tests.s3rt.conftest import Command

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1_500)]

OBJECTS = int(os.environ.get("WAIT_OBJECTS", "1000"))
PREFIX = "logs/waited-for/"
SECONDS = 20.0
"""How soon after the last event was processed the wait has to end."""

Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def said(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}", flush=True)  # noqa: T201

    return said


@contextmanager
def processed(deployed: Deployed) -> Iterator[list[float]]:
    """When the ingest queue was last seen with messages: the last entry, in seconds of the epoch.
    On one machine, which S3 and the table share, that is later than S3's last replica."""
    busy, done = [time.time()], threading.Event()
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def look() -> None:
        while not done.wait(0.5):
            found = deployed.client("sqs").get_queue_attributes(
                QueueUrl=deployed.outputs.stack["IngestQueueUrl"], AttributeNames=names
            )["Attributes"]
            if any(int(found[name]) for name in names):
                busy.append(time.time())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield busy
    finally:
        done.set()
        looking.join()


def test_a_wait_ends_within_seconds_of_the_last_arrival(
    deployed: Deployed, s3rt: Command, tmp_path: Path, say: Say
) -> None:
    # For a minute after a reported change, here that of the deployment, no read of rules counts.
    first = deployed.put(key := f"{PREFIX}first", SOURCE)
    deployed.settled(key, first, SOURCE)
    eventually(lambda: not deployed.known(SOURCE, key, first)["in_doubt"], 150)
    begun = time.time()
    with ThreadPoolExecutor(8) as pool:
        keys = [f"{PREFIX}{number:06}" for number in range(OBJECTS)]
        versions = dict(
            zip(keys, pool.map(lambda key: deployed.put(key, SOURCE), keys), strict=True)
        )
    written = time.time()
    manifest = tmp_path / "manifest"
    manifest.write_text("".join(f"{key}\t{version}\n" for key, version in versions.items()))
    with processed(deployed) as busy:
        ended = s3rt(
            "wait", f"s3://{SOURCE}/", "--manifest", str(manifest), "--timeout", "1200", "--json"
        )
        now = time.time()
    assert ended.code == 0, ended
    counts: dict[str, Any] = ended.json["counts"]
    assert (counts["total"], counts["arrived"]) == (OBJECTS, OBJECTS)
    late = now - busy[-1]
    say(
        f"{OBJECTS:,} objects: written in {written - begun:.0f} s, their events processed"
        f" {busy[-1] - written:.0f} s later; the wait by manifest ended {late:.1f} s after that"
    )
    assert late < SECONDS


def test_a_wait_for_their_prefix_ends_once_all_events_were_processed(
    deployed: Deployed, s3rt: Command, say: Say
) -> None:
    key = f"{PREFIX}by-prefix"
    deployed.put(key, SOURCE)
    ended = s3rt("wait", f"s3://{SOURCE}/{PREFIX}", "--timeout", "600", "--json")
    assert ended.code == 0, ended
    assert ended.json["arrived"] is True
    late = time.time() - datetime.fromisoformat(ended.json["until"]).timestamp()
    say(f"the wait by prefix ended {late:.0f} s after the time that it was about")
    # Two minutes' margin for a queue without order, and a look of the tracker a minute.
    assert late < 300, json.dumps(ended.json)
