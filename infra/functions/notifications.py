"""notifications: sets up the event notifications of tracked buckets, at deployments only."""

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.bucket_policies import replaced_policies
from infra.functions.bundle import RUNTIME
from infra.nag import acknowledge

TIMEOUT = Duration.minutes(5)
"""It tries for a minute and a half what AWS does not let through yet, then answers."""

ACTION = "s3:*BucketNotification"


class Notifications(Construct):
    """The function of the custom resources. It knows neither the ledger nor the queue; what it is
    to do comes with each request of CloudFormation."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        buckets: Sequence[str],
        topology: str | None,
    ) -> None:
        """`topology`: name of the file with the buckets, if it is beside the code."""
        super().__init__(scope, construct_id)
        description = "Adds and removes notifications of tracked buckets at deployment"
        log_group = logs.LogGroup(
            self,
            "Logs",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=description,
        )
        log_group.grant_write(self._role)
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            code=code,
            handler="notifications.handler.handler",
            role=self._role,
            log_group=log_group,
            memory_size=256,  # waits for S3
            timeout=TIMEOUT,
            environment={
                "POWERTOOLS_SERVICE_NAME": "notifications",
                **({"TOPOLOGY_FILE": topology} if topology else {}),
            },
        )
        # When a bucket is no longer named, its notifications are removed by an update, which comes
        # after every change of a policy: the policy that names it has to outlive it.
        self.permissions = replaced_policies(self._role, ACTION, buckets)
        acknowledge(
            self._role,
            {f"AwsSolutions-IAM5[Action::{ACTION}]": "Get and Put, there are no others."},
        )
