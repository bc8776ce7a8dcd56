"""Reads how a bucket is set up: versioning, event notifications, default encryption, Region."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from replication.aws.answers import FAILED_CALL
from replication.aws.s3.objects import failure
from replication.aws.s3.regions import region_of
from replication.s3.bucket_notifications import OBJECT_EVENTS, covers
from replication.s3.bucket_setup import Setup

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_FAILED = "s3:Replication:OperationFailedReplication"
_NO_ENCRYPTION = "ServerSideEncryptionConfigurationNotFoundError"


@dataclass(frozen=True, slots=True)
class S3BucketSetups:
    """Reads the set-up of a bucket.

    client              the client for a bucket
    ingest_queue_arn    where notifications have to go; one to a topic counts as well, because S3
                        does not say whether the queue is subscribed to it
    object_events       whether object events come by `eventbridge` or by `s3` notifications
    elsewhere           buckets whose notifications go to the topic of a collector
    """

    client: "Callable[[str], S3Client]"
    ingest_queue_arn: str
    object_events: str = "eventbridge"
    elsewhere: Collection[str] = frozenset()

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
            object_notifications=self._sends_object_events(bucket, events),
        )

    def _sends_replication_events(self, events: Mapping[str, Any]) -> bool:
        targets = (*self._queues(events), *events.get("TopicConfigurations", ()))
        return any(covers(event, _FAILED) for one in targets for event in one["Events"])

    def _sends_object_events(self, bucket: str, events: Mapping[str, Any]) -> bool | None:
        if self.object_events != "s3":
            return None
        topics = events.get("TopicConfigurations", ()) if bucket in self.elsewhere else ()
        sent = [
            event
            for one in (*self._queues(events), *topics)
            if not one.get("Filter", {}).get("Key", {}).get("FilterRules")
            for event in one["Events"]
        ]
        return all(any(covers(event, wanted) for event in sent) for wanted in OBJECT_EVENTS)

    def _queues(self, events: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return [
            one
            for one in events.get("QueueConfigurations", ())
            if one["QueueArn"] == self.ingest_queue_arn
        ]

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
