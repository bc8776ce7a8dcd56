"""Redrives: deployed on request alone, for operators alone, with a role that can do little."""

import json
import re
from typing import Any

import pytest

from infra.config import ContextError
from tests.infra.conftest import BUCKETS, DESTINATIONS, OPERATOR, SOURCES
from tests.infra.functions.test_query import paths
from tests.infra.synthesized import ROOT, Resource, Synthesized, listed, synthesize
from tests.infra.test_grants import allowed, arns, consumes, every_function, of_function, on

QUERY, REDRIVE = "query", "redrive"


def jobs_bucket(stack: Synthesized) -> Resource:
    return stack.one("AWS::S3::Bucket")


def batch_role(stack: Synthesized) -> Resource:
    (role,) = (
        one
        for one in stack.of_type("AWS::IAM::Role")
        if "batchoperations" in str(one["AssumeRolePolicyDocument"])
    )
    return role


def test_nothing_of_it_is_deployed_otherwise(dev: Synthesized) -> None:
    assert not dev.of_type("AWS::S3::Bucket")
    assert "redrive" not in str(dev.template).lower().replace("redrivepolicy", "").replace(
        "redrive_queue_url", ""
    ).replace("s3rt dead-letters redrive", "").replace("dlq redrive", "").replace(
        "console's redrive", ""
    )


def test_it_needs_operators() -> None:
    with pytest.raises(ContextError, match="redrive=true needs operators"):
        synthesize({**BUCKETS, "redrive": "true"})


def test_what_costs_money_is_a_method_of_its_own(redriven: Synthesized) -> None:
    known = paths(redriven)
    methods = {
        (known[one["ResourceId"]], one["HttpMethod"]): one["Integration"]["Uri"]
        for one in redriven.of_type("AWS::ApiGateway::Method")
        if "redrives" in known[one["ResourceId"]]
    }
    served = {
        name: next(f for f in (QUERY, REDRIVE) if redriven.function(f).id in uri)
        for name, uri in methods.items()
    }
    assert served == {
        ("/v1/redrives", "GET"): QUERY,
        ("/v1/redrives", "POST"): REDRIVE,
        ("/v1/redrives/{redrive_id}", "GET"): QUERY,
        ("/v1/redrives/{redrive_id}", "DELETE"): REDRIVE,
    }
    for one in redriven.of_type("AWS::ApiGateway::Method"):
        assert one["AuthorizationType"] == "AWS_IAM"


def test_whoever_is_no_operator_is_denied_whatever_his_policy_says(
    redriven: Synthesized, dev: Synthesized
) -> None:
    policy = redriven.one("AWS::ApiGateway::RestApi")["Policy"]
    (statement,) = policy["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": [OPERATOR]}}
    assert sorted(statement["Resource"]) == [
        "execute-api:/*/DELETE/v1/redrives/*",
        "execute-api:/*/POST/v1/redrives",
    ]
    assert "Policy" not in dev.one("AWS::ApiGateway::RestApi").properties


def test_the_function_may_do_what_it_does_and_no_more(redriven: Synthesized) -> None:
    stack, bucket = redriven, jobs_bucket(redriven)
    queue = stack.by_arn(stack.event_source(REDRIVE)["EventSourceArn"])
    backfill = stack.by_arn(stack.event_source("backfill")["EventSourceArn"])
    manifests, reports = f"{bucket.arn}/manifests/*", f"{bucket.arn}/reports/*"
    sources = arns(*(f"{name}/*" for name in SOURCES))
    job = "arn:aws:s3:REGION:ACCOUNT:job/*"
    assert of_function(stack, REDRIVE) == {
        **every_function(stack, REDRIVE),
        **consumes(queue),
        "sqs:SendMessage": frozenset({queue.arn, backfill.arn}),
        **on(stack.table.arn, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"),
        "dynamodb:Query": frozenset({stack.table.arn, f"{stack.table.arn}/index/routes"}),
        "s3:ListBucket": arns(*SOURCES) | {bucket.arn},
        **dict.fromkeys(
            (
                "s3:GetObjectVersion",
                "s3:GetObjectVersionTagging",
                "s3:GetObjectRetention",
                "s3:GetObjectLegalHold",
            ),
            sources,
        ),
        "s3:GetBucketObjectLockConfiguration": arns(*SOURCES, *DESTINATIONS),
        "s3:GetObject": frozenset({manifests, reports}),
        **on(manifests, "s3:PutObject", "s3:AbortMultipartUpload"),
        **on("*", "s3:CreateJob"),
        **on(job, "s3:DescribeJob", "s3:UpdateJobStatus"),
        **on(batch_role(stack).arn, "iam:PassRole"),
    }


def condition(stack: Synthesized, role: Resource, action: str) -> Any:
    (found,) = (
        one.get("Condition") for one in stack.statements(role) if action in listed(one["Action"])
    )
    return found


def test_its_writes_and_its_jobs_are_of_one_kind(redriven: Synthesized) -> None:
    role = redriven.role_of(redriven.function(REDRIVE))
    own = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["#redrives*"]}}
    assert condition(redriven, role, "dynamodb:PutItem") == own
    replicate = {"StringEquals": {"s3:RequestJobOperation": "S3ReplicateObject"}}
    assert condition(redriven, role, "s3:CreateJob") == replicate
    service = {"StringEquals": {"iam:PassedToService": "batchoperations.s3.amazonaws.com"}}
    assert condition(redriven, role, "iam:PassRole") == service


def test_the_role_of_the_jobs_starts_replications_and_knows_no_other_bucket(
    redriven: Synthesized,
) -> None:
    bucket = jobs_bucket(redriven)
    assert allowed(redriven, batch_role(redriven)) == {
        "s3:InitiateReplication": arns(*(f"{name}/*" for name in SOURCES)),
        **on(f"{bucket.arn}/manifests/*", "s3:GetObject"),
        **on(f"{bucket.arn}/reports/*", "s3:PutObject"),
    }


def test_the_backfill_reads_its_reports(redriven: Synthesized, dev: Synthesized) -> None:
    bucket, before = jobs_bucket(redriven), of_function(dev, "backfill")
    after = of_function(redriven, "backfill")
    assert after["s3:GetObject"] == {f"{bucket.arn}/reports/*"}
    assert after["s3:ListBucket"] == before["s3:ListBucket"] | {bucket.arn}


def test_the_bucket_is_closed_encrypted_and_forgets(redriven: Synthesized) -> None:
    bucket = jobs_bucket(redriven)
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["BucketEncryption"]
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 90
    assert rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 1


def test_it_goes_on_by_its_own_queue(redriven: Synthesized) -> None:
    assert redriven.function(REDRIVE)["RecursiveLoop"] == "Allow"


def test_events_of_jobs_and_a_tick_go_to_its_queue(redriven: Synthesized) -> None:
    queue = redriven.by_arn(redriven.event_source(REDRIVE)["EventSourceArn"])
    rules = [
        one
        for one in redriven.of_type("AWS::Events::Rule")
        if one["Targets"][0]["Arn"] == queue.arn
    ]
    assert sorted(one.properties.get("ScheduleExpression", "") for one in rules) == [
        "",
        "rate(1 minute)",
    ]
    (events,) = (one["EventPattern"] for one in rules if "EventPattern" in one.properties)
    assert events["detail"]["eventName"] == ["JobStatusChanged"]
    assert events["detail-type"] == ["AWS Service Event via CloudTrail"]


def test_the_policies_that_the_docs_ship_name_routes_that_are_there(redriven: Synthesized) -> None:
    known = paths(redriven)
    methods = {
        (one["HttpMethod"], known[one["ResourceId"]])
        for one in redriven.of_type("AWS::ApiGateway::Method")
    }
    shipped = {}
    for name in ("reader", "operator"):
        document = json.loads((ROOT / "docs" / "policies" / f"{name}.json").read_text())
        shipped[name] = {
            arn.partition("/prod/")[2]
            for statement in document["Statement"]
            for arn in listed(statement["Resource"])
        }
    # Its POST only asks, with a body that is too long for an address.
    assert shipped["reader"] == {"GET/v1/*", "POST/v1/buckets/*/arrival"}
    others = {
        f"{method}{re.sub('{[a-z_]+}', '*', path)}" for method, path in methods if method != "GET"
    }
    assert shipped["operator"] == shipped["reader"] | others
