"""The gentle stream of `make demo-live`."""

import itertools
from typing import Any

import pytest
from rich.console import Console

from local import demo_buckets, live_writer


class Bucket:
    """Takes so many objects; then somebody presses Ctrl-C."""

    def __init__(self, room: int) -> None:
        self.keys: list[str] = []
        self._room = room

    def put_object(self, **wanted: Any) -> None:
        if len(self.keys) == self._room:
            raise KeyboardInterrupt
        assert wanted["Bucket"] == demo_buckets.SOURCE
        self.keys.append(wanted["Key"])


def test_some_objects_fail_some_are_late_and_no_key_comes_twice() -> None:
    keys = list(itertools.islice(live_writer.keys(), 200))
    assert len(set(keys)) == 200
    assert sum("fail-" in key for key in keys) == 100 // live_writer.FAILING_EVERY
    assert sum("slow-" in key for key in keys) == 100 // live_writer.LATE_EVERY
    assert {key.partition("/")[0] for key in keys} == {"TaxDocs", "logs"}


def test_it_writes_until_it_is_stopped_and_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_writer, "SECONDS_BETWEEN", 0)
    bucket, console = Bucket(25), Console(width=200)
    with console.capture() as printed:
        live_writer.write_until_stopped(console, bucket)
    assert len(bucket.keys) == 25
    assert "25 objects written" in printed.get()
