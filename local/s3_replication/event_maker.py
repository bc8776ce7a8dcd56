"""The events the service sends: `s3:Replication:*` at the source, arrivals at the destination.

What Amazon does not say about them is a setting.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from local.s3_replication.events import (
    ObjectEvent,
    Operation,
    ReplicationEvent,
    replication_notification,
)

if TYPE_CHECKING:
    from local.s3_replication.ports import Announcer, Store, Timers, VersionRef
    from local.s3_replication.rules import Rule
    from local.s3_replication.settings import Settings

_TIMED = frozenset({ReplicationEvent.MISSED_THRESHOLD, ReplicationEvent.REPLICATED_AFTER_THRESHOLD})


class EventMaker:
    """Makes the events and hands them to the announcer."""

    def __init__(
        self, store: Store, timers: Timers, announcer: Announcer, settings: Settings
    ) -> None:
        self._store = store
        self._timers = timers
        self._announcer = announcer
        self.settings = settings

    def of_replication(
        self,
        ref: VersionRef,
        event: ObjectEvent,
        rule: Rule,
        kind: ReplicationEvent,
        operation: Operation,
        *,
        code: str | None = None,
        took: float | None = None,
    ) -> None:
        """An `s3:Replication:*` notification about the operation of `event`."""
        record = replication_notification(
            event,
            kind,
            at=self._timers.now(),
            account=ref.account,
            rule_id=rule.rule_id,
            destination=rule.destination,
            operation=operation,
            failure_reason=code,
            threshold_seconds=self.settings.threshold_seconds if kind in _TIMED else None,
            replication_seconds=took,
        )
        self._announcer.announce_replication(event.bucket, event.key, record)

    def failed(
        self, ref: VersionRef, event: ObjectEvent, rule: Rule, operation: Operation, code: str
    ) -> None:
        """The version itself did not arrive; only a rule with metrics says so."""
        if rule.metrics:
            self.of_replication(ref, event, rule, ReplicationEvent.FAILED, operation, code=code)

    def change_failed(
        self, ref: VersionRef, written: ObjectEvent, change: ObjectEvent, rule: Rule, code: str
    ) -> None:
        """A later change of a version did not arrive."""
        settings = self.settings
        if not settings.later_failure_events:
            return
        event = change
        if settings.later_failure_repeats_write:
            event = dataclasses.replace(change, origin=written.origin)
        operation = Operation.of_change(change.name)
        if settings.later_failure_names_put:
            operation = Operation.OBJECT_PUT
        self.failed(ref, event, rule, operation, code)

    def arrived(self, source: ObjectEvent, rule: Rule, *, delete_marker: bool) -> None:
        """The replica of a version or of a delete marker is at the destination."""
        if delete_marker and not self.settings.destination_delete_marker_events:
            return
        self._announce_there(source, rule)

    def change_arrived(self, change: ObjectEvent, rule: Rule) -> None:
        """Tags, an ACL or a retention are at the destination; a legal hold is never an event."""
        wanted = {
            "ObjectTagging": self.settings.destination_tag_events,
            "ObjectAcl": self.settings.destination_tag_events,
            "ObjectRetention": self.settings.destination_retention_events,
        }
        if wanted.get(change.name.partition(":")[0], False):
            self._announce_there(change, rule)

    def _announce_there(self, source: ObjectEvent, rule: Rule) -> None:
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
