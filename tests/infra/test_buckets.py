"""Tracked buckets get our notifications in the right order, by a function that may do just that.

What the function does with them is tested in tests/notifications/, and with CloudFormation in
test_on_emulator.py.
"""

import json

import pytest

from infra.buckets import CHECK, OBJECT_EVENTS, REPLICATION_EVENTS, SET
from infra.config import MAX_BUCKETS, MAX_TOPICS_BYTES
from infra.functions.notifications import ACTION
from infra.limits import MAX_MANAGED_POLICIES
from tests.infra.conftest import BUCKETS, DESTINATIONS, SOURCES
from tests.infra.synthesized import SERVICES, Resource, Synthesized, listed, synthesize

TRACKED = sorted({*SOURCES, *DESTINATIONS})
TOPIC = "arn:aws:sns:eu-west-1:111122223333:theirs"


@pytest.fixture(scope="module")
def by_topic() -> Synthesized:
    """One of the sources sends its replication events to somebody's topic already."""
    return synthesize({**BUCKETS, "replication_topics": f"{SOURCES[0]}={TOPIC}"})


def permissions(stack: Synthesized) -> dict[str, set[str]]:
    """The buckets that each policy of the function names, by the policy's id."""
    return {
        one.id: {resource.removeprefix("arn:aws:s3:::") for resource in listed(found["Resource"])}
        for one in stack.of_type("AWS::IAM::ManagedPolicy")
        for found in one["PolicyDocument"]["Statement"]
        if found["Action"] == ACTION
    }


def waits_for(resource: Resource) -> set[str]:
    return set(listed(resource.raw.get("DependsOn", [])))


def test_every_tracked_bucket_is_wired_once(dev: Synthesized) -> None:
    found = dev.one(SET)
    assert sorted([*found["Sources"], *found["Others"]]) == TRACKED


def test_sources_alone_send_their_replication_events_to_the_ingest_queue(dev: Synthesized) -> None:
    found = dev.one(SET)
    assert found["Sources"] == sorted(SOURCES)
    assert found["Events"] == list(REPLICATION_EVENTS)
    assert found["TargetArn"] == dev.ingest.arn


def test_the_entry_has_one_id_for_all_deployments_of_a_stage(
    dev: Synthesized, prod: Synthesized
) -> None:
    for stage, stack in {"dev": dev, "prod": prod}.items():
        for one in (*stack.of_type(SET), *stack.of_type(CHECK)):
            assert one["NotificationId"] == f"S3ReplicationTracker-{stage}"


def test_all_buckets_are_checked_before_any_is_changed(dev: Synthesized) -> None:
    check = dev.one(CHECK)
    assert check["Buckets"] == TRACKED
    assert sorted(check["Sources"]) == sorted(SOURCES)
    assert check["Events"] == list(REPLICATION_EVENTS)
    assert {*permissions(dev)} <= waits_for(check)
    assert check.id in waits_for(dev.one(SET))


def test_the_permission_to_unwire_a_bucket_outlives_its_wiring(dev: Synthesized) -> None:
    """A policy whose buckets change is another resource: CloudFormation makes the new one before
    the wiring is updated, and deletes the old one after everything else."""
    fewer = synthesize({"source_buckets": SOURCES[0]})
    assert set().union(*permissions(dev).values()) == {*TRACKED}
    assert {*permissions(dev)} <= waits_for(dev.one(SET))
    assert permissions(dev).keys().isdisjoint(permissions(fewer))
    assert permissions(dev).keys() == permissions(synthesize(BUCKETS)).keys()


def test_the_queue_policy_comes_before_the_notification_that_names_the_queue(
    dev: Synthesized,
) -> None:
    (policy,) = (
        policy.id
        for policy in dev.of_type("AWS::SQS::QueuePolicy")
        if dev.ingest.id in policy["Queues"]
    )
    assert policy in waits_for(dev.one(SET))


def test_the_recorder_first_looks_at_a_source_when_its_events_are_on(dev: Synthesized) -> None:
    """What it sees then is where tracking begins."""
    assert {one.id for one in dev.of_type(SET)} <= waits_for(dev.function("record"))


def test_a_function_that_does_not_start_holds_nobody_up_for_an_hour(dev: Synthesized) -> None:
    for one in (*dev.of_type(SET), *dev.of_type(CHECK)):
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
    assert empty.of_type(SET) == empty.of_type(CHECK) == []
    handlers = {function["Handler"] for function in empty.of_type("AWS::Lambda::Function")}
    assert handlers == {f"{service}.handler.handler" for service in SERVICES}


def test_a_bucket_with_a_topic_sends_to_event_bridge_alone(by_topic: Synthesized) -> None:
    assert by_topic.one(SET)["Sources"] == [SOURCES[1]]
    assert SOURCES[0] in by_topic.one(SET)["Others"]
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


def test_the_policies_of_the_most_buckets_fit_a_role_twice(full: Synthesized) -> None:
    """While they are replaced it has both; that each fits is tested in test_limits.py."""
    found = permissions(full)
    assert len(set().union(*found.values())) == MAX_BUCKETS
    assert 2 * len(found) <= MAX_MANAGED_POLICIES


def test_the_queue_policy_of_the_most_sources_and_topics_fits() -> None:
    """SQS allows 8,192 bytes."""
    names = [f"{number:02d}-{'x' * 46}" for number in range(MAX_BUCKETS)]
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


@pytest.fixture(scope="module")
def by_s3() -> Synthesized:
    """Object events come as notifications; one source's replication events go to a topic."""
    topics = f"{SOURCES[0]}={TOPIC}"
    return synthesize({**BUCKETS, "object_events": "s3", "replication_topics": topics})


def test_every_bucket_sends_its_object_events_to_the_queue(by_s3: Synthesized) -> None:
    found = by_s3.one(SET)
    assert found["ObjectEvents"] == list(OBJECT_EVENTS)
    assert found["Sources"] == list(SOURCES[1:])
    assert sorted([*found["Sources"], *found["Others"]]) == TRACKED
    check = by_s3.one(CHECK)
    assert check["ObjectEvents"] == list(OBJECT_EVENTS)
    assert check["Events"] == list(REPLICATION_EVENTS)


def test_every_bucket_may_then_send_and_no_rule_or_archive_of_objects_is_left(
    by_s3: Synthesized,
) -> None:
    (statement,) = (
        one
        for one in by_s3.queue_policy(by_s3.ingest)
        if one.get("Principal", {}).get("Service") == "s3.amazonaws.com"
    )
    assert statement["Condition"]["ArnLike"]["aws:SourceArn"] == "arn:aws:s3:::*"
    patterns = [
        one["EventPattern"]
        for one in by_s3.of_type("AWS::Events::Rule")
        if "EventPattern" in one.properties
    ]
    assert [one["detail-type"] for one in patterns] == [["AWS API Call via CloudTrail"]]
    assert by_s3.of_type("AWS::Events::Archive") == []
    assert "ArchiveArns" not in by_s3.outputs
    assert any("no archive" in one for one in by_s3.warnings)
    assert by_s3.variables("reconcile")["OBJECT_EVENTS"] == "s3"


def test_by_eventbridge_a_bucket_sends_no_object_events(dev: Synthesized) -> None:
    for one in (*dev.of_type(SET), *dev.of_type(CHECK)):
        assert "ObjectEvents" not in one.properties
    assert dev.variables("reconcile")["OBJECT_EVENTS"] == "eventbridge"
    assert not any("archive" in one for one in dev.warnings)
