"""How every Lambda function of this project runs and logs."""

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.functions.bundle import RUNTIME
from infra.nag import acknowledge

METRICS_NAMESPACE = "S3ReplicationTracker"


class TrackerFunction(Construct):
    """A function with its own log group and its own role, which may log and trace and no more."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: str,
        description: str,
        code: lambda_.Code,
        memory_mib: int,
        timeout: Duration,
        environment: Mapping[str, str],
    ) -> None:
        """`service` is the folder under lambdas/ that holds handler.py."""
        super().__init__(scope, construct_id)
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=description,
        )
        self.log_group.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            code=code,
            handler=f"{service}.handler.handler",
            role=self.role,
            log_group=self.log_group,
            memory_size=memory_mib,
            timeout=timeout,
            tracing=lambda_.Tracing.ACTIVE,
            environment={
                **environment,
                "POWERTOOLS_SERVICE_NAME": service,
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
                "POWERTOOLS_LOG_LEVEL": "INFO",
            },
        )
        acknowledge(
            self.role,
            {
                "AwsSolutions-IAM5[Resource::*]": "X-Ray's PutTraceSegments and "
                "PutTelemetryRecords and DynamoDB's ListStreams know no resource but *."
            },
        )
