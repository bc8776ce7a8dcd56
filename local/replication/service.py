"""The replication service: takes eligible writes, and some time later they are at the destination.

The service is driven by its timers alone and keeps one entry for each tracked version, so it needs
no threads and no locks; whoever calls it does so from one thread.  What it does with a write is
decided in `rules`, `outcomes` and `header`.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, assert_never

from local.replication.events import (
    ObjectEvent,
    Operation,
    ReplicationEvent,
    replication_notification,
)
from local.replication.header import Status, aggregate
from local.replication.outcomes import (
    Failed,
    Outcome,
    Replicated,
    ReplicatedWithoutTags,
    decide,
    is_not_tracked,
    slow_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from local.replication.ports import Announcer, Store, Timers, VersionRef
    from local.replication.rules import Rule
    from local.replication.settings import Settings

_log = logging.getLogger("local.replication")


@dataclass(slots=True)
class _Tracked:
    """A version some rule made eligible, and how far it is at each destination bucket."""

    event: ObjectEvent
    rules: Sequence[Rule]
    delete_marker: bool
    statuses: dict[str, Status]
    late: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Stats:
    """Counts since the start or the last reset."""

    waiting: int = 0
    accepted: int = 0
    replicated: int = 0
    failed: int = 0
    refused: int = 0


class ReplicationService:
    """One service for all buckets of the emulator."""

    def __init__(
        self, *, store: Store, timers: Timers, announcer: Announcer, settings: Settings
    ) -> None:
        self._store = store
        self._timers = timers
        self._announcer = announcer
        self.settings = settings
        self._random = random.Random(settings.seed)  # noqa: S311 - jitter, not a secret
        self._tracked: dict[VersionRef, _Tracked] = {}
        self.stats = Stats()

    def configure(self, settings: Settings) -> None:
        """Use these settings from now on; what already waits keeps its time."""
        self.settings = settings
        self._random = random.Random(settings.seed)  # noqa: S311

    def reset(self) -> None:
        """Forget everything; what still waits comes to nothing."""
        self._tracked.clear()
        self.stats = Stats(waiting=self.stats.waiting)

    def accept(
        self, ref: VersionRef, event: ObjectEvent, rules: Sequence[Rule], *, delete_marker: bool
    ) -> None:
        """Take on a write whose header already reads PENDING."""
        if self.stats.waiting + len(rules) > self.settings.max_jobs:
            self.stats.refused += len(rules)
            _log.error(
                "more than %d replications wait; %s stays PENDING", self.settings.max_jobs, ref
            )
            return
        self._tracked[ref] = _Tracked(
            event, rules, delete_marker, {rule.destination: Status.PENDING for rule in rules}
        )
        for rule in rules:
            self.stats.accepted += 1
            self._wait(self._delay(ref.key), partial(self._arrive, ref, rule))
            if rule.time_control:
                self._timers.later(self.settings.threshold_seconds, partial(self._miss, ref, rule))

    def change(self, ref: VersionRef, event: ObjectEvent, current: Iterable[Rule]) -> None:
        """Tags or ACL of a version changed: COMPLETED goes back to PENDING until they arrived.

        Where it still waits it takes its tags along anyway; where it FAILED it stays as it is.
        Only destinations that still have an enabled rule get the change.
        """
        tracked = self._tracked.get(ref)
        if tracked is None:
            return
        still = {rule.destination for rule in current if rule.enabled}
        due = [
            rule
            for rule in tracked.rules
            if rule.destination in still and tracked.statuses[rule.destination] is Status.COMPLETED
        ]
        for rule in due:
            tracked.statuses[rule.destination] = Status.PENDING
            self._wait(self._delay(ref.key), partial(self._arrive_change, ref, rule, event))
        if due:
            self._write_header(ref, tracked)

    def forget(self, ref: VersionRef) -> None:
        """The version was deleted for good: nothing of it arrives any more."""
        self._tracked.pop(ref, None)

    def _delay(self, key: str) -> float:
        jitter = self._random.random() * self.settings.replication_jitter_seconds
        asked = slow_seconds(key)
        return self.settings.replication_delay_seconds + jitter if asked is None else asked

    def _wait(self, seconds: float, action: Callable[[], None]) -> None:
        self.stats.waiting += 1

        def run() -> None:
            self.stats.waiting -= 1
            action()

        self._timers.later(seconds, run)

    def _still_there(self, ref: VersionRef) -> _Tracked | None:
        tracked = self._tracked.get(ref)
        if tracked is not None and not self._store.exists(ref):
            self.forget(ref)
            return None
        return tracked

    def _arrive(self, ref: VersionRef, rule: Rule) -> None:
        tracked = self._still_there(ref)
        if tracked is None:
            return
        operation = Operation.DELETE_MARKER_PUT if tracked.delete_marker else Operation.OBJECT_PUT
        if is_not_tracked(ref.key) and (rule.metrics or rule.time_control):
            self._tell(tracked.event, rule, ReplicationEvent.NOT_TRACKED, operation)
        outcome = self._attempt(ref, rule, delete_marker=tracked.delete_marker)
        if isinstance(outcome, Failed):
            self._fail(ref, tracked, rule, tracked.event, operation, outcome.code)
            return
        if tracked.delete_marker:
            self._store.put_delete_marker(ref, rule)
        else:
            self._store.put_replica(ref, rule, with_tags=isinstance(outcome, Replicated))
        self._settle(ref, tracked, rule, outcome)
        if not tracked.delete_marker or self.settings.destination_delete_marker_events:
            self._announce_replica(tracked.event, rule)
        if rule.destination in tracked.late and isinstance(outcome, Replicated):
            self._tell(
                tracked.event,
                rule,
                ReplicationEvent.REPLICATED_AFTER_THRESHOLD,
                operation,
                took=(self._timers.now() - tracked.event.origin.at).total_seconds(),
            )

    def _arrive_change(self, ref: VersionRef, rule: Rule, change: ObjectEvent) -> None:
        tracked = self._still_there(ref)
        if tracked is None or tracked.statuses[rule.destination] is not Status.PENDING:
            return
        acl = change.name.startswith("ObjectAcl")
        operation = Operation.OBJECT_ACL if acl else Operation.OBJECT_TAGGING
        outcome = self._attempt(ref, rule, delete_marker=False)
        if isinstance(outcome, Failed):
            self._fail(ref, tracked, rule, change, operation, outcome.code)
        elif not self._store.update_replica(ref, rule):
            self._fail(ref, tracked, rule, change, operation, "DstVersionNotFound")
        else:
            self._settle(ref, tracked, rule, outcome)
            if self.settings.destination_tag_events:
                self._announce_replica(change, rule)

    def _attempt(self, ref: VersionRef, rule: Rule, *, delete_marker: bool) -> Outcome:
        found = self._store.destination(ref, rule, delete_marker=delete_marker)
        return decide(ref.key, rule, found, delete_marker=delete_marker)

    def _settle(self, ref: VersionRef, tracked: _Tracked, rule: Rule, outcome: Outcome) -> None:
        match outcome:
            case Replicated():
                tracked.statuses[rule.destination] = Status.COMPLETED
                self.stats.replicated += 1
            case ReplicatedWithoutTags() | Failed():
                tracked.statuses[rule.destination] = Status.FAILED
                self.stats.failed += 1
            case _:
                assert_never(outcome)
        self._write_header(ref, tracked)

    def _fail(
        self,
        ref: VersionRef,
        tracked: _Tracked,
        rule: Rule,
        event: ObjectEvent,
        operation: Operation,
        code: str,
    ) -> None:
        self._settle(ref, tracked, rule, Failed(code))
        if rule.metrics:
            self._tell(event, rule, ReplicationEvent.FAILED, operation, code=code)

    def _miss(self, ref: VersionRef, rule: Rule) -> None:
        tracked = self._still_there(ref)
        if tracked is None or tracked.statuses[rule.destination] is not Status.PENDING:
            return
        tracked.late.add(rule.destination)
        operation = Operation.DELETE_MARKER_PUT if tracked.delete_marker else Operation.OBJECT_PUT
        self._tell(tracked.event, rule, ReplicationEvent.MISSED_THRESHOLD, operation)

    def _write_header(self, ref: VersionRef, tracked: _Tracked) -> None:
        status = aggregate(tracked.statuses.values())
        if status is not None:
            self._store.set_status(ref, status)

    def _announce_replica(self, source: ObjectEvent, rule: Rule) -> None:
        multipart = source.name == "ObjectCreated:CompleteMultipartUpload"
        created = source.name.startswith("ObjectCreated:") and not multipart
        self._announcer.announce(
            self._announcer.replica_event(
                source,
                "ObjectCreated:Put" if created else source.name,
                rule.destination,
                self._store.region(rule.destination),
            )
        )

    def _tell(
        self,
        event: ObjectEvent,
        rule: Rule,
        kind: ReplicationEvent,
        operation: Operation,
        *,
        code: str | None = None,
        took: float | None = None,
    ) -> None:
        timed = kind in {
            ReplicationEvent.MISSED_THRESHOLD,
            ReplicationEvent.REPLICATED_AFTER_THRESHOLD,
        }
        record = replication_notification(
            event,
            kind,
            at=self._timers.now(),
            rule_id=rule.rule_id,
            destination=rule.destination,
            operation=operation,
            failure_reason=code,
            threshold_seconds=self.settings.threshold_seconds if timed else None,
            replication_seconds=took,
        )
        self._announcer.announce_replication(event.bucket, event.key, record)
