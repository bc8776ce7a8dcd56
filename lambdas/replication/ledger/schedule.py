"""When versions are reconciled and audited.

A PENDING version is reconciled when it reaches certain ages. Nothing is stored for it: each tick
reads the versions whose `since` lies one of the ages before the time since the last tick. With a
base of 15 minutes (the threshold of Replication Time Control) the ages are

    15 min  30 min  1 h  2 h  4 h  8 h  16 h     then every day up to 30, every 30 days up to 360

Where no event says when a version arrives, the first ages are 2 and 5 minutes and then the usual
ones. A version in doubt is reconciled after 5 minutes already: an event would have come by then. Of
the COMPLETED versions a sample, always the same, is audited at 1 h and 1, 7, 30 and 90 days. After
a change of the rules the versions written about that time are reconciled, once every process has
read the new rules: they may have been recorded by the wrong ones (a look back).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b

from replication.ledger.index import Position, Route
from replication.s3.status import Status
from replication.times import Instant, from_epoch_milliseconds, plus, seconds_between, to_datetime

BASE_SECONDS = 900.0
_DAY = 96
"""A day, in bases of 15 minutes. The ages below are in bases."""
_PENDING = (
    *(2**doubling for doubling in range(7)),
    *(_DAY * day for day in range(1, 31)),
    *(_DAY * 30 * month for month in range(2, 13)),
)
_DOUBTFUL = 1 / 3
"""First age of a version in doubt: five minutes."""
_DEAF = 2 / 15
"""First age of a version whose arrival no event reports: two minutes."""
_NOTICED = 5
"""By this age a HEAD has shown an arrival that took the hour S3 may take: 75 minutes."""
_AUDITS = (4, _DAY, 7 * _DAY, 30 * _DAY, 90 * _DAY)
_WITHOUT_TIME_CONTROL = 4
"""An object without Replication Time Control is expected within an hour."""
_STALE = _DAY
_SLICES_A_BASE = 90
"""Slices of time that a sample of COMPLETED versions is made of: ten seconds of 15 minutes."""


@dataclass(frozen=True, slots=True)
class Window:
    """The versions of a route to reconcile or audit: their status began in [since, until)."""

    route: Route
    status: Status | None
    """None: in doubt, without a status."""
    since: Instant
    until: Instant
    after: Position | None = None
    """The rest begins after this position; None: all of it."""
    whole: bool = False
    """Audit all of them, not the sample."""
    attempt: int = 0
    """How often it was tried before: S3 did not answer for a version."""


@dataclass(frozen=True, slots=True)
class LookBack:
    """The versions of a source bucket to reconcile because of changes of its rules."""

    bucket: str
    since: tuple[Instant, ...]
    """`Revision.since` of each change."""
    stage: int = 0
    """The list of versions to go on with, and `after` the position in it."""
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class RuleRead:
    """The rules of a source bucket to read, unless they were read after `asked_at`."""

    bucket: str
    asked_at: Instant


@dataclass(frozen=True, slots=True)
class Schedule:
    """The ages at which versions are reconciled and audited."""

    base_seconds: float = BASE_SECONDS
    """Scales all ages."""
    audited: float = 0.01
    """Share (0 to 1) of the COMPLETED versions to audit, taken by the time of completion."""

    @property
    def stale_seconds(self) -> float:
        """A version that is PENDING for longer is stale: worth an alarm, but not FAILED."""
        return _STALE * self.base_seconds

    @property
    def doubtful_seconds(self) -> float:
        """The age at which a version in doubt is first reconciled."""
        return _DOUBTFUL * self.base_seconds

    @property
    def noticed_seconds(self) -> float:
        """How far behind a route may seem to be only because no event reports its arrivals."""
        return _NOTICED * self.base_seconds

    def expected_seconds(self, time_control: bool, *, deaf: bool = False) -> float:
        """How long a version waits for its event before it is reconciled, with or without
        Replication Time Control. `deaf`: no event will come."""
        if deaf:
            return _DEAF * self.base_seconds
        return self.base_seconds * (1 if time_control else _WITHOUT_TIME_CONTROL)

    def windows(
        self,
        route: Route,
        status: Status | None,
        last: Instant,
        now: Instant,
        oldest: Instant,
        *,
        whole: bool = False,
        deaf: bool = False,
    ) -> Iterator[Window]:
        """The windows of a route that came due between two ticks, `last` and `now`. `oldest`: no
        version of the route began before. `deaf`: no event reports its arrivals.

        Windows that overlap, because the ticks lie far apart, become one, so that a version which
        came due several times is read once.
        """
        waits = status in (Status.PENDING, None)
        first = (_DEAF, _DOUBTFUL) if deaf else (_DOUBTFUL,)
        ages: tuple[float, ...] = (*first, *_PENDING) if waits else _AUDITS
        reach = seconds_between(oldest, now) + seconds_between(last, now)
        found: Window | None = None
        for age in (bases * self.base_seconds for bases in ages):
            if age > reach:
                break
            window = Window(route, status, plus(last, -age), plus(now, -age), whole=whole)
            if found and window.until >= found.since:
                window = replace(window, until=found.until)
            elif found:
                yield from self._wanted(found)
            found = window
        if found:
            yield from self._wanted(found)

    def _wanted(self, window: Window) -> Iterator[Window]:
        return self.sample(window) if window.status is Status.COMPLETED else iter((window,))

    def looks_back(self, due_at: Instant, last: Instant, now: Instant) -> bool:
        """Whether a look back due since `due_at` starts between two ticks: at once, and again every
        half hour until it is finished."""
        period = 2 * self.base_seconds
        done, due = (seconds_between(due_at, at) // period for at in (last, now))
        return due >= 0 and due > done

    def sample(self, window: Window) -> Iterator[Window]:
        """The parts of a window of COMPLETED versions that are audited: slices of time, ten seconds
        each at the usual ages, so that nothing is read of the others. Always the same ones, and
        those of a smaller share are among those of a larger one."""
        if window.whole or self.audited >= 1:
            yield window
            return
        seconds = self.base_seconds / _SLICES_A_BASE
        begin, end = (to_datetime(at).timestamp() for at in (window.since, window.until))
        for number in range(int(begin // seconds), math.ceil(end / seconds)):
            if self._is_audited(window.route, number):
                since, until = (
                    from_epoch_milliseconds(round(n * seconds * 1_000))
                    for n in (number, number + 1)
                )
                since, until = max(since, window.since), min(until, window.until)
                if since < until:
                    yield replace(window, since=since, until=until)

    def _is_audited(self, route: Route, slice_number: int) -> bool:
        text = f"{route.bucket}/{route.destination}/{route.shard}/{slice_number}"
        number = int.from_bytes(blake2b(text.encode(), digest_size=4).digest())
        return number < self.audited * 0x1_0000_0000

    def looks(self, hours: float) -> int:
        """How often a version that stays PENDING is reconciled in its first `hours`."""
        return sum(bases * self.base_seconds <= hours * 3600 for bases in _PENDING)
