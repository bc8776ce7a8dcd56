"""POST /v1/redrives and DELETE /v1/redrives/{id}. GET is the query function's."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from redrive.life import StartAsked, Tick, step
from redrive.messages import follow_message, plan_message, start_message
from redrive.plan import Planner
from redrive.port import Incidents, Queue, Store
from redrive.request import BadRequest, PlanWanted, StartWanted, parse
from redrive.run import Runner
from replication.errors import Unavailable
from replication.published import problem
from replication.published.problem import Kind, problem_json
from replication.published.redrive import Redrive, RedriveState, Selection
from replication.published.redrive_json import redrive_json
from replication.times import Instant

NOT_STARTABLE = Kind("redrive-not-startable", 409, "The plan cannot be started")
NOT_CANCELLABLE = Kind("redrive-has-ended", 409, "The redrive has ended")
BUCKET_BUSY = Kind("bucket-busy", 409, "Another redrive has a job in the bucket")
PATH = "/v1/redrives"
_WHY_NOT = {
    RedriveState.PLANNING: "It is still being planned; ask for it until it is.",
    RedriveState.EXPIRED: "Its time is over: plan again, because other versions may fail by now.",
    RedriveState.CANCELLED: "It was cancelled; plan again.",
}

Answer = dict[str, Any]
"""What a Lambda function answers to API Gateway."""


class Problem(Exception):
    def __init__(self, kind: Kind, detail: str, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.parameter = kind, detail, parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveApi:
    """Answers the requests. All longer work is queued."""

    store: Store
    queue: Queue
    planner: Planner
    runner: Runner
    incidents: Incidents
    source_buckets: tuple[str, ...]
    now: Callable[[], Instant]

    def answer(self, event: Mapping[str, Any]) -> Answer:
        """The answer to a request of the gateway."""
        path, method = unquote(str(event["path"])).rstrip("/"), event["httpMethod"]
        by = str((event["requestContext"].get("identity") or {}).get("userArn") or "unknown")
        try:
            if event.get("queryStringParameters"):
                name = next(iter(event["queryStringParameters"]))
                detail = f"{name} is no parameter of this route; it has none."
                raise Problem(problem.INVALID_PARAMETER, detail, name)
            if method == "POST" and path == PATH:
                return self._post(_body(event), by)
            if method == "DELETE" and path.startswith(f"{PATH}/"):
                return self._cancel(path.removeprefix(f"{PATH}/"), by)
            raise Problem(problem.NOT_FOUND, "No route of this API has this path.")
        except Problem as error:
            body = problem_json(error.kind, error.detail, parameter=error.parameter)
            return _answer(error.kind.status, body, problem.CONTENT_TYPE)
        except Unavailable:
            kind, detail = problem.LEDGER_UNAVAILABLE, "It could not be done just now; ask again."
            return _answer(kind.status, problem_json(kind, detail), problem.CONTENT_TYPE)

    def _post(self, body: str | None, by: str) -> Answer:
        try:
            match parse(body):
                case PlanWanted(selection, force):
                    return self._accepted(self._plan(selection, force, by))
                case StartWanted(plan_id, force):
                    return self._accepted(self.start(plan_id, by, force=force))
        except BadRequest as error:
            raise Problem(problem.INVALID_PARAMETER, error.detail, error.parameter) from None

    def _plan(self, selection: Selection, force: bool, by: str) -> Redrive:
        selection = self._resolved(selection)
        now = self.now()
        redrive = Redrive(new_id(now), now, by, selection, force=force)
        self._must_have_route(redrive)
        self.store.save(redrive, 0, now)
        self.queue.send([plan_message(redrive.id)])
        return redrive

    def _resolved(self, selection: Selection) -> Selection:
        if selection.incident_id is not None:
            found = self.incidents.find(selection.incident_id)
            if found is None:
                raise Problem(problem.NO_SUCH_INCIDENT, "No incident has this id.", "incident_id")
            kind = found.kind
            selection = replace(
                selection,
                bucket=kind.bucket,
                destination=kind.destination,
                rule_id=kind.rule_id or None,
                code=kind.code or None,
            )
        if selection.bucket is not None and selection.bucket not in self.source_buckets:
            raise Problem(
                problem.BUCKET_NOT_TRACKED, "This is no source bucket of the tracker.", "bucket"
            )
        return selection

    def _must_have_route(self, redrive: Redrive) -> None:
        if not self.planner.routes(redrive):
            wanted = redrive.selection
            if wanted.destination is None:
                detail, name = "No rules of the bucket are known yet; ask again later.", "bucket"
            else:
                detail = f"No rule of {wanted.bucket or 'any source bucket'} ever named it."
                name = "destination"
            raise Problem(problem.INVALID_PARAMETER, detail, name)

    def start(self, plan_id: str, by: str, *, force: bool, why: str | None = None) -> Redrive:
        """Starts a plan; Problem when that cannot be. A second start changes nothing."""
        redrive, rev = self._known(plan_id)
        current = step(redrive, Tick(), self.now())
        if current.started_at is not None:
            return current
        if current.state is not RedriveState.PLANNED:
            refusal = current.refusal
            detail = refusal.detail if refusal else _WHY_NOT.get(current.state, "It has ended.")
            raise Problem(NOT_STARTABLE, detail, "plan_id")
        if not (force or redrive.force) and (open_ := self.planner.concerns(redrive)):
            raise Problem(NOT_STARTABLE, " ".join(open_) + " Or insist with force.", "force")
        self._claim(redrive)
        started = step(redrive, StartAsked(by, why), self.now())
        if not self.store.save(started, rev, self.now()):
            return self.start(plan_id, by, force=force, why=why)
        self.queue.send([start_message(plan_id)])
        return started

    def _claim(self, redrive: Redrive) -> None:
        """Gives the buckets to the redrive; Problem when another one has a job in one of them."""
        for job in redrive.jobs:
            holder = self.store.claim(job.bucket, redrive.id)
            if holder == redrive.id:
                continue
            other = self.store.found(holder)
            if other is None or not other[0].state.has_jobs:
                # It ended, or was never started: a crash left its claim.
                holder = self.store.claim(job.bucket, redrive.id, instead_of=holder)
            if holder != redrive.id:
                raise Problem(
                    BUCKET_BUSY,
                    f"Redrive {holder} has a job in {job.bucket}. Wait for its end, or cancel it.",
                    "plan_id",
                )

    def _cancel(self, redrive_id: str, by: str) -> Answer:
        self._known(redrive_id)
        redrive = self.runner.cancel(redrive_id, by)
        if redrive is None or redrive.cancelled_at is None:
            raise Problem(NOT_CANCELLABLE, "There is nothing left to cancel.")
        if redrive.state is RedriveState.CANCELLING:
            self.queue.send([follow_message(redrive_id)])
        return self._accepted(redrive)

    def _known(self, redrive_id: str) -> tuple[Redrive, int]:
        found = self.store.found(redrive_id)
        if found is None:
            raise Problem(problem.NO_SUCH_REDRIVE, "No redrive has this id.")
        return found

    def _accepted(self, redrive: Redrive) -> Answer:
        made = redrive_json(redrive, self.now())
        answer = _answer(202, made, "application/json")
        answer["headers"]["Location"] = made["api_path"]
        return answer


def new_id(now: Instant) -> str:
    """Sorts by time, and cannot be guessed from another one."""
    return f"{now.replace('-', '').replace(':', '').replace('.', '')}-{secrets.token_hex(4)}"


def _body(event: Mapping[str, Any]) -> str | None:
    if event.get("isBase64Encoded"):
        raise Problem(problem.INVALID_PARAMETER, "The body is no JSON.")
    body: str | None = event.get("body")
    return body


def _answer(status: int, body: Mapping[str, Any], content_type: str) -> Answer:
    return {
        "statusCode": status,
        "headers": {"Content-Type": content_type, "Cache-Control": "no-store"},
        "body": json.dumps(body),
    }
