"""The real recorder and reconciler, with S3 played by `S3Model` and events as values.

Two processes record, each with what it remembers; a process that starts anew remembers nothing.
`waiting` is the ingest queue: what was sent and is not done. A message that a killed function had
received is there still, as is one that was given back.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

from botocore.exceptions import ClientError

from reconcile.look_back import LookBacks
from reconcile.port import Index
from reconcile.reconciler import Reconciler
from record.event_claims import EventClaims
from record.recorder import Recorder
from replication.aws.s3.rule_histories import S3RuleHistories
from replication.aws.table.ledger_item import Item
from replication.errors import Rejected, Unavailable
from replication.ledger.fact import Fact
from replication.ledger.index import Route
from replication.ledger.item import LedgerItem
from replication.ledger.port import ItemKey, Ledger
from replication.ledger.schedule import LookBack, Schedule, Window
from replication.message import Message
from replication.s3.events import Event
from replication.s3.known_rules import KnownRules
from replication.s3.rule_history import RuleHistory
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import EARLIEST, Instant, plus
from tests.laws.faults import Fate, FaultyHeard, FaultyLedger, FaultyLetters, Killed
from tests.laws.inventories import read_inventories
from tests.laws.memory import ExpiringHeard, FirstStays, MemoryIndex, Table
from tests.laws.s3_model import DESTINATIONS, SOURCE, THIRD, S3Model
from tests.reconcile.test_reconciler import MemoryFindings
from tests.support.fakes import MemoryDeadLetters

__all__ = ["LONG_AGO", "ListedOnly", "Table", "Tracker", "in_memory"]

BASE_SECONDS = 900.0
LONG_AGO = 400 * 86_400
"""Seconds before which nothing can be due any more."""
VISIBILITY_SECONDS = 360.0
"""How long the queue keeps a message that was received to itself."""
MOST_ROUNDS = 400
LISTED = (None, *Status)

ListedOnly = MemoryIndex


class Lists(Index, Protocol):
    """The index, and the items behind it."""

    def stored(self) -> Iterator[LedgerItem]: ...

    def image(self, key: ItemKey) -> Item | None:
        """An item as the stream has it."""
        ...


@dataclass
class Process:
    """A function's memory."""

    configurations: S3RuleHistories
    recorder: Recorder


@dataclass
class Tracker:
    """The real parts over one ledger, with S3 played by the model."""

    s3: S3Model
    ledger: Ledger
    index: Lists
    shards: int
    table: Any = field(default_factory=Table)
    heard: Any = None
    letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    fate: Fate = field(default_factory=Fate)
    bodies: list[Event | Rejected] = field(default_factory=list)
    waiting: dict[str, Message] = field(default_factory=dict)
    done: dict[str, Message] = field(default_factory=dict)
    finished: Counter[str] = field(default_factory=Counter)
    in_flight: dict[str, Instant] = field(default_factory=dict)
    """Messages that were received and are not done, and when the queue gives them out again."""
    killed: int = 0
    left: set[str] = field(default_factory=set)
    """Messages that a killed function had. They leave no mark, and the frontier may pass them by
    some minutes (ADR 16)."""

    def __post_init__(self) -> None:
        self.heard = self.heard or ExpiringHeard(self.s3.now)
        self.sources = (SOURCE, *sorted(self.s3.rules_elsewhere))
        third = (THIRD,) if self.s3.rules_elsewhere else ()
        self.destinations = (*DESTINATIONS, *third)
        self.written = FaultyLedger(self.ledger, self.index.image, self.fate)
        self.processes = [self._process(), self._process()]
        self.reconciler = self._reconciler()
        self.processes[0].configurations.histories()
        self.work: list[Window | LookBack] = []

    def restart(self, number: int) -> None:
        """A process that starts anew."""
        self.processes[number] = self._process()
        self.reconciler = self._reconciler()

    def _process(self) -> Process:
        configurations = S3RuleHistories(
            s3=lambda _: cast("Any", self.s3),
            table=cast("Any", self.table),
            buckets=self.sources,
            seconds=lambda: self.s3.milliseconds / 1000,
            now=self.s3.now,
        )
        recorder = Recorder(
            parse=lambda body, _: [self.bodies[int(number)] for number in body.split()],
            event_claims=lambda: self._event_claims(configurations),
            histories=configurations,
            ledger=self.written,
            dead_letters=FaultyLetters(self.letters, self.fate),
            now=self.s3.now,
            frontier=FaultyHeard(self.heard, self.fate),
        )
        return Process(configurations, recorder)

    def _event_claims(self, configurations: S3RuleHistories) -> EventClaims:
        return EventClaims(
            histories=configurations.histories(),
            unknown=configurations.unknown(),
            objects=self.s3,
            ledger=self.written,
            tracked=frozenset({*self.sources, *self.destinations}),
            record_ineligible=True,
            destination_buckets=frozenset(self.destinations),
            reread=configurations.reread,
            note_replicas=configurations.note_replicas,
            note_own=configurations.note_own,
            takes_own=configurations.takes_own,
        )

    def _reconciler(self) -> Reconciler:
        return Reconciler(
            index=self.index,
            ledger=self.written,
            objects=self.s3,
            findings=MemoryFindings(),
            histories=KnownRules(
                self.table.load, self.sources, lambda: self.s3.milliseconds / 1000
            ),
            schedule=Schedule(BASE_SECONDS, audited=1),
            shards=self.shards,
            now=self.s3.now,
            learnt=self.table,
        )

    # The ingest queue.

    def send(self, *events: Event | Rejected) -> Message:
        """One message, of one event or several."""
        first = len(self.bodies)
        self.bodies += events
        body = " ".join(map(str, range(first, len(self.bodies))))
        message = Message(f"m{first}", body, self.s3.now(), receives=0)
        self.waiting[message.id] = message
        return message

    def receive(self, messages: Sequence[Message], process: int = 0) -> None:
        """One batch. What is not given back is done with."""
        batch = [replace(one, receives=one.receives + 1) for one in messages]
        for message in batch:
            self.waiting[message.id] = message
            self.in_flight.pop(message.id, None)
        try:
            retry = set(self.processes[process].recorder.record(batch).retry)
        except Killed:
            self.killed += 1
            retry = {message.id for message in batch}
            self.left |= retry
            self.restart(process)
        hidden = plus(self.s3.now(), VISIBILITY_SECONDS)
        for message in batch:
            if message.id in retry:
                self.in_flight[message.id] = hidden
            else:
                self.done[message.id] = self.waiting.pop(message.id)
                self.left.discard(message.id)
                self.finished[message.id] += 1

    def is_open(self, message: Message) -> bool:
        """Whether the queue would give it out now."""
        until = self.in_flight.get(message.id)
        return message.receives == 0 or (until is not None and until <= self.s3.now())

    def record(self, events: Sequence[Event]) -> None:
        """Events as a batch, a message each."""
        self.receive([self.send(event) for event in events])

    @property
    def returned(self) -> list[Event | Rejected]:
        """What waits in the queue."""
        return [event for one in self.waiting.values() for event in self.events(one)]

    def events(self, message: Message) -> list[Event | Rejected]:
        return [self.bodies[int(number)] for number in message.body.split()]

    # What the ledger says.

    def stored(self) -> list[LedgerItem]:
        """Every item."""
        return list(self.index.stored())

    def facts(self, version: ObjectVersion) -> list[Fact]:
        return [
            fact
            for stored in self.index.stored()
            if stored.version == version
            for fact in stored.record.facts
        ]

    def frontier(self) -> Instant | None:
        """How far the queue was heard to its end."""
        found: Instant | None = self.heard.frontier()
        return found

    def listed(self, bucket: str, destination: str) -> Iterator[LedgerItem]:
        """What stands in the lists of a route."""
        for shard in range(self.shards):
            for status in LISTED:
                route = Route(bucket, destination, shard)
                window = Window(route, status, EARLIEST, plus(self.s3.now(), 86_400))
                rows, after = self.index.page(window, 1_000)
                assert after is None
                yield from (stored for _, stored in rows)

    def history(self, bucket: str) -> RuleHistory | None:
        history: RuleHistory | None = self.table.load(bucket)
        return history

    # Reconciliation.

    def reconcile(self, last: Instant) -> set[str]:
        """One tick and all its work, and the names of what was found. What S3 or the table did not
        answer for, and what a killed function left, comes again with the next one."""
        planned = self.reconciler.plan(last, self.s3.now())
        work, self.work = [*self.work, *planned.windows, *planned.look_backs], []
        found: set[str] = set()
        for _ in range(MOST_ROUNDS):
            if not work:
                return found
            one = work.pop()
            try:
                rest, again, counts = self._work(one)
            except (Unavailable, ClientError, Killed):
                self.work.append(one)
                continue
            work += rest
            self.work += again
            found |= {name for name, count in counts.items() if count}
        raise AssertionError("a tick's work does not end")

    def _work(
        self, one: Window | LookBack
    ) -> tuple[list[Window | LookBack], Sequence[Window], Counter[str]]:
        if isinstance(one, LookBack):
            left, counts = LookBacks(self.reconciler, self.table.note_looked_back).work_off(one)
            return [left] if left else [], (), counts
        checked = self.reconciler.work_off(one)
        return [checked.rest] if checked.rest else [], checked.again, checked.counts

    def reconcile_all(self) -> set[str]:
        """As if every age had come at once, until nothing is left to do."""
        found = self.reconcile(plus(self.s3.now(), -LONG_AGO))
        for _ in range(MOST_ROUNDS):
            if not self.work:
                break
            found |= self.reconcile(self.s3.now())
        return found

    def read_inventories(self) -> Counter[str]:
        """An S3 Inventory of every bucket, taken now, read the way the backfill does."""
        return read_inventories(
            self.s3,
            self.written,
            {bucket: self.history(bucket) for bucket in self.sources},
            self.destinations,
            self.table.note_destination,
        )

    def is_unlisted(self, version: ObjectVersion) -> bool:
        """It is in no list of the ledger: unknown, ineligible, or gone."""
        known = self.ledger.states(version)
        return not any(n and s.status and not s.deleted_at for n, s in known.items())


def in_memory(s3: S3Model) -> Tracker:
    ledger = FirstStays()
    return Tracker(s3, ledger, MemoryIndex(ledger), shards=1)
