"""Every request needs SigV4, and even the gateway's own errors are RFC 9457 problems."""

import json
from typing import Any

import pytest

from infra.functions.query import ARRIVAL_PATH, WAIT_PATH
from tests.infra.conftest import BUCKETS
from tests.infra.synthesized import Resource, Synthesized, synthesize

KNOWN_RESPONSES = {
    "ACCESS_DENIED",
    "API_CONFIGURATION_ERROR",
    "AUTHORIZER_CONFIGURATION_ERROR",
    "AUTHORIZER_FAILURE",
    "BAD_REQUEST_BODY",
    "BAD_REQUEST_PARAMETERS",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
    "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE",
    "INTEGRATION_TIMEOUT",
    "INVALID_API_KEY",
    "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN",
    "QUOTA_EXCEEDED",
    "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND",
    "THROTTLED",
    "UNAUTHORIZED",
    "UNSUPPORTED_MEDIA_TYPE",
    "WAF_FILTERED",
}
"""Every gateway response type API Gateway documents."""


def responses(stack: Synthesized) -> dict[str, Resource]:
    return {one["ResponseType"]: one for one in stack.of_type("AWS::ApiGateway::GatewayResponse")}


def paths(stack: Synthesized) -> dict[str, str]:
    """Resource id to path."""
    parts = {one.id: one for one in stack.of_type("AWS::ApiGateway::Resource")}

    def path(resource_id: str) -> str:
        if resource_id not in parts:
            return ""
        resource = parts[resource_id]
        return f"{path(resource['ParentId'])}/{resource['PathPart']}"

    return {resource_id: path(resource_id) for resource_id in parts}


def test_every_method_needs_iam(stack: Synthesized) -> None:
    methods = stack.of_type("AWS::ApiGateway::Method")
    assert methods
    for method in methods:
        assert method["AuthorizationType"] == "AWS_IAM"


def test_every_path_under_v1_reaches_the_query_function_as_it_is(stack: Synthesized) -> None:
    methods = stack.of_type("AWS::ApiGateway::Method")
    known = {(paths(stack)[one["ResourceId"]], one["HttpMethod"]) for one in methods}
    assert known == {
        ("/v1/{proxy+}", "GET"),
        (WAIT_PATH, "GET"),
        (ARRIVAL_PATH, "GET"),
        (ARRIVAL_PATH, "POST"),
    }
    for method in methods:
        assert method["Integration"]["Type"] == "AWS_PROXY"
        assert f"{stack.function('query').id}.Arn/invocations" in method["Integration"]["Uri"]


def test_the_function_gives_up_no_later_than_the_gateway(stack: Synthesized) -> None:
    assert stack.function("query")["Timeout"] <= 29


def test_the_stage_is_throttled_traced_and_logged(stack: Synthesized) -> None:
    stage = stack.one("AWS::ApiGateway::Stage")
    assert stage["StageName"] == "prod"
    assert stage["TracingEnabled"] is True
    (settings,) = (one for one in stage["MethodSettings"] if one["ResourcePath"] == "/*")
    assert settings["ResourcePath"] == "/*"
    assert settings["HttpMethod"] == "*"
    assert settings["ThrottlingRateLimit"] == 100
    assert settings["ThrottlingBurstLimit"] == 200
    assert settings["MetricsEnabled"] is False
    assert settings["DataTraceEnabled"] is False, "bodies hold object keys"


def test_the_access_log_is_json_that_names_the_caller(stack: Synthesized) -> None:
    setting = stack.one("AWS::ApiGateway::Stage")["AccessLogSetting"]
    line = json.loads(setting["Format"])
    assert line["caller"] == "$context.identity.userArn"
    assert {"requestId", "time", "method", "path", "status", "latencyMs"} <= set(line)
    assert "integrationErrorMessage" not in setting["Format"], "it may hold quotes"
    groups = [group.id for group in stack.of_type("AWS::Logs::LogGroup")]
    assert setting["DestinationArn"].rpartition(":log-group:")[2] in groups


def test_the_accounts_logging_role_stays_for_other_apis(stack: Synthesized) -> None:
    account = stack.one("AWS::ApiGateway::Account")
    role = stack.by_arn(account["CloudWatchRoleArn"])
    assert account.raw["DeletionPolicy"] == role.raw["DeletionPolicy"] == "Retain"


def test_every_error_the_gateway_knows_is_a_problem(stack: Synthesized) -> None:
    assert set(responses(stack)) == KNOWN_RESPONSES


@pytest.mark.parametrize("kind", sorted(KNOWN_RESPONSES))
def test_a_problem_says_type_title_status_and_detail(stack: Synthesized, kind: str) -> None:
    response = responses(stack)[kind]
    assert response["ResponseParameters"] == {
        "gatewayresponse.header.Content-Type": "'application/problem+json'"
    }
    (template,) = response["ResponseTemplates"].values()
    # The gateway puts a quoted text in place of the variable.
    body: dict[str, Any] = json.loads(
        template.replace("$context.error.messageString", '"why it was refused"')
    )
    assert set(body) == {"type", "title", "status", "detail"}
    assert body["type"].startswith("urn:problem:s3-replication-tracker:")
    assert body["title"]
    assert body["detail"] == "why it was refused"
    assert str(body["status"]) == response["StatusCode"]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("BAD_REQUEST_BODY", 400),
        ("UNAUTHORIZED", 401),
        ("ACCESS_DENIED", 403),
        ("MISSING_AUTHENTICATION_TOKEN", 403),
        ("RESOURCE_NOT_FOUND", 404),
        ("REQUEST_TOO_LARGE", 413),
        ("THROTTLED", 429),
        ("QUOTA_EXCEEDED", 429),
        ("API_CONFIGURATION_ERROR", 500),
        ("INTEGRATION_FAILURE", 504),
        ("INTEGRATION_TIMEOUT", 504),
    ],
)
def test_a_problem_keeps_the_gateways_own_status(
    stack: Synthesized, kind: str, status: int
) -> None:
    assert responses(stack)[kind]["StatusCode"] == str(status)


def test_the_api_url_takes_a_path_as_it_is(stack: Synthesized) -> None:
    rest = stack.one("AWS::ApiGateway::RestApi").id
    stage = stack.one("AWS::ApiGateway::Stage").id
    assert stack.outputs["ApiUrl"] == f"https://{rest}.execute-api.REGION.amazonaws.com/{stage}"
    assert rest
    assert stack.one("AWS::ApiGateway::RestApi")["EndpointConfiguration"]["Types"] == ["REGIONAL"]


def test_waiting_has_a_limit_of_its_own_below_the_accounts_concurrency(
    stack: Synthesized,
) -> None:
    """A waiting request keeps a function busy for 25 seconds."""
    (wait,) = (
        one
        for one in stack.one("AWS::ApiGateway::Stage")["MethodSettings"]
        if one["ResourcePath"].endswith("~1wait")
    )
    assert wait["ResourcePath"].replace("~1", "/").endswith("/object/wait")
    assert wait["ThrottlingRateLimit"] * 25 <= 100
    paths = {one["PathPart"] for one in stack.of_type("AWS::ApiGateway::Resource")}
    assert {"wait", "{proxy+}"} <= paths


def test_questions_about_sets_have_a_limit_of_their_own(stack: Synthesized) -> None:
    """One of them reads as much as a thousand others."""
    limits = [
        one
        for one in stack.one("AWS::ApiGateway::Stage")["MethodSettings"]
        if one["ResourcePath"].endswith("~1arrival")
    ]
    assert {one["HttpMethod"] for one in limits} == {"GET", "POST"}
    assert all(one["ThrottlingRateLimit"] == 10 for one in limits)


def test_no_metric_of_a_single_method_is_paid_for(stack: Synthesized) -> None:
    settings = stack.one("AWS::ApiGateway::Stage")["MethodSettings"]
    assert not any(one.get("MetricsEnabled") for one in settings)


def test_concurrency_is_reserved_for_the_api_when_that_is_wanted(stack: Synthesized) -> None:
    """An account with a quota of ten can reserve none."""
    limited = synthesize({**BUCKETS, "query_concurrency": "50"})
    reserved = {
        service: limited.function(service).properties.get("ReservedConcurrentExecutions")
        for service in ("query", "record")
    }
    assert reserved == {"query": 50, "record": None}
    assert "ReservedConcurrentExecutions" not in stack.function("query").properties
