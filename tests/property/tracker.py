"""The real recorder and reconciler, with S3 played by `S3Model` and events as values."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from replication.adapters.configurations import Configurations, ConfigurationTable
from replication.adapters.dynamodb_reads import LedgerReads
from replication.attributor import Attributor
from replication.checks import Schedule
from replication.configuration import History, Revision
from replication.deliveries import Delivery
from replication.eligibility import parse_configuration
from replication.events import Created, Event
from replication.existing import Attribution
from replication.facts import Evidence, Fact, ObjectVersion
from replication.ports import Ledger, Message
from replication.reconciler import Index, Reconciler
from replication.recorder import Recorder
from replication.rows import Rows
from replication.status import Status
from replication.times import Instant, plus
from tests.fakes import MemoryDeadLetters, MemoryLedger
from tests.property.s3_model import DESTINATIONS, SOURCE, S3Model
from tests.unit.test_reconciler import MemoryFindings, MemoryIndex

BASE_SECONDS = 900.0
LONG_AGO = 400 * 86_400
"""Seconds before which nothing can be due any more."""


@dataclass
class Table:
    """`ConfigurationTable` in memory."""

    revisions: list[Revision] = field(default_factory=list)

    def load(self, bucket: str) -> History | None:
        ordered = sorted(self.revisions, key=lambda revision: revision.since)
        return History(bucket, tuple(ordered)) if ordered else None

    def append(self, bucket: str, since: Instant, raw: Mapping[str, Any]) -> None:
        self.revisions.append(Revision(since, parse_configuration(raw)))


class ListedOnly(MemoryIndex):
    """As DynamoDB's index: a version that was deleted at its source is listed no more."""

    def rows(self, status: Status) -> list[Any]:
        return [row for row in super().rows(status) if row[1].record.state.deleted_at is None]


@dataclass
class Tracker:
    """The real parts over one ledger, with S3 played by the model."""

    s3: S3Model
    ledger: Ledger
    index: Index
    shards: int
    table: Table = field(default_factory=Table)
    letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    bodies: list[Event] = field(default_factory=list)
    returned: list[Event] = field(default_factory=list)
    """What went back to the queue."""

    def __post_init__(self) -> None:
        self.configurations = Configurations(
            s3=lambda: cast("Any", self.s3),
            table=cast("ConfigurationTable", self.table),
            buckets=[SOURCE],
            seconds=lambda: self.s3.milliseconds / 1000,
            now=self.s3.now,
        )
        self.recorder = Recorder(
            parse=lambda body, _: [self.bodies[int(body)]],
            attributor=self._attributor,
            histories=self.configurations,
            ledger=self.ledger,
            dead_letters=self.letters,
            now=self.s3.now,
        )
        self.reconciler = Reconciler(
            index=self.index,
            ledger=self.ledger,
            objects=self.s3,
            findings=MemoryFindings(),
            histories=lambda: {SOURCE: self.table.load(SOURCE)},
            schedule=Schedule(BASE_SECONDS, audited=1),
            shards=self.shards,
            now=self.s3.now,
        )
        self.configurations.histories()

    def _attributor(self) -> Attributor:
        return Attributor(
            histories=self.configurations.histories(),
            unknown=self.configurations.unknown(),
            objects=self.s3,
            ledger=self.ledger,
            tracked=frozenset({SOURCE, *DESTINATIONS}),
            record_ineligible=True,
        )

    def record(self, events: Sequence[Event]) -> None:
        """One batch. What S3 accepted is in the ledger, back in the queue, or of no concern."""
        self.bodies += events
        first = len(self.bodies) - len(events)
        messages = [Message(f"m{n}", str(n), self.s3.now()) for n in range(first, len(self.bodies))]
        retry = set(self.recorder.record(messages).retry)
        for message, event in zip(messages, events, strict=True):
            if message.id in retry:
                self.returned.append(event)
            else:
                assert self.is_kept(event), f"{event} is nowhere"

    def is_kept(self, event: Event) -> bool:
        """Whether the ledger has a fact of this creation, or it concerns no tracked version."""
        if not isinstance(event, Created):
            return True
        version = ObjectVersion(SOURCE, event.version.key, event.version.version_id)
        if version not in self.s3.held:
            return True
        return any(event.id == fact.id for fact in self.facts(version))

    def facts(self, version: ObjectVersion) -> list[Fact]:
        if isinstance(self.ledger, MemoryLedger):
            records = self.ledger.records.items()
            return [f for (v, _), record in records if v == version for f in record.facts]
        assert isinstance(self.index, LedgerReads)
        return [fact for item in self.index.version(version) for fact in item.record.facts]

    def reconcile(self, last: Instant) -> set[str]:
        """One tick, all its windows, and the names of what was found."""
        found: set[str] = set()
        windows = list(self.reconciler.plan(last, self.s3.now()).windows)
        while windows:
            checked = self.reconciler.check(windows.pop())
            windows += [checked.rest] if checked.rest else []
            found |= {name for name, count in checked.counts.items() if count}
        return found

    def reconcile_all(self) -> set[str]:
        """As if every age had come at once."""
        return self.reconcile(plus(self.s3.now(), -LONG_AGO))

    def read_inventories(self) -> Counter[str]:
        """An S3 Inventory of every bucket, taken now, read the way the backfill does."""
        histories = {SOURCE: self.table.load(SOURCE)}
        counts: Counter[str] = Counter()
        for bucket in (SOURCE, *DESTINATIONS):
            delivery = Delivery(Evidence.INVENTORY, self.s3.now(), (), (), bucket)
            attribution = Attribution(
                delivery,
                f"run-{self.s3.now()}",
                histories.get(bucket),
                is_destination=bucket in DESTINATIONS,
            )
            listed = [
                (b"%d" % number, self.s3.listed(version))
                for number, version in enumerate(self.s3.held)
                if version.bucket == bucket
            ]
            rows = Rows(
                read=dict(listed).__getitem__,
                attribution=lambda _, found=attribution: found,  # type: ignore[misc]
                ledger=self.ledger,
                objects=self.s3,
                histories={name: found for name, found in histories.items() if found},
                now=self.s3.now,
            )
            counts += rows.write([line for line, _ in listed], 0).counts
        return counts

    def is_unlisted(self, version: ObjectVersion) -> bool:
        """It is in no list of the ledger: unknown, ineligible, or gone."""
        known = self.ledger.states(version)
        return not any(n and s.status and not s.deleted_at for n, s in known.items())


def in_memory(s3: S3Model) -> Tracker:
    ledger = MemoryLedger()
    return Tracker(s3, ledger, ListedOnly(ledger), shards=1)
