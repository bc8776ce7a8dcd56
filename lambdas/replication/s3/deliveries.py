"""S3 Inventories and completion reports of Batch Replication jobs, as values.

Both are a manifest and the CSV data files that it names with their MD5. `aws/deliveries` parses
them into these values; `backfill/row_claims.py` turns the rows into facts.
"""

from dataclasses import dataclass
from hashlib import blake2b

from replication.errors import Reason, Rejected
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant


@dataclass(frozen=True, slots=True)
class DataFile:
    """One data file of a delivery."""

    bucket: str
    key: str
    md5: str
    """Of the stored bytes, as 32 hexadecimal digits."""

    @property
    def compressed(self) -> bool:
        """Whether it is gzip."""
        return self.key.endswith(".gz")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A manifest."""

    evidence: Evidence
    """INVENTORY or BATCH_REPORT."""
    at: Instant
    """When S3 began to scan the bucket (inventory), or wrote the report."""
    columns: tuple[str, ...]
    """Names of the fields of a row, in order."""
    files: tuple[DataFile, ...]
    bucket: str | None = None
    """The bucket that is listed; None when each row names its own."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of an inventory. None is unknown: the inventory has no such field."""

    version: ObjectVersion
    status: Status | None
    """Replication status of a source version, over all its destinations; None: it has none."""
    replica: bool = False
    """Whether its replication status is REPLICA."""
    delete_marker: bool | None = None
    size: int | None = None
    """In bytes."""
    etag: str | None = None
    last_modified: Instant | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A row of a report: the outcome of one task of the job."""

    version: ObjectVersion
    succeeded: bool
    code: str | None = None
    """Failure reason, as S3 names it."""
    message: str | None = None


Row = Listed | Task


def run_of(uri: str) -> str:
    """The id of the run that reads the manifest at `uri`: 16 hexadecimal digits, always the same
    for one manifest. Rejected when `uri` is no `s3://bucket/key`."""
    bucket, key = location_of(uri)
    return blake2b(f"{bucket}/{key}".encode(), digest_size=8).hexdigest()


def location_of(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`. Rejected when `uri` is none."""
    scheme, _, path = uri.partition("://")
    bucket, _, key = path.partition("/")
    if scheme != "s3" or not bucket or not key:
        raise Rejected(Reason.BAD_URI, f"{uri[:200]!r} is not s3://bucket/key of a manifest.json")
    return bucket, key
