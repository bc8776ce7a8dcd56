"""The emulator holds everybody to IAM's policies, so every end-to-end test proves that functions
are allowed what they do; here is what nobody was allowed."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from local.emulator.server import REGION
from s3rt.api import Api, ApiProblem
from tests.e2e.conftest import Deployed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stranger(deployed: Deployed) -> boto3.Session:
    """A user of the account without any policy."""
    iam = deployed.client("iam")
    iam.create_user(UserName="stranger")
    key = iam.create_access_key(UserName="stranger")["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)


def test_who_is_not_allowed_to_invoke_the_api_is_refused(
    deployed: Deployed, stranger: boto3.Session
) -> None:
    with (
        Api.at(deployed.outputs.api_url, REGION, stranger) as api,
        pytest.raises(ApiProblem) as caught,
    ):
        api.get("/v1/buckets")
    assert caught.value.status == 403


def test_who_is_allowed_to_invoke_the_api_needs_nothing_else(
    deployed: Deployed, stranger: boto3.Session
) -> None:
    deployed.client("iam").put_user_policy(
        UserName="stranger",
        PolicyName="ask",
        PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",'
        ' "Action": "execute-api:Invoke", "Resource": "*"}]}',
    )
    try:
        with Api.at(deployed.outputs.api_url, REGION, stranger) as api:
            assert api.get("/v1/buckets")["items"]
    finally:
        deployed.client("iam").delete_user_policy(UserName="stranger", PolicyName="ask")


def test_who_may_use_sqs_forges_no_event_all_the_same(
    deployed: Deployed, stranger: boto3.Session
) -> None:
    """One message to the ingest queue could make FAILED into COMPLETED."""
    iam, url = deployed.client("iam"), deployed.outputs.stack["IngestQueueUrl"]
    anything = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [anything]})
    iam.put_user_policy(UserName="stranger", PolicyName="queues", PolicyDocument=policy)
    try:
        sqs = stranger.client("sqs", endpoint_url=deployed.outputs.endpoint_url)
        assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        with pytest.raises(ClientError, match="Denied"):
            sqs.send_message(QueueUrl=url, MessageBody="{}")
        with pytest.raises(ClientError, match="Denied"):
            sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "0", "MessageBody": "{}"}])
    finally:
        iam.delete_user_policy(UserName="stranger", PolicyName="queues")


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("dynamodb", "scan", {"TableName": "TableName"}),
        ("sqs", "receive_message", {"QueueUrl": "IngestQueueUrl"}),
        ("sqs", "send_message", {"QueueUrl": "IngestQueueUrl", "MessageBody": "IngestQueueUrl"}),
        ("sns", "publish", {"TopicArn": "FailureTopicArn", "Message": "FailureTopicArn"}),
    ],
)
def test_nothing_of_the_stack_is_open_to_everybody_in_the_account(
    deployed: Deployed,
    stranger: boto3.Session,
    service: str,
    call: str,
    arguments: dict[str, str],
) -> None:
    client = stranger.client(  # type: ignore[call-overload]
        service, endpoint_url=deployed.outputs.endpoint_url
    )
    values = {name: deployed.outputs.stack[output] for name, output in arguments.items()}
    with pytest.raises(ClientError) as caught:
        getattr(client, call)(**values)
    code = caught.value.response["Error"]["Code"]
    assert "Denied" in code or "AuthorizationError" in code, code
