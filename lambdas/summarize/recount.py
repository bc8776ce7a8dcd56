"""Counts what the index holds and puts counters right that differ.

The standing counters of a route follow from its entries in the index alone, so walking them proves
the counters. But the counters come of the table's stream, which may be behind: what it has not told
yet differs, and healed it would be counted twice. So a walk stands between two fences:

    everything written before the first fence is counted       its snapshot of the counters
    the index is walked
    everything written before the second fence is counted      the same counters once more

When both snapshots are equal, nothing was written meanwhile that the walk could have seen and the
first did not count. The index is behind the table by itself, so a difference is only believed when
a second walk of this kind, a while later, finds the very same. What is then added is the
difference, so a change that comes between is not lost. A stream that does not come to its fences in
time leaves everything as it is.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from replication.counters.counter import (
    Benign,
    CounterKey,
    Deltas,
    FailureKind,
    ItemImage,
    Period,
    Totals,
    current,
    merged,
)
from replication.counters.period import LAST, first_shown
from replication.ledger.item import LedgerItem
from replication.times import Instant

ROUNDS = 5


FENCE_CHECKS = 6
"""How often the fences are looked at, a rest apart, before the stream counts as behind."""


_CURRENT = frozenset({"pending", "failing", "failing_bytes", "retrying"})


class Verdict(StrEnum):
    """What a recount of one route came to; the names of its metrics."""

    RIGHT = "recount_right"
    HEALED = "recount_healed"
    MOVING = "recount_moving"
    """It never rested long enough to tell, or the stream is behind."""


@dataclass(frozen=True, slots=True)
class Recounted:
    """`differences`: what was added to make the counters right, or would have to be."""

    verdict: Verdict
    differences: Deltas
    entries: int


class Walk(Protocol):
    def entries(self, bucket: str, destination: str) -> Iterable[LedgerItem]:
        """Everything the index has of a route, in any order."""
        ...


class Counters(Protocol):
    def snapshot(self, bucket: str, destination: str, now: Instant) -> Deltas:
        """Every counter of a route that is shown, as it stands."""
        ...

    def heal(self, differences: Deltas, name: str) -> None:
        """Adds all of it, once for each name."""
        ...

    def put_up_fences(self) -> str:
        """Writes fences behind everything that was written to the table; their token."""
        ...

    def fences_are_passed(self, token: str) -> bool:
        """Whether all that was written before the fences of a token is counted."""
        ...


@dataclass(frozen=True, slots=True)
class Recount:
    """`rest` waits long enough for a stream that is not behind to be worked off; `now` is the wall
    clock."""

    walk: Walk
    counters: Counters
    benign: Benign
    rest: Callable[[], None]
    now: Callable[[], Instant]

    def __call__(self, bucket: str, destination: str) -> Recounted:
        # Most recounts find nothing, for which no fence is needed.
        previous, now, entries = self._compare(bucket, destination)
        if previous == {}:
            return Recounted(Verdict.RIGHT, {}, entries)
        previous = None
        for round_ in range(ROUNDS):
            if round_:
                self.rest()
            if not self._stream_caught_up():
                break
            found, now, entries = self._compare(bucket, destination, fenced=True)
            if found == {}:
                return Recounted(Verdict.RIGHT, {}, entries)
            if found and found == previous:
                self.counters.heal(found, f"recount-{bucket}-{destination}-{now}")
                return Recounted(Verdict.HEALED, found, entries)
            previous = found
        return Recounted(Verdict.MOVING, previous or {}, entries)

    def _compare(
        self, bucket: str, destination: str, *, fenced: bool = False
    ) -> tuple[Deltas | None, Instant, int]:
        """What differs; None when that cannot be told, for something moved meanwhile or, behind
        the first of two fences, the stream does not come to the second."""
        now = self.now()
        before = self.counters.snapshot(bucket, destination, now)
        walked, entries = self._walk(bucket, destination)
        rested = not fenced or self._stream_caught_up()
        if not rested or self.counters.snapshot(bucket, destination, now) != before:
            return None, now, entries
        return differences(before, shown(walked, now)), now, entries

    def _stream_caught_up(self) -> bool:
        """Waits until all that was written until now is counted; False when that takes too long."""
        token = self.counters.put_up_fences()
        for _ in range(FENCE_CHECKS):
            if self.counters.fences_are_passed(token):
                return True
            self.rest()
        return self.counters.fences_are_passed(token)

    def _walk(self, bucket: str, destination: str) -> tuple[Deltas, int]:
        found: Deltas = {}
        entries = 0
        for stored in self.walk.entries(bucket, destination):
            entries += 1
            seen = ItemImage(stored.version, stored.destination, stored.record.state, listed=True)
            for view, name, amount in current(seen, self.benign):
                found.setdefault(view, Counter())[name] += amount
        return found, entries


def shown(walked: Deltas, now: Instant) -> Deltas:
    """What was walked without the periods that nobody looks at any more."""
    return {
        view: amounts
        for view, amounts in walked.items()
        if not isinstance(view, Period) or first_shown(view.level, now) <= view.start <= LAST
    }


def differences(counted: Deltas, walked: Deltas) -> Deltas:
    """What to add to the standing counters so that they say what was walked."""
    return merged([walked, {view: _negative(view, one) for view, one in counted.items()}])


def _negative(view: CounterKey, amounts: Counter[str]) -> Counter[str]:
    return Counter({name: -n for name, n in amounts.items() if is_current(view, name)})


def is_current(view: CounterKey, name: str) -> bool:
    """Whether a counter of this name is a standing one."""
    match view:
        case Totals():
            return True
        case Period() | FailureKind():
            return name in _CURRENT
