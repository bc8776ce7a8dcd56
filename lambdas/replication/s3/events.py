"""Events of S3 as values, one class for each kind. `aws/messages` parses them; `record` turns them
into facts. Fields that several of them have:

    at            when it happened, as the event says
    id            names the event, the same whenever it is delivered again
    whole_second  the sender cut `at` to seconds (EventBridge; see `times.py`)
    sequencer     S3's order of the writes and deletes of one key (`sequencer_order`)
    detail        what S3 calls the operation, for a person
"""

from dataclasses import dataclass
from enum import StrEnum

from replication.s3.version import ObjectVersion
from replication.times import Instant


@dataclass(frozen=True, slots=True)
class Created:
    """An object version, or a delete marker, appeared in `version.bucket`."""

    version: ObjectVersion
    at: Instant
    id: str
    whole_second: bool
    size: int | None = None
    """In bytes."""
    etag: str | None = None
    sequencer: str | None = None
    delete_marker: bool = False
    by_lifecycle: bool = False
    """A delete marker of a lifecycle rule, which S3 never replicates."""
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """An object version was deleted by its version id in `version.bucket`."""

    version: ObjectVersion
    at: Instant
    id: str
    whole_second: bool
    sequencer: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """Tags, ACL or Object Lock retention of a version changed in `version.bucket`."""

    version: ObjectVersion
    at: Instant
    id: str
    whole_second: bool
    detail: str | None = None
    retention: str | None = None
    """The new retention, as text that is only compared; None: the event is about something else."""


class Operation(StrEnum):
    """The four replication events of S3: `eventName` without `s3:`."""

    FAILED = "Replication:OperationFailedReplication"
    MISSED_THRESHOLD = "Replication:OperationMissedThreshold"
    REPLICATED_AFTER_THRESHOLD = "Replication:OperationReplicatedAfterThreshold"
    NOT_TRACKED = "Replication:OperationNotTracked"


@dataclass(frozen=True, slots=True)
class Replicated:
    """A replication event: S3 reports on `version`, of a source bucket, at one destination."""

    operation: Operation
    version: ObjectVersion
    destination: str
    """A bucket name."""
    at: Instant
    id: str
    rule_id: str | None = None
    requested_at: Instant | None = None
    """S3's `requestTime`."""
    failure_code: str | None = None
    """S3's `failureReason`."""
    size: int | None = None
    etag: str | None = None
    sequencer: str | None = None
    s3_operation: str | None = None
    """`s3Operation`: what was to be replicated; only `OBJECT_PUT` has been seen."""
    threshold: float | None = None
    """Of no published unit, and so is `replication_time`."""
    replication_time: float | None = None


@dataclass(frozen=True, slots=True)
class ConfigurationChanged:
    """The replication configuration of `bucket` was changed; None: read that of every bucket."""

    bucket: str | None
    at: Instant
    id: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event the tracker has no use for: it is counted by `name`, and nothing is stored."""

    name: str


Event = Created | Deleted | Changed | Replicated | ConfigurationChanged | Ignored
