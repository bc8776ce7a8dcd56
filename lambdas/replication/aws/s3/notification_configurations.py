"""Reads and replaces the notification configuration of a bucket, and tells its Region."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from replication.aws.answers import FAILED_CALL
from replication.aws.s3.regions import region_of
from replication.errors import Denied, Unavailable
from replication.s3.bucket_notifications import Configuration, Gone, Unvalidated

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

_UNVALIDATED = "Unable to validate"
_ARN = re.compile(r"arn:[a-z-]+:(?:sqs|sns|lambda):[^,\s]+")


@dataclass(frozen=True, slots=True)
class S3Notifications:
    """Every call: Gone when there is no such bucket, Denied when S3 refuses the call, Unavailable
    when it does not answer now."""

    client: "Callable[[], S3Client]"

    def read(self, bucket: str) -> Configuration:
        try:
            answer = self.client().get_bucket_notification_configuration(Bucket=bucket)
        except FAILED_CALL as error:
            _refuse(error, "s3:GetBucketNotification", bucket)
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def write(self, bucket: str, wanted: Configuration, *, validated: bool) -> None:
        """Unvalidated when S3 reaches a target not; without `validated` it does not try."""
        changed: Any = wanted
        try:
            self.client().put_bucket_notification_configuration(
                Bucket=bucket,
                NotificationConfiguration=changed,
                SkipDestinationValidation=not validated,
            )
        except FAILED_CALL as error:
            _refuse(error, "s3:PutBucketNotification", bucket)

    def region(self, bucket: str) -> str | None:
        return region_of(self.client(), bucket)


def _refuse(error: ClientError | BotoCoreError, action: str, bucket: str) -> NoReturn:
    if not isinstance(error, ClientError):
        raise Unavailable(f"S3 could not be asked about {bucket}: {error}") from error
    told: dict[str, Any] = {**error.response["Error"]}
    code, message = str(told.get("Code")), str(told.get("Message", ""))
    if code in ("NoSuchBucket", "404"):
        raise Gone(f"there is no bucket {bucket}") from error
    if code in ("AccessDenied", "403"):
        raise Denied(action, bucket) from error
    if code == "InvalidArgument" and _UNVALIDATED in message:
        # S3 names the targets in elements of their own: ArgumentName1, ArgumentName2, ...
        named = _ARN.findall(" ".join(str(value) for value in told.values()))
        raise Unvalidated(f"{message} ({', '.join(named) or 'none named'})", named) from error
    raise Unavailable(f"S3 answered {code} about {bucket}: {message}") from error
