"""The port to HeadObject and GetObjectTagging. Implemented by `aws.s3.objects`, and in memory by
tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from replication.s3.version import ObjectVersion
from replication.times import Instant


@dataclass(frozen=True, slots=True)
class Head:
    """What HeadObject says of a version that exists."""

    replication_status: str | None
    """None: no header. A delete marker never has one: S3 answers 405."""
    delete_marker: bool
    last_modified: Instant | None
    """When the source version was written: a replica, and a marker's replica, has the same."""
    tag_count: int | None = None
    """None: no tags, or they may not be read; S3 leaves the header out in both cases."""
    unreadable: bool = False
    """An SSE-C object: it exists, and HEAD shows nothing without its key."""
    archived: bool = False
    """In an archive storage class or tier, from which S3 does not replicate."""
    locked: bool = False
    """It has a retention or a legal hold, OFF included. False as well to callers who may not read
    either."""


class Objects(Protocol):
    """Reads of one object version. They raise Denied when S3 refuses, and Unavailable when it
    throttles or fails."""

    def head(self, version: ObjectVersion) -> Head | None:
        """None: the bucket does not have this version."""
        ...

    def tags(self, version: ObjectVersion) -> Mapping[str, str] | None:
        """Its tags; None: the bucket does not have this version."""
        ...
