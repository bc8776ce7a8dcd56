"""From CloudFormation's request to S3 and back. An answer is given whatever happens."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from notifications import handler as module
from notifications.deployment import Deployment
from tests.notifications.world import (
    EVENTS,
    OURS,
    QUEUE,
    REGION,
    STACK,
    TAKEN,
    THEIRS,
    Clock,
    MemoryS3,
    has_ours,
    theirs,
)

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

CONTEXT = cast(
    "LambdaContext",
    SimpleNamespace(
        function_name="notifications",
        memory_limit_in_mb=256,
        invoked_function_arn=f"arn:aws:lambda:{REGION}:111122223333:function:notifications",
        aws_request_id="request",
        log_stream_name="the log stream",
    ),
)
ONE = {"BucketName": "orders", "TargetArn": QUEUE}
ALL = {"Buckets": ["orders", "copy"], "Sources": ["orders"], "TargetArn": QUEUE}

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> MemoryS3:
    found, clock = MemoryS3({"orders": THEIRS, "copy": {}}), Clock()
    monkeypatch.setattr(module, "service", lambda: Deployment(found, clock.now, clock.sleep))
    return found


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Sends a request to the handler; what CloudFormation is told."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(module, "send", lambda url, body: told.append({"url": url, "body": body}))

    def call(request_type: str, resource: str, **properties: Any) -> dict[str, Any]:
        module.handler(
            {
                "RequestType": request_type,
                "ResourceType": resource,
                "ResponseURL": "https://answer",
                "StackId": STACK,
                "RequestId": "1",
                "LogicalResourceId": "Logical",
                "ResourceProperties": {"NotificationId": OURS.id, **properties},
            },
            CONTEXT,
        )
        (one,) = told
        told.clear()
        assert one["url"] == "https://answer"
        found: dict[str, Any] = json.loads(one["body"])
        return found

    return call


def test_a_bucket_is_checked_wired_changed_and_unwired(s3: MemoryS3, ask: Ask) -> None:
    assert ask("Create", "Custom::TrackedBuckets", **ALL)["Status"] == "SUCCESS"
    assert s3.writes == []

    assert ask("Create", "Custom::TrackedBucket", **ONE, Events=EVENTS)["Status"] == "SUCCESS"
    assert has_ours(s3.buckets["orders"])
    assert ask("Update", "Custom::TrackedBucket", **ONE)["Status"] == "SUCCESS"
    assert not has_ours(s3.buckets["orders"]), "a source that has become a destination"
    assert ask("Update", "Custom::TrackedBucket", **ONE, Events=EVENTS)["Status"] == "SUCCESS"
    assert has_ours(s3.buckets["orders"])
    assert theirs(s3.buckets["orders"]) == THEIRS

    assert ask("Delete", "Custom::TrackedBucket", **ONE)["Status"] == "SUCCESS"
    assert s3.buckets["orders"] == {**THEIRS, "EventBridgeConfiguration": {}}


def test_the_deletion_of_the_check_asks_nothing(s3: MemoryS3, ask: Ask) -> None:
    s3.buckets.clear()
    assert ask("Delete", "Custom::TrackedBuckets", **ALL)["Status"] == "SUCCESS"


def test_what_is_in_the_way_is_the_reason(s3: MemoryS3, ask: Ask) -> None:
    s3.buckets["orders"] = TAKEN
    for resource, properties in (
        ("Custom::TrackedBuckets", ALL),
        ("Custom::TrackedBucket", {**ONE, "Events": EVENTS}),
    ):
        told = ask("Create", resource, **properties)
        assert told["Status"] == "FAILED"
        assert "'their topic'" in told["Reason"]
    assert s3.writes == []


def test_a_topic_of_the_context_makes_way(s3: MemoryS3, ask: Ask) -> None:
    s3.buckets["orders"] = TAKEN
    (topic,) = (one["TopicArn"] for one in TAKEN["TopicConfigurations"])
    told = ask("Create", "Custom::TrackedBuckets", **ALL, Topics={"orders": topic})
    assert told["Status"] == "SUCCESS"
    assert ask("Create", "Custom::TrackedBucket", **ONE)["Status"] == "SUCCESS"
    assert s3.buckets["orders"] == {**TAKEN, "EventBridgeConfiguration": {}}


def test_a_bucket_that_is_gone_can_be_unwired(s3: MemoryS3, ask: Ask) -> None:
    s3.buckets.clear()
    assert ask("Delete", "Custom::TrackedBucket", **ONE)["Status"] == "SUCCESS"


def test_what_cdks_handler_has_made_is_replaced_and_its_deletion_leaves_ours(
    s3: MemoryS3, ask: Ask
) -> None:
    """An update from an earlier version: ours is created, CDK's resources are deleted after it."""
    old = [{"Id": f"{STACK}-{event}", "QueueArn": QUEUE, "Events": [event]} for event in EVENTS]
    s3.buckets["orders"] = {"QueueConfigurations": [*THEIRS["QueueConfigurations"], *old]}
    assert ask("Create", "Custom::TrackedBuckets", **ALL)["Status"] == "SUCCESS"
    assert ask("Create", "Custom::TrackedBucket", **ONE, Events=EVENTS)["Status"] == "SUCCESS"
    now = s3.buckets["orders"]["QueueConfigurations"]
    left = [one for one in now if not one["Id"].startswith(f"{STACK}-")]
    assert now == left == [*THEIRS["QueueConfigurations"], dict(OURS.entry)]


@pytest.mark.usefixtures("s3")
def test_even_a_request_that_makes_no_sense_is_answered(ask: Ask) -> None:
    told = ask("Create", "Custom::TrackedBucket")
    assert told["Status"] == "FAILED"
    assert "KeyError" in told["Reason"]
    assert "the log stream" in told["Reason"]
