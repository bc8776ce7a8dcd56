"""Event notifications of the tracked buckets, which the stack does not own."""

import jsii
from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk.interfaces.aws_s3 import IBucketRef
from constructs import Construct

from infra.config import Config
from infra.notifications_role import may_notify, notifications_role

REPLICATION_EVENTS = (
    s3.EventType.REPLICATION_OPERATION_FAILED_REPLICATION,
    s3.EventType.REPLICATION_OPERATION_MISSED_THRESHOLD,
    s3.EventType.REPLICATION_OPERATION_REPLICATED_AFTER_THRESHOLD,
    s3.EventType.REPLICATION_OPERATION_NOT_TRACKED,
)


class TrackedBuckets(Construct):
    """EventBridge on for every tracked bucket, `s3:Replication:*` of sources to the ingest queue.

    A bucket has one notification configuration, which S3 replaces as a whole. For buckets it does
    not own (`Managed: false`), CDK's custom resource therefore reads the configuration first, adds
    ours under ids that start with the stack's id, and on deletion removes only those. EventBridge
    stays on after deletion, because other rules may use it. Two writers at the same moment can
    still overwrite each other: S3 offers no conditional put of this configuration.

    EventBridge and replication events are two custom resources, one after the other. An *update* of
    a custom resource would keep the notifications of others, but S3 would give them new ids, by
    which their owners may want to find them. So when a bucket becomes a source, or is one no
    longer, a resource is created or deleted, and none is updated.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, ingest: sqs.Queue
    ) -> None:
        super().__init__(scope, construct_id)
        if not config.tracked_buckets:
            self.tracked: list[s3.IBucket] = []
            self.sources: list[s3.IBucket] = []
            return
        role = notifications_role(self)
        self._permissions = {name: may_notify(self, role, name) for name in config.tracked_buckets}
        # Otherwise CDK would add policies of its own.
        self._handler_role = role.without_policy_updates()
        tracked = {name: self._on_event_bridge(name) for name in config.tracked_buckets}
        self.tracked = list(tracked.values())
        self.sources = [tracked[name] for name in config.source_buckets]
        if self.sources:
            destination = _QueueOfSources(ingest, self.sources)
            for name in config.source_buckets:
                self._send_replication_events(name, destination, after=tracked[name])

    def _on_event_bridge(self, name: str) -> s3.IBucket:
        bucket = self._import(name, "events")
        bucket.enable_event_bridge_notification()
        return bucket

    def _send_replication_events(
        self, name: str, destination: "_QueueOfSources", *, after: s3.IBucket
    ) -> None:
        bucket = self._import(name, "replication")
        for event in REPLICATION_EVENTS:
            bucket.add_event_notification(event, destination)
        bucket.node.add_dependency(after)

    def _import(self, name: str, purpose: str) -> s3.IBucket:
        bucket = s3.Bucket.from_bucket_attributes(
            self,
            f"{name}-{purpose}",
            bucket_name=name,
            notifications_handler_role=self._handler_role,
        )
        bucket.node.add_dependency(self._permissions[name])
        return bucket


@jsii.implements(s3.IBucketNotificationDestination)
class _QueueOfSources:
    """The ingest queue as a target, with one policy statement for all source buckets.

    CDK's own SqsDestination adds a statement for each bucket; SQS allows 20 statements and 8,192
    bytes in a queue's policy.
    """

    def __init__(self, queue: sqs.Queue, sources: list[s3.IBucket]) -> None:
        self._queue = queue
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="TrackedSourcesMaySend",
                principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={
                    # A bucket's ARN names no account, and anyone may take a deleted bucket's name.
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnEquals": {"aws:SourceArn": [bucket.bucket_arn for bucket in sources]},
                },
            )
        )

    def bind(
        self,
        scope: Construct,
        bucket: IBucketRef,
    ) -> s3.BucketNotificationDestinationConfig:
        """Name the queue (called by CDK).

        S3 checks that it may send when the queue is configured, so the policy must exist by then.
        """
        return s3.BucketNotificationDestinationConfig(
            arn=self._queue.queue_arn,
            type=s3.BucketNotificationDestinationType.QUEUE,
            dependencies=[self._queue.node.find_child("Policy")],
        )
