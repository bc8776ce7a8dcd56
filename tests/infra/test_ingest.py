"""Every event of a tracked bucket reaches the ingest queue, and nothing else does."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.config import MAX_BUCKETS
from infra.ingest import VISIBILITY_TIMEOUT
from replication.aws.table.frontier import RETURNED_SECONDS
from tests.infra.conftest import DESTINATIONS, SOURCES
from tests.infra.patterns import matches
from tests.infra.synthesized import Resource, Synthesized, listed, synthesize

TRACKED = sorted({*SOURCES, *DESTINATIONS})


def rules(stack: Synthesized) -> list[Resource]:
    """Those that match events."""
    return [
        rule for rule in stack.of_type("AWS::Events::Rule") if "EventPattern" in rule.properties
    ]


def schedules(stack: Synthesized, target: str) -> list[Resource]:
    """Those that run on a schedule, for one target."""
    return [
        rule
        for rule in stack.of_type("AWS::Events::Rule")
        if "ScheduleExpression" in rule.properties and rule["Targets"][0]["Arn"] == target
    ]


def let_in(stack: Synthesized, event: dict[str, Any]) -> int:
    """How many times the rules put an event into a queue."""
    return sum(matches(rule["EventPattern"], event) for rule in rules(stack))


def test_the_mark_of_a_message_given_back_outlives_the_time_it_is_invisible() -> None:
    """By then it was received again, and was either processed or marked anew."""
    assert 2 * VISIBILITY_TIMEOUT.to_seconds() < RETURNED_SECONDS


def object_event(detail_type: str, bucket: str) -> dict[str, Any]:
    return {
        "source": "aws.s3",
        "detail-type": detail_type,
        "detail": {"bucket": {"name": bucket}, "object": {"key": "k"}},
    }


def api_call(name: str, bucket: str) -> dict[str, Any]:
    return {
        "source": "aws.s3",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "eventSource": "s3.amazonaws.com",
            "eventName": name,
            "requestParameters": {"bucketName": bucket},
        },
    }


@pytest.mark.parametrize(
    "detail_type",
    [
        "Object Created",
        "Object Deleted",
        "Object Tags Added",
        "Object Tags Deleted",
        "Object ACL Updated",
        "Object Retention Updated",
    ],
)
def test_each_object_event_of_each_tracked_bucket_comes_in_once(
    dev: Synthesized, detail_type: str
) -> None:
    for bucket in TRACKED:
        assert let_in(dev, object_event(detail_type, bucket)) == 1, bucket
    assert let_in(dev, object_event(detail_type, "orders-2")) == 0


def test_an_event_that_says_nothing_of_replication_stays_out(dev: Synthesized) -> None:
    assert let_in(dev, object_event("Object Access Tier Changed", SOURCES[0])) == 0


@pytest.mark.parametrize("call", ["PutBucketReplication", "DeleteBucketReplication"])
def test_a_changed_replication_configuration_of_a_source_comes_in(
    dev: Synthesized, call: str
) -> None:
    for bucket in SOURCES:
        assert let_in(dev, api_call(call, bucket)) == 1
    assert let_in(dev, api_call(call, "shared-b")) == 0, "a destination has no rules of ours"
    assert let_in(dev, api_call("PutBucketPolicy", SOURCES[0])) == 0


def test_recorded_payloads_get_through(dev: Synthesized) -> None:
    """The rules match the payloads that other tests give to the recorder."""
    events = Path(__file__).parents[1] / "events"
    for name, count in {
        "eventbridge-cloudtrail-put-replication.json": 1,
        "eventbridge-cloudtrail-delete-replication.json": 1,
        "eventbridge-cloudtrail-other-call.json": 0,
        "eventbridge-delete-marker-created.json": 1,
        "eventbridge-object-retention-updated.json": 1,
        "eventbridge-object-annotation-created.json": 0,
    }.items():
        event = json.loads((events / name).read_text())
        detail = event["detail"]
        if "bucket" in detail:
            detail["bucket"]["name"] = SOURCES[0]
        else:
            detail["requestParameters"]["bucketName"] = SOURCES[0]
        assert let_in(dev, event) == count, name


def test_every_rule_feeds_the_ingest_queue_and_none_retries_for_ever(dev: Synthesized) -> None:
    assert rules(dev)
    assert schedules(dev, dev.ingest.arn)
    for rule in rules(dev) + schedules(dev, dev.ingest.arn):
        (target,) = rule["Targets"]
        assert target["Arn"] == dev.ingest.arn
        assert target["DeadLetterConfig"]["Arn"] == dev.ingest_dead_letters.arn
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 86_400
        assert "InputTransformer" not in target, "the envelope goes in as it is"
        assert "Input" not in target
        assert "InputPath" not in target


def test_nothing_but_the_rules_and_the_sources_may_send(dev: Synthesized) -> None:
    allowed = [s for s in dev.queue_policy(dev.ingest) if s["Effect"] == "Allow"]
    senders: dict[str, set[str]] = {}
    for statement in allowed:
        service = statement["Principal"]["Service"]
        condition = statement["Condition"]
        sources = (condition.get("ArnEquals") or condition["ArnLike"])["aws:SourceArn"]
        senders.setdefault(service, set()).update(listed(sources))
    assert senders == {
        "events.amazonaws.com": {rule.arn for rule in rules(dev) + schedules(dev, dev.ingest.arn)},
        "s3.amazonaws.com": {"arn:aws:s3:::*"},
    }


def test_a_bucket_recreated_in_another_account_may_not_send(dev: Synthesized) -> None:
    (statement,) = (
        statement
        for statement in dev.queue_policy(dev.ingest)
        if statement["Principal"].get("Service") == "s3.amazonaws.com"
    )
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "ACCOUNT"}


def test_every_queue_is_encrypted_and_refuses_plain_http(stack: Synthesized) -> None:
    for queue in stack.of_type("AWS::SQS::Queue"):
        assert queue["SqsManagedSseEnabled"] is True
        refusals = [
            s
            for s in stack.queue_policy(queue)
            if s["Effect"] == "Deny" and s["Action"] != "sqs:SendMessage"
        ]
        assert refusals == [
            {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "sqs:*",
                "Resource": queue.arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ]


def test_every_message_has_time_for_six_attempts_of_the_function(stack: Synthesized) -> None:
    timeout = stack.function("record")["Timeout"]
    assert timeout == 60, "longer than one request that hangs, retries included"
    assert stack.ingest["VisibilityTimeout"] == 6 * timeout
    assert stack.ingest["RedrivePolicy"]["maxReceiveCount"] == 50


def test_a_message_is_given_up_before_the_queue_forgets_it(stack: Synthesized) -> None:
    tried = stack.ingest["RedrivePolicy"]["maxReceiveCount"] * stack.ingest["VisibilityTimeout"]
    assert tried < stack.ingest["MessageRetentionPeriod"]


def test_dead_letters_stay_for_two_weeks_and_longer_than_what_waits(stack: Synthesized) -> None:
    fortnight = 14 * 24 * 3600
    for queue in stack.all_dead_letters:
        assert queue["MessageRetentionPeriod"] == fortnight
    assert stack.ingest["MessageRetentionPeriod"] < fortnight


def test_without_buckets_there_is_no_rule(empty: Synthesized) -> None:
    assert rules(empty) == []
    assert schedules(empty, empty.ingest.arn) == []


def test_configurations_are_read_again_every_minute(dev: Synthesized) -> None:
    (rule,) = schedules(dev, dev.ingest.arn)
    assert rule["ScheduleExpression"] == "rate(1 minute)"


def test_pending_versions_are_reconciled_on_a_schedule(stack: Synthesized) -> None:
    function = stack.function("reconcile")
    (rule,) = schedules(stack, function.arn)
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    windows = stack.by_arn(stack.event_source("reconcile")["EventSourceArn"])
    assert windows["VisibilityTimeout"] >= 6 * function["Timeout"]
    assert stack.variables("reconcile")["RECONCILE_QUEUE_URL"] == windows.id


def test_the_largest_context_keeps_to_the_limits_of_aws(full: Synthesized) -> None:
    for rule in rules(full):
        assert len(_compact(rule["EventPattern"])) <= 2_048
    for queue in full.of_type("AWS::SQS::Queue"):
        statements = full.queue_policy(queue)
        assert len(statements) <= 20
        # References are longer when they are real ARNs.
        assert len(_compact({"Statement": statements})) + 100 * len(statements) <= 8_192
    for function in full.of_type("AWS::Lambda::Function"):
        variables = function.properties.get("Environment", {}).get("Variables", {})
        assert sum(len(name) + len(value) for name, value in variables.items()) <= 4_096
    assert len(full.resources) <= 500


def test_the_largest_context_still_catches_every_bucket_once(full: Synthesized) -> None:
    names = {*full.topology.sources, *full.topology.destinations}
    assert len(names) == MAX_BUCKETS
    for name in names:
        assert let_in(full, object_event("Object Created", name)) == 1


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def test_only_services_and_named_operators_may_send_events() -> None:
    role = "arn:aws:iam::123456789012:role/operator"
    for operators, exception in (("", None), (role, [role])):
        stack = synthesize({"source_buckets": "orders", "operators": operators})
        (denied,) = (
            statement
            for policy in stack.of_type("AWS::SQS::QueuePolicy")
            if stack.ingest.id in policy["Queues"]
            for statement in policy["PolicyDocument"]["Statement"]
            if statement.get("Sid") == "OnlyServicesAndOperatorsSend"
        )
        assert denied["Effect"] == "Deny"
        assert denied["Action"] == "sqs:SendMessage"
        assert denied["Principal"] == {"AWS": "*"}
        condition = denied["Condition"]
        assert condition["Bool"] == {"aws:PrincipalIsAWSService": "false"}
        named = condition.get("ArnNotLike", {}).get("aws:PrincipalArn", [])
        assert listed(named) == (exception or [])
