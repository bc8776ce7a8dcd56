"""Tracked buckets get our notifications in the right order, by a function that may do just that.

What the function does with them is tested in tests/notifications/, and with CloudFormation in
test_on_emulator.py.
"""

import json

import pytest

from infra.buckets import BUCKET, CHECK, REPLICATION_EVENTS
from infra.config import MAX_TOPICS_BYTES, MAX_TRACKED_BUCKETS
from tests.infra.conftest import BUCKETS, DESTINATIONS, SOURCES
from tests.infra.synthesized import SERVICES, Resource, Synthesized, listed, synthesize

TRACKED = sorted({*SOURCES, *DESTINATIONS})
TOPIC = "arn:aws:sns:eu-west-1:111122223333:theirs"


@pytest.fixture(scope="module")
def by_topic() -> Synthesized:
    """One of the sources sends its replication events to somebody's topic already."""
    return synthesize({**BUCKETS, "replication_topics": f"{SOURCES[0]}={TOPIC}"})


def wiring(stack: Synthesized, bucket: str) -> Resource:
    (found,) = (one for one in stack.of_type(BUCKET) if one["BucketName"] == bucket)
    return found


def permission(stack: Synthesized, bucket: str) -> Resource:
    (found,) = (
        one
        for one in stack.of_type("AWS::IAM::Policy")
        for statement in one["PolicyDocument"]["Statement"]
        if statement["Action"] == "s3:*BucketNotification"
        and statement["Resource"] == f"arn:aws:s3:::{bucket}"
    )
    return found


def waits_for(resource: Resource) -> set[str]:
    return set(listed(resource.raw.get("DependsOn", [])))


def test_every_tracked_bucket_is_wired_once(dev: Synthesized) -> None:
    assert sorted(one["BucketName"] for one in dev.of_type(BUCKET)) == TRACKED


def test_sources_alone_send_their_replication_events_to_the_ingest_queue(dev: Synthesized) -> None:
    for bucket in TRACKED:
        found = wiring(dev, bucket)
        assert found["TargetArn"] == dev.ingest.arn
        events = found.properties.get("Events")
        assert events == (list(REPLICATION_EVENTS) if bucket in SOURCES else None)


def test_the_entry_has_one_id_for_all_deployments_of_a_stage(
    dev: Synthesized, prod: Synthesized
) -> None:
    for stage, stack in {"dev": dev, "prod": prod}.items():
        for one in (*stack.of_type(BUCKET), *stack.of_type(CHECK)):
            assert one["NotificationId"] == f"S3ReplicationTracker-{stage}"


def test_all_buckets_are_checked_before_any_is_changed(dev: Synthesized) -> None:
    check = dev.one(CHECK)
    assert check["Buckets"] == TRACKED
    assert sorted(check["Sources"]) == sorted(SOURCES)
    assert check["Events"] == list(REPLICATION_EVENTS)
    assert {permission(dev, bucket).id for bucket in TRACKED} <= waits_for(check)
    for bucket in TRACKED:
        assert check.id in waits_for(wiring(dev, bucket))


def test_the_permission_to_unwire_a_bucket_outlives_its_wiring(dev: Synthesized) -> None:
    """CloudFormation deletes what depends on a resource before the resource: a bucket that is taken
    out of the context must still be allowed to be changed while its wiring is undone."""
    for bucket in TRACKED:
        assert permission(dev, bucket).id in waits_for(wiring(dev, bucket))


def test_the_queue_policy_comes_before_the_notification_that_names_the_queue(
    dev: Synthesized,
) -> None:
    (policy,) = (
        policy.id
        for policy in dev.of_type("AWS::SQS::QueuePolicy")
        if dev.ingest.id in policy["Queues"]
    )
    for bucket in SOURCES:
        assert policy in waits_for(wiring(dev, bucket))


def test_the_recorder_first_looks_at_a_source_when_its_events_are_on(dev: Synthesized) -> None:
    """What it sees then is where tracking begins."""
    assert {one.id for one in dev.of_type(BUCKET)} <= waits_for(dev.function("record"))


def test_a_function_that_does_not_start_holds_nobody_up_for_an_hour(dev: Synthesized) -> None:
    for one in (*dev.of_type(BUCKET), *dev.of_type(CHECK)):
        function = dev.by_arn(one["ServiceToken"])
        assert function["Handler"] == "notifications.handler.handler"
        assert function["Timeout"] < int(one["ServiceTimeout"]) < 3_600


def test_the_function_runs_like_the_others_and_logs_to_a_group_of_its_own(dev: Synthesized) -> None:
    function = dev.function("notifications")
    record = dev.function("record")
    for name in ("Runtime", "Architectures", "Code"):
        assert function[name] == record[name]
    (group,) = (
        one
        for one in dev.of_type("AWS::Logs::LogGroup")
        if one.id == function["LoggingConfig"]["LogGroup"]
    )
    assert group["RetentionInDays"] == 30


def test_no_bucket_is_the_stacks_own(dev: Synthesized) -> None:
    assert dev.of_type("AWS::S3::Bucket") == []


def test_a_stack_without_buckets_has_no_such_function(empty: Synthesized) -> None:
    assert empty.of_type(BUCKET) == empty.of_type(CHECK) == []
    handlers = {function["Handler"] for function in empty.of_type("AWS::Lambda::Function")}
    assert handlers == {f"{service}.handler.handler" for service in SERVICES}


def test_a_bucket_with_a_topic_sends_to_event_bridge_alone(by_topic: Synthesized) -> None:
    assert "Events" not in wiring(by_topic, SOURCES[0]).properties
    assert "Events" in wiring(by_topic, SOURCES[1]).properties
    assert by_topic.one(CHECK)["Topics"] == {SOURCES[0]: TOPIC}


def test_the_ingest_queue_is_subscribed_to_the_topic(by_topic: Synthesized) -> None:
    subscription = by_topic.one("AWS::SNS::Subscription")
    assert subscription.properties == {
        "TopicArn": TOPIC,
        "Protocol": "sqs",
        "Endpoint": by_topic.ingest.arn,
        "Region": "eu-west-1",
        "RawMessageDelivery": True,
    }
    assert by_topic.one(CHECK).id in waits_for(subscription), "nothing is changed before the check"
    assert subscription.id in waits_for(by_topic.function("record")), "tracking begins with it"


def test_that_topic_and_buckets_of_the_account_may_send(by_topic: Synthesized) -> None:
    found = {
        one["Principal"]["Service"]: one["Condition"]
        for one in by_topic.queue_policy(by_topic.ingest)
        if one["Effect"] == "Allow"
    }
    assert found["sns.amazonaws.com"] == {"ArnEquals": {"aws:SourceArn": [TOPIC]}}
    assert found["s3.amazonaws.com"] == {
        "StringEquals": {"aws:SourceAccount": "ACCOUNT"},
        "ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"},
    }


def test_two_buckets_may_share_a_topic() -> None:
    topics = ",".join(f"{bucket}={TOPIC}" for bucket in SOURCES)
    stack = synthesize({**BUCKETS, "replication_topics": topics})
    assert len(stack.of_type("AWS::SNS::Subscription")) == 1
    assert [
        one
        for one in stack.queue_policy(stack.ingest)
        if one.get("Principal", {}).get("Service") == "s3.amazonaws.com"
    ] == [], "no source sends by itself"


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_policies_of_the_most_buckets_fit_a_role(full: Synthesized, partition: str) -> None:
    """IAM counts the characters of all inline policies of a role; 10,240 are allowed."""
    role = full.role_of(full.function("notifications"))
    documents = [
        one["PolicyDocument"] for one in full.of_type("AWS::IAM::Policy") if role.id in one["Roles"]
    ]
    assert len(documents) == MAX_TRACKED_BUCKETS + 1, "one a bucket, and one for the log"
    text = json.dumps(documents, separators=(",", ":")).replace("arn:aws:", f"arn:{partition}:")
    reference = len(":logs:ap-southeast-1:111122223333:log-group:") + 200
    assert len(text) + reference <= 10_240


def test_the_queue_policy_of_the_most_sources_and_topics_fits() -> None:
    """SQS allows 8,192 bytes."""
    names = [f"{number:02d}-{'x' * 46}" for number in range(MAX_TRACKED_BUCKETS)]
    prefix = TOPIC.removesuffix("theirs")
    size = len(prefix) + 10
    few = [f"{prefix}{number:010d}" for number in range(MAX_TOPICS_BYTES // size)]
    topics = ",".join(f"{name}={topic}" for name, topic in zip(names, few, strict=False))
    stack = synthesize({"source_buckets": ",".join(names), "replication_topics": topics})
    statements = stack.queue_policy(stack.ingest)
    text = json.dumps({"Statement": statements}, separators=(",", ":"))
    assert len(statements) <= 20
    references = 100 * len(statements)
    assert len(text.replace("arn:aws:s3", "arn:aws-us-gov:s3")) + references <= 8_192
