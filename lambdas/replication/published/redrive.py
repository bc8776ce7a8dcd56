"""A redrive: FAILED versions that S3 Batch Operations replicates once more. The function `redrive`
plans, starts and follows it; the API shows it.

A plan is a redrive that was not started. One redrive has one job for each source bucket, because a
job of S3 belongs to one bucket's Region and account.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from replication.times import Instant

NAMED = 10
"""How many versions are named for each reason; all are counted."""


class RedriveState(StrEnum):
    """How far a redrive is."""

    PLANNING = "planning"
    """The failed versions are read and written into manifests."""
    REFUSED = "refused"
    """The plan cannot be started; `refusal` says why."""
    PLANNED = "planned"
    """It can be started until `expires_at`."""
    EXPIRED = "expired"
    STARTING = "starting"
    """Not every job was created yet."""
    RUNNING = "running"
    """S3 works on a job, or the report of one is being read."""
    CANCELLING = "cancelling"
    """S3 was told, or will be told, to cancel the jobs."""
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    """At least one job was refused, cancelled or given up by S3, or has no report."""
    COMPLETED = "completed"
    """Every job ended and its report was read. Some of its tasks may have failed."""

    @property
    def is_open(self) -> bool:
        """Whether the function has something to do for it by itself."""
        return self in _OPEN

    @property
    def has_jobs(self) -> bool:
        """Whether jobs of it may be working in S3."""
        return self in (RedriveState.STARTING, RedriveState.RUNNING, RedriveState.CANCELLING)


_OPEN = frozenset(
    {
        RedriveState.PLANNING,
        RedriveState.PLANNED,
        RedriveState.STARTING,
        RedriveState.RUNNING,
        RedriveState.CANCELLING,
    }
)


class JobState(StrEnum):
    """How far the job of one source bucket is."""

    PLANNED = "planned"
    """Its manifest is stored."""
    RUNNING = "running"
    """S3 has the job."""
    READING = "reading"
    """It ended in S3, and its report is awaited or being read."""
    DONE = "done"
    """It is complete in S3, and its report was read."""
    STOPPED = "stopped"
    """It was refused, cancelled or given up, or has no report; `problem` says why."""

    @property
    def has_ended(self) -> bool:
        return self in (JobState.DONE, JobState.STOPPED)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which FAILED versions. None is any."""

    bucket: str | None = None
    destination: str | None = None
    rule_id: str | None = None
    code: str | None = None
    """S3's failure reason."""
    prefix: str | None = None
    since: Instant | None = None
    """FAILED since then or later."""
    until: Instant | None = None
    """FAILED since before then."""
    incident_id: str | None = None
    """The incident that bucket, destination, rule and code are those of."""


@dataclass(frozen=True, slots=True)
class Named:
    """An object version."""

    bucket: str
    key: str
    version_id: str


@dataclass(frozen=True, slots=True)
class Share:
    """Versions of one kind: how many, and the first of them."""

    name: str
    count: int
    samples: tuple[Named, ...] = ()

    def plus(self, version: Named) -> "Share":
        samples = self.samples if len(self.samples) >= NAMED else (*self.samples, version)
        return Share(self.name, self.count + 1, samples)


@dataclass(frozen=True, slots=True)
class Written:
    """What a job may write into one destination."""

    destination: str
    versions: int
    size: int
    """Bytes, of the versions whose size is known."""


@dataclass(frozen=True, slots=True)
class Job:
    """The part of a redrive in one source bucket."""

    bucket: str
    versions: int
    """Rows of the manifest."""
    size: int
    """Bytes, of the versions whose size is known."""
    unsized: int
    """Versions whose size is not known."""
    destinations: tuple[Written, ...]
    """Everything the rules of the time of the plan may replicate the versions to."""
    manifest: str
    """Key of the manifest."""
    etag: str
    """Of the manifest."""
    state: JobState = JobState.PLANNED
    job_id: str | None = None
    status: str | None = None
    """As S3 has it."""
    tasks: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    ended_at: Instant | None = None
    """When it was first seen to have ended in S3."""
    report: str | None = None
    """`s3://bucket/key` of the report's manifest.json, once it was found."""
    failures: tuple[Share, ...] = ()
    """The tasks that failed, by their code."""
    problem: str | None = None
    """Why it was stopped."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a plan cannot be started. `code` is for programs."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Redrive:
    """See the module. Texts named `..._by` are ARNs of callers."""

    id: str
    created_at: Instant
    created_by: str
    selection: Selection
    state: RedriveState = RedriveState.PLANNING
    updated_at: Instant | None = None
    expires_at: Instant | None = None
    """Until when it can be started."""
    force: bool = False
    """It was planned although its cause may stand open."""
    concerns: tuple[str, ...] = ()
    """What of the cause stands open; empty unless forced."""
    refusal: Refusal | None = None
    left_out: tuple[Share, ...] = ()
    """FAILED versions that no job can replicate, by the reason."""
    jobs: tuple[Job, ...] = ()
    started_at: Instant | None = None
    started_by: str | None = None
    cancelled_at: Instant | None = None
    cancelled_by: str | None = None
    ended_at: Instant | None = None
    why: str | None = None
    """The rule by which the tracker itself started it; None: a person or program did."""

    @property
    def versions(self) -> int:
        return sum(one.versions for one in self.jobs)


def encode(redrive: Redrive) -> str:
    """A redrive as text for the table."""
    return json.dumps(asdict(redrive), separators=(",", ":"), ensure_ascii=False)


def decode(text: str) -> Redrive:
    """The redrive that `encode` wrote."""
    plain = json.loads(text)
    refusal = plain["refusal"]
    return Redrive(
        **plain
        | {
            "selection": Selection(**plain["selection"]),
            "state": RedriveState(plain["state"]),
            "concerns": tuple(plain["concerns"]),
            "refusal": Refusal(**refusal) if refusal else None,
            "left_out": _shares(plain["left_out"]),
            "jobs": tuple(_job(one) for one in plain["jobs"]),
        }
    )


def shares_of(counts: Mapping[str, Share]) -> tuple[Share, ...]:
    """By name, so that the same counts are the same value."""
    return tuple(counts[name] for name in sorted(counts))


def _job(plain: Mapping[str, Any]) -> Job:
    return Job(
        **{one.name: plain[one.name] for one in fields(Job)}
        | {
            "destinations": tuple(Written(**one) for one in plain["destinations"]),
            "state": JobState(plain["state"]),
            "failures": _shares(plain["failures"]),
        }
    )


def _shares(plain: Sequence[Mapping[str, Any]]) -> tuple[Share, ...]:
    return tuple(
        Share(one["name"], one["count"], tuple(Named(**named) for named in one["samples"]))
        for one in plain
    )


def report_message(uri: str) -> str:
    """What the backfill sends to the queue of redrives when it has read a report."""
    return json.dumps({"report": uri})
