"""Jobs of S3 Batch Operations that replicate objects, as values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What S3 needs to know to create a job. Keys are of the bucket of manifests."""

    token: str
    """A second order with the same token makes no second job."""
    description: str
    manifest: str
    etag: str
    reports: str
    """The prefix of the report, without a slash at its end."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """S3 refuses an order, and will refuse it again."""

    problem: str


@dataclass(frozen=True, slots=True)
class JobSight:
    """What DescribeJob says; None where S3 says nothing."""

    status: str
    tasks: int | None
    succeeded: int | None
    failed: int | None
    reasons: tuple[str, ...]


def report_key(prefix: str, job_id: str) -> str:
    """Key of the manifest.json of a job's report (user guide, "Tracking job status and completion
    reports")."""
    return f"{prefix}/job-{job_id}/manifest.json"
