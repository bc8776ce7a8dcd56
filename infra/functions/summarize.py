"""summarize: the ledger's stream becomes counters and incidents; schedules measure and recount."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.functions.tracker_function import TrackerFunction
from infra.grants import allow
from infra.ingest import dead_letter_queue
from infra.ledger import HELD_INDEX, ROUTES_INDEX
from infra.nag import acknowledge

MEASURED = Duration.minutes(1)
RECOUNTED = Duration.days(1)
VIEWS = "#*"
"""Partition keys of everything but the ledger's own items: no bucket's name begins with `#`."""

_HAS_STATUS = {"status": {"S": [{"exists": True}]}}
_IS_IN_DOUBT = {"in_doubt": {"BOOL": [{"exists": True}]}}

CHANGES_OF_THE_LEDGER: tuple[dict[str, Any], ...] = tuple(
    {"dynamodb": {image: has}}
    for image in ("NewImage", "OldImage")
    for has in (_HAS_STATUS, _IS_IN_DOUBT)
)
"""Items of object versions alone have a status or are in doubt, so what this function writes calls
nobody, its fences excepted (lambdas/replication/recount.py). A mapping takes five filters."""


class Summarizer(Construct):
    """The second of the two consumers that a stream bears."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        environment: Mapping[str, str],
        benign_keys: Sequence[str],
        table: dynamodb.Table,
        topic: sns.Topic,
    ) -> None:
        """`benign_keys`: patterns of keys whose failures are recorded and not announced."""
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self, "DeadLetters")
        built = TrackerFunction(
            self,
            "Summarize",
            service="summarize",
            description="Counts what the ledger's stream says and tells of incidents",
            code=code,
            memory_mib=512,  # a batch of a thousand images, and a little CPU to read them
            timeout=Duration.minutes(15),  # a recount walks the index; a batch takes a second
            environment={
                **environment,
                "INCIDENT_TOPIC_ARN": topic.topic_arn,
                "BENIGN_KEYS": ",".join(benign_keys),
            },
        )
        self.function = built.function
        topic.grant_publish(built.role)
        self._grant(built.role, table)
        self.function.add_event_source(
            sources.DynamoEventSource(
                table,
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                filters=[
                    lambda_.FilterCriteria.filter(pattern) for pattern in CHANGES_OF_THE_LEDGER
                ],
                # A transaction costs the same for one change as for a thousand.
                batch_size=1_000,
                max_batching_window=Duration.seconds(5),
                # With a window the event names its shard, by which changes are counted once
                # (lambdas/replication/adapters/counters.py); no state is kept in it.
                tumbling_window=Duration.minutes(1),
                report_batch_item_failures=True,
                bisect_batch_on_error=True,
                # As announce: the stream forgets a record after 24 hours.
                max_record_age=Duration.hours(23),
                on_failure=sources.SqsDlq(self.dead_letters),
            )
        )
        self._every(MEASURED, "Measure", "How far behind every destination is")
        self._every(RECOUNTED, "Recount", "Proves the counters by the index, and heals them")
        self._explain_findings(built.role)

    def _every(self, period: Duration, task: str, description: str) -> None:
        events.Rule(
            self,
            task,
            description=description,
            schedule=events.Schedule.rate(period),
            targets=[
                targets.LambdaFunction(
                    self.function,
                    event=events.RuleTargetInput.from_object({"task": task.lower()}),
                    retry_attempts=0,  # the next tick says it anew
                )
            ],
        )

    def _grant(self, role: iam.Role, table: dynamodb.Table) -> None:
        """It writes views alone; the ledger is the recorder's."""
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "dynamodb:GetItem",
                    "dynamodb:BatchGetItem",
                    "dynamodb:Query",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                    "dynamodb:DeleteItem",
                ],
                resources=[table.table_arn],
                conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [VIEWS]}},
            )
        )
        indexes = [f"{table.table_arn}/index/{name}" for name in (ROUTES_INDEX, HELD_INDEX)]
        allow(role, ["dynamodb:Query"], indexes)

    def _explain_findings(self, role: iam.Role) -> None:
        acknowledge(
            role,
            {
                "AwsSolutions-IAM5[Action::kms:GenerateDataKey*]": "Publishing to an encrypted "
                "topic; on the topics' one key only."
            },
        )
        acknowledge(
            self.dead_letters,
            {
                "AwsSolutions-SQS3": "It is a dead-letter queue, of a stream: the rule only knows "
                "those of other queues."
            },
        )
