"""What S3 writes down about objects it already holds, before anybody asks which destination.

An S3 Inventory and the completion report of a Batch Replication job are deliveries of one shape: a
manifest, and data files of CSV it names with their MD5. Parsers (`aws/deliveries`)
make these values out of text; `backfill/row_claims.py` makes facts out of them.
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
    """One file of a delivery. `md5` is 32 hexadecimal digits, of the bytes as they are stored."""

    bucket: str
    key: str
    md5: str

    @property
    def compressed(self) -> bool:
        return self.key.endswith(".gz")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A manifest. `at` is when S3 began to scan the bucket, or wrote the report; `columns` names
    the fields of every row, in order; `bucket` is the one bucket listed, None when rows name it."""

    evidence: Evidence
    at: Instant
    columns: tuple[str, ...]
    files: tuple[DataFile, ...]
    bucket: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of an inventory. `status` is the source's header, an aggregate of all destinations;
    None: the row has none. `replica`: it is a destination's copy. `size` is in bytes."""

    version: ObjectVersion
    status: Status | None
    replica: bool = False
    delete_marker: bool | None = None
    size: int | None = None
    etag: str | None = None
    last_modified: Instant | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A row of a report: what became of one task of the job."""

    version: ObjectVersion
    succeeded: bool
    code: str | None = None
    message: str | None = None


Row = Listed | Task


def run_of(uri: str) -> str:
    """The id of the run that reads the manifest at `uri`: 16 hexadecimal digits, the same whenever
    it is started again. Rejected when it is no `s3://bucket/key`."""
    bucket, key = location_of(uri)
    return blake2b(f"{bucket}/{key}".encode(), digest_size=8).hexdigest()


def location_of(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`."""
    scheme, _, path = uri.partition("://")
    bucket, _, key = path.partition("/")
    if scheme != "s3" or not bucket or not key:
        raise Rejected(Reason.BAD_URI, f"{uri[:200]!r} is not s3://bucket/key of a manifest.json")
    return bucket, key
