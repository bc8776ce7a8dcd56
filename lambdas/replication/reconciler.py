"""Makes the ledger converge to what S3 says: finds what is due, looks, writes what it saw.

`plan` turns a tick of the schedule into windows of the index, a message each; `check` works off one
window, a page of versions at a time, and answers the rest of it as a new window. Both can be
repeated at will: facts are idempotent, and a tick counts only once all its windows are sent.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from replication.checks import Schedule, Window
from replication.configuration import History
from replication.errors import Denied, NotYet, Rejected, Unavailable
from replication.examiner import Examiner, possible
from replication.facts import Fact, Kind, ObjectVersion
from replication.fold import State
from replication.listing import Position, Route
from replication.ports import Claim, Ledger, Objects
from replication.status import Status
from replication.stored import Stored
from replication.times import Instant, seconds_between

PAGE = 100
THREADS = 16


class Index(Protocol):
    """The ledger's index, oldest first."""

    def oldest(self, route: Route, status: Status) -> Stored | None: ...

    def page(
        self, window: Window, limit: int
    ) -> tuple[Sequence[tuple[Position, Stored]], Position | None]:
        """Rows of the window and where it goes on, None at its end."""
        ...


class Findings(Protocol):
    """What an operator has to mend before S3 can be asked; shown by the API."""

    def note(self, denied: Denied, now: Instant) -> None: ...


@dataclass(frozen=True, slots=True)
class Checked:
    """`rest`: what is left of the window. `counts`: what was found, by name."""

    rest: Window | None
    counts: Counter[str]


@dataclass(frozen=True, slots=True)
class _Seen:
    facts: tuple[Fact, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """`oldest_pending_seconds`: age of the oldest version that waits; None: nothing waits."""

    windows: tuple[Window, ...]
    oldest_pending_seconds: float | None


@dataclass(frozen=True, slots=True)
class Reconciler:
    """`now` is the wall clock; `shards` that of the deployment."""

    index: Index
    ledger: Ledger
    objects: Objects
    findings: Findings
    histories: Callable[[], Mapping[str, History | None]]
    schedule: Schedule
    shards: int
    now: Callable[[], Instant]

    def plan(self, last: Instant, now: Instant) -> Planned:
        """Everything that became due between two ticks."""
        routes = [
            Route(bucket, destination, shard)
            for bucket, history in sorted(self.histories().items())
            if history is not None
            for destination in history.destinations
            for shard in range(self.shards)
        ]
        windows: list[Window] = []
        ages = []
        statuses = [Status.PENDING, Status.FAILED]
        if self.schedule.audited:
            statuses.append(Status.COMPLETED)
        asked = [(route, status) for route in routes for status in statuses]
        for (route, status), row in zip(asked, self._oldest(asked), strict=True):
            since = row.record.state.since if row else None
            if since is None:
                continue
            windows += self.schedule.windows(route, status, last, now, since)
            if status is Status.PENDING:
                ages.append(seconds_between(since, now))
        return Planned(tuple(windows), max(ages, default=None))

    def check(self, window: Window) -> Checked:
        """Looks at one page of a window. Unavailable when S3 or the ledger could not be asked
        about some of it: nothing is skipped, the window comes again."""
        rows, after = self.index.page(window, PAGE)
        now = self.now()
        due = [
            stored
            for _, stored in rows
            if self._is_due(window.status, stored.version, stored.record.state, now)
        ]
        with ThreadPoolExecutor(max_workers=THREADS) as pool:
            examined = list(pool.map(lambda stored: self._examine(window, stored, now), due))
        denied = [one for one in examined if isinstance(one, Denied)]
        for error in {(one.bucket, one.action): one for one in denied}.values():
            self.findings.note(error, now)
        seen = [one for one in examined if isinstance(one, _Seen)]
        self._write([fact for one in seen for fact in one.facts])
        later = [one for one in examined if isinstance(one, NotYet) and not isinstance(one, Denied)]
        if later:
            raise Unavailable(f"{len(later)} versions could not be checked: {later[0]}")
        counts = Counter(name for one in seen for name in one.differences)
        counts["checked_versions"] = sum(bool(one.facts) for one in seen)
        counts["denied_checks"] = len(denied)
        return Checked(replace(window, after=after) if after else None, counts)

    def _oldest(self, asked: Sequence[tuple[Route, Status]]) -> Iterable[Stored | None]:
        with ThreadPoolExecutor(max_workers=THREADS) as pool:
            return list(pool.map(lambda one: self.index.oldest(*one), asked))

    def _is_due(self, status: Status, version: ObjectVersion, state: State, now: Instant) -> bool:
        """Whether a version with that status somewhere is to be looked at because of it."""
        if status is Status.FAILED:
            return True
        if status is Status.COMPLETED:
            return self.schedule.is_audited(version)
        history = self.histories().get(version.bucket)
        rules = history.current.rules if history else ()
        time_control = any(rule.id == state.rule_id and rule.threshold_minutes for rule in rules)
        age = seconds_between(state.since or now, now)
        return age >= self.schedule.expected_seconds(time_control)

    def _examine(self, window: Window, stored: Stored, now: Instant) -> _Seen | NotYet:
        """Every version once, although each of its destinations may list it in this window."""
        version = stored.version
        try:
            known = self.ledger.states(version)
            listed = [
                name
                for name, state in known.items()
                if name  # without a destination a status stands in no list
                and state.status is window.status
                and window.since <= (state.since or "") < window.until
                and self._is_due(window.status, version, state, now)
            ]
            if stored.destination != min(listed, default=None):
                return _Seen((), ())
            audit = window.status is Status.COMPLETED
            others = possible(self.histories().get(version.bucket), version, known, now)
            facts = Examiner(self.objects, audit=audit).examine(version, known, now, others)
            differences = (_difference(fact, known) for fact in facts)
            return _Seen(tuple(facts), tuple(name for name in differences if name))
        except NotYet as error:
            return error

    def _write(self, facts: Sequence[Fact]) -> None:
        results = self.ledger.write([Claim(fact) for fact in facts])
        for result in results.values():
            if isinstance(result, (NotYet, Rejected)):
                raise Unavailable(f"what was seen could not be written: {result}")


def _difference(fact: Fact, known: Mapping[str, State]) -> str | None:
    """What the ledger did not know, as the name of a metric; None: it knew."""
    match fact.kind:
        case Kind.REPLICA_DELETED:
            return "found_replica_lost"
        case Kind.DELETED:
            return "found_source_deleted"
        case _ if fact.status == known.get(fact.destination, State()).status:
            return None
        case _:
            return f"found_{fact.status.lower() if fact.status else 'without_rule'}"
