"""What a change of one item adds to the counters: old and new image in, deltas out.

There are two kinds of counters:

    current     how things are: count and bytes by status and in doubt, PENDING by when it began,
                FAILED (or PENDING again after that) by reason. An item contributes by its present
                state alone, so a recount of the items can compare and correct them.
    cumulative  what happened in each minute, hour and day: created, completed, failed, latencies,
                and arrivals that no event reported, by the time of the write.
                They count edges (`ledger/edges.py`): an object that failed and recovered counts
                as one failure and one completion, in whatever order the tracker learnt of it.

An item is in the current counters exactly while it is in the routes index, so the counts are the
lengths of the lists; but a COMPLETED item that expired stays counted, as FORGOTTEN as well. What an
inventory reports happened at some time before, so it changes the current counters only.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from replication.counters import histogram
from replication.counters.period import Level, name_of
from replication.ledger.edges import Edge, EdgeKind, edges
from replication.ledger.item import LedgerItem
from replication.ledger.retention import is_settled
from replication.ledger.state import State
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant

LAST_ORDER = "~"
"""Sorts after every `Fact.order`."""

UNREPORTED = "unreported"
"""Name of the counter of arrivals that no event of the destination reported."""

IN_DOUBT = "IN_DOUBT"
"""Name of the counter of versions in doubt."""


FORGOTTEN = "FORGOTTEN"
"""Name of the counter of COMPLETED versions whose items expired. They are in the counter COMPLETED
as well, and no recount finds them, so this one is cumulative."""


@dataclass(frozen=True, slots=True)
class ItemImage:
    """An item as it is before or after a change: an image of a stream record."""

    version: ObjectVersion
    destination: str
    state: State
    listed: bool
    """Whether it is in the routes index."""
    edges: tuple[Edge, ...] = ()
    """Those of the facts that were not folded into the base."""
    base_until: str | None = None
    """`Fact.order` of the last fact folded into the base; None: there is none."""

    @property
    def is_on_route(self) -> bool:
        """Whether it belongs to a destination, not to the version as a whole."""
        return self.destination not in ("", self.version.bucket)


def image_of(stored: LedgerItem, *, listed: bool) -> ItemImage:
    """The image of an item that was read with its facts. Without facts it takes no edge back."""
    facts = stored.record.facts
    return ItemImage(
        stored.version,
        stored.destination,
        stored.record.state,
        listed,
        edges(stored.record, stored.base),
        stored.base_until if facts else LAST_ORDER,
    )


@dataclass(frozen=True, slots=True)
class ItemChange:
    """A change of one item."""

    number: str
    """Sequence number of the stream record, within its shard of the stream."""
    old: ItemImage | None
    """None: the item did not exist."""
    new: ItemImage | None
    """None: the item was removed."""
    expired: bool = False
    """DynamoDB removed it, because its time was over."""


@dataclass(frozen=True, slots=True, order=True)
class Totals:
    """Key of the current counters of a route and rule: `<status>` and `<status>_bytes`, and
    `IN_DOUBT` and `IN_DOUBT_bytes` whatever the status; and of the cumulative `FORGOTTEN` and
    `FORGOTTEN_bytes`."""

    bucket: str
    destination: str
    rule_id: str


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Key of the counters of a route in one minute, hour or day: cumulative `created`, `completed`,
    `failed`, `latency_<bucket of the histogram>` and `UNREPORTED`, and current `pending`."""

    bucket: str
    destination: str
    level: Level
    start: str
    """Name of the period (`period.py`)."""


@dataclass(frozen=True, slots=True, order=True)
class FailureKind:
    """Key of the counters of one kind of failure, which is what an incident is about: current
    `failing`, `failing_bytes` and `retrying` (PENDING again), and cumulative `failures`."""

    bucket: str
    destination: str
    rule_id: str
    """Empty: unknown."""
    code: str
    """Failure reason; empty: none was given."""
    benign: bool
    """Whether the key matches `BenignKeys`."""


CounterKey = Totals | Period | FailureKind
Deltas = dict[CounterKey, Counter[str]]
"""What to add to which counter, by name; never zero."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a stream record adds to the counters; `number` is its sequence number."""

    number: str
    deltas: Deltas


@dataclass(frozen=True, slots=True)
class BenignKeys:
    """Patterns (`*.tflock`) of keys whose failures are recorded and not announced."""

    patterns: tuple[str, ...] = ()

    def __call__(self, key: str) -> bool:
        return any(fnmatchcase(key, pattern) for pattern in self.patterns)


def period(seen: ItemImage, level: Level, at: Instant) -> Period:
    """The period of an item's route that an instant lies in."""
    return Period(seen.version.bucket, seen.destination, level, name_of(level, at))


def failure_kind_of(seen: ItemImage, benign: BenignKeys) -> FailureKind:
    """The kind of the failure that an item has, or had before it became PENDING again."""
    return _failure_kind(seen, seen.state.rule_id, seen.state.failure_code, benign)


def failure_kind_at(seen: ItemImage, edge: Edge, benign: BenignKeys) -> FailureKind:
    """The kind of the failure that an edge is."""
    return _failure_kind(seen, edge.rule_id, edge.code, benign)


def _failure_kind(
    seen: ItemImage, rule_id: str | None, code: str | None, benign: BenignKeys
) -> FailureKind:
    known = (seen.version.bucket, seen.destination, rule_id or "", (code or "").strip())
    return FailureKind(*known, benign(seen.version.key))


def deltas(
    old: ItemImage | None, new: ItemImage | None, benign: BenignKeys, *, expired: bool = False
) -> Deltas:
    """What the change from `old` to `new` (None: no item) adds to the counters. `expired`: the item
    was removed because its time was over."""
    found: Deltas = {}
    if expired and new is None and old is not None and is_settled(old.state):
        return merged([_forgotten(old)])
    for sign, seen in ((-1, old), (1, new)):
        for view, name, amount in current(seen, benign):
            found.setdefault(view, Counter())[name] += sign * amount
    for sign, edge in changed_edges(old, new):
        assert new is not None
        for view, name in _cumulative(new, edge, benign):
            found.setdefault(view, Counter())[name] += sign
    return merged([found])


def _forgotten(seen: ItemImage) -> Deltas:
    if not seen.listed:
        return {}
    view = Totals(seen.version.bucket, seen.destination, seen.state.rule_id or "")
    return {view: Counter({FORGOTTEN: 1, f"{FORGOTTEN}_bytes": seen.state.size or 0})}


def merged(many: list[Deltas]) -> Deltas:
    """The sum, without zeros."""
    total: Deltas = {}
    for one in many:
        for view, amounts in one.items():
            counted = total.setdefault(view, Counter())
            for name, amount in amounts.items():
                counted[name] += amount
    kept = {view: Counter({n: v for n, v in one.items() if v}) for view, one in total.items()}
    return {view: amounts for view, amounts in kept.items() if amounts}


def current(seen: ItemImage | None, benign: BenignKeys) -> Iterator[tuple[CounterKey, str, int]]:
    """What an item (None: no item) contributes to the current counters."""
    if seen is None or not seen.listed:
        return
    state = seen.state
    totals = Totals(seen.version.bucket, seen.destination, state.rule_id or "")
    for name in filter(None, (state.status, IN_DOUBT if state.in_doubt else None)):
        yield totals, name, 1
        yield totals, f"{name}_bytes", state.size or 0
    if state.status is Status.PENDING and state.since:
        for level in (Level.MINUTE, Level.HOUR):
            yield period(seen, level, state.since), "pending", 1
        if state.failed_at:
            yield failure_kind_of(seen, benign), "retrying", 1
    if state.status is Status.FAILED:
        kind = failure_kind_of(seen, benign)
        yield kind, "failing", 1
        yield kind, "failing_bytes", state.size or 0


def changed_edges(old: ItemImage | None, new: ItemImage | None) -> Iterator[tuple[int, Edge]]:
    """Edges that a change of an item added (1) or, through a late fact, removed (-1). A removed
    item removes no edge, nor does a fact folded into the base."""
    if new is None or not new.is_on_route:
        return
    before = Counter(
        edge for edge in (old.edges if old else ()) if edge.order > (new.base_until or "")
    )
    after = Counter(new.edges)
    for edge in after - before:
        yield 1, edge
    for edge in before - after:
        yield -1, edge


def _cumulative(
    seen: ItemImage, edge: Edge, benign: BenignKeys
) -> Iterator[tuple[CounterKey, str]]:
    if edge.quiet:
        return
    yield from _in_every_period(seen, edge.at, edge.kind)
    if edge.seconds is not None:
        name = f"latency_{histogram.bucket_of(edge.seconds)}"
        yield from _in_every_period(seen, edge.at, name)
    if edge.unreported:
        yield from _in_every_period(seen, edge.unreported, UNREPORTED)
    if edge.kind is EdgeKind.FAILED:
        yield failure_kind_at(seen, edge, benign), "failures"


def _in_every_period(seen: ItemImage, at: Instant, name: str) -> Iterator[tuple[CounterKey, str]]:
    for level in Level:
        yield period(seen, level, at), name
