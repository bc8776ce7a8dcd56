"""Event notifications of the tracked buckets, which the stack does not own."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from aws_cdk import CustomResource, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct, IDependable

from infra.functions.notifications import TIMEOUT, Notifications
from infra.topology import TrackedBucket

REPLICATION_EVENTS = (
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:Replication:OperationNotTracked",
)

CHECK = "Custom::TrackedBuckets"
BUCKET = "Custom::TrackedBucket"


class Target(Protocol):
    """Where the replication events of sources go: a queue or a topic."""

    @property
    def arn(self) -> str: ...

    def let_s3_send(self) -> None:
        """What buckets of this account report; whoever reads it leaves out those not tracked."""

    @property
    def policy(self) -> IDependable:
        """Has to be in force before S3 is told of the target."""


class TrackedBuckets(Construct):
    """EventBridge on for a place's tracked buckets, `s3:Replication:*` of sources to a target.

    A bucket has one notification configuration, which S3 replaces as a whole, and others use it as
    well. lambdas/notifications/ adds ours and takes it away again. Each bucket has a custom
    resource, so that CloudFormation changes those alone that change, and undoes them when a
    deployment fails. One more checks all buckets beforehand: nothing is changed anywhere while
    somebody's notification is in the way in one of them.

    Where a bucket sends these events to a topic already (`replication_topic`), it gets no
    notification of ours: the ingest queue is subscribed to the topic (infra/subscriptions.py).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        buckets: Sequence[TrackedBucket],
        target: Target,
        code: lambda_.Code,
    ) -> None:
        super().__init__(scope, construct_id)
        tracked = [one for one in buckets if one.is_tracked]
        imported = {
            one.name: s3.Bucket.from_bucket_name(self, one.name, one.name) for one in tracked
        }
        self.tracked = [*imported.values()]
        self.sources = [imported[one.name] for one in tracked if one.source]
        self.wirings: list[CustomResource] = []
        self.check: CustomResource | None = None
        if not tracked:
            return
        self._target = target
        self._handler = Notifications(self, "Notifications", code=code, buckets=[*imported])
        told = [one.name for one in tracked if one.source and not one.replication_topic]
        if told:
            target.let_s3_send()
        self.check = self._check(tracked)
        self.wirings = [
            self._wire(one.name, self.check, is_told=one.name in told) for one in tracked
        ]

    def _check(self, tracked: Sequence[TrackedBucket]) -> CustomResource:
        check = self._custom(
            "Check",
            CHECK,
            {
                "Buckets": [one.name for one in tracked],
                "Sources": [one.name for one in tracked if one.source],
                "Topics": {
                    one.name: one.replication_topic for one in tracked if one.replication_topic
                },
                "Events": list(REPLICATION_EVENTS),
            },
        )
        check.node.add_dependency(*self._handler.permissions.values())
        return check

    def _wire(self, name: str, check: IDependable, *, is_told: bool) -> CustomResource:
        wiring = self._custom(
            f"{name}-wiring",
            BUCKET,
            {"BucketName": name, **({"Events": list(REPLICATION_EVENTS)} if is_told else {})},
        )
        # S3 checks that it may send when it is told of the target: the policy must exist by then.
        wiring.node.add_dependency(self._handler.permissions[name], self._target.policy, check)
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
                "TargetArn": self._target.arn,
            },
        )
