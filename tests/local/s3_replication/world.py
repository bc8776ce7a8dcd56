"""The replication service with a clock in our hands, and buckets and listeners that remember."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.s3_replication.ports import VersionRef
from local.s3_replication.rules import Rule
from local.s3_replication.service import ReplicationService
from local.s3_replication.settings import Settings
from local.s3_replication.status_header import Status
from tests.local.s3_replication.fakes import FakeAnnouncer, FakeStore, FakeTimers, object_event

if TYPE_CHECKING:
    from collections.abc import Sequence

PENDING, COMPLETED, FAILED = Status.PENDING, Status.COMPLETED, Status.FAILED


def rule(destination: str = "a", **more: Any) -> Rule:
    values: dict[str, Any] = {"rule_id": f"to-{destination}", "enabled": True, "priority": 1}
    return Rule(destination=destination, **(values | more))


def ref(key: str = "k") -> VersionRef:
    return VersionRef("000000000000", "source", key, "v1")


class World:
    def __init__(self, **settings: Any) -> None:
        values = {"replication_delay_seconds": 1, "replication_jitter_seconds": 0}
        self.timers, self.store, self.announcer = FakeTimers(), FakeStore(), FakeAnnouncer()
        self.service = ReplicationService(
            store=self.store,
            timers=self.timers,
            announcer=self.announcer,
            settings=Settings().changed(values | settings),
        )

    def put(
        self,
        *rules: Rule,
        key: str = "k",
        name: str = "ObjectCreated:Put",
        delete_marker: bool = False,
    ) -> None:
        event = object_event(name, key)
        self.service.accept(ref(key), event, rules, delete_marker=delete_marker)

    @property
    def told(self) -> list[str]:
        return [record["eventName"].partition(":")[2] for record in self.announcer.records]

    def headers(self, key: str = "k") -> Sequence[Status]:
        return self.store.headers.get(ref(key), [])
