"""A redrive as JSON, for the API. Its schema is in `query/redrives/schemas.py`."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from replication.published import redrive_cost
from replication.published.redrive import Job, Redrive, RedriveState, Share
from replication.s3.failure_reasons import explain
from replication.times import Instant

OUT_OF_REACH = "elsewhere"
LEFT_OUT = {
    "gone": "The version was deleted. Nothing is left to replicate.",
    "archived": "S3 replicates no object in an archive class. Restore it and copy it over itself"
    " into another class; the copy is a new version, which replicates by itself.",
    "locked": "The version has a retention or legal hold, and no destination has Object Lock."
    " Enable Object Lock on the destination, then plan again.",
    "delete_marker": "No job of S3 replicates delete markers. Delete the object at the destination"
    " if it should not be seen there.",
    "no_rule": "No rule that is enabled now takes the key. Enable or mend the rule, then plan"
    " again.",
    "attempts": "It was in three jobs already, and an automatic redrive tries no more. Mend the"
    " cause, then plan a redrive yourself.",
    OUT_OF_REACH: "The bucket is in another account or Region, where redrives make no jobs. Write"
    ' redrive = true in the table [collectors."account/region"] of tracker.toml and deploy; or make'
    " a job there yourself.",
    "replicated": "S3 says COMPLETED by now: every destination has it. The tracker reads its status"
    " within the hour.",
}
"""Why a failed version is left out, and what can be done about it."""


def redrive_json(redrive: Redrive, now: Instant) -> dict[str, Any]:
    """A redrive as a JSON object. `now` is for a plan whose time is over."""
    over = redrive.expires_at is not None and now >= redrive.expires_at
    expired = over and redrive.state is RedriveState.PLANNED
    sizes_known = not any(job.unsized for job in redrive.jobs)
    return {
        "id": redrive.id,
        "state": RedriveState.EXPIRED if expired else redrive.state,
        "created_at": redrive.created_at,
        "created_by": redrive.created_by,
        "updated_at": redrive.updated_at,
        "expires_at": redrive.expires_at,
        "selection": asdict(redrive.selection),
        "force": redrive.force,
        "concerns": list(redrive.concerns),
        "refusal": asdict(redrive.refusal) if redrive.refusal else None,
        "versions": redrive.versions if redrive.jobs else None,
        "bytes": sum(job.size for job in redrive.jobs) if redrive.jobs and sizes_known else None,
        "destinations": _destinations(redrive),
        "estimated_cost_usd": asdict(redrive_cost.of(redrive.jobs)) if redrive.jobs else None,
        "left_out": [_left_out(one) for one in redrive.left_out],
        "jobs": [_job(one) for one in redrive.jobs],
        "started_at": redrive.started_at,
        "started_by": redrive.started_by,
        "cancelled_at": redrive.cancelled_at,
        "cancelled_by": redrive.cancelled_by,
        "ended_at": redrive.ended_at,
        "why": redrive.why,
        "api_path": f"/v1/redrives/{redrive.id}",
    }


def _destinations(redrive: Redrive) -> list[dict[str, Any]]:
    """Every destination that the jobs together may write."""
    versions: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for job in redrive.jobs:
        for one in job.destinations:
            versions[one.destination] += one.versions
            sizes[one.destination] += one.size
    known = not any(job.unsized for job in redrive.jobs)
    return [
        {"bucket": name, "versions": count, "bytes": sizes[name] if known else None}
        for name, count in sorted(versions.items())
    ]


def _left_out(share: Share) -> dict[str, Any]:
    return {
        "reason": share.name,
        "count": share.count,
        "explanation": LEFT_OUT.get(share.name, share.name),
        "samples": _samples(share),
    }


def _job(job: Job) -> dict[str, Any]:
    return {
        "bucket": job.bucket,
        "state": job.state,
        "versions": job.versions,
        "job_id": job.job_id,
        "status": job.status,
        "tasks": job.tasks,
        "succeeded": job.succeeded,
        "failed": job.failed,
        "ended_at": job.ended_at,
        "report": job.report,
        "problem": job.problem,
        "failures": [
            {
                "failure": explain(one.name).as_json(),
                "count": one.count,
                "samples": _samples(one),
            }
            for one in job.failures
        ],
    }


def _samples(share: Share) -> list[dict[str, str]]:
    return [asdict(one) for one in share.samples]
