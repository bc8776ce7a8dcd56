"""Reconciles the ledger with S3: finds versions that are due, reads them with HEAD, writes facts.

`plan` turns a tick of the schedule into windows of the index, one message each. `work_off` goes
through a window, page after page while there is time, and returns the rest as a new window. Both
can be repeated: facts are idempotent, and a tick counts only after its windows are sent. A version
that S3 gives no answer for becomes a window of its own, so that no other has to wait.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reconcile.due import difference, needs_head
from reconcile.port import Findings, Index, Learnt
from replication.errors import Denied, NotYet, Rejected, Unavailable
from replication.head.port import Objects
from replication.head.reader import VersionReader, possible_destinations, with_certain_destinations
from replication.ledger.fact import Fact
from replication.ledger.index import Route
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
"""How often a version without an answer is tried again; it is due again later anyway."""
WHOLE_AUDITS = 5_000
"""The most versions of a window that are audited without being in the sample."""


@dataclass(frozen=True, slots=True)
class WindowResult:
    """The result of a window.

    rest        what is left of it
    counts      what was found, by the name of its metric
    again       a window for each version that S3 gave no answer for
    """

    rest: Window | None
    counts: Counter[str]
    again: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class _Read:
    """The facts about one version, and names of metrics for what the ledger did not know."""

    facts: tuple[Fact, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """The work of a tick.

    windows                     windows to reconcile
    oldest_pending_seconds      age of the oldest PENDING version; None: there is none
    look_backs                  changes of rules to look back at
    """

    windows: tuple[Window, ...]
    oldest_pending_seconds: float | None
    look_backs: tuple[LookBack, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Plans and does the work.

    index       the ledger's index
    ledger      reads items, writes facts
    objects     reads S3
    findings    keeps refusals of S3
    histories   the rules of every source bucket; None where they were never read
    schedule    when versions are due
    shards      number of partitions of a route in the index
    now         the wall clock
    learnt      keeps what HEAD shows about buckets
    deaf        whether no event reports arrivals in a destination
    """

    index: Index
    ledger: Ledger
    objects: Objects
    findings: Findings
    histories: Callable[[], Mapping[str, RuleHistory | None]]
    schedule: Schedule
    shards: int
    now: Callable[[], Instant]
    learnt: Learnt | None = None
    deaf: Callable[[str], bool] = lambda _: False

    def plan(self, last: Instant, now: Instant) -> Planned:
        """The work that became due between two ticks."""
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
            deaf = bool(route.destination) and self.deaf(route.destination)
            windows += self.schedule.windows(
                route, status, last, now, since, whole=whole, deaf=deaf
            )
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
        """One for each bucket, with all revisions that are due: their times mostly overlap."""
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
        """Reads the versions of the window, page after page. Unavailable when the ledger could not
        be read or written: the window has to come again."""
        counts: Counter[str] = Counter()
        again: list[Window] = []
        rest: Window | None = window
        while rest is not None:
            rows, after = self.index.page(rest, PAGE)
            again += self._page(rest, [stored for _, stored in rows], counts)
            rest = replace(rest, after=after) if after else None
            if rest and rest.whole and counts["checked_versions"] >= WHOLE_AUDITS:
                again += self._sample_of(rest)
                rest = None
            if seconds_left() < RESERVE_SECONDS:
                break
        return WindowResult(rest, counts, tuple(again))

    def _sample_of(self, rest: Window) -> Iterable[Window]:
        """What is audited of the rest of a window of which not everything is."""
        since = Instant(rest.after.since) if rest.after else rest.since
        return self.schedule.sample(replace(rest, since=since, after=None, whole=False))

    def _page(
        self, window: Window, rows: Sequence[LedgerItem], counts: Counter[str]
    ) -> list[Window]:
        """Windows for the versions that S3 gave no answer for."""
        now = self.now()
        due = [
            s
            for s in rows
            if self._is_due(window, s.version.bucket, s.destination, s.record.state, now)
        ]
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
        """Keeps each refusal once."""
        for error in {(one.bucket, one.action): one for one in denied}.values():
            self.findings.note(error, now)

    def write(self, facts: Sequence[Fact]) -> None:
        """Writes the facts; Unavailable unless the ledger takes all of them."""
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
        """Keeps that a version of a source bucket is a replica of an untracked bucket."""
        histories = {name: one for name, one in self.histories().items() if one is not None}
        history = histories.get(version.bucket)
        if self.learnt is None or history is None or history.may_be_replica(version.key):
            return
        if not sources_of(histories, version.bucket, version.key):
            self.learnt.note_replicas(version.bucket, folder_of(version.key))

    def _oldest(self, wanted: Sequence[tuple[Route, Status | None]]) -> Iterable[LedgerItem | None]:
        return concurrently(lambda one: self.index.oldest(*one), wanted, THREADS)

    def _is_due(
        self, window: Window, bucket: str, destination: str, state: State, now: Instant
    ) -> bool:
        deaf = bool(destination) and self.deaf(destination)
        history = self.histories().get(bucket)
        return needs_head(self.schedule, history, window.status, state, now, deaf=deaf)

    def _read_version(self, window: Window, stored: LedgerItem, now: Instant) -> _Read | NotYet:
        """Reads a version once, although the window may list it for several destinations."""
        version = stored.version
        try:
            history = self.histories().get(version.bucket)
            known = self.ledger.states(version)
            listed = [
                name
                for name, state in known.items()
                # Without a destination, a version is listed only when it is in doubt.
                if (name or window.status is None)
                and state.status is window.status
                and window.since <= (state.since or "") < window.until
                and self._is_due(window, version.bucket, name, state, now)
            ]
            if stored.destination != min(listed, default=None):
                return _Read((), ())
            others = possible_destinations(history, version, known, now)
            version_reader = self.version_reader(now, audit=window.status is Status.COMPLETED)
            facts = version_reader.read(
                version, with_certain_destinations(history, version, known), now, others
            )
            differences = (difference(fact, known) for fact in facts)
            self._learn(facts, known)
            return _Read(tuple(facts), tuple(name for name in differences if name))
        except NotYet as error:
            return error

    def _learn(self, facts: Iterable[Fact], known: Mapping[str, State]) -> None:
        """A replica that exists and is FAILED lacks its tags. There is no event for that, so others
        of the route may lack theirs: all are to be audited."""
        for fact in facts:
            before = known.get(fact.destination, State())
            tagless = fact.status is Status.FAILED and fact.present
            if self.learnt and tagless and before.status is not Status.FAILED:
                self.learnt.note_audit(fact.version.bucket, fact.destination)
