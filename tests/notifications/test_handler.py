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
ALL = {
    "Buckets": ["orders", "copy"],
    "Sources": ["orders"],
    "TargetArn": QUEUE,
    "Events": list(EVENTS),
}

SET = "Custom::TrackedBucketSet"
TRACKED = frozenset({"orders", "copy"})
BOTH = {"Sources": ["orders"], "Others": ["copy"], "TargetArn": QUEUE, "Events": EVENTS}

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> MemoryS3:
    found, clock = MemoryS3({"orders": THEIRS, "copy": {}}), Clock()
    monkeypatch.setattr(
        module, "service", lambda: Deployment(found, clock.now, clock.sleep, TRACKED)
    )
    return found


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Sends a request to the handler; what CloudFormation is told."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(module, "send", lambda url, body: told.append({"url": url, "body": body}))

    def call(
        request_type: str, resource: str, before: Any = None, **properties: Any
    ) -> dict[str, Any]:
        module.handler(
            {
                "RequestType": request_type,
                "ResourceType": resource,
                "ResponseURL": "https://answer",
                "StackId": STACK,
                "RequestId": "1",
                "LogicalResourceId": "Logical",
                "ResourceProperties": {"NotificationId": OURS.id, **properties},
                **({"OldResourceProperties": before} if before else {}),
            },
            CONTEXT,
        )
        (one,) = told
        told.clear()
        assert one["url"] == "https://answer"
        found: dict[str, Any] = json.loads(one["body"])
        return found

    return call


def test_buckets_are_checked_wired_changed_and_unwired(s3: MemoryS3, ask: Ask) -> None:
    assert ask("Create", "Custom::TrackedBuckets", **ALL)["Status"] == "SUCCESS"
    assert s3.writes == []

    assert ask("Create", SET, **BOTH)["Status"] == "SUCCESS"
    assert has_ours(s3.buckets["orders"])
    assert s3.buckets["copy"] == {"EventBridgeConfiguration": {}}
    turned = {**BOTH, "Sources": ["copy"], "Others": ["orders"]}
    assert ask("Update", SET, BOTH, **turned)["Status"] == "SUCCESS"
    assert not has_ours(s3.buckets["orders"]), "a source that has become a destination"
    assert has_ours(s3.buckets["copy"])
    assert ask("Update", SET, turned, **BOTH)["Status"] == "SUCCESS"
    assert has_ours(s3.buckets["orders"])
    assert theirs(s3.buckets["orders"]) == THEIRS

    assert ask("Delete", SET, **BOTH)["Status"] == "SUCCESS"
    assert s3.buckets["orders"] == {**THEIRS, "EventBridgeConfiguration": {}}


def test_a_bucket_that_an_update_does_not_name_any_more_is_unwired(s3: MemoryS3, ask: Ask) -> None:
    ask("Create", SET, **BOTH)
    fewer = {**BOTH, "Sources": []}
    assert ask("Update", SET, BOTH, **fewer)["Status"] == "SUCCESS"
    assert not has_ours(s3.buckets["orders"])
    # The update fails elsewhere, and CloudFormation takes it back.
    assert ask("Update", SET, fewer, **BOTH)["Status"] == "SUCCESS"
    assert has_ours(s3.buckets["orders"])


def test_a_bucket_in_the_way_keeps_no_other_from_being_wired_and_is_named(
    s3: MemoryS3, ask: Ask
) -> None:
    s3.buckets["copy"] = TAKEN
    told = ask("Create", SET, **{**BOTH, "Sources": ["copy", "gone", "orders"], "Others": []})
    assert told["Status"] == "FAILED"
    assert "Bucket copy" in told["Reason"]
    assert "no bucket gone" in told["Reason"]
    assert has_ours(s3.buckets["orders"])


def test_hundreds_of_buckets_are_wired_in_one_request(s3: MemoryS3, ask: Ask) -> None:
    names = [f"bucket-{number}" for number in range(300)]
    s3.buckets = {name: {} for name in names}
    assert ask("Create", SET, **{**BOTH, "Sources": names, "Others": []})["Status"] == "SUCCESS"
    assert all(has_ours(found) for found in s3.buckets.values())


def test_a_resource_of_an_earlier_version_leaves_tracked_buckets_alone_when_it_is_deleted(
    s3: MemoryS3, ask: Ask
) -> None:
    """The resource that follows it was created before."""
    ask("Create", SET, **BOTH)
    for bucket, left in (("orders", True), ("copy", True)):
        earlier = {"BucketName": bucket, "QueueArn": QUEUE, "Events": EVENTS}
        assert ask("Delete", "Custom::TrackedBucket", **earlier)["Status"] == "SUCCESS"
        assert has_ours(s3.buckets["orders"]) is left
    s3.buckets["retired"] = s3.buckets["orders"]
    earlier = {"BucketName": "retired", "QueueArn": QUEUE, "Events": EVENTS}
    assert ask("Delete", "Custom::TrackedBucket", **earlier)["Status"] == "SUCCESS"
    assert not has_ours(s3.buckets["retired"])


def test_the_deletion_of_the_check_asks_nothing(s3: MemoryS3, ask: Ask) -> None:
    s3.buckets.clear()
    assert ask("Delete", "Custom::TrackedBuckets", **ALL)["Status"] == "SUCCESS"


def test_what_is_in_the_way_is_the_reason(s3: MemoryS3, ask: Ask) -> None:
    s3.buckets["orders"] = TAKEN
    for resource, properties in (
        ("Custom::TrackedBuckets", ALL),
        (SET, BOTH),
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
    assert (
        ask("Create", SET, **{**BOTH, "Sources": [], "Others": ["orders"]})["Status"] == "SUCCESS"
    )
    assert s3.buckets["orders"] == {**TAKEN, "EventBridgeConfiguration": {}}


def test_a_bucket_that_is_gone_can_be_unwired(s3: MemoryS3, ask: Ask) -> None:
    s3.buckets.clear()
    assert ask("Delete", SET, **BOTH)["Status"] == "SUCCESS"


def test_what_cdks_handler_has_made_is_replaced_and_its_deletion_leaves_ours(
    s3: MemoryS3, ask: Ask
) -> None:
    """An update from an earlier version: ours is created, CDK's resources are deleted after it."""
    old = [{"Id": f"{STACK}-{event}", "QueueArn": QUEUE, "Events": [event]} for event in EVENTS]
    s3.buckets["orders"] = {"QueueConfigurations": [*THEIRS["QueueConfigurations"], *old]}
    assert ask("Create", "Custom::TrackedBuckets", **ALL)["Status"] == "SUCCESS"
    assert ask("Create", SET, **BOTH)["Status"] == "SUCCESS"
    now = s3.buckets["orders"]["QueueConfigurations"]
    left = [one for one in now if not one["Id"].startswith(f"{STACK}-")]
    assert now == left == [*THEIRS["QueueConfigurations"], dict(OURS.entry)]


@pytest.mark.usefixtures("s3")
def test_even_a_request_that_makes_no_sense_is_answered(ask: Ask) -> None:
    told = ask("Create", SET)
    assert told["Status"] == "FAILED"
    assert "KeyError" in told["Reason"]
    assert "the log stream" in told["Reason"]


def test_object_events_as_notifications_leave_eventbridge_alone(s3: MemoryS3, ask: Ask) -> None:
    objects = ["s3:ObjectCreated:*", "s3:ObjectTagging:*"]
    told = ask("Create", "Custom::TrackedBuckets", **ALL, ObjectEvents=objects)
    assert "s3:ObjectCreated:*" in told["Reason"], "somebody has them in orders"
    s3.buckets["orders"] = {}
    assert (
        ask("Create", "Custom::TrackedBuckets", **ALL, ObjectEvents=objects)["Status"] == "SUCCESS"
    )
    for bucket, events in (("orders", list(EVENTS)), ("copy", [])):
        one = {"BucketName": bucket, "QueueArn": QUEUE, "ObjectEvents": objects}
        assert ask("Create", "Custom::TrackedBucket", **one, Events=events)["Status"] == "SUCCESS"
        (entry,) = s3.buckets[bucket]["QueueConfigurations"]
        assert entry["Events"] == [*events, *objects]
        assert "EventBridgeConfiguration" not in s3.buckets[bucket]
