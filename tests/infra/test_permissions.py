"""Least privilege: for every role, what it may do and on what, and nothing else."""

from collections.abc import Mapping

import pytest

from tests.infra.conftest import BUCKETS, DESTINATIONS, SOURCES
from tests.infra.synthesized import Resource, Synthesized, listed, synthesize

NO_RESOURCE = {
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "dynamodb:ListStreams",
}
"""Actions for which AWS defines no resource."""

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
    """Its own log, and traces."""
    log_group = f"{stack.function(service)['LoggingConfig']['LogGroup']}.Arn"
    return {
        **on(log_group, "logs:CreateLogStream", "logs:PutLogEvents"),
        **on("*", "xray:PutTraceSegments", "xray:PutTelemetryRecords"),
    }


def arns(*names: str) -> frozenset[str]:
    return frozenset(f"arn:aws:s3:::{name}" for name in names)


def recorder_without_buckets(stack: Synthesized) -> Allowed:
    return {
        **every_function(stack, "record"),
        **on(
            stack.ingest.arn,
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
        ),
        **on(stack.ingest_dead_letters.arn, "sqs:SendMessage"),
        **on(
            stack.table.arn,
            "dynamodb:Query",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:PartiQLInsert",
            "dynamodb:PartiQLUpdate",
        ),
    }


def test_the_recorder_writes_the_ledger_and_looks_at_tracked_buckets(dev: Synthesized) -> None:
    tracked = {*SOURCES, *DESTINATIONS}
    objects = arns(*(f"{name}/*" for name in tracked))
    assert of_function(dev, "record") == {
        **recorder_without_buckets(dev),
        "s3:GetReplicationConfiguration": arns(*SOURCES),
        "s3:ListBucketVersions": arns(*SOURCES),
        "s3:ListBucket": arns(*tracked),
        "s3:GetObjectVersion": objects,
        "s3:GetObjectVersionTagging": objects,
    }


def test_the_recorder_may_touch_no_bucket_that_is_not_tracked(empty: Synthesized) -> None:
    assert of_function(empty, "record") == recorder_without_buckets(empty)


def test_the_announcer_reads_the_stream_and_publishes_failures(stack: Synthesized) -> None:
    assert of_function(stack, "announce") == {
        **every_function(stack, "announce"),
        **on(
            f"{stack.table.id}.StreamArn",
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
        ),
        **on("*", "dynamodb:ListStreams"),
        **on(stack.failure_topic.arn, "sns:Publish"),
        # SNS encrypts on the publisher's behalf.
        **on(stack.one("AWS::KMS::Key").arn, "kms:Decrypt", "kms:GenerateDataKey*"),
        **on(
            stack.announce_dead_letters.arn,
            "sqs:SendMessage",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
        ),
    }


def test_the_query_function_only_reads_the_ledger(stack: Synthesized) -> None:
    indexes = (f"{stack.table.arn}/index/{name}" for name in ("routes", "held"))
    ledger = frozenset({stack.table.arn, *indexes})
    assert of_function(stack, "query") == {
        **every_function(stack, "query"),
        "dynamodb:Query": ledger,
        "dynamodb:GetItem": ledger,
    }


def test_the_notifications_handler_changes_tracked_buckets_only(dev: Synthesized) -> None:
    token = dev.of_type("Custom::S3BucketNotifications")[0]["ServiceToken"]
    role = dev.role_of(dev.by_arn(token))
    log_group = "arn:aws:logs:REGION:ACCOUNT:log-group:/aws/lambda/S3ReplicationTracker*"
    assert allowed(dev, role) == {
        "s3:*BucketNotification": arns(*SOURCES, *DESTINATIONS),
        **on(log_group, "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
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
    assert stack.of_type("AWS::IAM::ManagedPolicy") == []


def test_only_services_may_assume_a_role(stack: Synthesized) -> None:
    for role in stack.of_type("AWS::IAM::Role"):
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            assert statement["Action"] == "sts:AssumeRole"
            assert statement["Principal"] in (
                {"Service": "lambda.amazonaws.com"},
                {"Service": "apigateway.amazonaws.com"},
            )


@pytest.mark.parametrize("service", ["record", "announce", "query"])
def test_only_the_recorder_may_write_the_ledger(stack: Synthesized, service: str) -> None:
    writes = {
        action
        for action, resources in of_function(stack, service).items()
        if action.startswith("dynamodb:")
        and any(word in action for word in ("Put", "Update", "Delete", "Insert", "BatchWrite"))
        and resources
    }
    assert bool(writes) is (service == "record")


def looks(*names: str) -> Allowed:
    return {
        "s3:ListBucket": arns(*names),
        "s3:GetObjectVersion": arns(*(f"{name}/*" for name in names)),
        "s3:GetObjectVersionTagging": arns(*(f"{name}/*" for name in names)),
    }


def test_the_reconciler_looks_at_tracked_buckets_and_writes_what_it_saw(dev: Synthesized) -> None:
    windows = dev.by_arn(dev.event_source("reconcile")["EventSourceArn"])
    index = f"{dev.table.arn}/index/routes"
    assert of_function(dev, "reconcile") == {
        **every_function(dev, "reconcile"),
        **on(
            windows.arn,
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:SendMessage",
        ),
        **on(
            dev.table.arn,
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:PartiQLInsert",
            "dynamodb:PartiQLUpdate",
        ),
        "dynamodb:Query": frozenset({dev.table.arn, index}),
        **looks(*SOURCES, *DESTINATIONS),
        "s3:GetBucketVersioning": arns(*SOURCES, *DESTINATIONS),
        "s3:GetBucketNotification": arns(*SOURCES, *DESTINATIONS),
        "s3:GetEncryptionConfiguration": arns(*SOURCES, *DESTINATIONS),
    }


def test_the_backfill_reads_inventories_and_writes_what_they_list() -> None:
    built = synthesize({**BUCKETS, "inventory_buckets": "lists"})
    deliveries = built.by_arn(built.event_source("backfill")["EventSourceArn"])
    tracked = looks(*SOURCES, *DESTINATIONS)
    assert of_function(built, "backfill") == {
        **every_function(built, "backfill"),
        **on(
            deliveries.arn,
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
            "sqs:GetQueueUrl",
            "sqs:SendMessage",
        ),
        **on(
            built.table.arn,
            "dynamodb:Query",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:PartiQLInsert",
            "dynamodb:PartiQLUpdate",
        ),
        **tracked,
        "s3:GetReplicationConfiguration": arns(*SOURCES),
        "s3:ListBucketVersions": arns(*SOURCES),
        "s3:ListBucket": tracked["s3:ListBucket"] | arns("lists"),
        "s3:GetObject": arns("lists/*"),
    }


def test_the_summarizer_reads_the_indexes_and_writes_views_alone(stack: Synthesized) -> None:
    indexes = {f"{stack.table.arn}/index/{name}" for name in ("routes", "held")}
    dead_letters = stack.event_source("summarize")["DestinationConfig"]["OnFailure"]["Destination"]
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
        **on(
            f"{stack.table.id}.StreamArn",
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
        ),
        **on("*", "dynamodb:ListStreams"),
        **views,
        "dynamodb:Query": frozenset({stack.table.arn, *indexes}),
        **on(stack.incident_topic.arn, "sns:Publish"),
        **on(stack.one("AWS::KMS::Key").arn, "kms:Decrypt", "kms:GenerateDataKey*"),
        **on(dead_letters, "sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
    }
    for statement in stack.statements(stack.role_of(stack.function("summarize"))):
        if stack.table.arn in listed(statement["Resource"]):
            # Items of object versions begin with the name of a bucket, which has no `#`.
            assert statement["Condition"] == {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["#*"]}
            }


def test_the_api_may_call_the_query_function_and_clocks_those_that_wait_for_one(
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
            assert permission["SourceArn"].endswith(f":{rest}/{stage}/*/v1/*")
        else:
            (rule,) = (
                r for r in stack.of_type("AWS::Events::Rule") if r.arn == permission["SourceArn"]
            )
            assert "ScheduleExpression" in rule.properties
