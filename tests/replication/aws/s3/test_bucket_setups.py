"""How S3 says a bucket is set up, read from moto."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from replication.aws.s3.bucket_setups import S3BucketSetups
from replication.errors import Denied, Unavailable
from replication.s3.bucket_notifications import OBJECT_EVENTS
from replication.s3.bucket_setup import Setup

QUEUE = "arn:aws:sqs:us-east-1:123456789012:ingest"
THEIRS = "arn:aws:sqs:us-east-1:123456789012:theirs"
BUCKET = "src"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        sqs = boto3.client("sqs", region_name="us-east-1")
        for name in ("ingest", "theirs"):
            sqs.create_queue(QueueName=name)
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def read(s3: Any) -> Setup:
    return S3BucketSetups(lambda _: s3, QUEUE)(BUCKET)


def queue(arn: str, *events: str) -> dict[str, Any]:
    return {"QueueConfigurations": [{"QueueArn": arn, "Events": list(events)}]}


def test_a_new_bucket_has_nothing_of_what_the_tracker_needs(s3: Any) -> None:
    found = read(s3)
    assert (found.versioning, found.eventbridge, found.replication_events) == (None, False, False)


def test_what_is_switched_on_is_seen(s3: Any) -> None:
    for status in ("Enabled", "Suspended"):
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": status})
        assert read(s3).versioning == status


def test_eventbridge_is_on_when_s3_names_it_however_empty(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto keeps it to itself."""
    on: dict[str, Any] = {"EventBridgeConfiguration": {}}
    monkeypatch.setattr(s3, "get_bucket_notification_configuration", lambda **_: on)
    assert read(s3).eventbridge
    assert not read(s3).replication_events


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        (queue(QUEUE, "s3:Replication:*"), True),
        (queue(QUEUE, "s3:Replication:OperationFailedReplication"), True),
        (queue(QUEUE, "s3:Replication:OperationMissedThreshold"), False),
        (queue(QUEUE, "s3:ObjectCreated:*"), False),
        (queue(THEIRS, "s3:Replication:*"), False),
        ({"TopicConfigurations": [{"TopicArn": "t", "Events": ["s3:Replication:*"]}]}, True),
    ],
)
def test_failures_are_told_when_they_reach_the_queue_or_a_topic(
    configuration: dict[str, Any], told: bool, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "get_bucket_notification_configuration", lambda **_: configuration)
    assert read(s3).replication_events is told


@pytest.mark.parametrize(
    ("algorithm", "kms"), [("AES256", False), ("aws:kms", True), ("aws:kms:dsse", True)]
)
def test_the_default_encryption_is_seen(s3: Any, algorithm: str, kms: bool) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert read(s3).kms is kms
    s3.delete_bucket_encryption(Bucket=BUCKET)
    assert read(s3).kms is False


@pytest.mark.parametrize(
    ("call", "action"),
    [
        ("get_bucket_versioning", "s3:GetBucketVersioning"),
        ("get_bucket_notification_configuration", "s3:GetBucketNotification"),
        ("get_bucket_encryption", "s3:GetEncryptionConfiguration"),
    ],
)
def test_a_refusal_names_what_to_allow(
    s3: Any, monkeypatch: pytest.MonkeyPatch, call: str, action: str
) -> None:
    def answer(error: Exception) -> Any:
        def raises(**_: Any) -> Any:
            raise error

        return raises

    refused = ClientError({"Error": {"Code": "AccessDenied"}}, call)
    monkeypatch.setattr(s3, call, answer(refused))
    with pytest.raises(Denied) as caught:
        read(s3)
    assert caught.value.action == action
    throttled = ClientError({"Error": {"Code": "SlowDown"}}, call)
    for error in (throttled, EndpointConnectionError(endpoint_url="s3")):
        monkeypatch.setattr(s3, call, answer(error))
        with pytest.raises(Unavailable):
            read(s3)


def test_object_events_matter_where_they_come_as_notifications(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now: dict[str, Any] = {}
    monkeypatch.setattr(s3, "get_bucket_notification_configuration", lambda **_: now)

    def sends(**configuration: Any) -> bool | None:
        now.clear()
        now.update(configuration)
        return S3BucketSetups(lambda _: s3, QUEUE, "s3")(BUCKET).object_notifications

    every = list(OBJECT_EVENTS)
    assert sends(**queue(QUEUE, *every))
    assert not sends()
    assert not sends(**queue(THEIRS, *every))
    assert not sends(**queue(QUEUE, *every[1:]))
    assert not sends(**queue(QUEUE, "s3:ObjectCreated:Put", *every[1:])), "only a part of them"
    filtered = queue(QUEUE, *every)
    rules = {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}]}}
    filtered["QueueConfigurations"][0]["Filter"] = rules
    assert not sends(**filtered), "some keys only"
    assert read(s3).object_notifications is None
