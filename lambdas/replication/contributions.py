"""What a change of one item adds to the counters. Pure: images in, deltas out.

Two kinds of counters, told apart because they obey different laws:

    standing   how things are: counts and bytes by status, what is pending by when it began, what is
               FAILED by reason. Each item contributes by its state alone, so for any history
               sum(standing_deltas) == standing(final state): a recount can prove and heal them.
    happened   what took place in a minute, an hour, a day: created, completed, failed, latencies.
               A change adds to them and nothing ever takes it back. An object that failed and
               recovered has failed once and completed once.

An item stands in the counters exactly while it stands in the index, so counts are the lengths of
the lists. What an inventory lists was learnt, and did not happen when it was learnt: it moves the
standing counters only.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from replication import histogram
from replication.facts import Evidence, ObjectVersion
from replication.fold import State
from replication.status import Status
from replication.times import Instant, seconds_between


class Level(StrEnum):
    """How long the periods are that changes are counted by."""

    MINUTE = "m"
    HOUR = "h"
    DAY = "d"


_CUT = {Level.MINUTE: 16, Level.HOUR: 13, Level.DAY: 10}
"""Characters of an Instant that name the period it lies in."""

_TIMED = frozenset({Evidence.REPLICA_CREATED, Evidence.REPLICATION_EVENT})
"""Evidence of an arrival that knows when it was; other evidence knows when somebody looked."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An item as an image of the stream has it. `listed`: it stands in the index."""

    version: ObjectVersion
    destination: str
    state: State
    listed: bool


@dataclass(frozen=True, slots=True)
class ItemChange:
    """A change of one item; `number` is its sequence number within its shard of the stream."""

    number: str
    old: Seen | None
    new: Seen | None


@dataclass(frozen=True, slots=True, order=True)
class Totals:
    """Counter: what stands on a route by rule. Names: `<status>` and `<status>_bytes`."""

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
class Trouble:
    """Counter: failures of one kind; an incident is about one of these. Names: `failing` and
    `failing_bytes`, which stand, and `failures`, which happened. `benign`: failures that the
    configuration says not to worry about."""

    bucket: str
    destination: str
    rule_id: str
    code: str
    benign: bool


View = Totals | Period | Trouble
Deltas = dict[View, Counter[str]]
"""What to add to which counter, never zero."""


@dataclass(frozen=True, slots=True)
class Change:
    """A record of the stream: its sequence number and what it adds."""

    number: str
    deltas: Deltas


@dataclass(frozen=True, slots=True)
class Benign:
    """Key patterns (`*.tflock`) whose failures are recorded and not announced."""

    patterns: tuple[str, ...] = ()

    def __call__(self, key: str) -> bool:
        return any(fnmatchcase(key, pattern) for pattern in self.patterns)


def period(route: Seen, level: Level, at: Instant) -> Period:
    return Period(route.version.bucket, route.destination, level, at[: _CUT[level]])


def trouble_of(seen: Seen, benign: Benign) -> Trouble:
    state = seen.state
    code = (state.failure_code or "").strip()
    known = (seen.version.bucket, seen.destination, state.rule_id or "", code)
    return Trouble(*known, benign(seen.version.key))


def deltas(old: Seen | None, new: Seen | None, benign: Benign) -> Deltas:
    """What the change from `old` to `new` (None: no item) adds to the counters."""
    found: Deltas = {}
    for sign, seen in ((-1, old), (1, new)):
        for view, name, amount in standing(seen, benign):
            found.setdefault(view, Counter())[name] += sign * amount
    for view, name in happened(old, new, benign):
        found.setdefault(view, Counter())[name] += 1
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


def standing(seen: Seen | None, benign: Benign) -> Iterator[tuple[View, str, int]]:
    """What an item contributes by being as it is."""
    if seen is None or not seen.listed or seen.state.status is None:
        return
    state = seen.state
    assert state.status is not None
    totals = Totals(seen.version.bucket, seen.destination, state.rule_id or "")
    yield totals, state.status, 1
    yield totals, f"{state.status}_bytes", state.size or 0
    if state.status is Status.PENDING and state.since:
        for level in (Level.MINUTE, Level.HOUR):
            yield period(seen, level, state.since), "pending", 1
    if state.status is Status.FAILED:
        trouble = trouble_of(seen, benign)
        yield trouble, "failing", 1
        yield trouble, "failing_bytes", state.size or 0


def happened(old: Seen | None, new: Seen | None, benign: Benign) -> Iterator[tuple[View, str]]:
    """What took place between the two."""
    if new is None or not new.listed or new.state.evidence in (None, Evidence.INVENTORY):
        return
    before, after = old.state if old else State(), new.state
    # Two channels tell of one creation, one in milliseconds and one in whole seconds.
    if after.created_at and (before.created_at or "")[:19] != after.created_at[:19]:
        yield from _in_every_period(new, after.created_at, "created")
    if after.since is None or after.status == before.status:
        return
    if after.status is Status.COMPLETED:
        yield from _in_every_period(new, after.since, "completed")
        if after.evidence in _TIMED and after.requested_at:
            seconds = seconds_between(after.requested_at, after.since)
            name = f"latency_{histogram.bucket_of(seconds)}"
            yield from _in_every_period(new, after.since, name)
    elif after.status is Status.FAILED:
        yield from _in_every_period(new, after.since, "failed")
        yield trouble_of(new, benign), "failures"


def _in_every_period(seen: Seen, at: Instant, name: str) -> Iterator[tuple[View, str]]:
    for level in Level:
        yield period(seen, level, at), name
