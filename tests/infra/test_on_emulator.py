"""The stack deploys, keeps the notifications of others, and leaves none of its own when deleted."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import CustomResource
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_notifications as destinations
from constructs import Construct, IDependable

import infra.stack
from infra.buckets import REPLICATION_EVENTS, TrackedBuckets
from infra.ingest import Ingest
from infra.topology import TrackedBucket
from local.emulator.server import REGION, free_port, start, stop
from local.stack import ENFORCED
from tests.infra.conftest import BUCKETS, DESTINATIONS, SOURCES
from tests.infra.emulated import STACK, Emulator
from tests.infra.synthesized import Synthesized, synthesize

pytestmark = pytest.mark.e2e

TRACKED = sorted({*SOURCES, *DESTINATIONS})


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    server = start(free_port(), tmp_path, environment=ENFORCED, tied=True)
    try:
        yield Emulator(server)
    finally:
        stop(server.pid, tmp_path)


def test_what_others_configured_on_a_bucket_survives_the_tracker(
    emulator: Emulator, dev: Synthesized
) -> None:
    source = SOURCES[0]
    theirs = emulator.theirs(source)
    assert len(theirs) == 1

    emulator.deploy(dev)
    assert emulator.theirs(source) == theirs
    assert emulator.ours(source) == {*REPLICATION_EVENTS}
    for bucket in {*SOURCES, *DESTINATIONS}:
        assert "EventBridgeConfiguration" in emulator.notifications(bucket)

    # The source becomes a destination, as when a replication is turned round.
    emulator.deploy(
        synthesize({**BUCKETS, "source_buckets": SOURCES[1], "destination_buckets": source}),
        update=True,
    )
    assert emulator.theirs(source) == theirs
    assert emulator.ours(source) == set()
    assert emulator.ours(SOURCES[1]) != set()
    # A bucket that is tracked no more is unwired although its permission goes with it.
    emulator.deploy(
        synthesize({**BUCKETS, "source_buckets": "", "destination_buckets": source}), update=True
    )
    assert emulator.ours(SOURCES[1]) == set()

    emulator.destroy()
    assert emulator.theirs(source) == theirs
    for bucket in {*SOURCES, *DESTINATIONS}:
        assert emulator.ours(bucket) == set()
        assert "EventBridgeConfiguration" in emulator.notifications(bucket)


def their_topic(emulator: Emulator) -> str:
    """A topic that S3 may publish to, and that lets its owner's account subscribe."""
    sns = emulator.client("sns")
    topic = str(sns.create_topic(Name="theirs")["TopicArn"])
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    return topic


def test_event_types_that_are_taken_are_told_and_nothing_is_changed(
    emulator: Emulator, dev: Synthesized
) -> None:
    source, topic = SOURCES[0], their_topic(emulator)
    entry = {"Id": "failures", "TopicArn": topic, "Events": ["s3:Replication:*"]}
    emulator.change(source, TopicConfigurations=[entry])
    before = {bucket: emulator.notifications(bucket) for bucket in TRACKED}

    said = emulator.refusal(dev)
    assert f"Bucket {source} sends s3:Replication:* to {topic} already" in said
    assert "'failures'" in said
    assert f"-c replication_topics={source}={topic}" in said
    assert {bucket: emulator.notifications(bucket) for bucket in TRACKED} == before

    # The way out it offers.
    emulator.deploy(synthesize({**BUCKETS, "replication_topics": f"{source}={topic}"}))
    assert emulator.notifications(source) == {**before[source], "EventBridgeConfiguration": {}}
    assert emulator.ours(SOURCES[1]) == {*REPLICATION_EVENTS}
    # What the recorder gets by way of the topic and does not understand is a dead letter.
    emulator.client("sns").publish(TopicArn=topic, Message="no event")
    assert _dead_letter(emulator)["Body"] == "no event"

    emulator.destroy()
    assert emulator.notifications(source) == {**before[source], "EventBridgeConfiguration": {}}
    subscriptions = emulator.client("sns").list_subscriptions_by_topic(TopicArn=topic)
    assert subscriptions["Subscriptions"] == []


def _dead_letter(emulator: Emulator) -> dict[str, Any]:
    stacks = emulator.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stacks[0]["Outputs"]}
    queue = outputs["IngestDeadLetterQueueUrl"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = emulator.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            return dict(message)
    raise AssertionError("no dead letter in a minute")


def test_a_deleted_queue_of_somebody_else_is_no_obstacle(
    emulator: Emulator, dev: Synthesized
) -> None:
    source = SOURCES[0]
    theirs = emulator.theirs(source)
    sqs_client = emulator.client("sqs")
    sqs_client.delete_queue(QueueUrl=sqs_client.get_queue_url(QueueName="theirs")["QueueUrl"])
    emulator.deploy(dev)
    assert emulator.theirs(source) == theirs
    assert emulator.ours(source) == {*REPLICATION_EVENTS}
    emulator.destroy()
    assert emulator.theirs(source) == theirs
    assert emulator.ours(source) == set()


def test_a_bucket_in_another_region_is_told_with_both(emulator: Emulator) -> None:
    emulator.client("s3").create_bucket(
        Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    said = emulator.refusal(
        synthesize({"source_buckets": SOURCES[0], "destination_buckets": "far-away"})
    )
    assert f"Bucket far-away is in Region eu-west-1, and this stack in {REGION}" in said
    assert 'region = "eu-west-1"' in said
    assert emulator.ours(SOURCES[0]) == set()


class OfCdk(Construct):
    """Stands in for `TrackedBuckets` as it was in earlier versions: CDK's own handler."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        buckets: Sequence[TrackedBucket],
        target: Ingest,
        **_new: object,
    ) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self, "HandlerRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
        )
        actions = ["s3:*BucketNotification"]
        statement = iam.PolicyStatement(actions=actions, resources=["arn:aws:s3:::*"])
        policy = iam.Policy(self, "may-notify", statements=[statement], roles=[role])
        handler_role = role.without_policy_updates()
        self.wirings: list[Construct] = []
        self.check = None
        self.tracked: list[str] = []
        self.sources: list[str] = []
        for one in buckets:
            bucket = s3.Bucket.from_bucket_attributes(
                self, one.name, bucket_name=one.name, notifications_handler_role=handler_role
            )
            bucket.node.add_dependency(policy)
            bucket.enable_event_bridge_notification()
            if one.source:
                bucket.add_event_notification(
                    s3.EventType.REPLICATION_OPERATION_FAILED_REPLICATION,
                    destinations.SqsDestination(target.queue),
                )
                self.sources.append(one.name)
            self.tracked.append(one.name)


def test_a_stack_of_cdks_handler_is_updated_and_ours_outlives_its_deletion(
    emulator: Emulator, dev: Synthesized, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(infra.stack, "TrackedBuckets", OfCdk)
        before = synthesize(BUCKETS)
    source = SOURCES[0]
    theirs = emulator.theirs(source)
    emulator.deploy(before)
    assert emulator.ours(source) == {REPLICATION_EVENTS[0]}

    emulator.deploy(dev, update=True)
    for bucket in SOURCES:
        queues = emulator.notifications(bucket)["QueueConfigurations"]
        assert [one["Id"] for one in queues if one["Id"] != "theirs"] == [STACK]
        assert emulator.ours(bucket) == {*REPLICATION_EVENTS}
    assert emulator.theirs(source) == theirs
    emulator.destroy()
    assert emulator.theirs(source) == theirs
    assert emulator.ours(source) == set()


class OfEarlier(TrackedBuckets):
    """Stands in for `TrackedBuckets` as it was: a custom resource for each bucket. The function of
    now does nothing when such a resource is created, so the test itself wires the buckets."""

    def _wire(self, told: Sequence[str], check: IDependable) -> CustomResource:
        wirings = [
            self._custom(f"{name}-wiring", "Custom::TrackedBucket", {"BucketName": name})
            for name in self.tracked
        ]
        for one in wirings:
            one.node.add_dependency(*self._handler.permissions, check)
        return wirings[0]


def test_a_stack_of_an_earlier_version_is_updated_and_no_bucket_is_unwired(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, dropped = SOURCES
    with monkeypatch.context() as earlier:
        earlier.setattr(infra.stack, "TrackedBuckets", OfEarlier)
        emulator.deploy(synthesize(BUCKETS))
    for bucket in SOURCES:
        emulator.wire_as_earlier(bucket)

    emulator.deploy(synthesize({"source_buckets": kept}), update=True)
    assert emulator.ours(kept) == {*REPLICATION_EVENTS}
    assert emulator.ours(dropped) == set()
    emulator.destroy()
    assert emulator.ours(kept) == set()
