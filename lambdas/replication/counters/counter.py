"""What a change of one item adds to the counters. Pure: images in, deltas out.

Two kinds of counters, told apart because they obey different laws:

    standing   how things are: counts and bytes by status and of what is in doubt, what is pending
               by when it began, what is FAILED (or tried again after that) by reason. Each item
               contributes by its state alone, so for any history
               sum(standing_deltas) == standing(final state): a recount can prove and heal them.
    happened   what took place in a minute, an hour, a day: created, completed, failed, latencies.
               They are the edges of the records (`edges.py`): an object that failed and recovered
               has failed once and completed once, in whatever order that was heard of.

An item stands in the counters exactly while it stands in the index, so counts are the lengths of
the lists. What an inventory lists was learnt, and did not happen when it was learnt: it moves the
standing counters only.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from replication.counters import histogram
from replication.counters.period import Level, name_of
from replication.ledger.edges import Edge, EdgeKind, edges
from replication.ledger.item import LedgerItem
from replication.ledger.state import State
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant

LAST_ORDER = "~"
"""Sorts after every `Fact.order`."""
IN_DOUBT = "IN_DOUBT"
"""The counter of versions whose destinations are in doubt."""


@dataclass(frozen=True, slots=True)
class ItemImage:
    """An item as an image of the stream has it. `listed`: it stands in the index. `edges` are
    those of the facts it keeps, which are newer than `base_until`."""

    version: ObjectVersion
    destination: str
    state: State
    listed: bool
    edges: tuple[Edge, ...] = ()
    base_until: str | None = None

    @property
    def is_on_route(self) -> bool:
        return self.destination not in ("", self.version.bucket)


def image_of(stored: LedgerItem, *, listed: bool) -> ItemImage:
    """An item with its facts as the counters see it. Of one whose facts cannot be read nothing is
    known that could be taken back."""
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
    """A change of one item; `number` is its sequence number within its shard of the stream."""

    number: str
    old: ItemImage | None
    new: ItemImage | None


@dataclass(frozen=True, slots=True, order=True)
class Totals:
    """Counter: what stands on a route by rule. Names: `<status>` and `<status>_bytes`, and
    `IN_DOUBT` and `IN_DOUBT_bytes`, whatever the status."""

    bucket: str
    destination: str
    rule_id: str


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Counter: a minute, hour or day of a route; `start` is the beginning of its Instants.
    Names: `created`, `completed`, `failed`, `latency_<bucket>`, and `pending`, which stands."""

    bucket: str
    destination: str
    level: Level
    start: str


@dataclass(frozen=True, slots=True, order=True)
class FailureKind:
    """Counter: failures of one kind; an incident is about one of these. Names: `failing` and
    `failing_bytes`, which stand, `retrying`, which stands (it failed and S3 tries again), and
    `failures`, which happened. `benign`: failures that the configuration says not to worry
    about."""

    bucket: str
    destination: str
    rule_id: str
    code: str
    benign: bool


CounterKey = Totals | Period | FailureKind
Deltas = dict[CounterKey, Counter[str]]
"""What to add to which counter, never zero."""


@dataclass(frozen=True, slots=True)
class Change:
    """A record of the stream: its sequence number and what it adds."""

    number: str
    deltas: Deltas


@dataclass(frozen=True, slots=True)
class BenignKeys:
    """Key patterns (`*.tflock`) whose failures are recorded and not announced."""

    patterns: tuple[str, ...] = ()

    def __call__(self, key: str) -> bool:
        return any(fnmatchcase(key, pattern) for pattern in self.patterns)


def period(route: ItemImage, level: Level, at: Instant) -> Period:
    return Period(route.version.bucket, route.destination, level, name_of(level, at))


def failure_kind_of(seen: ItemImage, benign: BenignKeys) -> FailureKind:
    """The kind of the failure that an item is in, or was in before S3 tried again."""
    return _failure_kind(seen, seen.state.rule_id, seen.state.failure_code, benign)


def failure_kind_at(seen: ItemImage, edge: Edge, benign: BenignKeys) -> FailureKind:
    """The kind of a failure that happened to an item."""
    return _failure_kind(seen, edge.rule_id, edge.code, benign)


def _failure_kind(
    seen: ItemImage, rule_id: str | None, code: str | None, benign: BenignKeys
) -> FailureKind:
    known = (seen.version.bucket, seen.destination, rule_id or "", (code or "").strip())
    return FailureKind(*known, benign(seen.version.key))


def deltas(old: ItemImage | None, new: ItemImage | None, benign: BenignKeys) -> Deltas:
    """What the change from `old` to `new` (None: no item) adds to the counters."""
    found: Deltas = {}
    for sign, seen in ((-1, old), (1, new)):
        for view, name, amount in current(seen, benign):
            found.setdefault(view, Counter())[name] += sign * amount
    for sign, edge in changed_edges(old, new):
        assert new is not None
        for view, name in _cumulative(new, edge, benign):
            found.setdefault(view, Counter())[name] += sign
    return merged([found])


def merged(many: list[Deltas]) -> Deltas:
    """The sum; what cancels out is left out."""
    total: Deltas = {}
    for one in many:
        for view, amounts in one.items():
            counted = total.setdefault(view, Counter())
            for name, amount in amounts.items():
                counted[name] += amount
    kept = {view: Counter({n: v for n, v in one.items() if v}) for view, one in total.items()}
    return {view: amounts for view, amounts in kept.items() if amounts}


def current(seen: ItemImage | None, benign: BenignKeys) -> Iterator[tuple[CounterKey, str, int]]:
    """What an item contributes by being as it is."""
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
    """Edges that came with a change of an item (1) and those that a late fact took back (-1).
    An item that is forgotten takes nothing back, and neither does what is folded away."""
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
    if edge.kind is EdgeKind.FAILED:
        yield failure_kind_at(seen, edge, benign), "failures"


def _in_every_period(seen: ItemImage, at: Instant, name: str) -> Iterator[tuple[CounterKey, str]]:
    for level in Level:
        yield period(seen, level, at), name
