"""S3 Batch Operations: jobs that replicate the versions of a CSV manifest, and their reports.

The shapes are those of S3 Control's service model and of the chapter on completion reports of the
S3 user guide. A job is prepared, works off its tasks a few at a time, and writes its report; each
change of its status is an event.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import uuid
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote_plus

from local.s3_replication.events import iso_milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from local.s3_replication.ports import Timers
    from local.s3_replication.settings import Settings

FORMAT = "Report_CSV_20180820"
SCHEMA = "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"
ENDED = ("Complete", "Failed", "Cancelled")
_ROLE = "InitiateReplicationNotPermitted"


class JobError(Exception):
    """What S3 Control answers instead: an error code, a text and an HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The parameters of CreateJob."""

    account: str
    region: str
    token: str
    operation: str
    role: str
    manifest: tuple[str, str]
    """Bucket and key."""
    etag: str
    fields: tuple[str, ...]
    report_bucket: str
    report_prefix: str
    report_all: bool
    description: str
    priority: int
    confirmation: bool


@dataclass(slots=True)
class Job:
    """A job, from its order to its report."""

    id: str
    order: Order
    created_at: datetime
    status: str = "New"
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    reasons: list[tuple[str, str]] = field(default_factory=list)
    results: list[tuple[bool, list[str]]] = field(default_factory=list)
    """Of each task: whether it succeeded, and its line of the report."""
    rows: Iterator[list[str]] = field(default_factory=lambda: iter(()))
    """Tasks that are left."""
    cancelled: bool = False

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:{self.order.region}:{self.order.account}:job/{self.id}"


class Buckets(Protocol):
    """The objects that a job reads and writes, by its role."""

    def read(self, order: Order) -> tuple[bytes, str] | None:
        """The manifest and its ETag; None when it is not there or the role may not read it."""

    def write(self, order: Order, key: str, body: bytes) -> bool:
        """Into the bucket of reports; False when the role may not."""

    def may_replicate(self, order: Order, bucket: str, key: str) -> bool:
        """Whether the role may have the version replicated."""

    def can_assume(self, order: Order) -> bool:
        """Whether S3 Batch Operations may take the role."""

    def replicate(self, order: Order, bucket: str, key: str, version_id: str) -> str | None:
        """Replicates by the rules of now; the failure code, or None."""


class BatchJobs:
    """All jobs of the emulator. It runs on one thread and its timers alone."""

    def __init__(
        self,
        *,
        buckets: Buckets,
        timers: Timers,
        announce: Callable[[Job], None],
        settings: Callable[[], Settings],
    ) -> None:
        self._buckets = buckets
        self._timers = timers
        self._announce = announce
        self._settings = settings
        self._jobs: dict[tuple[str, str], Job] = {}
        self._tokens: dict[tuple[str, str], Job] = {}

    def reset(self) -> None:
        self._jobs.clear()
        self._tokens.clear()

    def create(self, order: Order) -> Job:
        before = self._tokens.get((order.account, order.token))
        if before is not None:
            if before.order != order:
                raise JobError("IdempotencyException", "The token was used for another job")
            return before
        if order.operation != "S3ReplicateObject":
            raise JobError("InvalidRequest", f"no {order.operation} here", 501)
        if order.fields[:2] != ("Bucket", "Key"):
            raise JobError("InvalidRequest", "The manifest must have Bucket and Key")
        if not self._buckets.can_assume(order):
            raise JobError("InvalidRequest", f"Batch Operations cannot assume {order.role}")
        job = Job(str(uuid.uuid4()), order, self._timers.now())
        self._jobs[(order.account, job.id)] = job
        self._tokens[(order.account, order.token)] = job
        self._announce(job)
        self._soon(job, self._prepare)
        return job

    def find(self, account: str, job_id: str) -> Job:
        job = self._jobs.get((account, job_id))
        if job is None:
            raise JobError("NotFoundException", "The specified job does not exist", 404)
        return job

    def listed(self, account: str, statuses: list[str]) -> list[Job]:
        """Jobs of these statuses, the newest first; without statuses, all."""
        mine = [job for (owner, _), job in self._jobs.items() if owner == account]
        return [job for job in reversed(mine) if not statuses or job.status in statuses]

    def update(self, account: str, job_id: str, status: str) -> Job:
        """UpdateJobStatus: `Cancelled`, or `Ready` for one that waits for confirmation."""
        job = self.find(account, job_id)
        if job.status in ENDED or job.status == "Completing":
            raise JobError("JobStatusException", f"The job is {job.status}")
        if status == "Ready" and job.status == "Suspended":
            self._become(job, "Ready")
            self._soon(job, self._activate)
        elif status == "Cancelled":
            waits = job.status == "Suspended"
            job.cancelled = True
            self._become(job, "Cancelling")
            if waits:
                self._soon(job, self._end)
        else:
            raise JobError("JobStatusException", f"{job.status} cannot become {status}")
        return job

    def _soon(self, job: Job, action: Callable[[Job], None]) -> None:
        self._timers.later(self._settings().batch_step_seconds, partial(action, job))

    def _become(self, job: Job, status: str) -> None:
        job.status = status
        self._announce(job)

    def _prepare(self, job: Job) -> None:
        if job.cancelled:
            self._end(job)
            return
        self._become(job, "Preparing")
        found = self._buckets.read(job.order)
        if found is None:
            self._fail(job, "ManifestNotReadable", "The role may not read the manifest")
            return
        body, etag = found
        if etag != job.order.etag:
            self._fail(job, "ManifestChanged", "The manifest has another ETag")
            return
        rows = list(csv.reader(io.StringIO(body.decode())))
        job.total = len(rows)
        if any(len(row) != len(job.order.fields) for row in rows):
            self._fail(job, "InvalidManifest", "A row has other fields than the manifest's spec")
            return
        job.rows = iter(rows)
        self._become(job, "Suspended" if job.order.confirmation else "Ready")
        if job.status == "Ready":
            self._soon(job, self._activate)

    def _activate(self, job: Job) -> None:
        if not job.cancelled:
            self._become(job, "Active")
        self._work(job)

    def _work(self, job: Job) -> None:
        batch = [] if job.cancelled else list(islice(job.rows, self._settings().max_batch_tasks))
        for row in batch:
            self._task(job, row)
        if batch:
            self._soon(job, self._work)
            return
        if not job.cancelled:
            self._become(job, "Completing")
        self._soon(job, self._end)

    def _task(self, job: Job, row: list[str]) -> None:
        bucket, key, version_id = (*row, "")[:3]
        plain = unquote_plus(key)
        code = (
            self._buckets.replicate(job.order, bucket, plain, version_id or "null")
            if self._buckets.may_replicate(job.order, bucket, plain)
            else _ROLE
        )
        job.succeeded += code is None
        job.failed += code is not None
        # The status comes before the code in reports of S3, whatever their schema says.
        result = (
            ["succeeded", "200", "", "Successful"] if code is None else ["failed", "", code, ""]
        )
        job.results.append((code is None, [bucket, key, version_id, *result]))

    def _fail(self, job: Job, code: str, reason: str) -> None:
        job.reasons.append((code, reason))
        self._become(job, "Failed")

    def _end(self, job: Job) -> None:
        if job.results and self._settings().batch_reports and not self._report(job):
            self._fail(job, "ReportNotWritable", "The role may not write the report")
            return
        self._become(job, "Cancelled" if job.cancelled else "Complete")

    def _report(self, job: Job) -> bool:
        folder = f"{job.order.report_prefix}/job-{job.id}".lstrip("/")
        results = []
        for succeeded in (True, False) if job.order.report_all else (False,):
            lines = io.StringIO()
            csv.writer(lines, lineterminator="\n").writerows(
                row for good, row in job.results if good is succeeded
            )
            body = lines.getvalue().encode()
            if not body:
                continue
            key = f"{folder}/results/{hashlib.sha1(body, usedforsecurity=False).hexdigest()}.csv"
            results.append(
                {
                    "TaskExecutionStatus": "succeeded" if succeeded else "failed",
                    "Bucket": job.order.report_bucket,
                    "MD5Checksum": hashlib.md5(body, usedforsecurity=False).hexdigest(),
                    "Key": key,
                }
            )
            if not self._buckets.write(job.order, key, body):
                return False
        manifest = {
            "Format": FORMAT,
            "ReportCreationDate": iso_milliseconds(self._timers.now()),
            "Results": results,
            "ReportSchema": SCHEMA,
        }
        return self._buckets.write(
            job.order, f"{folder}/manifest.json", json.dumps(manifest).encode()
        )
