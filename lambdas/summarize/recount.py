"""Counts the entries of the index, and corrects counters that differ.

The current counters of a route follow from its entries in the index, and from the counter of those
that were forgotten, which stay counted as COMPLETED. But counters are made from the
table's stream, which may be behind: correcting for a change that is still in the stream would count
it twice. So the index is read between two fences:

    everything written before the first fence is counted       first snapshot of the counters
    the index is read
    everything written before the second fence is counted      second snapshot

When both snapshots are equal, the first one includes every change that the index showed. The index
may itself be behind the table, so a difference counts only when a second round, some time later,
finds the same. The difference is then added, so that changes in between are not lost. When the
stream does not reach its fences in time, nothing is changed.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from replication.counters.counter import (
    FORGOTTEN,
    BenignKeys,
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
from replication.s3.status import Status
from replication.times import Instant

ROUNDS = 5


FENCE_CHECKS = 6
"""How often the fences are read, with a rest between, before the stream counts as behind."""


_CURRENT = frozenset({"pending", "failing", "failing_bytes", "retrying"})


class Verdict(StrEnum):
    """The result of a recount of one route; the name of its metric."""

    RIGHT = "recount_right"
    HEALED = "recount_healed"
    MOVING = "recount_moving"
    """The counters changed in every round, or the stream is behind."""


@dataclass(frozen=True, slots=True)
class Recounted:
    """The result of a recount of one route.

    verdict         whether the counters were right
    differences     what was added to correct them, or would have to be
    entries         how many entries of the index were read
    """

    verdict: Verdict
    differences: Deltas
    entries: int


class Walk(Protocol):
    """Reads the index."""

    def entries(self, bucket: str, destination: str) -> Iterable[LedgerItem]:
        """Every entry of a route, in any order."""
        ...


class Counters(Protocol):
    """Reads and corrects counters, and writes fences into the stream."""

    def snapshot(self, bucket: str, destination: str, now: Instant) -> Deltas:
        """Every counter of a route that is still shown."""
        ...

    def heal(self, differences: Deltas, name: str) -> None:
        """Adds the differences; a second time with the same name does nothing."""
        ...

    def put_up_fences(self) -> str:
        """Writes fences after everything that was written to the table; returns their token."""
        ...

    def fences_are_passed(self, token: str) -> bool:
        """Whether all that was written before the fences of a token is counted."""
        ...


@dataclass(frozen=True, slots=True)
class Recount:
    """Recounts a route.

    walk        reads the index
    counters    the counters
    benign      which failures are benign
    rest        waits until the stream, when it is not behind, has delivered everything
    now         the wall clock
    """

    walk: Walk
    counters: Counters
    benign: BenignKeys
    rest: Callable[[], None]
    now: Callable[[], Instant]

    def __call__(self, bucket: str, destination: str) -> Recounted:
        # Most recounts find no difference, for which no fence is needed.
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
        """The differences; None when they are unknown, because counters changed meanwhile or the
        stream did not reach the second fence."""
        now = self.now()
        before = self.counters.snapshot(bucket, destination, now)
        walked, entries = self._walk(bucket, destination)
        rested = not fenced or self._stream_caught_up()
        if not rested or self.counters.snapshot(bucket, destination, now) != before:
            return None, now, entries
        return differences(before, shown(walked, now)), now, entries

    def _stream_caught_up(self) -> bool:
        """Waits until everything written so far is counted; False when that takes too long."""
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
    """The counts without periods that are not shown any more."""
    return {
        view: amounts
        for view, amounts in walked.items()
        if not isinstance(view, Period) or first_shown(view.level, now) <= view.start <= LAST
    }


def differences(counted: Deltas, walked: Deltas) -> Deltas:
    """What to add to the current counters to make them equal to the counts of the index and of what
    was forgotten."""
    known: Deltas = {
        view: _forgotten(one) for view, one in counted.items() if isinstance(view, Totals)
    }
    negative = {view: _negative(view, one) for view, one in counted.items()}
    return merged([walked, known, negative])


def _forgotten(amounts: Counter[str]) -> Counter[str]:
    """What the counters of COMPLETED have beside the entries of the index."""
    names = {FORGOTTEN: Status.COMPLETED, f"{FORGOTTEN}_bytes": f"{Status.COMPLETED}_bytes"}
    return Counter({str(to): amounts[name] for name, to in names.items() if amounts[name]})


def _negative(view: CounterKey, amounts: Counter[str]) -> Counter[str]:
    return Counter({name: -n for name, n in amounts.items() if is_current(view, name)})


def is_current(view: CounterKey, name: str) -> bool:
    """Whether a counter of this name counts what is so now, and not what happened."""
    match view:
        case Totals():
            return not name.startswith(FORGOTTEN)
        case Period() | FailureKind():
            return name in _CURRENT
