"""What the replication service needs of its surroundings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from local.s3_replication.events import ObjectEvent
    from local.s3_replication.outcomes import Destination, Source
    from local.s3_replication.rules import Rule
    from local.s3_replication.status_header import Status


@dataclass(frozen=True, slots=True)
class VersionRef:
    """One object version or delete marker at the source."""

    account: str
    bucket: str
    key: str
    version_id: str


class Store(Protocol):
    """The buckets.  Every call is short and does no input or output."""

    def exists(self, ref: VersionRef) -> bool:
        """False once the version was deleted for good."""

    def set_status(self, ref: VersionRef, status: Status) -> None:
        """Write the header of the source version."""

    def source(self, ref: VersionRef, rule: Rule) -> Source:
        """What the rule's role may read of the version right now."""

    def destination(self, ref: VersionRef, rule: Rule, *, delete_marker: bool) -> Destination:
        """What there is at the rule's destination bucket right now."""

    def region(self, bucket: str) -> str:
        """Region of an existing bucket."""

    def put_replica(self, ref: VersionRef, rule: Rule, *, with_tags: bool) -> None:
        """Copy the version, under its own version id, with status REPLICA."""

    def put_delete_marker(self, ref: VersionRef, rule: Rule) -> None:
        """Copy the delete marker, under its own version id."""

    def update_replica(
        self, ref: VersionRef, rule: Rule, *, with_tags: bool, with_lock: bool
    ) -> None:
        """Copy the ACL onto the replica, and its tags, and its retention and legal hold."""


class Timers(Protocol):
    """The clock."""

    def now(self) -> datetime:
        """UTC."""

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run the action once, that many seconds from now."""


class Announcer(Protocol):
    """Where events go out."""

    def announce(self, event: ObjectEvent) -> None:
        """Send an object event to whatever the bucket is configured with."""

    def announce_replication(self, bucket: str, key: str, record: Mapping[str, Any]) -> None:
        """Send an `s3:Replication:*` record; EventBridge never gets those."""

    def replica_event(
        self, source: ObjectEvent, name: str, bucket: str, region: str
    ) -> ObjectEvent:
        """The event of `source`'s replica arriving in `bucket`, done by the replication role."""
