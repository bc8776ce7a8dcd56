"""The configurations a bucket has had stay in the order they were read in."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from replication.adapters.configurations import Configurations, ConfigurationTable
from replication.times import Instant, plus
from tests.property.s3_model import Rule
from tests.property.tracker import Table

NOW = Instant("2026-11-22T10:00:00.400Z")


@dataclass
class World:
    """One source bucket whose rules change; `now` is the wall clock."""

    rules: list[Rule] = field(default_factory=lambda: [Rule("dst-a")])
    table: Table = field(default_factory=Table)
    now: Instant = NOW

    def process(self) -> Configurations:
        """A function that starts: its cache is empty, the table is the same."""
        return Configurations(
            s3=lambda: cast("Any", self),
            table=cast("ConfigurationTable", self.table),
            buckets=["src"],
            seconds=lambda: 0.0,
            now=lambda: self.now,
        )

    def get_bucket_replication(self, *, Bucket: str) -> dict[str, Any]:  # noqa: N803
        rules = [rule.raw(number) for number, rule in enumerate(self.rules)]
        return {"ReplicationConfiguration": {"Role": "arn:aws:iam::1:role/r", "Rules": rules}}


@pytest.mark.parametrize("changes", [1, 2, 3])
def test_changes_told_by_the_second_come_after_what_was_read_in_that_second(changes: int) -> None:
    """CloudTrail tells whole seconds: 10:00:00 of what came after a read at 10:00:00.400."""
    world = World()
    process = world.process()
    process.histories()
    for number in range(changes):
        world.rules = [Rule(f"dst-{number}")]
        process.forget("src", Instant("2026-11-22T10:00:00.000Z"))
        history = process.histories()["src"]
        assert history.current.destinations == {f"dst-{number}"}
    history = world.process().histories()["src"]
    assert history.current.destinations == {f"dst-{changes - 1}"}
    assert len(history.revisions) == changes + 1
    times = [revision.since for revision in history.revisions]
    assert times == sorted(set(times))


def test_a_change_told_late_holds_since_it_was_made() -> None:
    world = World()
    process = world.process()
    process.histories()
    world.now, world.rules = plus(NOW, 600), [Rule("dst-b")]
    process.forget("src", Instant("2026-11-22T10:05:00.000Z"))
    history = process.histories()["src"]
    assert history.at(Instant("2026-11-22T10:04:59.999Z")).destinations == {"dst-a"}
    assert history.at(Instant("2026-11-22T10:05:00.000Z")).destinations == {"dst-b"}
