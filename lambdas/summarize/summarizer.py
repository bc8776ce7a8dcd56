"""Counts the changes in the stream, and then updates the incidents they concern.

Incidents follow from the counters after the batch is counted. Every kind that the batch concerns is
updated, also when an earlier attempt counted it. So a second attempt completes what the first left
undone, and repeating a step changes nothing.

Fences show a recount how far the stream is counted. They are kept once everything before them in
their shard is counted.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from replication.counters.counter import (
    BenignKeys,
    Change,
    Deltas,
    FailureKind,
    ItemChange,
    deltas,
    merged,
)
from replication.counters.fence import Fence
from replication.counters.incident import Incident
from replication.errors import Unavailable, Unreadable
from replication.published.sns_message import SnsMessage
from replication.times import Instant
from summarize import incident_life, incident_message
from summarize.incident_life import BatchDigest, KindDigest
from summarize.incident_words import UNNAMED, Tracker
from summarize.status_changes import StatusChanges

log = logging.getLogger(__name__)

ATTEMPTS = 6


class Counters(Protocol):
    def apply(self, shard: str | None, changes: list[Change]) -> list[Change]: ...

    def pass_by(self, fences: Sequence[Fence]) -> None: ...


class Counted(Protocol):
    def failure_kind(self, kind: FailureKind) -> Mapping[str, int]: ...


class Incidents(Protocol):
    def load(self, kind: FailureKind) -> tuple[Incident | None, int]: ...

    def save(self, incident: Incident, revision: int) -> bool: ...

    def resolve(self, incident: Incident, revision: int) -> bool: ...


class OpenIncidents(Protocol):
    def open_of(self, bucket: str, destination: str) -> list[Incident]: ...


class Topic(Protocol):
    def publish(self, message: SnsMessage) -> None: ...


@dataclass(frozen=True, slots=True)
class Summarized:
    """The result of a batch.

    deltas          what was counted now
    unreadable      number of records that are no item of the ledger
    """

    deltas: Deltas
    unreadable: int


@dataclass(frozen=True, slots=True)
class Summarizer:
    """Summarizes batches.

    read            a record of the stream as a change; raises Unreadable
    counters        where changes are counted
    counted         reads the counters of a kind of failure
    incidents       the open incidents
    open_incidents  reads the open incidents of a route
    topic           the incident topic
    tracker         which tracker this is, for messages to people
    benign          which failures are benign
    new_id          the id of a new incident
    now             the wall clock
    status_changes  makes events of the changes; None: there are none
    """

    read: Callable[[Mapping[str, Any]], ItemChange]
    counters: Counters
    counted: Counted
    incidents: Incidents
    open_incidents: OpenIncidents
    topic: Topic
    benign: BenignKeys
    new_id: Callable[[FailureKind, Instant], str]
    now: Callable[[], Instant]
    tracker: Tracker = UNNAMED
    status_changes: StatusChanges | None = None

    def summarize(self, shard: str | None, records: Sequence[Mapping[str, Any]]) -> Summarized:
        """Summarizes one batch of one shard of the stream; `shard` is None when the event does not
        name it. Unavailable when the batch has to come again."""
        changes: list[Change] = []
        batch = BatchDigest(self.benign)
        fences: list[Fence] = []
        unreadable = 0
        for record in records:
            try:
                read = self.read(record)
            except Unreadable as error:
                # A retry does not help, and would stop the shard for a day. A recount counts it.
                log.error("unreadable record: %s", error)
                unreadable += 1
                continue
            if isinstance(read, Fence):
                fences.append(read)
                continue
            batch.add(read.old, read.new)
            found = deltas(read.old, read.new, self.benign, expired=read.expired)
            changes.append(Change(read.number, found))
        applied = self.counters.apply(shard, changes)
        if fences:
            self.counters.pass_by(fences)
        for kind in sorted(self._concerned(batch)):
            self.settle(kind, batch.of(kind))
        if self.status_changes:
            self.status_changes.hand_on(records)
        return Summarized(merged([one.deltas for one in applied]), unreadable)

    def settle(self, kind: FailureKind, digest: KindDigest) -> None:
        """Updates the incident of a kind by its counters, and publishes a message that is due."""
        for _ in range(ATTEMPTS):
            current, revision = self.incidents.load(kind)
            counted = self.counted.failure_kind(kind)
            now = self.now()
            found = incident_life.after(current, kind, counted, digest, now, self.new_id(kind, now))
            if found is None:
                return
            if found != current:
                if not self.incidents.save(found, revision):
                    continue
                revision += 1
            event = incident_life.due_event(found)
            if event is None:
                return
            if not kind.benign:
                self.topic.publish(incident_message.incident_message(found, event, self.tracker))
            if found.resolved_at:
                if self.incidents.resolve(found, revision) and counted.get("failing", 0) <= 0:
                    return
            elif self.incidents.save(incident_life.with_level_announced(found), revision):
                return
        raise Unavailable("the incident of a kind was changed by others all the time")

    def _concerned(self, batch: BatchDigest) -> set[FailureKind]:
        """Kinds of failure in the batch, and open incidents that a completion may resolve."""
        routes = {(bucket, destination) for bucket, destination, _ in batch.completed}
        open_now = {
            incident.kind
            for route in routes
            for incident in self.open_incidents.open_of(*route)
            if (*route, incident.kind.rule_id) in batch.completed
        }
        return set(batch.failure_kinds) | open_now
