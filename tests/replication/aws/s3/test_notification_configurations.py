"""What S3 answers about notifications becomes one of the package's errors."""

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from replication.aws.s3.notification_configurations import S3Notifications
from replication.errors import Denied, Unavailable
from replication.s3.bucket_notifications import Gone, Unvalidated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OURS = "arn:aws:sqs:eu-west-1:111122223333:ours"
THEIRS = "arn:aws-us-gov:sns:us-gov-west-1:111122223333:theirs"


def stubbed() -> "S3Client":
    return boto3.client(
        "s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )


def test_a_configuration_is_written_as_it_was_read() -> None:
    client = stubbed()
    entry = {
        "Id": "theirs",
        "QueueArn": OURS,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}]}},
    }
    configuration = {"QueueConfigurations": [entry], "EventBridgeConfiguration": {}}
    sent = {"Bucket": "orders", "NotificationConfiguration": configuration}
    with Stubber(client) as stub:
        stub.add_response("get_bucket_notification_configuration", dict(configuration))
        for skipped in (False, True):
            stub.add_response(
                "put_bucket_notification_configuration",
                {},
                {**sent, "SkipDestinationValidation": skipped},
            )
        s3 = S3Notifications(lambda: client)
        now = s3.read("orders")
        assert now == configuration
        s3.write("orders", now, validated=True)
        s3.write("orders", now, validated=False)


def refused(code: str, message: str = "", **more: str) -> Exception:
    """What a write that S3 refuses raises."""
    client = stubbed()
    with Stubber(client) as stub:
        stub.add_client_error(
            "put_bucket_notification_configuration", code, message, service_error_meta=more
        )
        with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is the question
            S3Notifications(lambda: client).write("orders", {}, validated=True)
    return caught.value


def test_a_bucket_that_is_not_there_is_gone() -> None:
    assert isinstance(refused("NoSuchBucket"), Gone)


def test_a_refusal_names_the_action_to_allow() -> None:
    error = refused("AccessDenied")
    assert isinstance(error, Denied)
    assert (error.action, error.bucket) == ("s3:PutBucketNotification", "orders")


def test_targets_that_s3_does_not_reach_are_named_as_s3_names_them() -> None:
    message = "Unable to validate the following destination configurations"
    error = refused(
        "InvalidArgument",
        message,
        ArgumentName1=f"{OURS}, null",
        ArgumentValue1="Permissions on the destination queue do not allow S3 to publish",
        ArgumentName2=f"{THEIRS}, null",
        ArgumentValue2="The destination topic does not exist",
    )
    assert isinstance(error, Unvalidated)
    assert error.targets == (OURS, THEIRS)
    error = refused("InvalidArgument", message)
    assert isinstance(error, Unvalidated)
    assert error.targets == ()


@pytest.mark.parametrize("code", ["OperationAborted", "SlowDown", "InvalidArgument"])
def test_anything_else_may_work_later(code: str) -> None:
    error = refused(code, "Configurations overlap")
    assert type(error) is Unavailable
    assert code in str(error)
    assert "Configurations overlap" in str(error)


@pytest.mark.parametrize("code", [200, 301, 403, 404])
def test_the_region_is_told_whether_the_call_is_allowed_or_not(code: int) -> None:
    client = boto3.client(
        "s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    headers = {"x-amz-bucket-region": "us-east-2"}
    metadata: dict[str, Any] = {"HTTPStatusCode": code, "HTTPHeaders": headers}
    with Stubber(client) as stub:
        if code == 200:
            stub.add_response("head_bucket", {"ResponseMetadata": metadata})
        else:
            stub.add_client_error(
                "head_bucket", str(code), http_status_code=code, response_meta=metadata
            )
        assert S3Notifications(lambda: client).region("orders") == "us-east-2"


def test_a_region_that_is_not_told_is_unknown() -> None:
    client = stubbed()
    with Stubber(client) as stub:
        stub.add_client_error("head_bucket", "403", http_status_code=403)
        assert S3Notifications(lambda: client).region("orders") is None
