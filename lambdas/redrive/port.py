"""What a redrive needs of its surroundings. Implemented in `replication/aws`, and in memory by
tests. Every call raises Unavailable when it may work later."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from replication.counters.incident import Incident
from replication.ledger.item import LedgerItem
from replication.published.redrive import Redrive
from replication.s3.batch_jobs import JobOrder, JobSight, NotTaken
from replication.s3.deliveries import DataFile
from replication.s3.version import ObjectVersion
from replication.times import Instant


class Store(Protocol):
    """Keeps redrives. See `aws/table/redrives.py`."""

    def found(self, redrive_id: str) -> tuple[Redrive, int] | None: ...

    def save(self, redrive: Redrive, rev: int, now: Instant) -> bool: ...

    def close(self, redrive: Redrive) -> None: ...

    def open_ids(self) -> list[str]: ...

    def progress(self, redrive_id: str) -> tuple[str, int, Instant] | None: ...

    def save_progress(self, redrive_id: str, text: str, rev: int, now: Instant) -> bool: ...

    def claim(self, bucket: str, redrive_id: str, instead_of: str | None = None) -> str: ...

    def release(self, bucket: str, redrive_id: str) -> None: ...


class Queue(Protocol):
    """The function's own queue, or that of the backfill."""

    def send(self, bodies: Sequence[str], delay_seconds: int = 0) -> None: ...


class Items(Protocol):
    """Items of the ledger by version."""

    def version(self, version: ObjectVersion) -> tuple[LedgerItem, ...]: ...


class Incidents(Protocol):
    def open_of(self, bucket: str, destination: str) -> list[Incident]: ...

    def find(self, incident_id: str) -> Incident | None: ...


class Manifests(Protocol):
    """The bucket of manifests. A manifest is a multipart upload, of which no more than one part is
    in memory."""

    def begin(self, key: str) -> str:
        """The id of a new upload."""
        ...

    def part(self, key: str, upload: str, number: int, body: bytes) -> str:
        """The ETag of a part; another one of this number is replaced."""
        ...

    def complete(self, key: str, upload: str, parts: Sequence[str]) -> str:
        """The ETag of the manifest. Rejected when the parts are not those of the upload."""
        ...

    def abort(self, key: str, upload: str) -> None: ...

    def keep(self, key: str, body: bytes) -> None: ...

    def kept(self, key: str) -> bytes: ...


class Jobs(Protocol):
    """S3 Batch Operations in one account and Region."""

    def create(self, order: JobOrder) -> str | NotTaken:
        """The id of the job."""
        ...

    def describe(self, job_id: str) -> JobSight | None:
        """None: S3 has no such job; it forgets them 90 days after their end."""
        ...

    def cancel(self, job_id: str) -> None:
        """Nothing when the job has ended."""
        ...


@dataclass(frozen=True, slots=True)
class JobMeans:
    """What the jobs of a source bucket are made with, in its own account and Region.

    bucket      of manifests and reports
    manifests   the same bucket, to be written
    jobs        S3 Batch Operations there
    """

    bucket: str
    manifests: Manifests
    jobs: Jobs


JobMeansOf = Callable[[str], JobMeans]
"""The means for a source bucket."""


class Reports(Protocol):
    """Completion reports. See `aws/deliveries/files.py`."""

    def manifest(self, bucket: str, key: str) -> bytes: ...

    def verified(self, file: DataFile) -> str: ...

    def lines(self, file: DataFile, etag: str) -> Generator[bytes, None, None]: ...


LocksObjects = Callable[[str], bool | None]
"""Whether a bucket has Object Lock; None: it may not be asked."""
