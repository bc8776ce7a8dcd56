"""Makes the ledger converge to what S3 says: finds what is due, looks, writes what it saw.

`plan` turns a tick of the schedule into windows of the index, a message each; `check` works off a
window, page after page while there is time, and answers what is left of it as a new one. Both can
be repeated at will: facts are idempotent, and a tick counts only once its windows are sent. What S3
does not answer for becomes a window of its own, so that it keeps nothing else waiting.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from replication.errors import Denied, NotYet, Rejected, Unavailable
from replication.head.port import Objects
from replication.head.reader import VersionReader, possible, with_due
from replication.ledger.fact import Fact, Kind
from replication.ledger.index import Position, Route
from replication.ledger.item import LedgerItem
from replication.ledger.port import Claim, Ledger
from replication.ledger.schedule import LookBack, Schedule, Window
from replication.ledger.state import State
from replication.s3.rule_history import RuleHistory, folder_of, sources_of
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.threads import concurrently
from replication.times import Instant, plus, seconds_between

PAGE = 100
THREADS = 16
RESERVE_SECONDS = 30.0
"""No page is begun with less time left."""
MOST_ATTEMPTS = 5
"""Windows made of a version S3 does not answer for; its next age is a chance as well."""
WHOLE_AUDITS = 5_000
"""Versions of a window that are audited although they are in no sample."""


class Index(Protocol):
    """The ledger's index, oldest first."""

    def oldest(self, route: Route, status: Status | None) -> LedgerItem | None: ...

    def page(
        self, window: Window, limit: int
    ) -> tuple[Sequence[tuple[Position, LedgerItem]], Position | None]:
        """Rows of the window and where it goes on, None at its end."""
        ...


class Findings(Protocol):
    """What an operator has to mend before S3 can be asked; shown by the API."""

    def note(self, denied: Denied, now: Instant) -> None: ...


class Learnt(Protocol):
    """What looking at versions tells of their buckets."""

    def note_replicas(self, bucket: str, prefix: str) -> None: ...

    def note_audit(self, bucket: str, destination: str) -> None: ...


@dataclass(frozen=True, slots=True)
class WindowResult:
    """`rest`: what is left of the window. `again`: versions S3 did not answer for, a window each.
    `counts`: what was found, by name."""

    rest: Window | None
    counts: Counter[str]
    again: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class _Read:
    facts: tuple[Fact, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """`oldest_pending_seconds`: age of the oldest version that waits; None: nothing waits."""

    windows: tuple[Window, ...]
    oldest_pending_seconds: float | None
    look_backs: tuple[LookBack, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciler:
    """`now` is the wall clock; `shards` that of the deployment."""

    index: Index
    ledger: Ledger
    objects: Objects
    findings: Findings
    histories: Callable[[], Mapping[str, RuleHistory | None]]
    schedule: Schedule
    shards: int
    now: Callable[[], Instant]
    learnt: Learnt | None = None

    def plan(self, last: Instant, now: Instant) -> Planned:
        """Everything that became due between two ticks."""
        histories = self.histories()
        routes = [
            Route(bucket, destination, shard)
            for bucket, history in sorted(histories.items())
            if history is not None
            for destination in ("", *history.destinations)
            for shard in range(self.shards)
        ]
        windows: list[Window] = []
        ages = []
        wanted = [(route, status) for route in routes for status in self._statuses(route)]
        for (route, status), row in zip(wanted, self._oldest(wanted), strict=True):
            since = row.record.state.since if row else None
            if row is None or since is None:
                continue
            history = histories[route.bucket]
            whole = status is Status.COMPLETED and bool(
                history and route.destination in history.audited_whole
            )
            windows += self.schedule.windows(route, status, last, now, since, whole=whole)
            if status is Status.PENDING:
                ages.append(seconds_between(since, now))
        return Planned(
            tuple(windows),
            max(ages, default=None),
            tuple(self._look_backs(histories.values(), last, now)),
        )

    def _statuses(self, route: Route) -> tuple[Status | None, ...]:
        if not route.destination:
            return (None,)
        audited = (Status.COMPLETED,) if self.schedule.audited else ()
        return (Status.PENDING, Status.FAILED, *audited, None)

    def _look_backs(
        self, histories: Iterable[RuleHistory | None], last: Instant, now: Instant
    ) -> Iterable[LookBack]:
        """One for a bucket, of every revision that is due: their times mostly overlap."""
        for history in histories:
            due = {
                one.since: plus(one.look_back[1], self.schedule.doubtful_seconds)
                for one in (history.revisions[1:] if history else ())
                if not one.looked_back
            }
            ready = tuple(since for since, due_at in due.items() if due_at <= now)
            if history and any(self.schedule.looks_back(due[one], last, now) for one in ready):
                yield LookBack(history.bucket, ready)

    def work_off(
        self, window: Window, seconds_left: Callable[[], float] = lambda: math.inf
    ) -> WindowResult:
        """Looks at the window, page after page. Unavailable when the ledger could not be read or
        written: the window comes again then."""
        counts: Counter[str] = Counter()
        again: list[Window] = []
        rest: Window | None = window
        while rest is not None:
            rows, after = self.index.page(rest, PAGE)
            again += self._page(rest, [stored for _, stored in rows], counts)
            rest = replace(rest, after=after) if after else None
            if rest and rest.whole and counts["checked_versions"] >= WHOLE_AUDITS:
                rest = replace(rest, whole=False)
            if seconds_left() < RESERVE_SECONDS:
                break
        return WindowResult(rest, counts, tuple(again))

    def _page(
        self, window: Window, rows: Sequence[LedgerItem], counts: Counter[str]
    ) -> list[Window]:
        """What S3 did not answer for."""
        now = self.now()
        due = [s for s in rows if self._is_due(window, s.version, s.record.state, now)]
        found = concurrently(lambda stored: self._read_version(window, stored, now), due, THREADS)
        denied = [one for one in found if isinstance(one, Denied)]
        self.note(denied, now)
        seen = [one for one in found if isinstance(one, _Read)]
        self.write([fact for one in seen for fact in one.facts])
        counts.update(name for one in seen for name in one.differences)
        counts["checked_versions"] += sum(bool(one.facts) for one in seen)
        counts["denied_checks"] += len(denied)
        unanswered = [
            stored
            for stored, one in zip(due, found, strict=True)
            if isinstance(one, NotYet) and not isinstance(one, Denied)
        ]
        counts["unanswered_checks"] += len(unanswered)
        if window.attempt >= MOST_ATTEMPTS:
            return []
        attempt = window.attempt + 1
        began = {one.record.state.since for one in unanswered}
        return [
            replace(window, since=since, until=plus(since, 0.001), after=None, attempt=attempt)
            for since in sorted(filter(None, began))
        ]

    def note(self, denied: Iterable[Denied], now: Instant) -> None:
        """Each refusal once."""
        for error in {(one.bucket, one.action): one for one in denied}.values():
            self.findings.note(error, now)

    def write(self, facts: Sequence[Fact]) -> None:
        """Unavailable when the ledger does not take them all."""
        results = self.ledger.write([Claim(fact) for fact in facts])
        for result in results.values():
            if isinstance(result, (NotYet, Rejected)):
                raise Unavailable(f"what was seen could not be written: {result}")

    def version_reader(self, now: Instant, *, audit: bool = False) -> VersionReader:
        return VersionReader(
            self.objects,
            audit=audit,
            note=lambda denied: self.findings.note(denied, now),
            note_replicas=self._note_replicas,
        )

    def _note_replicas(self, version: ObjectVersion) -> None:
        """A version of a source bucket that is a replica itself, and of no tracked bucket."""
        histories = {name: one for name, one in self.histories().items() if one is not None}
        history = histories.get(version.bucket)
        if self.learnt is None or history is None or history.may_be_replica(version.key):
            return
        if not sources_of(histories, version.bucket, version.key):
            self.learnt.note_replicas(version.bucket, folder_of(version.key))

    def _oldest(self, wanted: Sequence[tuple[Route, Status | None]]) -> Iterable[LedgerItem | None]:
        return concurrently(lambda one: self.index.oldest(*one), wanted, THREADS)

    def _is_due(self, window: Window, version: ObjectVersion, state: State, now: Instant) -> bool:
        """Whether a version with that status somewhere is to be looked at because of it."""
        if window.status in (Status.FAILED, None):
            return True
        if window.status is Status.COMPLETED:
            return window.whole or self.schedule.is_audited(version)
        age = seconds_between(state.since or now, now)
        if state.in_doubt:
            return age >= self.schedule.doubtful_seconds
        history = self.histories().get(version.bucket)
        rules = history.current.rules if history else ()
        time_control = any(rule.id == state.rule_id and rule.threshold_minutes for rule in rules)
        return age >= self.schedule.expected_seconds(time_control)

    def _read_version(self, window: Window, stored: LedgerItem, now: Instant) -> _Read | NotYet:
        """Every version once, although each of its destinations may list it in this window."""
        version = stored.version
        try:
            history = self.histories().get(version.bucket)
            known = self.ledger.states(version)
            listed = [
                name
                for name, state in known.items()
                # Without a destination only a doubt stands in a list.
                if (name or window.status is None)
                and state.status is window.status
                and window.since <= (state.since or "") < window.until
                and self._is_due(window, version, state, now)
            ]
            if stored.destination != min(listed, default=None):
                return _Read((), ())
            others = possible(history, version, known, now)
            version_reader = self.version_reader(now, audit=window.status is Status.COMPLETED)
            facts = version_reader.examine(version, with_due(history, version, known), now, others)
            differences = (_difference(fact, known) for fact in facts)
            self._learn(facts, known)
            return _Read(tuple(facts), tuple(name for name in differences if name))
        except NotYet as error:
            return error

    def _learn(self, facts: Iterable[Fact], known: Mapping[str, State]) -> None:
        """A replica that is there and FAILED lacks its tags, of which no event tells: the others of
        its route may lack theirs."""
        for fact in facts:
            before = known.get(fact.destination, State())
            tagless = fact.status is Status.FAILED and fact.present
            if self.learnt and tagless and before.status is not Status.FAILED:
                self.learnt.note_audit(fact.version.bucket, fact.destination)


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
