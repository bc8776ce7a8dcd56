"""Orders of jobs against botocore's own model of S3 Control, and what its answers mean."""

from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.stub import Stubber
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from replication.aws.s3.batch_jobs import BatchJobs
from replication.errors import Unavailable
from replication.s3.batch_jobs import JobOrder, JobSight, NotTaken, report_key

ROLE = "arn:aws:iam::123456789012:role/stack-batch"
BUCKET = "stack-jobs"
ORDER = JobOrder("r1-0", "redrive r1", "manifests/r1/src.csv", "etag-1", "reports/r1/src")
text = st.text("abcdef0123-", min_size=1, max_size=40)


def jobs(client: Any) -> BatchJobs:
    return BatchJobs(lambda: client, BUCKET, ROLE)


@given(st.builds(JobOrder, text, text, text, text, text))
def test_every_order_is_what_the_service_model_takes(order: JobOrder) -> None:
    model = botocore.session.Session().get_service_model("s3control")
    shape = model.operation_model("CreateJob").input_shape
    assert shape is not None
    report = ParamValidator().validate(jobs(None).request(order), shape)
    assert not report.has_errors(), report.generate_report()


def test_an_order_says_what_to_do_with_which_manifest() -> None:
    request = jobs(None).request(ORDER)
    assert request["Operation"] == {"S3ReplicateObject": {}}
    assert request["Manifest"]["Location"] == {
        "ObjectArn": f"arn:aws:s3:::{BUCKET}/manifests/r1/src.csv",
        "ETag": "etag-1",
    }
    assert request["ClientRequestToken"] == "r1-0"
    assert request["Report"]["ReportScope"] == "AllTasks"
    assert request["ConfirmationRequired"] is False


@pytest.fixture
def stubbed() -> tuple[BatchJobs, Stubber]:
    client = boto3.client(
        "s3control", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stubber = Stubber(client)
    stubber.activate()
    return jobs(client), stubber


Stubbed = tuple[BatchJobs, Stubber]


def test_a_job_is_created(stubbed: Stubbed) -> None:
    found, stubber = stubbed
    stubber.add_response("create_job", {"JobId": "job-1"}, found.request(ORDER))
    assert found.create(ORDER) == "job-1"


@pytest.mark.parametrize(
    ("code", "status"),
    [("InvalidRequest", 400), ("IdempotencyException", 400), ("AccessDenied", 403)],
)
def test_a_refusal_is_kept_as_text(stubbed: Stubbed, code: str, status: int) -> None:
    found, stubber = stubbed
    stubber.add_client_error("create_job", code, "because", status)
    answer = found.create(ORDER)
    assert isinstance(answer, NotTaken)
    assert code in answer.problem


CALLS: list[tuple[str, Callable[[BatchJobs], object]]] = [
    ("create_job", lambda one: one.create(ORDER)),
    ("describe_job", lambda one: one.describe("job-1")),
    ("update_job_status", lambda one: one.cancel("job-1")),
]


@pytest.mark.parametrize(("operation", "call"), CALLS)
def test_what_may_work_later_is_unavailable(
    stubbed: Stubbed, operation: str, call: Callable[[BatchJobs], object]
) -> None:
    found, stubber = stubbed
    stubber.add_client_error(operation, "InternalServiceException", "later", 500)
    with pytest.raises(Unavailable):
        call(found)


def test_what_a_job_is_at(stubbed: Stubbed) -> None:
    found, stubber = stubbed
    summary = {
        "TotalNumberOfTasks": 3,
        "NumberOfTasksSucceeded": 1,
        "NumberOfTasksFailed": 2,
    }
    reasons = [{"FailureCode": "Manifest", "FailureReason": "changed"}]
    job = {"Status": "Failed", "ProgressSummary": summary, "FailureReasons": reasons}
    stubber.add_response("describe_job", {"Job": job})
    assert found.describe("job-1") == JobSight("Failed", 3, 1, 2, ("Manifest: changed",))
    stubber.add_response("describe_job", {"Job": {"Status": "New"}})
    assert found.describe("job-1") == JobSight("New", None, None, None, ())
    stubber.add_client_error("describe_job", "NotFoundException", "none", 404)
    assert found.describe("job-1") is None


def test_a_job_that_has_ended_is_not_cancelled(stubbed: Stubbed) -> None:
    found, stubber = stubbed
    stubber.add_client_error("update_job_status", "JobStatusException", "ended", 400)
    found.cancel("job-1")


def test_where_a_report_is() -> None:
    assert report_key("reports/r1/src", "abc") == "reports/r1/src/job-abc/manifest.json"
