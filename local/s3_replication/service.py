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

from local.s3_replication.event_maker import EventMaker
from local.s3_replication.events import ObjectEvent, Operation, ReplicationEvent
from local.s3_replication.outcomes import (
    Destination,
    Failed,
    Outcome,
    Replicated,
    ReplicatedWithoutTags,
    Source,
    decide,
    is_not_tracked,
    slow_seconds,
)
from local.s3_replication.status_header import Status, aggregate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from local.s3_replication.ports import Announcer, Store, Timers, VersionRef
    from local.s3_replication.rules import Rule
    from local.s3_replication.settings import Settings

_log = logging.getLogger("local.s3_replication")


@dataclass(slots=True)
class _Tracked:
    """A version some rule made eligible, and how far it is at each destination bucket."""

    event: ObjectEvent
    delete_marker: bool
    statuses: dict[str, Status]
    late: set[str] = field(default_factory=set)
    arrived: set[str] = field(default_factory=set)
    """Destinations that had it once."""

    @property
    def operation(self) -> Operation:
        return Operation.DELETE_MARKER_PUT if self.delete_marker else Operation.OBJECT_PUT


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
        self._events = EventMaker(store, timers, announcer, settings)
        self.settings = settings
        self._random = random.Random(settings.seed)  # noqa: S311 - jitter, not a secret
        self._tracked: dict[VersionRef, _Tracked] = {}
        self.stats = Stats()

    def configure(self, settings: Settings) -> None:
        """Use these settings from now on; what already waits keeps its time."""
        self.settings = self._events.settings = settings
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
            event, delete_marker, {rule.destination: Status.PENDING for rule in rules}
        )
        for rule in rules:
            self.stats.accepted += 1
            self._wait(self._delay(ref.key), partial(self._arrive, ref, rule))
            if rule.time_control:
                self._timers.later(self.settings.threshold_seconds, partial(self._miss, ref, rule))

    def change(self, ref: VersionRef, event: ObjectEvent, rules: Sequence[Rule]) -> None:
        """Tags, ACL or lock of a version changed; `rules` take it by the tags and rules of now.

        COMPLETED and FAILED alike go back to PENDING where a rule takes the change, and nothing
        happens anywhere else.  Where the version still waits it takes the change along anyway.
        A version that no rule took when it was written is not known here and never goes.
        """
        tracked = self._tracked.get(ref)
        if tracked is None or tracked.delete_marker:
            return
        due = [rule for rule in rules if self._is_due(tracked, rule)]
        for rule in due:
            tracked.statuses[rule.destination] = Status.PENDING
            self._wait(self._delay(ref.key), partial(self._arrive_change, ref, rule, event))
        if due:
            self._write_header(ref, tracked)

    def change_replica(self, ref: VersionRef, event: ObjectEvent, rules: Sequence[Rule]) -> None:
        """Somebody changed a replica: rules that say so carry the change on, without a trace.

        Neither side's header tells of it: the replica stays REPLICA, its original COMPLETED.
        """
        for rule in rules:
            if rule.replica_modifications:
                sync = partial(self._sync, ref, rule, event)
                self._wait(self._delay(ref.key), sync)

    def _is_due(self, tracked: _Tracked, rule: Rule) -> bool:
        status = tracked.statuses.get(rule.destination)
        if status is None:
            return self.settings.changes_reach_new_destinations
        return status is not Status.PENDING

    def replicate_again(
        self, ref: VersionRef, event: ObjectEvent, rules: Sequence[Rule]
    ) -> str | None:
        """A task of Batch Operations: the version goes to every destination of `rules`, the rules
        of now, whatever became of it before. The first failure reason, or None."""
        if not self._store.exists(ref):
            return "SrcVersionNotFound"
        if not rules:
            return "SrcObjectNotEligible"
        tracked = self._tracked.setdefault(ref, _Tracked(event, False, {}))
        codes = []
        for rule in rules:
            found = self._store.destination(ref, rule, delete_marker=False)
            outcome = self._attempt(ref, rule, found, tracked)
            if isinstance(outcome, Failed):
                self._settle(ref, tracked, rule, outcome)
                codes.append(outcome.code)
                if self.settings.batch_failure_events:
                    operation = tracked.operation
                    self._events.failed(ref, tracked.event, rule, operation, outcome.code)
            elif found.has_replica:
                whole = isinstance(outcome, Replicated)
                self._store.update_replica(ref, rule, with_tags=whole, with_lock=True)
                self._settle(ref, tracked, rule, outcome)
            else:
                self._put(ref, tracked, rule, outcome)
            if isinstance(outcome, ReplicatedWithoutTags):
                codes.append("SrcGetTaggingNotPermitted")
        return codes[0] if codes else None

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
        events, event, operation = self._events, tracked.event, tracked.operation
        if is_not_tracked(ref.key) and (rule.metrics or rule.time_control):
            events.of_replication(ref, event, rule, ReplicationEvent.NOT_TRACKED, operation)
        found = self._store.destination(ref, rule, delete_marker=tracked.delete_marker)
        outcome = self._attempt(ref, rule, found, tracked)
        if isinstance(outcome, Failed):
            self._settle(ref, tracked, rule, outcome)
            events.failed(ref, event, rule, operation, outcome.code)
            return
        self._put(ref, tracked, rule, outcome)
        if rule.destination in tracked.late and isinstance(outcome, Replicated):
            took = (self._timers.now() - event.origin.at).total_seconds()
            kind = ReplicationEvent.REPLICATED_AFTER_THRESHOLD
            events.of_replication(ref, event, rule, kind, operation, took=took)

    def _arrive_change(self, ref: VersionRef, rule: Rule, change: ObjectEvent) -> None:
        tracked = self._still_there(ref)
        if tracked is None or tracked.statuses[rule.destination] is not Status.PENDING:
            return
        found = self._store.destination(ref, rule, delete_marker=False)
        outcome = self._attempt(ref, rule, found, tracked)
        if not isinstance(outcome, Failed) and not found.has_replica:
            if rule.destination not in tracked.arrived:
                self._put(ref, tracked, rule, outcome)
                return
            outcome = Failed("DstVersionNotFound")
        if isinstance(outcome, Failed):
            self._settle(ref, tracked, rule, outcome)
            self._events.change_failed(ref, tracked.event, change, rule, outcome.code)
            return
        self._update(ref, rule, change, outcome)
        self._settle(ref, tracked, rule, outcome)

    def _sync(self, ref: VersionRef, rule: Rule, change: ObjectEvent) -> None:
        if not self._store.exists(ref):
            return
        found = self._store.destination(ref, rule, delete_marker=False)
        outcome = decide(ref.key, rule, self._store.source(ref, rule), found, delete_marker=False)
        if found.has_replica and not isinstance(outcome, Failed):
            self._update(ref, rule, change, outcome)

    def _update(self, ref: VersionRef, rule: Rule, change: ObjectEvent, outcome: Outcome) -> None:
        whole = isinstance(outcome, Replicated)
        lock = change.name.startswith(("ObjectRetention", "ObjectLegalHold"))
        self._store.update_replica(ref, rule, with_tags=whole, with_lock=lock)
        if whole:
            self._events.change_arrived(change, rule)

    def _put(self, ref: VersionRef, tracked: _Tracked, rule: Rule, outcome: Outcome) -> None:
        if tracked.delete_marker:
            self._store.put_delete_marker(ref, rule)
        else:
            self._store.put_replica(ref, rule, with_tags=isinstance(outcome, Replicated))
        tracked.arrived.add(rule.destination)
        self._settle(ref, tracked, rule, outcome)
        self._events.arrived(tracked.event, rule, delete_marker=tracked.delete_marker)

    def _attempt(
        self, ref: VersionRef, rule: Rule, found: Destination, tracked: _Tracked
    ) -> Outcome:
        source = Source() if tracked.delete_marker else self._store.source(ref, rule)
        return decide(ref.key, rule, source, found, delete_marker=tracked.delete_marker)

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

    def _miss(self, ref: VersionRef, rule: Rule) -> None:
        tracked = self._still_there(ref)
        if tracked is None or tracked.statuses[rule.destination] is not Status.PENDING:
            return
        tracked.late.add(rule.destination)
        missed = ReplicationEvent.MISSED_THRESHOLD
        self._events.of_replication(ref, tracked.event, rule, missed, tracked.operation)

    def _write_header(self, ref: VersionRef, tracked: _Tracked) -> None:
        at_once = self.settings.header_fails_at_once
        status = aggregate(tracked.statuses.values(), fails_at_once=at_once)
        if status is not None:
            self._store.set_status(ref, status)
