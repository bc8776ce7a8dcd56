"""Jobs of S3 Batch Operations that replicate objects (S3ReplicateObject), by way of S3 Control.

Source: the service model of S3 Control, and the chapter about Batch Operations in the S3 user
guide. A repeated order with the same token and content returns the job that it made before; with
other content it is refused (IdempotencyException).
"""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from replication.errors import Unavailable
from replication.s3.batch_jobs import JobOrder, JobSight, NotTaken

PRIORITY = 10
"""Among the jobs of the account; a larger number goes first."""
_PASSING = frozenset({"TooManyRequestsException", "InternalServiceException", "SlowDown"})
_ENDED = "JobStatusException"
"""UpdateJobStatus of a job that has ended."""
_ABSENT = ("NotFoundException", "NoSuchJob", "404")


class BatchJobs:
    """`redrive.port.Jobs`. `client` makes the client when it is first needed."""

    def __init__(self, client: Callable[[], Any], bucket: str, role_arn: str) -> None:
        """`bucket` has the manifests and gets the reports; `role_arn` is the role that S3 takes for
        its work. Account and partition of the jobs are the role's."""
        self._client = client
        self._bucket = bucket
        self._role_arn = role_arn
        _, self._partition, _, _, self._account, _ = role_arn.split(":", 5)

    def create(self, order: JobOrder) -> str | NotTaken:
        try:
            answer = self._client().create_job(**self.request(order))
        except ClientError as error:
            if _passes(error):
                raise Unavailable(f"S3 did not create the job: {error}") from error
            return NotTaken(f"S3 refused the job: {_said(error)}")
        except BotoCoreError as error:
            raise Unavailable(f"S3 did not create the job: {error}") from error
        return str(answer["JobId"])

    def request(self, order: JobOrder) -> dict[str, Any]:
        """The parameters of CreateJob."""
        return {
            "AccountId": self._account,
            "ConfirmationRequired": False,
            "Operation": {"S3ReplicateObject": {}},
            "Manifest": {
                "Spec": {
                    "Format": "S3BatchOperations_CSV_20180820",
                    "Fields": ["Bucket", "Key", "VersionId"],
                },
                "Location": {"ObjectArn": self._arn(f"/{order.manifest}"), "ETag": order.etag},
            },
            "Report": {
                "Enabled": True,
                "Bucket": self._arn(""),
                "Prefix": order.reports,
                "Format": "Report_CSV_20180820",
                "ReportScope": "AllTasks",
                "ExpectedBucketOwner": self._account,
            },
            "ClientRequestToken": order.token,
            "Description": order.description,
            "Priority": PRIORITY,
            "RoleArn": self._role_arn,
        }

    def describe(self, job_id: str) -> JobSight | None:
        try:
            job = self._client().describe_job(AccountId=self._account, JobId=job_id)["Job"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return None
            raise Unavailable(f"S3 does not describe job {job_id}: {error}") from error
        except BotoCoreError as error:
            raise Unavailable(f"S3 does not describe job {job_id}: {error}") from error
        summary: Mapping[str, int] = job.get("ProgressSummary") or {}
        return JobSight(
            str(job["Status"]),
            summary.get("TotalNumberOfTasks"),
            summary.get("NumberOfTasksSucceeded"),
            summary.get("NumberOfTasksFailed"),
            tuple(
                f"{one.get('FailureCode')}: {one.get('FailureReason')}"
                for one in job.get("FailureReasons") or ()
            ),
        )

    def cancel(self, job_id: str) -> None:
        try:
            self._client().update_job_status(
                AccountId=self._account, JobId=job_id, RequestedJobStatus="Cancelled"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in (_ENDED, *_ABSENT):
                raise Unavailable(f"S3 does not cancel job {job_id}: {error}") from error
        except BotoCoreError as error:
            raise Unavailable(f"S3 does not cancel job {job_id}: {error}") from error

    def _arn(self, rest: str) -> str:
        return f"arn:{self._partition}:s3:::{self._bucket}{rest}"


def _passes(error: ClientError) -> bool:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= 500 or status == 429 or error.response["Error"]["Code"] in _PASSING


def _said(error: ClientError) -> str:
    said = error.response["Error"]
    return f"{said['Code']}: {said.get('Message', '')}"[:500]
