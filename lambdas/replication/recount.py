"""Counts what the index holds and puts counters right that differ.

The standing counters of a route follow from its entries in the index alone, so walking them proves
the counters. The table goes on changing meanwhile, and nobody can stop it: a difference counts only
when nothing moved during a walk and a second one, a while later, finds the very same. What is then
added is the difference, so a change that comes between is not lost.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from replication.contributions import (
    Benign,
    Deltas,
    Level,
    Period,
    Seen,
    Totals,
    Trouble,
    View,
    merged,
    standing,
)
from replication.overview import DAY, HOUR, LAST, period_before
from replication.stored import Stored
from replication.times import Instant

ROUNDS = 5
_STANDING = frozenset({"pending", "failing", "failing_bytes"})


class Verdict(StrEnum):
    """What a recount of one route came to; the names of its metrics."""

    RIGHT = "recount_right"
    HEALED = "recount_healed"
    MOVING = "recount_moving"
    """It never rested long enough to tell."""


@dataclass(frozen=True, slots=True)
class Recounted:
    """`differences`: what was added to make the counters right, or would have to be."""

    verdict: Verdict
    differences: Deltas
    entries: int


class Walk(Protocol):
    def entries(self, bucket: str, destination: str) -> Iterable[Stored]:
        """Everything the index has of a route, in any order."""
        ...


class Counters(Protocol):
    def snapshot(self, bucket: str, destination: str, now: Instant) -> Deltas:
        """Every counter of a route that is shown, as it stands."""
        ...

    def heal(self, differences: Deltas, name: str) -> None:
        """Adds all of it, once for each name."""
        ...


@dataclass(frozen=True, slots=True)
class Recount:
    """`rest` waits long enough for the stream to be worked off; `now` is the wall clock."""

    walk: Walk
    counters: Counters
    benign: Benign
    rest: Callable[[], None]
    now: Callable[[], Instant]

    def __call__(self, bucket: str, destination: str) -> Recounted:
        previous: Deltas | None = None
        entries = 0
        for round_ in range(ROUNDS):
            if round_:
                self.rest()
            now = self.now()
            before = self.counters.snapshot(bucket, destination, now)
            walked, entries = self._walk(bucket, destination)
            if self.counters.snapshot(bucket, destination, now) != before:
                previous = None
                continue
            found = differences(before, shown(walked, now))
            if not found:
                return Recounted(Verdict.RIGHT, {}, entries)
            if found == previous:
                self.counters.heal(found, f"recount-{bucket}-{destination}-{now}")
                return Recounted(Verdict.HEALED, found, entries)
            previous = found
        return Recounted(Verdict.MOVING, previous or {}, entries)

    def _walk(self, bucket: str, destination: str) -> tuple[Deltas, int]:
        found: Deltas = {}
        entries = 0
        for stored in self.walk.entries(bucket, destination):
            entries += 1
            seen = Seen(stored.version, stored.destination, stored.record.state, listed=True)
            for view, name, amount in standing(seen, self.benign):
                found.setdefault(view, Counter())[name] += amount
        return found, entries


def shown_since(level: Level, now: Instant) -> str:
    """The first period of a level that a recount looks at: all that a summary shows, and more."""
    seconds = 2 * HOUR if level is Level.MINUTE else 2 * DAY
    return period_before(now, seconds, level)[: 16 if level is Level.MINUTE else 13]


def shown(walked: Deltas, now: Instant) -> Deltas:
    """What was walked without the periods that nobody looks at any more."""
    return {
        view: amounts
        for view, amounts in walked.items()
        if not isinstance(view, Period) or shown_since(view.level, now) <= view.start <= LAST
    }


def differences(counted: Deltas, walked: Deltas) -> Deltas:
    """What to add to the standing counters so that they say what was walked."""
    return merged([walked, {view: _negative(view, one) for view, one in counted.items()}])


def _negative(view: View, amounts: Counter[str]) -> Counter[str]:
    return Counter({name: -n for name, n in amounts.items() if stands(view, name)})


def stands(view: View, name: str) -> bool:
    """Whether a counter of this name is a standing one."""
    match view:
        case Totals():
            return True
        case Period() | Trouble():
            return name in _STANDING
