"""What a delivered message says, before anybody asks whose replica or which rule it concerns.

Parsers (`aws/messages`) make these out of text;
`attribution.py` makes facts out of them. `at` is the time as told; `whole_second` says that the
sender cut it to seconds (see `times.py`).
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
    etag: str | None = None
    sequencer: str | None = None
    delete_marker: bool = False
    by_lifecycle: bool = False
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """An object version was deleted for good in `version.bucket`."""

    version: ObjectVersion
    at: Instant
    id: str
    whole_second: bool
    sequencer: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """Tags, ACL or retention of an object version changed in `version.bucket`. `retention` is what
    it is from now on, as a text to be compared; None: the event is about something else."""

    version: ObjectVersion
    at: Instant
    id: str
    whole_second: bool
    detail: str | None = None
    retention: str | None = None


class Operation(StrEnum):
    """The four replication events of S3, as `eventName` has them without `s3:`."""

    FAILED = "Replication:OperationFailedReplication"
    MISSED_THRESHOLD = "Replication:OperationMissedThreshold"
    REPLICATED_AFTER_THRESHOLD = "Replication:OperationReplicatedAfterThreshold"
    NOT_TRACKED = "Replication:OperationNotTracked"


@dataclass(frozen=True, slots=True)
class Replicated:
    """S3's replication service spoke of `version` and one destination bucket (its name)."""

    operation: Operation
    version: ObjectVersion
    destination: str
    at: Instant
    id: str
    rule_id: str | None = None
    requested_at: Instant | None = None
    failure_code: str | None = None
    size: int | None = None
    etag: str | None = None
    sequencer: str | None = None
    s3_operation: str | None = None
    threshold: float | None = None
    replication_time: float | None = None


@dataclass(frozen=True, slots=True)
class ConfigurationChanged:
    """The replication configuration of `bucket` may be new; None: read that of every bucket."""

    bucket: str | None
    at: Instant
    id: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Understood, and of no interest: `name` is counted, nothing is stored."""

    name: str


Event = Created | Deleted | Changed | Replicated | ConfigurationChanged | Ignored
