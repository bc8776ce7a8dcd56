"""The announce function over a topic in memory (moto) that a queue listens to."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from moto import mock_aws

from announce.handler import metrics
from announce.wiring import service
from replication.aws.clients import client, forget_clients
from replication.aws.table.ledger_item import item_of, key_of
from replication.ledger.item import LedgerItem
from tests.support.topology import topology_file

CONTEXT = cast(
    "LambdaContext",
    SimpleNamespace(
        function_name="announce",
        memory_limit_in_mb=256,
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:announce",
        aws_request_id="lambda-request",
    ),
)

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True, slots=True)
class Topic:
    arn: str
    read: Callable[[], list[dict[str, Any]]]
    """Every message that came since the last time, as SNS wraps it for SQS."""


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Iterator[Topic]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TABLE_NAME": "ledger",
        "TOPOLOGY_FILE": topology_file("src"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    # Powertools reads its own variables when the handler is imported, which is long since.
    monkeypatch.setattr(metrics.provider, "namespace", "S3ReplicationTracker")
    with mock_aws():
        forget_clients()
        service.cache_clear()
        sns, sqs = client("sns"), boto3.client("sqs", region_name="us-east-1")
        arn = sns.create_topic(Name="failures")["TopicArn"]
        monkeypatch.setenv("FAILURE_TOPIC_ARN", arn)
        queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn["Attributes"]["QueueArn"])

        def read() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            while messages := sqs.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=600
            ).get("Messages"):
                found += [json.loads(message["Body"]) for message in messages]
            return found

        yield Topic(arn, read)
    forget_clients()


def record(number: int, new: LedgerItem | None, old: LedgerItem | None = None) -> dict[str, Any]:
    """A record of the table's stream; `number` is its sequence number."""
    subject = new or old
    assert subject is not None
    change: dict[str, Any] = {
        "Keys": key_of(subject.version, subject.destination),
        "SequenceNumber": str(number),
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    if new is not None:
        change["NewImage"] = item_of(new, 4)
    if old is not None:
        change["OldImage"] = item_of(old, 4)
    name = "REMOVE" if new is None else "INSERT" if old is None else "MODIFY"
    return {"eventID": f"id-{number}", "eventName": name, "dynamodb": change}
