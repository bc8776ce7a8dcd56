"""Jobs of S3 Batch Operations on the emulator really replicate, and are held to their role."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from local import s3_control
from tests.local.conftest import Buckets, Emulator, wait_for

if TYPE_CHECKING:
    from tests.local.conftest import Queue

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

ACCOUNT = "000000000000"
JOBS, ROLE = "jobs-of-batch-operations", f"arn:aws:iam::{ACCOUNT}:role/batch"
ALLOWED = {
    "s3:InitiateReplication": "arn:aws:s3:::*",
    "s3:GetObject": f"arn:aws:s3:::{JOBS}/manifests/*",
    "s3:PutObject": f"arn:aws:s3:::{JOBS}/reports/*",
}


class Batch:
    """Makes and watches jobs."""

    def __init__(self, emulator: Emulator) -> None:
        self.control = s3_control.client(emulator.server.endpoint_url)
        self.s3, self.iam = emulator.client("s3"), emulator.client("iam")
        self._number = 0
        self.s3.create_bucket(Bucket=JOBS)
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "batchoperations.s3.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        self.iam.create_role(RoleName="batch", AssumeRolePolicyDocument=policy(trust))
        self.allow(**ALLOWED)

    def allow(self, **actions: str) -> None:
        statements = [
            {"Effect": "Allow", "Action": action, "Resource": resource}
            for action, resource in actions.items()
        ]
        self.iam.put_role_policy(
            RoleName="batch", PolicyName="batch", PolicyDocument=policy(*statements)
        )

    def create(self, *rows: tuple[str, str, str], **more: Any) -> str:
        lines = "".join(f"{bucket},{quote(key)},{version}\n" for bucket, key, version in rows)
        self._number += 1
        key = f"manifests/{self._number}.csv"
        etag = self.s3.put_object(Bucket=JOBS, Key=key, Body=lines.encode())["ETag"]
        wanted = {
            "AccountId": ACCOUNT,
            "ConfirmationRequired": False,
            "Operation": {"S3ReplicateObject": {}},
            "Manifest": {
                "Spec": {
                    "Format": "S3BatchOperations_CSV_20180820",
                    "Fields": ["Bucket", "Key", "VersionId"],
                },
                "Location": {"ObjectArn": f"arn:aws:s3:::{JOBS}/{key}", "ETag": etag},
            },
            "Report": {
                "Enabled": True,
                "Bucket": f"arn:aws:s3:::{JOBS}",
                "Prefix": "reports/x",
                "Format": "Report_CSV_20180820",
                "ReportScope": "AllTasks",
            },
            "ClientRequestToken": f"token-{self._number}",
            "Priority": 10,
            "RoleArn": ROLE,
        }
        return str(self.control.create_job(**wanted | more)["JobId"])

    def job(self, job_id: str) -> Any:
        return self.control.describe_job(AccountId=ACCOUNT, JobId=job_id)["Job"]

    def ended(self, job_id: str) -> Any:
        ends = ("Complete", "Failed", "Cancelled")
        return wait_for(lambda: job if (job := self.job(job_id))["Status"] in ends else None)

    def report(self, job_id: str) -> dict[str, list[list[str]]]:
        """The rows by status."""
        body = self.s3.get_object(Bucket=JOBS, Key=f"reports/x/job-{job_id}/manifest.json")
        manifest = json.loads(body["Body"].read())
        assert manifest["Format"] == "Report_CSV_20180820"
        return {
            one["TaskExecutionStatus"]: list(csv.reader(io.StringIO(self._text(one["Key"]))))
            for one in manifest["Results"]
        }

    def _text(self, key: str) -> str:
        return str(self.s3.get_object(Bucket=JOBS, Key=key)["Body"].read().decode())


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture(scope="module")
def batch(emulator: Emulator) -> Batch:
    return Batch(emulator)


def break_off(buckets: Buckets, destination: str) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:ReplicateObject",
        "Resource": f"arn:aws:s3:::{destination}/*",
    }
    buckets.s3.put_bucket_policy(Bucket=destination, Policy=policy(deny))


def test_what_failed_is_replicated_under_its_own_version_id_and_the_destination_hears_of_it(
    batch: Batch, buckets: Buckets
) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    break_off(buckets, buckets.first)
    key = "a b+c%/é.txt"
    version = buckets.put(key)
    buckets.wait_header(key, version, "FAILED")
    heard = buckets.notify(buckets.first, "s3:ObjectCreated:*")
    buckets.s3.delete_bucket_policy(Bucket=buckets.first)

    job = batch.ended(batch.create((buckets.source, key, version)))
    assert job["Status"] == "Complete"
    assert job["ProgressSummary"] == {
        "TotalNumberOfTasks": 1,
        "NumberOfTasksSucceeded": 1,
        "NumberOfTasksFailed": 0,
    }
    assert buckets.header(key, version) == "COMPLETED"
    assert buckets.header(key, version, buckets.first) == "REPLICA"
    assert batch.report(job["JobId"]) == {
        "succeeded": [
            [buckets.source, quote(key), version, "succeeded", "200", "", "Successful"],
        ]
    }
    (record,) = heard.wait(1, eventName="ObjectCreated:Put")
    assert record["s3"]["object"]["versionId"] == version


def test_what_fails_again_stands_in_the_report_with_its_code(
    batch: Batch, buckets: Buckets
) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    break_off(buckets, buckets.first)
    version = buckets.put("k")
    buckets.wait_header("k", version, "FAILED")
    job = batch.ended(batch.create((buckets.source, "k", version), (buckets.source, "k", "gone")))
    assert job["Status"] == "Complete"
    assert [row[5] for row in batch.report(job["JobId"])["failed"]] == [
        "DstPutObjectNotPermitted",
        "SrcVersionNotFound",
    ]


def test_one_token_makes_one_job(batch: Batch, buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    version = buckets.put("k")
    first = batch.create((buckets.source, "k", version), ClientRequestToken="mine")
    location = {
        "Manifest": {
            "Spec": {
                "Format": "S3BatchOperations_CSV_20180820",
                "Fields": ["Bucket", "Key", "VersionId"],
            },
            "Location": {"ObjectArn": f"arn:aws:s3:::{JOBS}/manifests/other", "ETag": "x"},
        }
    }
    with pytest.raises(ClientError, match="IdempotencyException"):
        batch.create(ClientRequestToken="mine", **location)
    listed = batch.control.list_jobs(AccountId=ACCOUNT)["Jobs"]
    assert [one["JobId"] for one in listed].count(first) == 1


def test_a_manifest_that_was_changed_fails_the_job(batch: Batch, emulator: Emulator) -> None:
    location = {"ObjectArn": f"arn:aws:s3:::{JOBS}/manifests/changed.csv", "ETag": "0"}
    batch.s3.put_object(Bucket=JOBS, Key="manifests/changed.csv", Body=b"b,k,v\n")
    spec = {
        "Format": "S3BatchOperations_CSV_20180820",
        "Fields": ["Bucket", "Key", "VersionId"],
    }
    job = batch.ended(batch.create(Manifest={"Spec": spec, "Location": location}))
    assert job["Status"] == "Failed"
    assert job["FailureReasons"][0]["FailureCode"] == "ManifestChanged"


def test_a_role_that_does_not_trust_batch_operations_is_refused(batch: Batch) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}}
    batch.iam.create_role(
        RoleName="other",
        AssumeRolePolicyDocument=policy(trust | {"Action": "sts:AssumeRole"}),
    )
    with pytest.raises(ClientError, match="cannot assume"):
        batch.create(("b", "k", "v"), RoleArn=f"arn:aws:iam::{ACCOUNT}:role/other")


@pytest.mark.parametrize("lacking", sorted(ALLOWED))
def test_a_role_without_a_permission_gets_nowhere(
    batch: Batch, buckets: Buckets, lacking: str
) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    version = buckets.put("k")
    batch.allow(**{name: arn for name, arn in ALLOWED.items() if name != lacking})
    try:
        job = batch.ended(batch.create((buckets.source, "k", version)))
        if lacking == "s3:InitiateReplication":
            (row,) = batch.report(job["JobId"])["failed"]
            assert row[5] == "InitiateReplicationNotPermitted"
        else:
            assert job["Status"] == "Failed"
    finally:
        batch.allow(**ALLOWED)


def test_a_cancelled_job_ends_without_its_other_tasks(
    batch: Batch, buckets: Buckets, emulator: Emulator
) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    version = buckets.put("k")
    with emulator.settings(max_batch_tasks=1, batch_step_seconds=0.3):
        job_id = batch.create(*[(buckets.source, "k", version)] * 50)
        wait_for(lambda: batch.job(job_id)["ProgressSummary"]["NumberOfTasksSucceeded"])
        batch.control.update_job_status(
            AccountId=ACCOUNT, JobId=job_id, RequestedJobStatus="Cancelled"
        )
        assert batch.ended(job_id)["Status"] == "Cancelled"
    done = len(batch.report(job_id)["succeeded"])
    assert 0 < done < 50
    with pytest.raises(ClientError, match="JobStatusException"):
        batch.control.update_job_status(
            AccountId=ACCOUNT, JobId=job_id, RequestedJobStatus="Cancelled"
        )


def test_every_status_is_a_service_event(batch: Batch, buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    version = buckets.put("k")
    heard = bus(buckets)
    job_id = batch.create((buckets.source, "k", version))
    batch.ended(job_id)

    def statuses() -> list[str]:
        details = [one["detail"]["serviceEventDetails"] for one in heard.poll()]
        return [one["status"] for one in details if one["jobId"] == job_id]

    assert wait_for(lambda: found if "Complete" in (found := statuses()) else [])


def bus(buckets: Buckets) -> Queue:
    queue, events = buckets.queue(), buckets.emulator.client("events")
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["AWS Service Event via CloudTrail"],
        "detail": {"eventName": ["JobCreated", "JobStatusChanged"]},
    }
    events.put_rule(Name="jobs", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="jobs", Targets=[{"Id": "queue", "Arn": queue.arn}])
    return queue


def test_there_is_no_such_job(batch: Batch) -> None:
    with pytest.raises(ClientError, match="NotFoundException"):
        batch.job("no-such-job")
