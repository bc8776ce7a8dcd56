"""notifications: sets up the event notifications of tracked buckets, at deployments only."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.functions.bundle import RUNTIME
from infra.nag import acknowledge

TIMEOUT = Duration.minutes(5)
"""It tries for a minute and a half what AWS does not let through yet, then answers."""


class Notifications(Construct):
    """The function of the custom resources. It knows neither the ledger nor the queue; what it is
    to do comes with each request of CloudFormation."""

    def __init__(
        self, scope: Construct, construct_id: str, *, code: lambda_.Code, buckets: Sequence[str]
    ) -> None:
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
            environment={"POWERTOOLS_SERVICE_NAME": "notifications"},
        )
        self.permissions = {bucket: self._may_change(bucket) for bucket in buckets}

    def _may_change(self, bucket: str) -> iam.CfnPolicy:
        """Lets the function read and write the notifications of one bucket.

        Each bucket has its own policy, so that when a bucket leaves the context CloudFormation
        removes the notifications first and the permission afterwards. With one policy for several
        buckets it would change the permission first, and the notifications would stay.

        A role may have 10,240 characters of policies. So each is as short as can be, for many
        buckets with long names: `s3:*BucketNotification` is Get and Put, and the `Version`, which
        only policies with variables need, is left out (CDK's own `iam.Policy` always writes it).
        """
        policy = iam.CfnPolicy(
            self,
            bucket,
            policy_name=f"bucket-{bucket}",
            policy_document={
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "s3:*BucketNotification",
                        "Resource": f"arn:{Aws.PARTITION}:s3:::{bucket}",
                    }
                ]
            },
            roles=[self._role.role_name],
        )
        acknowledge(
            policy,
            {
                "AwsSolutions-IAM5[Action::s3:*BucketNotification]": "Get and Put, there are no "
                "others."
            },
        )
        return policy
