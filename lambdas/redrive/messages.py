"""Messages of the function's queue: its own, those of EventBridge, and that of the backfill.

{"plan": id}      a plan has to be made, or goes on
{"start": id}     the jobs have to be created
{"follow": id}    something of the redrive changed
{"report": uri}   the backfill has read the report
{"tick": true}    the schedule: what did not come by itself is fetched
(EventBridge)     S3 changed the status of a job
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from replication.errors import Reason, Rejected

CHANGED = "AWS Service Event via CloudTrail"


@dataclass(frozen=True, slots=True)
class PlanOn:
    redrive_id: str


@dataclass(frozen=True, slots=True)
class StartOn:
    redrive_id: str


@dataclass(frozen=True, slots=True)
class Follow:
    redrive_id: str


@dataclass(frozen=True, slots=True)
class ReportWasRead:
    uri: str


@dataclass(frozen=True, slots=True)
class JobChanged:
    """`status` is not taken from the event: events come late and in no order."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Ticked:
    pass


Message = PlanOn | StartOn | Follow | ReportWasRead | JobChanged | Ticked
_OWN: Mapping[str, Callable[[str], Message]] = {
    "plan": PlanOn,
    "start": StartOn,
    "follow": Follow,
    "report": ReportWasRead,
}


def plan_message(redrive_id: str) -> str:
    return json.dumps({"plan": redrive_id})


def start_message(redrive_id: str) -> str:
    return json.dumps({"start": redrive_id})


def follow_message(redrive_id: str) -> str:
    return json.dumps({"follow": redrive_id})


def parse(body: str) -> Message | None:
    """The message; None for an event that is about no job. Rejected when it is no message."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise Rejected(Reason.NOT_JSON, "a message of the redrive queue is JSON") from None
    if isinstance(found, dict):
        if found.get("detail-type") == CHANGED:
            return _changed(found)
        if found.get("tick") is True:
            return Ticked()
        for name, made in _OWN.items():
            if isinstance(found.get(name), str) and found[name]:
                return made(found[name])
    raise Rejected(Reason.NOT_A_REQUEST, "no message of a redrive")


def _changed(event: dict[str, Any]) -> JobChanged | None:
    detail = event.get("detail")
    details = detail.get("serviceEventDetails") if isinstance(detail, dict) else None
    job_id = details.get("jobId") if isinstance(details, dict) else None
    return JobChanged(job_id) if isinstance(job_id, str) and job_id else None
