"""The table in memory: the rules and what was learnt of buckets, items, and the index over them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from replication.aws.table.frontier import RETURNED_SECONDS
from replication.aws.table.frontier_reads import MARGIN_SECONDS
from replication.aws.table.ledger_item import Item, item_of
from replication.errors import NotYet, Rejected
from replication.ledger.index import Position, Route
from replication.ledger.item import LedgerItem
from replication.ledger.port import Claim, ItemKey, Written
from replication.ledger.schedule import Window
from replication.ledger.state import Record
from replication.message import Message
from replication.s3.rule_history import Revision, RuleHistory
from replication.s3.rules import parse_configuration
from replication.s3.status import Status
from replication.times import Instant, plus
from tests.support.fakes import MemoryLedger


@dataclass
class _Bucket:
    """What is kept of one bucket's rules."""

    revisions: dict[Instant, Revision] = field(default_factory=dict)
    read_at: Instant | None = None
    told_at: Instant | None = None
    listed: bool = False
    others: set[str] = field(default_factory=set)
    replicas: set[str] = field(default_factory=set)
    audits: set[str] = field(default_factory=set)
    own: bool = False


@dataclass
class Table:
    """`ConfigurationTable` in memory. What was learnt counts for ever."""

    buckets: dict[str, _Bucket] = field(default_factory=dict)

    def load(self, bucket: str) -> RuleHistory | None:
        known = self._of(bucket)
        found: list[Revision] = []
        for _, one in sorted(known.revisions.items()):
            if not found or found[-1].configuration != one.configuration or one.told:
                found.append(one)
        if not found:
            return None
        return RuleHistory(
            bucket,
            tuple(found),
            read_at=known.read_at or found[-1].since,
            told_at=known.told_at,
            listed=known.listed,
            others=tuple(sorted(known.others)),
            replicas_under=tuple(sorted(known.replicas)),
            audited_whole=tuple(sorted(known.audits)),
        )

    def append(self, bucket: str, revision: Revision, raw: Mapping[str, Any]) -> None:
        parsed = parse_configuration(raw)
        self._of(bucket).revisions[revision.since] = replace(revision, configuration=parsed)

    def amend(self, bucket: str, since: Instant, revision: Revision) -> None:
        known = self._of(bucket).revisions
        if since in known:
            del known[since]
            known[revision.since] = revision

    def note_looked_back(self, bucket: str, since: Instant) -> None:
        known = self._of(bucket).revisions
        if since not in known:
            code = "ConditionalCheckFailedException"
            raise ClientError({"Error": {"Code": code}}, "UpdateItem")
        known[since] = replace(known[since], looked_back=True)

    def note_read(self, bucket: str, at: Instant) -> None:
        self._of(bucket).read_at = at

    def note_told(self, bucket: str, at: Instant) -> None:
        self._of(bucket).told_at = at

    def note_listed(self, bucket: str, at: Instant) -> None:
        self._of(bucket).listed = True

    def note_destination(self, bucket: str, destination: str) -> None:
        self._of(bucket).others.add(destination)

    def note_replicas(self, bucket: str, prefix: str) -> None:
        self._of(bucket).replicas.add(prefix)

    def note_audit(self, bucket: str, destination: str) -> None:
        self._of(bucket).audits.add(destination)

    def note_own(self, bucket: str) -> None:
        self._of(bucket).own = True

    def takes_own(self, bucket: str) -> bool:
        return self._of(bucket).own

    def _of(self, bucket: str) -> _Bucket:
        return self.buckets.setdefault(bucket, _Bucket())


@dataclass
class FirstStays(MemoryLedger):
    """As DynamoDB's items: a fact that an item has stays as it is when it is written again."""

    def write(self, claims: Sequence[Claim]) -> Mapping[ItemKey, Written | NotYet | Rejected]:
        return super().write([self._as_known(claim) for claim in claims])

    def _as_known(self, claim: Claim) -> Claim:
        record = self.records.get((claim.fact.version, claim.fact.destination), Record())
        known = (fact for fact in record.facts if fact.order == claim.fact.order)
        return replace(claim, fact=next(known, claim.fact))


@dataclass
class MemoryIndex:
    """The index over a MemoryLedger: what has a place in DynamoDB's is in a list."""

    ledger: MemoryLedger
    shards: int = 1

    def rows(self, status: Status | None) -> list[tuple[Position, LedgerItem]]:
        return sorted(
            (
                (Position(str(stored.record.state.since), f"{number:016x}"), stored)
                for number, stored in enumerate(self.stored())
                if stored.record.state.status is status and "route" in self.item(stored)
            ),
            key=lambda row: row[0],
        )

    def stored(self) -> Iterator[LedgerItem]:
        for key, record in self.ledger.records.items():
            yield LedgerItem(*key, record)

    def item(self, stored: LedgerItem) -> Item:
        return item_of(stored, self.shards)

    def image(self, key: ItemKey) -> Item | None:
        record = self.ledger.records.get(key)
        return self.item(LedgerItem(*key, record)) if record else None

    def oldest(self, route: Route, status: Status | None) -> LedgerItem | None:
        return next((one for _, one in self.rows(status) if _on(route, one)), None)

    def page(
        self, window: Window, limit: int
    ) -> tuple[Sequence[tuple[Position, LedgerItem]], Position | None]:
        rows = [
            (position, stored)
            for position, stored in self.rows(window.status)
            if window.since <= position.since < window.until
            and _on(window.route, stored)
            and (window.after is None or position > window.after)
        ]
        return rows[:limit], rows[limit - 1][0] if len(rows) > limit else None


def _on(route: Route, stored: LedgerItem) -> bool:
    return (stored.version.bucket, stored.destination) == (route.bucket, route.destination)


@dataclass
class ExpiringHeard:
    """`HeardTable` and `HeardReads` in memory: what was given back counts for a while. `now` is
    the wall clock."""

    now: Callable[[], Instant]
    newest: Instant | None = None
    returned: dict[str, tuple[Instant, Instant]] = field(default_factory=dict)

    def advance(self, sent: Instant) -> None:
        self.newest = max(sent, self.newest or sent)

    def give_back(self, messages: Sequence[Message]) -> None:
        until = plus(self.now(), RETURNED_SECONDS)
        self.returned |= {one.id: (one.sent, until) for one in messages}

    def frontier(self) -> Instant | None:
        if self.newest is None:
            return None
        held = [sent for sent, until in self.returned.values() if until > self.newest]
        return min([plus(self.newest, -MARGIN_SECONDS), *held])
