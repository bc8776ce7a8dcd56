"""S3 Batch Operations: jobs that replicate objects, and that are held to IAM.

AWS: CreateJob, DescribeJob, ListJobs and UpdateJobStatus of S3 Control; who creates a job must be
allowed to pass its role, the role must trust `batchoperations.s3.amazonaws.com`, and reads the
manifest, starts the replication of each object and writes the report by its own policies. Changes
of a job's status come to EventBridge as service events by way of CloudTrail.
MiniStack 1.5.33: has no such operations.
"""

from __future__ import annotations

import json
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from local.emulator.patches.wrap import require, wrap
from local.s3_replication.batch_jobs import BatchJobs, Job, JobError, Order
from local.s3_replication.delivery import dispatch
from local.s3_replication.events import iso_milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from local.s3_replication.local_s3 import LocalS3

PATH = "/v20180820/jobs"
SERVICE = "batchoperations.s3.amazonaws.com"
Response = tuple[int, dict[str, str], bytes]


def apply(
    app: ModuleType, s3: ModuleType, iam: ModuleType, iam_evaluator: ModuleType, local: LocalS3
) -> None:
    require(app, "_enforce_data_plane", "service", "iam_action", "headers", "query_params")
    require(s3, "s3control_error", "code", "message", "status")
    require(s3, "_put_object", "bucket_name", "key", "body", "headers")
    require(iam_evaluator, "_gather_role_policies", "role_name", "account_id")
    require(iam_evaluator, "evaluate", "ctx", "policies")
    require(iam, "_roles")
    jobs = BatchJobs(
        buckets=_Buckets(s3, iam, iam_evaluator, local),
        timers=local.timers,
        announce=partial(_announce, local),
        settings=lambda: local.settings,
    )
    control = _Control(app, s3, jobs)
    request = ("path", "method", "body", "query_params", "request_id", "headers")
    wrap(app, "_handle_s3_control_request", *request, by=control.route)

    def reset(inner: Callable[[], None]) -> Callable[[], None]:
        def both() -> None:
            inner()
            jobs.reset()

        return both

    wrap(s3, "reset", by=reset)


def _announce(local: LocalS3, job: Job) -> None:
    if not local.settings.batch_events:
        return
    order = job.order
    detail = {
        "eventVersion": "1.05",
        "userIdentity": {"accountId": order.account, "invokedBy": "s3.amazonaws.com"},
        "eventTime": local.timers.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "s3.amazonaws.com",
        "eventName": "JobCreated" if job.status == "New" else "JobStatusChanged",
        "awsRegion": order.region,
        "sourceIPAddress": "s3.amazonaws.com",
        "userAgent": "s3.amazonaws.com",
        "requestParameters": None,
        "responseElements": None,
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "recipientAccountId": order.account,
        "serviceEventDetails": {
            "jobId": job.id,
            "jobArn": job.arn,
            "status": job.status,
            "jobEventId": uuid.uuid4().hex,
            "failureCodes": [code for code, _ in job.reasons],
            "statusChangeReason": [],
        },
    }
    entry = {
        "EventId": str(uuid.uuid4()),
        "Source": "aws.s3",
        "DetailType": "AWS Service Event via CloudTrail",
        "Detail": json.dumps(detail),
        "EventBusName": "default",
        "Time": int(local.timers.now().timestamp()),
        "Resources": [],
        "Account": order.account,
        "Region": order.region,
    }
    local.timers.later(0, partial(dispatch, entry))


class _Buckets:
    """`batch_jobs.Buckets`: every access by the policies of the job's role."""

    def __init__(self, s3: Any, iam: Any, evaluator: Any, local: LocalS3) -> None:
        self._s3, self._iam, self._evaluator, self._local = s3, iam, evaluator, local

    def can_assume(self, order: Order) -> bool:
        role = self._iam._roles.get_scoped(order.account, None, _name(order.role))
        if role is None:
            return False
        trust = role["AssumeRolePolicyDocument"]
        trust = json.loads(trust) if isinstance(trust, str) else trust
        trusted = [
            name
            for one in trust["Statement"]
            if one["Effect"] == "Allow"
            for name in _listed(one.get("Principal", {}).get("Service", []))
        ]
        return SERVICE in trusted

    def read(self, order: Order) -> tuple[bytes, str] | None:
        bucket, key = order.manifest
        if not self._may(order, "s3:GetObject", f"{bucket}/{key}"):
            return None
        with self._s3._in_account(order.account):
            found = self._s3._buckets.get(bucket)
            record = found["objects"].get(key) if found else None
        return (bytes(record["body"]), str(record["etag"]).strip('"')) if record else None

    def write(self, order: Order, key: str, body: bytes) -> bool:
        bucket = order.report_bucket
        if not self._may(order, "s3:PutObject", f"{bucket}/{key}"):
            return False
        with self._s3._in_account(order.account):
            return bool(self._s3._put_object(bucket, key, body, {})[0] == 200)

    def may_replicate(self, order: Order, bucket: str, key: str) -> bool:
        return self._may(order, "s3:InitiateReplication", f"{bucket}/{key}")

    def replicate(self, order: Order, bucket: str, key: str, version_id: str) -> str | None:
        with self._s3._in_account(order.account):
            return self._local.replicate_again(bucket, key, version_id)

    def _may(self, order: Order, action: str, resource: str) -> bool:
        context = self._evaluator.EvalContext(
            principal_arn=order.role,
            principal_type="AssumedRole",
            principal_account=order.account,
            action=action,
            resource_arn=f"arn:aws:s3:::{resource}",
            region=order.region,
            secure_transport=True,
        )
        policies = self._evaluator._gather_role_policies(_name(order.role), order.account)
        return bool(self._evaluator.evaluate(context, policies).decision == "Allow")


class _Control:
    """The operations, in the XML of S3 Control."""

    def __init__(self, app: Any, s3: Any, jobs: BatchJobs) -> None:
        self._app, self._s3, self._jobs = app, s3, jobs

    def route(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(
            path: str,
            method: str,
            body: bytes,
            query_params: Mapping[str, Any],
            request_id: str,
            headers: Mapping[str, str] | None = None,
        ) -> Any:
            if path != PATH and not path.startswith(f"{PATH}/"):
                return await inner(path, method, body, query_params, request_id, headers)
            try:
                return self._answer(method, path, body, query_params, request_id, headers or {})
            except JobError as error:
                return self._s3.s3control_error(error.code, error.message, error.status)

        return handle

    def _answer(
        self,
        method: str,
        path: str,
        body: bytes,
        query: Mapping[str, Any],
        request_id: str,
        headers: Mapping[str, str],
    ) -> Response:
        from ministack.core.responses import get_account_id, get_region

        account, region = get_account_id(), get_region()

        def denied(action: str, resource: str, **context: str) -> Response | None:
            service = action.partition(":")[0]
            found: Response | None = self._app._enforce_data_plane(
                service, action, headers, query, request_id, resource, context
            )
            return found

        match method, path.removeprefix(PATH).strip("/").split("/"):
            case "POST", [""]:
                order = _order(body, account, region)
                refused = denied(
                    "s3:CreateJob", "*", **{"s3:RequestJobOperation": order.operation}
                ) or denied("iam:PassRole", order.role, **{"iam:PassedToService": SERVICE})
                return refused or _xml("CreateJobResult", JobId=self._jobs.create(order).id)
            case "GET", [""]:
                statuses = query.get("jobStatuses", [])
                listed = self._jobs.listed(account, _listed(statuses))
                members = "".join(f"<member>{_members(one, short=True)}</member>" for one in listed)
                return denied("s3:ListJobs", "*") or _answer(
                    f"<ListJobsResult><Jobs>{members}</Jobs></ListJobsResult>"
                )
            case "GET", [job_id]:
                arn = f"arn:aws:s3:{region}:{account}:job/{job_id}"
                if refused := denied("s3:DescribeJob", arn):
                    return refused
                job = _members(self._jobs.find(account, job_id))
                return _answer(f"<DescribeJobResult><Job>{job}</Job></DescribeJobResult>")
            case "POST", [job_id, "status"]:
                arn = f"arn:aws:s3:{region}:{account}:job/{job_id}"
                if refused := denied("s3:UpdateJobStatus", arn):
                    return refused
                wanted = query.get("requestedJobStatus", "")
                status = wanted[0] if isinstance(wanted, list) else wanted
                job_now = self._jobs.update(account, job_id, str(status))
                return _xml("UpdateJobStatusResult", JobId=job_now.id, Status=job_now.status)
        raise JobError("MethodNotAllowed", "The method is not allowed here", 405)


def _order(body: bytes, account: str, region: str) -> Order:
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - from this machine
    except ElementTree.ParseError:
        raise JobError("MalformedXML", "The body is no XML") from None
    for each in root.iter():
        each.tag = each.tag.rpartition("}")[2]

    def text(path: str) -> str:
        return root.findtext(path) or ""

    operation = root.find("Operation")
    bucket, _, key = text("Manifest/Location/ObjectArn").rpartition(":::")[2].partition("/")
    return Order(
        account=account,
        region=region,
        token=text("ClientRequestToken"),
        operation=operation[0].tag if operation is not None and len(operation) else "",
        role=text("RoleArn"),
        manifest=(bucket, key),
        etag=text("Manifest/Location/ETag").strip('"'),
        fields=tuple(each.text or "" for each in root.iterfind("Manifest/Spec/Fields/member")),
        report_bucket=text("Report/Bucket").rpartition(":::")[2],
        report_prefix=text("Report/Prefix"),
        report_all=text("Report/ReportScope") == "AllTasks",
        description=text("Description"),
        priority=int(text("Priority") or 0),
        confirmation=text("ConfirmationRequired") == "true",
    )


def _members(job: Job, *, short: bool = False) -> str:
    """The members of a job, or of a list's entry."""
    order = job.order
    summary = (
        f"<TotalNumberOfTasks>{job.total}</TotalNumberOfTasks>"
        f"<NumberOfTasksSucceeded>{job.succeeded}</NumberOfTasksSucceeded>"
        f"<NumberOfTasksFailed>{job.failed}</NumberOfTasksFailed>"
    )
    common = (
        f"<JobId>{job.id}</JobId><Description>{escape(order.description)}</Description>"
        f"<Priority>{order.priority}</Priority><Status>{job.status}</Status>"
        f"<CreationTime>{iso_milliseconds(job.created_at)}</CreationTime>"
        f"<ProgressSummary>{summary}</ProgressSummary>"
    )
    if short:
        return f"{common}<Operation>{order.operation}</Operation>"
    reasons = "".join(
        f"<member><FailureCode>{code}</FailureCode>"
        f"<FailureReason>{escape(reason)}</FailureReason></member>"
        for code, reason in job.reasons
    )
    return (
        f"{common}<JobArn>{job.arn}</JobArn><RoleArn>{escape(order.role)}</RoleArn>"
        f"<Operation><{order.operation}/></Operation>"
        f"<FailureReasons>{reasons}</FailureReasons>"
    )


def _xml(root: str, **members: str) -> Response:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in members.items())
    return _answer(f"<{root}>{inner}</{root}>")


def _answer(text: str) -> Response:
    return 200, {"Content-Type": "application/xml"}, text.encode()


def _name(role_arn: str) -> str:
    return role_arn.rpartition("/")[2]


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
