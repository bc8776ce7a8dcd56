"""Event notifications of the tracked buckets, which the stack does not own."""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, CustomResource, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct, IDependable

from infra.config import Config
from infra.functions.notifications import TIMEOUT, Notifications

REPLICATION_EVENTS = (
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:Replication:OperationNotTracked",
)

CHECK = "Custom::TrackedBuckets"
BUCKET = "Custom::TrackedBucket"


class TrackedBuckets(Construct):
    """EventBridge on for every tracked bucket, `s3:Replication:*` of sources to the ingest queue.

    A bucket has one notification configuration, which S3 replaces as a whole, and others use it as
    well. lambdas/notifications/ adds ours and takes it away again. Each bucket has a custom
    resource, so that CloudFormation changes those alone that change, and undoes them when a
    deployment fails. One more checks all buckets beforehand: nothing is changed anywhere while
    somebody's notification is in the way in one of them.

    Where a bucket sends these events to a topic already (`replication_topics`), it gets no
    notification of ours: the ingest queue is subscribed to the topic.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        ingest: sqs.Queue,
        code: lambda_.Code,
    ) -> None:
        super().__init__(scope, construct_id)
        tracked = {
            name: s3.Bucket.from_bucket_name(self, name, name) for name in config.tracked_buckets
        }
        self.tracked = list(tracked.values())
        self.sources = [tracked[name] for name in config.source_buckets]
        self.wirings: list[CustomResource] = []
        if not tracked:
            return
        self._ingest = ingest
        self._handler = Notifications(
            self, "Notifications", code=code, buckets=config.tracked_buckets
        )
        topics = config.replication_topics
        told = [name for name in config.source_buckets if name not in topics]
        self._let_send([tracked[name] for name in told], sorted({*topics.values()}))
        check = self._check(config)
        subscriptions = self._subscribe(sorted({*topics.values()}), after=check)
        self.wirings = [
            self._wire(name, [check, *subscriptions], is_told=name in told)
            for name in config.tracked_buckets
        ]

    def _check(self, config: Config) -> CustomResource:
        check = self._custom(
            "Check",
            CHECK,
            {
                "Buckets": list(config.tracked_buckets),
                "Sources": list(config.source_buckets),
                "Topics": dict(config.replication_topics),
                "Events": list(REPLICATION_EVENTS),
            },
        )
        check.node.add_dependency(*self._handler.permissions.values())
        return check

    def _wire(self, name: str, after: Sequence[IDependable], *, is_told: bool) -> CustomResource:
        wiring = self._custom(
            f"{name}-wiring",
            BUCKET,
            {"BucketName": name, **({"Events": list(REPLICATION_EVENTS)} if is_told else {})},
        )
        # S3 checks that it may send when the queue is configured, so the policy must exist by then.
        policy = self._ingest.node.find_child("Policy")
        wiring.node.add_dependency(self._handler.permissions[name], policy, *after)
        return wiring

    def _custom(
        self, construct_id: str, resource_type: str, properties: Mapping[str, object]
    ) -> CustomResource:
        return CustomResource(
            self,
            construct_id,
            resource_type=resource_type,
            service_token=self._handler.function.function_arn,
            # Should the function not start at all, CloudFormation would wait for an hour.
            service_timeout=Duration.seconds(2 * TIMEOUT.to_seconds()),
            properties={
                **properties,
                # The same for all deployments of a stage, and no beginning of the stack's id, by
                # which CDK's own handler (of earlier versions) knows what it has to remove.
                "NotificationId": Stack.of(self).stack_name,
                "TargetArn": self._ingest.queue_arn,
            },
        )

    def _let_send(self, sources: Sequence[s3.IBucket], topics: Sequence[str]) -> None:
        """One statement for all of a kind: SQS allows 20 statements and 8,192 bytes in a queue's
        policy."""
        if sources:
            self._ingest.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="TrackedSourcesMaySend",
                    principals=[iam.ServicePrincipal("s3.amazonaws.com")],
                    actions=["sqs:SendMessage"],
                    resources=[self._ingest.queue_arn],
                    conditions={
                        # A bucket's ARN names no account, and anyone may take the name of a deleted
                        # bucket.
                        "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                        "ArnEquals": {"aws:SourceArn": [one.bucket_arn for one in sources]},
                    },
                )
            )
        if topics:
            self._ingest.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="ReplicationTopicsMaySend",
                    principals=[iam.ServicePrincipal("sns.amazonaws.com")],
                    actions=["sqs:SendMessage"],
                    resources=[self._ingest.queue_arn],
                    conditions={"ArnEquals": {"aws:SourceArn": list(topics)}},
                )
            )

    def _subscribe(self, topics: Sequence[str], *, after: IDependable) -> list[sns.CfnSubscription]:
        """A topic's messages reach the queue as S3 has written them, without SNS's envelope."""
        subscriptions = [
            sns.CfnSubscription(
                self,
                f"{topic}-subscription",
                topic_arn=topic,
                protocol="sqs",
                endpoint=self._ingest.queue_arn,
                raw_message_delivery=True,
            )
            for topic in topics
        ]
        for one in subscriptions:
            one.node.add_dependency(after, self._ingest.node.find_child("Policy"))
        return subscriptions
