"""Every error of AWS is one line that names the fix."""

from typing import Any

import boto3
import pytest
from botocore import exceptions as aws
from botocore.exceptions import ClientError

from s3rt.aws_errors import explained
from s3rt.exit_codes import ExitCode, message_and_code
from s3rt.outputs import NoStack, aws_session, find


def refusal(code: str, operation: str = "DescribeStacks") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "because"}}, operation)


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (aws.NoCredentialsError(), "AWS_PROFILE"),
        (aws.PartialCredentialsError(provider="env", cred_var="x"), "AWS_PROFILE"),
        (aws.ProfileNotFound(profile="typo"), "AWS_PROFILE"),
        (aws.NoRegionError(), "AWS_REGION"),
        (aws.InvalidRegionError(region_name="x y"), "AWS_REGION"),
        (aws.EndpointConnectionError(endpoint_url="https://x"), "network"),
        (aws.ConnectTimeoutError(endpoint_url="https://x"), "network"),
        (aws.ProxyConnectionError(proxy_url="http://x"), "proxy"),
        (aws.UnauthorizedSSOTokenError(), "aws sso login"),
        (refusal("ExpiredToken"), "sign in again"),
        (refusal("ExpiredTokenException"), "sign in again"),
        (refusal("InvalidClientTokenId"), "profile"),
        (refusal("SignatureDoesNotMatch"), "clock"),
        (refusal("AccessDenied"), "denies DescribeStacks"),
        (refusal("AccessDeniedException", "SendMessage"), "denies SendMessage"),
        (refusal("Throttling"), "Throttling"),
    ],
    ids=lambda value: getattr(value, "fmt", None) or str(value)[:40],
)
def test_an_error_says_what_it_is_and_what_to_do(error: Any, fix: str) -> None:
    assert fix in explained(error)
    assert message_and_code(error) == (explained(error), ExitCode.UNREACHABLE)
    assert "no stack" not in explained(error)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "S3RT_OUTPUTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")


def answer_with(monkeypatch: pytest.MonkeyPatch, error: ClientError) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", refuse)


@pytest.mark.usefixtures("credentials")
def test_a_stack_that_is_not_there_is_named_with_its_region(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = "Stack with id S3ReplicationTracker-qa does not exist"
    error = refusal("ValidationError")
    error.response["Error"]["Message"] = message
    answer_with(monkeypatch, ClientError(error.response, "DescribeStacks"))
    with pytest.raises(NoStack, match=r"S3ReplicationTracker-qa in eu-west-1.*--stage"):
        find(stage="qa")


@pytest.mark.usefixtures("credentials")
def test_what_else_goes_wrong_is_not_called_a_missing_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer_with(monkeypatch, refusal("ExpiredToken"))
    with pytest.raises(ClientError):
        find(stage="qa")


@pytest.mark.usefixtures("credentials")
def test_the_region_is_the_one_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert aws_session().region_name == "eu-west-1"
    assert aws_session("us-east-1").region_name == "us-east-1"
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-southeast-2")
    assert aws_session().region_name == "ap-southeast-2" == boto3.Session().region_name
