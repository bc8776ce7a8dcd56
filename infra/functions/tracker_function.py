"""What all functions have in common: how they run, log and are triggered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.functions.bundle import RUNTIME
from infra.nag import acknowledge
from infra.places import ASSUMED_BY, OWN, Place, function_role_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Every function gets these: the one asset, the ledger's table, and the same environment."""

    code: lambda_.Code
    table: dynamodb.Table
    environment: Mapping[str, str]
    stage: str
    home: Place
    namespace: str
    """Of the metrics that the functions publish. Each stage has its own, so that two stages in one
    account share no metric and no alarm."""


class TrackerFunction(Construct):
    """A Lambda function with its own log group and its own role. The role may write logs and
    traces; everything else is granted by the function's module."""

    def __init__(
        self,
        scope: Construct,
        shared: Shared,
        *,
        service: str,
        description: str,
        memory_mib: int,
        timeout: Duration,
        environment: Mapping[str, str] | None = None,
        traced: bool = False,
        goes_on_by_queue: bool = False,
        reserved: int | None = None,
    ) -> None:
        """`service` is the folder under lambdas/ that holds handler.py; `environment` is what this
        function needs beside the shared one. `traced`: every invocation is traced by X-Ray, which
        is charged. `goes_on_by_queue`: the function sends what is left of its work to its own
        queue. Lambda takes that for a loop and stops it after 16 rounds, unless it is allowed; here
        every round leaves less, so the chain ends by itself. `reserved`: so much of the account's
        concurrency is this function's alone, and it gets no more."""
        super().__init__(scope, service.capitalize())
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(
            self,
            "Role",
            role_name=self._role_name(shared, service),
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
            code=shared.code,
            handler=f"{service}.handler.handler",
            role=self.role,
            log_group=self.log_group,
            memory_size=memory_mib,
            timeout=timeout,
            reserved_concurrent_executions=reserved,
            tracing=lambda_.Tracing.ACTIVE if traced else lambda_.Tracing.DISABLED,
            recursive_loop=lambda_.RecursiveLoop.ALLOW if goes_on_by_queue else None,
            environment={
                **shared.environment,
                **(environment or {}),
                "POWERTOOLS_SERVICE_NAME": service,
                "POWERTOOLS_METRICS_NAMESPACE": shared.namespace,
                "POWERTOOLS_LOG_LEVEL": "INFO",
            },
        )
        if traced:
            self._explain_any_resource("X-Ray's PutTraceSegments and PutTelemetryRecords know")

    @staticmethod
    def _role_name(shared: Shared, service: str) -> str | None:
        """Fixed where collectors have to know it; CloudFormation's own at a home that is wherever
        the stack is deployed to, where there are none."""
        if shared.home == OWN or not any(service in names for names in ASSUMED_BY.values()):
            return None
        return function_role_name(shared.stage, shared.home, service)

    def consume_queue(
        self,
        queue: sqs.Queue,
        *,
        batch_size: int,
        max_concurrency: int,
        window: Duration | None = None,
    ) -> None:
        """Run for messages of a queue; only those that failed become visible again."""
        self.function.add_event_source(
            event_sources.SqsEventSource(
                queue,
                batch_size=batch_size,
                max_batching_window=window,
                report_batch_item_failures=True,
                max_concurrency=max_concurrency,
            )
        )

    def consume_stream(
        self,
        table: dynamodb.Table,
        *,
        patterns: Sequence[Mapping[str, Any]],
        dead_letters: sqs.Queue,
        batch_size: int,
        window: Duration | None = None,
        tumbling_window: Duration | None = None,
    ) -> None:
        """Run for changes of the table that match one of the filter `patterns`. What fails is
        retried until shortly before the stream drops it, then reported to `dead_letters`."""
        self.function.add_event_source(
            event_sources.DynamoEventSource(
                table,
                # LATEST would skip changes made while the mapping is being created.
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                filters=[lambda_.FilterCriteria.filter(pattern) for pattern in patterns],
                batch_size=batch_size,
                max_batching_window=window,
                tumbling_window=tumbling_window,
                report_batch_item_failures=True,
                bisect_batch_on_error=True,
                # The stream drops a record after 24 hours; giving up an hour earlier leaves Lambda
                # the record to report. The number of retries has no limit of its own.
                max_record_age=Duration.hours(23),
                on_failure=event_sources.SqsDlq(dead_letters),
            )
        )
        self._explain_any_resource("DynamoDB's ListStreams knows")
        acknowledge(
            dead_letters,
            {
                "AwsSolutions-SQS3": "It is a dead-letter queue, of a stream: the rule only knows "
                "those of other queues."
            },
        )

    def _explain_any_resource(self, which: str) -> None:
        finding = "AwsSolutions-IAM5[Resource::*]"
        acknowledge(self.role, {finding: f"{which} no resource but *."})
