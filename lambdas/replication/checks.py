"""When to look again: pure arithmetic, and the bound on what looking costs.

A pending version is looked at when it reaches certain ages, so a schedule needs no note per object:
at each tick those are due whose `since` lies one of the ages back, in the time since the last tick.
With `base` = 15 minutes (what S3 Replication Time Control promises) the ages are

    15 min  30 min  1 h  2 h  4 h  8 h  16 h     then every day up to 30, every 30 days up to 360

Completed versions are audited, a stable sample of them, at 1 h and 1, 7, 30 and 90 days.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b

from replication.facts import ObjectVersion
from replication.listing import Position, Route
from replication.status import Status
from replication.times import Instant, plus, seconds_between

BASE_SECONDS = 900.0
_DAY = 96
"""Bases in a day, when the base is 15 minutes; all later ages are multiples of it."""
_PENDING = (
    *(2**doubling for doubling in range(7)),
    *(_DAY * day for day in range(1, 31)),
    *(_DAY * 30 * month for month in range(2, 13)),
)
_AUDITS = (4, _DAY, 7 * _DAY, 30 * _DAY, 90 * _DAY)
_WITHOUT_TIME_CONTROL = 4
"""Bases before an object without Replication Time Control is expected: an hour."""
_STALE = _DAY


@dataclass(frozen=True, slots=True)
class Window:
    """Versions of one route whose `status` began in [since, until); `after` is where to go on."""

    route: Route
    status: Status
    since: Instant
    until: Instant
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """`base_seconds` scales all ages; `audited` is the share of completed versions to audit."""

    base_seconds: float = BASE_SECONDS
    audited: float = 0.01

    @property
    def stale_seconds(self) -> float:
        """Pending for longer than this is stale: worth an alarm, and no failure."""
        return _STALE * self.base_seconds

    def expected_seconds(self, time_control: bool) -> float:
        """How long replication may take before it is worth a look."""
        return self.base_seconds * (1 if time_control else _WITHOUT_TIME_CONTROL)

    def windows(
        self, route: Route, status: Status, last: Instant, now: Instant, oldest: Instant
    ) -> Iterator[Window]:
        """What is due on a route between two ticks. `oldest`: nothing of it began before.

        Windows that overlap, because the ticks lie far apart, become one: whatever came due several
        times meanwhile is looked at once."""
        ages = _PENDING if status is Status.PENDING else _AUDITS
        reach = seconds_between(oldest, now) + seconds_between(last, now)
        found: Window | None = None
        for age in (bases * self.base_seconds for bases in ages):
            if age > reach:
                break
            window = Window(route, status, plus(last, -age), plus(now, -age))
            if found and window.until >= found.since:
                window = replace(window, until=found.until)
            elif found:
                yield found
            found = window
        if found:
            yield found

    def is_audited(self, version: ObjectVersion) -> bool:
        """Whether a version is in the sample, with all its destinations: always the same answer."""
        text = f"{version.bucket}/{version.key}\0{version.version_id}"
        number = int.from_bytes(blake2b(text.encode(), digest_size=4).digest())
        return number < self.audited * 0x1_0000_0000

    def looks(self, hours: float) -> int:
        """How often one version that stays pending is looked at in its first `hours`."""
        return sum(bases * self.base_seconds <= hours * 3600 for bases in _PENDING)
