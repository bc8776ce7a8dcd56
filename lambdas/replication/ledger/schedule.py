"""When to look again: pure arithmetic, and the bound on what looking costs.

A pending version is looked at when it reaches certain ages, so a schedule needs no note per object:
at each tick those are due whose `since` lies one of the ages back, in the time since the last tick.
With `base` = 15 minutes (what S3 Replication Time Control promises) the ages are

    15 min  30 min  1 h  2 h  4 h  8 h  16 h     then every day up to 30, every 30 days up to 360

A version in doubt is looked at after 5 minutes already: by then an event would have told. Completed
versions are audited, a stable sample of them, at 1 h and 1, 7, 30 and 90 days. A change of the
rules is looked back at once every process has read them: the versions written about then may have
been judged by the wrong ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b

from replication.ledger.index import Position, Route
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus, seconds_between

BASE_SECONDS = 900.0
_DAY = 96
"""Bases in a day, when the base is 15 minutes; all later ages are multiples of it."""
_PENDING = (
    *(2**doubling for doubling in range(7)),
    *(_DAY * day for day in range(1, 31)),
    *(_DAY * 30 * month for month in range(2, 13)),
)
_DOUBTFUL = 1 / 3
"""Bases before a version in doubt is looked at first: five minutes."""
_AUDITS = (4, _DAY, 7 * _DAY, 30 * _DAY, 90 * _DAY)
_WITHOUT_TIME_CONTROL = 4
"""Bases before an object without Replication Time Control is expected: an hour."""
_STALE = _DAY


@dataclass(frozen=True, slots=True)
class Window:
    """Versions of one route whose `status` (None: without one, in doubt) began in [since, until).
    `after` is where to go on. `whole`: all of them are audited, not a sample. `attempt` counts the
    windows made of a version that S3 did not answer for."""

    route: Route
    status: Status | None
    since: Instant
    until: Instant
    after: Position | None = None
    whole: bool = False
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class LookBack:
    """Versions of a source bucket that were written about the revisions of its rules of `since`.
    `stage` and `after` are where to go on."""

    bucket: str
    since: tuple[Instant, ...]
    stage: int = 0
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

    @property
    def doubtful_seconds(self) -> float:
        """How long a version may be in doubt before S3 is asked about it."""
        return _DOUBTFUL * self.base_seconds

    def expected_seconds(self, time_control: bool) -> float:
        """How long replication may take before it is worth a look."""
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
    ) -> Iterator[Window]:
        """What is due on a route between two ticks. `oldest`: nothing of it began before.

        Windows that overlap, because the ticks lie far apart, become one: whatever came due several
        times meanwhile is looked at once."""
        waits = status in (Status.PENDING, None)
        ages: tuple[float, ...] = (_DOUBTFUL, *_PENDING) if waits else _AUDITS
        reach = seconds_between(oldest, now) + seconds_between(last, now)
        found: Window | None = None
        for age in (bases * self.base_seconds for bases in ages):
            if age > reach:
                break
            window = Window(route, status, plus(last, -age), plus(now, -age), whole=whole)
            if found and window.until >= found.since:
                window = replace(window, until=found.until)
            elif found:
                yield found
            found = window
        if found:
            yield found

    def looks_back(self, due_at: Instant, last: Instant, now: Instant) -> bool:
        """Whether a look back that is due since then begins between two ticks: at once, and twice
        an hour as long as it has not come to its end."""
        period = 2 * self.base_seconds
        done, due = (seconds_between(due_at, at) // period for at in (last, now))
        return due >= 0 and due > done

    def is_audited(self, version: ObjectVersion) -> bool:
        """Whether a version is in the sample, with all its destinations: always the same answer."""
        text = f"{version.bucket}/{version.key}\0{version.version_id}"
        number = int.from_bytes(blake2b(text.encode(), digest_size=4).digest())
        return number < self.audited * 0x1_0000_0000

    def looks(self, hours: float) -> int:
        """How often one version that stays pending is looked at in its first `hours`."""
        return sum(bases * self.base_seconds <= hours * 3600 for bases in _PENDING)
