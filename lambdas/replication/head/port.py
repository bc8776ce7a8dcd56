"""What HEAD and GetObjectTagging say of one object version. `aws.s3.objects` asks S3; tests
answer in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from replication.s3.version import ObjectVersion
from replication.times import Instant


@dataclass(frozen=True, slots=True)
class Head:
    """What HeadObject says of a version. A delete marker has no readable status: S3 answers 405 to
    its version id, and to nothing else, so that answer proves that it is there.

    `last_modified` is that of the source, of replicas and markers too: it never tells when a
    replica arrived. `tag_count` None is unknown: S3 leaves it out of versions without tags and
    where tags may not be read. `unreadable`: the version is there, and S3 shows nothing of it
    without its key (SSE-C).
    """

    replication_status: str | None
    delete_marker: bool
    last_modified: Instant | None
    tag_count: int | None = None
    unreadable: bool = False


class Objects(Protocol):
    """Reads of single object versions. Denied when S3 refuses, Unavailable when it throttles."""

    def head(self, version: ObjectVersion) -> Head | None:
        """None: the bucket does not have this version."""
        ...

    def tags(self, version: ObjectVersion) -> Mapping[str, str] | None:
        """None: the bucket does not have this version (any more)."""
        ...
