"""Reads how a bucket is set up: versioning, event notifications, default encryption, Region."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from replication.aws.answers import FAILED_CALL
from replication.aws.s3.objects import failure
from replication.aws.s3.regions import region_of
from replication.s3.bucket_setup import Setup

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_FAILED = "s3:Replication:OperationFailedReplication"
_COVERING = frozenset({_FAILED, "s3:Replication:*"})
_NO_ENCRYPTION = "ServerSideEncryptionConfigurationNotFoundError"


@dataclass(frozen=True, slots=True)
class S3BucketSetups:
    """Reads the set-up of a bucket.

    client              the client for a bucket
    ingest_queue_arn    where notifications have to go; one to a topic counts as well, because S3
                        does not say whether the queue is subscribed to it
    """

    client: "Callable[[str], S3Client]"
    ingest_queue_arn: str

    def __call__(self, bucket: str) -> Setup:
        """Denied when S3 refuses one of the reads, Unavailable when it does not answer."""
        s3 = self.client(bucket)
        versioning = _read(
            "s3:GetBucketVersioning", bucket, lambda: s3.get_bucket_versioning(Bucket=bucket)
        )
        events = _read(
            "s3:GetBucketNotification",
            bucket,
            lambda: s3.get_bucket_notification_configuration(Bucket=bucket),
        )
        return Setup(
            versioning=versioning.get("Status"),
            eventbridge="EventBridgeConfiguration" in events,
            replication_events=self._sends_replication_events(events),
            kms=self._encrypts(bucket),
            region=region_of(s3, bucket),
        )

    def _sends_replication_events(self, events: Mapping[str, Any]) -> bool:
        queues = [
            one
            for one in events.get("QueueConfigurations", ())
            if one["QueueArn"] == self.ingest_queue_arn
        ]
        return any(
            _COVERING.intersection(one["Events"])
            for one in (*queues, *events.get("TopicConfigurations", ()))
        )

    def _encrypts(self, bucket: str) -> bool:
        answer = _read(
            "s3:GetEncryptionConfiguration",
            bucket,
            lambda: self.client(bucket).get_bucket_encryption(Bucket=bucket),
        )
        rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
        return any(
            str(rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm")).startswith(
                "aws:kms"
            )
            for rule in rules
        )


def _read(action: str, bucket: str, call: Callable[[], Any]) -> Mapping[str, Any]:
    try:
        answer: Mapping[str, Any] = call()
    except FAILED_CALL as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == _NO_ENCRYPTION:
            return {}
        raise failure(error, action, bucket) from error
    return answer
