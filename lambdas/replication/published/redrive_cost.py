"""What a redrive may cost, in US dollars. Pure.

Source: the price list of Amazon S3, us-east-1, November 2026: "Batch Operations: $0.25 per job and
$1.00 per million objects processed", PUT requests into S3 Standard $0.005 per 1,000, data transfer
between Regions of the United States $0.02 per GB. Other Regions and storage classes cost more or
less; docs/costs.md says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from replication.published.redrive import Job

JOB = 0.25
OBJECT = 1.00 / 1_000_000
PUT = 0.005 / 1_000
GIGABYTE = 0.02
"""Of transfer into another Region; nothing within one."""
_GIGABYTE = 1 << 30


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars. `transfer` is as if every destination were in another Region, and None when the
    size of a version is not known; so is `total`."""

    jobs: float
    objects: float
    requests: float
    transfer: float | None
    total: float | None


def of(jobs: Sequence[Job]) -> Cost:
    """The most the jobs may cost. S3 replicates a version to every destination of its rules."""
    written = [one for job in jobs for one in job.destinations]
    by_job, objects = JOB * len(jobs), OBJECT * sum(job.versions for job in jobs)
    requests = PUT * sum(one.versions for one in written)
    known = not any(job.unsized for job in jobs)
    transfer = GIGABYTE * sum(one.size for one in written) / _GIGABYTE if known else None
    total = None if transfer is None else by_job + objects + requests + transfer
    return Cost(
        round(by_job, 6),
        round(objects, 6),
        round(requests, 6),
        _rounded(transfer),
        _rounded(total),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
