"""A recorder among its ports in memory, and events in a few words."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from record.event_claims import EventClaims
from record.recorder import Outcome, Recorder
from replication.errors import Denied, Rejected
from replication.head.port import Head
from replication.ledger.state import State
from replication.message import Message
from replication.s3.events import Changed, Created, Deleted, Event, Operation, Replicated
from replication.s3.rule_history import RuleHistory
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from tests.support.fakes import (
    MemoryDeadLetters,
    MemoryHeard,
    MemoryHistories,
    MemoryLedger,
    MemoryObjects,
    history,
    rule,
)

NOW = Instant("2026-11-22T10:00:00.000Z")
COMPLETED_HEAD = Head("COMPLETED", delete_marker=False, last_modified=NOW)
REPLICA_HEAD = Head("REPLICA", delete_marker=False, last_modified=NOW)
PLAIN_HEAD = Head(None, delete_marker=False, last_modified=NOW)
MARKER_HEAD = Head(None, delete_marker=True, last_modified=NOW)


def version(bucket: str = "src", key: str = "a/k", version_id: str = "v1") -> ObjectVersion:
    return ObjectVersion(bucket, key, version_id)


def created(bucket: str = "src", seconds: float = 0, **more: Any) -> Created:
    where = version(bucket, more.pop("key", "a/k"), more.pop("version_id", "v1"))
    defaults: dict[str, Any] = {"id": f"created-{bucket}", "whole_second": True, "size": 7}
    return Created(where, plus(NOW, seconds), **(defaults | more))


def replicated(operation: Operation, seconds: float = 5, **more: Any) -> Replicated:
    return Replicated(
        operation,
        more.pop("where", version()),
        more.pop("destination", "dst"),
        plus(NOW, seconds),
        f"{operation}-{seconds}",
        **more,
    )


@dataclass
class World:
    """A recorder among its ports in memory. A message's body is its number in `events`."""

    known: dict[str, RuleHistory] = field(
        default_factory=lambda: {"src": history("src", rule("dst", "a/"))}
    )
    tracked: frozenset[str] = frozenset({"src", "dst"})
    record_ineligible: bool = True
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    rereads: dict[str, RuleHistory] = field(default_factory=dict)
    takes_own: set[str] = field(default_factory=set)
    heard: MemoryHeard = field(default_factory=MemoryHeard)
    reread: list[str] = field(default_factory=list)
    refusals: list[Denied] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.histories = MemoryHistories(self.known, rereads=self.rereads)

    def record(
        self,
        *batch: Event | Rejected | list[Event | Rejected],
        receives: int = 1,
        seconds_left: Callable[[], float] = lambda: 60.0,
    ) -> Outcome:
        parsed = [one if isinstance(one, list) else [one] for one in batch]
        recorder = Recorder(
            parse=lambda body, _: parsed[int(body)],
            event_claims=self.event_claims,
            histories=self.histories,
            ledger=self.ledger,
            dead_letters=self.letters,
            now=lambda: plus(NOW, 60),
            frontier=self.heard,
        )
        messages = [Message(f"m{n}", str(n), NOW, receives) for n in range(len(parsed))]
        return recorder.record(messages, seconds_left)

    def read_again(self, bucket: str) -> RuleHistory | None:
        self.reread.append(bucket)
        return self.histories.reread(bucket)

    def event_claims(self) -> EventClaims:
        return EventClaims(
            histories=self.histories.histories(),
            unknown=self.histories.unknown(),
            objects=self.objects,
            ledger=self.ledger,
            tracked=self.tracked,
            record_ineligible=self.record_ineligible,
            reread=self.read_again,
            note=self.refusals.append,
            note_replicas=self.histories.note_replicas,
            takes_own=self.takes_own.__contains__,
        )

    def state(self, where: ObjectVersion | None = None, destination: str = "dst") -> State:
        return self.ledger.records[where or version(), destination].state


def deleted(bucket: str = "src", seconds: float = 9, **more: Any) -> Deleted:
    where = version(bucket, more.pop("key", "a/k"), more.pop("version_id", "v1"))
    defaults: dict[str, Any] = {"id": f"deleted-{bucket}", "whole_second": True}
    return Deleted(where, plus(NOW, seconds), **(defaults | more))


def changed(bucket: str = "src", seconds: float = 9, **more: Any) -> Changed:
    where = version(bucket, more.pop("key", "a/k"), more.pop("version_id", "v1"))
    defaults: dict[str, Any] = {"id": f"changed-{bucket}", "whole_second": True}
    return Changed(where, plus(NOW, seconds), **(defaults | more))
