"""Event notifications of the tracked buckets, which the stack does not own."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from aws_cdk import CustomResource, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IDependable

from infra.functions.notifications import TIMEOUT, Notifications
from infra.topology import TrackedBucket

REPLICATION_EVENTS = (
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:Replication:OperationNotTracked",
)

OBJECT_EVENTS = (
    "s3:ObjectCreated:*",
    "s3:ObjectRemoved:*",
    "s3:LifecycleExpiration:*",
    "s3:ObjectTagging:*",
    "s3:ObjectAcl:Put",
    "s3:ObjectRetention:Put",
)
"""What EventBridge's events (`infra/event_rules.py`) are called as notifications. Lifecycle's
deletions have a name of their own here."""

CHECK = "Custom::TrackedBuckets"
SET = "Custom::TrackedBucketSet"


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
    With `object_events=s3` EventBridge is left alone and the object events of every bucket go there
    as well.

    A bucket has one notification configuration, which S3 replaces as a whole, and others use it as
    well. lambdas/notifications/ adds ours and takes it away again, for all buckets in one custom
    resource. Another one checks all of them beforehand: nothing is changed anywhere while
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
        object_events: Sequence[str] = (),
        topology: str | None = None,
    ) -> None:
        """`object_events`: those that go to the target too, instead of EventBridge. `topology`:
        name of the file with the buckets, if it is beside the code."""
        super().__init__(scope, construct_id)
        tracked = [one for one in buckets if one.is_tracked]
        self.tracked = [one.name for one in tracked]
        self.sources = [one.name for one in tracked if one.source]
        self.wirings: list[CustomResource] = []
        self.check: CustomResource | None = None
        if not tracked:
            return
        self._target = target
        self._handler = Notifications(
            self, "Notifications", code=code, buckets=self.tracked, topology=topology
        )
        told = [one.name for one in tracked if one.source and not one.replication_topic]
        self._object_events = object_events
        if told or object_events:
            target.let_s3_send()
        self.check = self._check(tracked)
        self.wirings = [self._wire(told, self.check)]

    @property
    def _of_objects(self) -> dict[str, object]:
        return {"ObjectEvents": list(self._object_events)} if self._object_events else {}

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
                **self._of_objects,
            },
        )
        check.node.add_dependency(*self._handler.permissions)
        return check

    def _wire(self, told: Sequence[str], check: IDependable) -> CustomResource:
        """`told`: the sources that send their replication events to the target."""
        wiring = self._custom(
            "Wiring",
            SET,
            {
                "Sources": list(told),
                "Others": [name for name in self.tracked if name not in told],
                "Events": list(REPLICATION_EVENTS),
                **self._of_objects,
            },
        )
        # S3 checks that it may send when it is told of the target: the policy must exist by then.
        wiring.node.add_dependency(*self._handler.permissions, self._target.policy, check)
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
