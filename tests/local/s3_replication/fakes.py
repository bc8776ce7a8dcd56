"""A clock that is wound by hand, and a store and an announcer that remember."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from local.s3_replication.events import ObjectEvent, Origin
from local.s3_replication.outcomes import Destination, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from local.s3_replication.ports import VersionRef
    from local.s3_replication.rules import Rule
    from local.s3_replication.status_header import Status

START = datetime(2026, 11, 22, tzinfo=UTC)


class FakeTimers:
    def __init__(self) -> None:
        self.seconds = 0.0
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._waiting, (self.seconds + seconds, next(self._order), action))

    def wind(self, seconds: float) -> None:
        """Let time pass, running what falls due in its order."""
        end = self.seconds + seconds
        while self._waiting and self._waiting[0][0] <= end:
            self.seconds, _, action = heapq.heappop(self._waiting)
            action()
        self.seconds = end


@dataclass
class FakeStore:
    headers: dict[VersionRef, list[Status]] = field(default_factory=dict)
    replicas: dict[tuple[str, str], bool] = field(default_factory=dict)
    """(destination, version id) -> whether it has its tags."""
    markers: set[tuple[str, str]] = field(default_factory=set)
    updated: list[tuple[str, bool, bool]] = field(default_factory=list)
    """(destination, with its tags, with its lock)."""
    deleted: set[VersionRef] = field(default_factory=set)
    destinations: dict[str, Destination] = field(default_factory=dict)
    sources: dict[VersionRef, Source] = field(default_factory=dict)

    def exists(self, ref: VersionRef) -> bool:
        return ref not in self.deleted

    def set_status(self, ref: VersionRef, status: Status) -> None:
        self.headers.setdefault(ref, []).append(status)

    def destination(self, ref: VersionRef, rule: Rule, *, delete_marker: bool) -> Destination:
        found = self.destinations.get(rule.destination, Destination())
        return replace(found, has_replica=(rule.destination, ref.version_id) in self.replicas)

    def source(self, ref: VersionRef, rule: Rule) -> Source:
        return self.sources.get(ref, Source())

    def region(self, bucket: str) -> str:
        return "eu-west-1"

    def put_replica(self, ref: VersionRef, rule: Rule, *, with_tags: bool) -> None:
        self.replicas[rule.destination, ref.version_id] = with_tags

    def put_delete_marker(self, ref: VersionRef, rule: Rule) -> None:
        self.markers.add((rule.destination, ref.version_id))

    def update_replica(
        self, ref: VersionRef, rule: Rule, *, with_tags: bool, with_lock: bool
    ) -> None:
        self.updated.append((rule.destination, with_tags, with_lock))


@dataclass
class FakeAnnouncer:
    events: list[ObjectEvent] = field(default_factory=list)
    records: list[Mapping[str, Any]] = field(default_factory=list)

    def announce(self, event: ObjectEvent) -> None:
        self.events.append(event)

    def announce_replication(self, bucket: str, key: str, record: Mapping[str, Any]) -> None:
        self.records.append(record)

    def replica_event(
        self, source: ObjectEvent, name: str, bucket: str, region: str
    ) -> ObjectEvent:
        return replace(source, name=name, bucket=bucket, region=region)


def object_event(name: str = "ObjectCreated:Put", key: str = "k", **more: Any) -> ObjectEvent:
    origin = Origin(
        at=more.pop("at", START),
        sequencer="00A1",
        request_id="R",
        source_ip="192.0.2.1",
        requester="111122223333",
        principal_id="AWS:USER",
    )
    values: dict[str, Any] = {
        "bucket": "source",
        "version_id": "v1",
        "size": 5,
        "etag": "e",
        "region": "us-east-1",
    }
    return ObjectEvent(name=name, key=key, origin=origin, **(values | more))
