"""A function's handler over S3 and SQS in memory (moto) and the emulator's table."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from replication.aws.clients import forget_clients
from tests.support.topology import topology_file

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SOURCE, DESTINATION = "example-source", "example-destination"
CONTEXT = SimpleNamespace(
    function_name="service",
    memory_limit_in_mb=1769,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:service",
    aws_request_id="request",
    get_remaining_time_in_millis=lambda: 300_000,
)


@dataclass(frozen=True)
class Aws:
    """`queue_url` is the queue that the function sends to."""

    dynamodb: "DynamoDBClient"
    table: str
    queue_url: str

    @cached_property
    def s3(self) -> Any:
        return boto3.client("s3", region_name="us-east-1")

    def sent(self) -> list[dict[str, Any]]:
        """What the queue got since the last time."""
        sqs = boto3.client("sqs", region_name="us-east-1")
        answer: Any = sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return list(answer.get("Messages", []))

    def items(self) -> list[Any]:
        """The items of the ledger."""
        found = self.dynamodb.scan(TableName=self.table, ConsistentRead=True)["Items"]
        return [one for one in found if not one["pk"]["S"].startswith("#")]


@contextmanager
def surroundings(
    dynamodb: "DynamoDBClient",
    table: str,
    monkeypatch: pytest.MonkeyPatch,
    variables: Mapping[str, str],
) -> Iterator[Aws]:
    """A source bucket with one rule; `variables` name the queue's URL with an empty value."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.meta.endpoint_url)
    with mock_aws():
        forget_clients()
        queue = boto3.client("sqs", region_name="us-east-1").create_queue(QueueName="queue")
        for name, value in {
            "TABLE_NAME": table,
            "TOPOLOGY_FILE": topology_file(SOURCE, DESTINATION),
            "POWERTOOLS_METRICS_NAMESPACE": "S3ReplicationTracker",
            "POWERTOOLS_SERVICE_NAME": "service",
            **variables,
        }.items():
            monkeypatch.setenv(name, value or queue["QueueUrl"])
        aws = Aws(dynamodb, table, queue["QueueUrl"])
        _track(aws.s3)
        yield aws
    forget_clients()


def _track(s3: Any) -> None:
    for name in (SOURCE, DESTINATION):
        s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ID": "all",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {
            "Bucket": f"arn:aws:s3:::{DESTINATION}",
            "Metrics": {"Status": "Enabled"},
        },
    }
    s3.put_bucket_replication(
        Bucket=SOURCE,
        ReplicationConfiguration={
            "Role": "arn:aws:iam::123456789012:role/replication",
            "Rules": [rule],
        },
    )


def records(*bodies: object) -> dict[str, Any]:
    """The event of an SQS batch."""
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {"SentTimestamp": "1795680548000", "ApproximateReceiveCount": "1"},
            }
            for number, body in enumerate(bodies)
        ]
    }
