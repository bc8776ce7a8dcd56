"""Least privilege: exactly what each role may do, and on which resources."""

import re
from collections.abc import Mapping

import pytest

from tests.infra.conftest import DESTINATIONS, SOURCES
from tests.infra.synthesized import SERVICES, Resource, Synthesized, listed

NO_RESOURCE = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "dynamodb:ListStreams",
}
"""Actions for which AWS defines no resource."""

NAMED = r"arn:aws:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/\*)?"
"""A bucket, or its objects."""

Allowed = Mapping[str, frozenset[str]]
"""Action to the resources it is allowed on."""


def allowed(stack: Synthesized, role: Resource) -> Allowed:
    found: dict[str, set[str]] = {}
    for statement in stack.statements(role):
        assert statement["Effect"] == "Allow"
        assert "NotAction" not in statement
        assert "NotResource" not in statement
        for action in listed(statement["Action"]):
            found.setdefault(action, set()).update(listed(statement["Resource"]))
    return {action: frozenset(resources) for action, resources in found.items()}


def of_function(stack: Synthesized, service: str) -> Allowed:
    return allowed(stack, stack.role_of(stack.function(service)))


def on(resource: str, *actions: str) -> Allowed:
    return dict.fromkeys(actions, frozenset({resource}))


def every_function(stack: Synthesized, service: str) -> Allowed:
    """Its own log, and traces where there are any."""
    log_group = f"{stack.function(service)['LoggingConfig']['LogGroup']}.Arn"
    traces = on("*", "xray:PutTraceSegments", "xray:PutTelemetryRecords")
    return {
        **on(log_group, "logs:CreateLogStream", "logs:PutLogEvents"),
        **(traces if service == "query" else {}),
    }


def arns(*names: str) -> frozenset[str]:
    return frozenset(f"arn:aws:s3:::{name}" for name in names)


def consumes(queue: Resource) -> Allowed:
    """What Lambda needs to read a queue for a function."""
    return on(
        queue.arn,
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
    )


def reads_stream(stack: Synthesized, service: str) -> Allowed:
    """What Lambda needs to read the table's stream for a function, and to report what failed."""
    return {
        **on(
            f"{stack.table.id}.StreamArn",
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
        ),
        **on("*", "dynamodb:ListStreams"),
        **on(
            stack.dead_letters(service).arn,
            "sqs:SendMessage",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
        ),
    }


def publishes(stack: Synthesized, topic: Resource) -> Allowed:
    """SNS encrypts on the publisher's behalf."""
    key = stack.one("AWS::KMS::Key").arn
    return {**on(topic.arn, "sns:Publish"), **on(key, "kms:Decrypt", "kms:GenerateDataKey*")}


def writes_ledger(stack: Synthesized) -> Allowed:
    return on(
        stack.table.arn,
        "dynamodb:Query",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:PartiQLInsert",
        "dynamodb:PartiQLUpdate",
    )


def heads(*names: str) -> Allowed:
    objects = arns(*(f"{name}/*" for name in names))
    return {
        "s3:ListBucket": arns(*names),
        "s3:GetObjectVersion": objects,
        "s3:GetObjectVersionTagging": objects,
    }


def recorder_without_buckets(stack: Synthesized) -> Allowed:
    return {
        **every_function(stack, "record"),
        **consumes(stack.ingest),
        **on(stack.ingest_dead_letters.arn, "sqs:SendMessage"),
        **writes_ledger(stack),
    }


def test_the_recorder_writes_the_ledger_and_reads_tracked_buckets(dev: Synthesized) -> None:
    assert of_function(dev, "record") == {
        **recorder_without_buckets(dev),
        "s3:GetReplicationConfiguration": arns(*SOURCES),
        "s3:ListBucketVersions": arns(*SOURCES),
        **heads(*SOURCES, *DESTINATIONS),
    }


def test_the_recorder_may_touch_no_bucket_that_is_not_tracked(empty: Synthesized) -> None:
    assert of_function(empty, "record") == recorder_without_buckets(empty)


def test_the_announcer_reads_the_stream_and_publishes_failures(stack: Synthesized) -> None:
    assert of_function(stack, "announce") == {
        **every_function(stack, "announce"),
        **reads_stream(stack, "announce"),
        **publishes(stack, stack.failure_topic),
    }


def test_the_query_function_reads_the_ledger_and_asks_for_reads_of_rules(
    stack: Synthesized,
) -> None:
    windows = stack.by_arn(stack.event_source("reconcile")["EventSourceArn"])
    indexes = (f"{stack.table.arn}/index/{name}" for name in ("routes", "held"))
    ledger = frozenset({stack.table.arn, *indexes})
    assert of_function(stack, "query") == {
        **every_function(stack, "query"),
        "dynamodb:Query": ledger,
        "dynamodb:GetItem": ledger,
        # The doctor says which addresses have not confirmed their subscription.
        **on(stack.incident_topic.arn, "sns:ListSubscriptionsByTopic"),
        # What is in this queue only has S3 read.
        **on(windows.arn, "sqs:SendMessage"),
    }


def test_the_notifications_function_changes_those_of_tracked_buckets_only(
    dev: Synthesized,
) -> None:
    log_group = f"{dev.function('notifications')['LoggingConfig']['LogGroup']}.Arn"
    assert of_function(dev, "notifications") == {
        "s3:*BucketNotification": arns(*SOURCES, *DESTINATIONS),
        **on(log_group, "logs:CreateLogStream", "logs:PutLogEvents"),
    }


def test_no_action_is_allowed_on_everything_that_aws_lets_one_narrow(stack: Synthesized) -> None:
    for role in stack.of_type("AWS::IAM::Role"):
        for action, resources in allowed(stack, role).items():
            assert action != "*"
            assert not action.endswith(":*")
            if "*" in resources:
                assert action in NO_RESOURCE, role.id


def test_no_role_has_a_managed_policy_but_the_gateways(stack: Synthesized) -> None:
    managed = {
        str(policy)
        for role in stack.of_type("AWS::IAM::Role")
        for policy in role.properties.get("ManagedPolicyArns", [])
    }
    assert managed == {"arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"}


def test_the_stacks_own_managed_policies_are_about_named_buckets(
    dev: Synthesized, full: Synthesized
) -> None:
    """Few buckets stand in the policies of the functions' roles."""
    handler = dev.role_of(dev.function("notifications")).id
    assert [one["Roles"] for one in dev.of_type("AWS::IAM::ManagedPolicy")] == [[handler]]
    for policy in full.of_type("AWS::IAM::ManagedPolicy"):
        for statement in policy["PolicyDocument"]["Statement"]:
            assert all(re.fullmatch(NAMED, one) for one in listed(statement["Resource"]))


def test_every_action_on_the_most_buckets_is_allowed_on_each_of_them(full: Synthesized) -> None:
    topology = full.topology
    sources, tracked = topology.sources, (*topology.sources, *topology.destinations)
    assert (
        of_function(full, "record").items()
        >= {
            "s3:GetReplicationConfiguration": arns(*sources),
            "s3:ListBucketVersions": arns(*sources),
            **heads(*tracked),
        }.items()
    )
    assert (
        of_function(full, "reconcile").items()
        >= {
            "s3:GetBucketVersioning": arns(*tracked),
            **heads(*tracked),
        }.items()
    )


def test_only_services_may_assume_a_role(stack: Synthesized) -> None:
    for role in stack.of_type("AWS::IAM::Role"):
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            assert statement["Action"] == "sts:AssumeRole"
            assert statement["Principal"] in (
                {"Service": "lambda.amazonaws.com"},
                {"Service": "apigateway.amazonaws.com"},
            )


WRITERS = {"record", "reconcile", "backfill"}


@pytest.mark.parametrize("service", SERVICES)
def test_only_the_recorder_reconciler_and_backfill_may_write_the_ledger(
    stack: Synthesized, service: str
) -> None:
    """summarize may write too, but no item of an object version (see its own test below)."""
    writes = {
        action
        for statement in stack.statements(stack.role_of(stack.function(service)))
        for action in listed(statement["Action"])
        if action.startswith("dynamodb:")
        and any(word in action for word in ("Put", "Update", "Delete", "Insert", "BatchWrite"))
        and "dynamodb:LeadingKeys" not in str(statement.get("Condition"))
    }
    assert bool(writes) is (service in WRITERS)


def test_the_reconciler_reads_tracked_buckets_and_writes_the_ledger(dev: Synthesized) -> None:
    windows = dev.by_arn(dev.event_source("reconcile")["EventSourceArn"])
    index = f"{dev.table.arn}/index/routes"
    (rule,) = (one for one in dev.of_type("AWS::Events::Rule") if "Objects" in one.id)
    assert of_function(dev, "reconcile") == {
        **every_function(dev, "reconcile"),
        **consumes(windows),
        **on(windows.arn, "sqs:SendMessage"),
        **writes_ledger(dev),
        "dynamodb:Query": frozenset({dev.table.arn, index}),
        **heads(*SOURCES, *DESTINATIONS),
        **on(rule.arn, "events:DescribeRule", "events:ListTargetsByRule"),
        "s3:GetBucketVersioning": arns(*SOURCES, *DESTINATIONS),
        "s3:GetBucketNotification": arns(*SOURCES, *DESTINATIONS),
        "s3:GetEncryptionConfiguration": arns(*SOURCES, *DESTINATIONS),
        "s3:GetReplicationConfiguration": arns(*SOURCES),
        "s3:ListBucketVersions": arns(*SOURCES),
    }


def test_the_backfill_reads_inventories_and_writes_what_they_list(lists: Synthesized) -> None:
    deliveries = lists.by_arn(lists.event_source("backfill")["EventSourceArn"])
    tracked = heads(*SOURCES, *DESTINATIONS)
    assert of_function(lists, "backfill") == {
        **every_function(lists, "backfill"),
        **consumes(deliveries),
        **on(deliveries.arn, "sqs:SendMessage"),
        **writes_ledger(lists),
        **tracked,
        "s3:GetReplicationConfiguration": arns(*SOURCES),
        "s3:ListBucketVersions": arns(*SOURCES),
        "s3:ListBucket": tracked["s3:ListBucket"] | arns("lists"),
        "s3:GetObject": arns("lists/*"),
    }


def test_the_summarizer_reads_the_indexes_and_writes_views_alone(stack: Synthesized) -> None:
    indexes = {f"{stack.table.arn}/index/{name}" for name in ("routes", "held")}
    views = on(
        stack.table.arn,
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
    )
    assert of_function(stack, "summarize") == {
        **every_function(stack, "summarize"),
        **reads_stream(stack, "summarize"),
        **views,
        "dynamodb:Query": frozenset({stack.table.arn, *indexes}),
        **publishes(stack, stack.incident_topic),
    }
    for statement in stack.statements(stack.role_of(stack.function("summarize"))):
        if stack.table.arn in listed(statement["Resource"]):
            # Items of object versions begin with the name of a bucket, which has no `#`.
            assert statement["Condition"] == {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["#*"]}
            }


def test_the_api_may_call_the_query_function_and_schedules_those_that_have_one(
    stack: Synthesized,
) -> None:
    rest = stack.one("AWS::ApiGateway::RestApi").id
    stage = stack.one("AWS::ApiGateway::Stage").id
    permissions = stack.of_type("AWS::Lambda::Permission")
    called = {(one["Principal"], one["FunctionName"]) for one in permissions}
    assert called == {
        ("apigateway.amazonaws.com", stack.function("query").arn),
        ("events.amazonaws.com", stack.function("reconcile").arn),
        ("events.amazonaws.com", stack.function("summarize").arn),
    }
    for permission in permissions:
        if permission["Principal"] == "apigateway.amazonaws.com":
            arrival = "/v1/buckets/*/arrival"
            paths = ("GET/v1/*", "GET/v1/buckets/*/object/wait", f"GET{arrival}", f"POST{arrival}")
            assert permission["SourceArn"].partition(f":{rest}/{stage}/")[2] in paths
        else:
            (rule,) = (
                r for r in stack.of_type("AWS::Events::Rule") if r.arn == permission["SourceArn"]
            )
            assert "ScheduleExpression" in rule.properties
