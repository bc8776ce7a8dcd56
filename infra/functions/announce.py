"""announce: the ledger's stream, filtered to what has failed, becomes messages of a topic."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.functions.tracker_function import TrackerFunction
from infra.ingest import dead_letter_queue
from infra.nag import acknowledge

IN_FAILED: tuple[dict[str, Any], ...] = (
    {
        "eventName": ["INSERT", "MODIFY"],
        "dynamodb": {"NewImage": {"status": {"S": ["FAILED"]}}},
    },
)
"""Lambda evaluates this before it calls, so what has not failed costs nothing. Whether a failure is
a new one (another reason, or one after S3 tried again) only the facts of both images tell."""


class Announcer(Construct):
    """Says each failure once for each time it begins."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        environment: Mapping[str, str],
        table: dynamodb.Table,
        topic: sns.Topic,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self, "DeadLetters")
        built = TrackerFunction(
            self,
            "Announce",
            service="announce",
            description="Tells the failure topic when an object version fails to replicate",
            code=code,
            memory_mib=256,  # waits for SNS; boto3 and its client fit with room to spare
            timeout=Duration.seconds(60),
            environment={**environment, "FAILURE_TOPIC_ARN": topic.topic_arn},
        )
        self.function = built.function
        topic.grant_publish(built.role)
        self._explain_findings(built.role)
        self.function.add_event_source(
            sources.DynamoEventSource(
                table,
                # LATEST would lose what fails while the mapping is being made.
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                filters=[lambda_.FilterCriteria.filter(pattern) for pattern in IN_FAILED],
                batch_size=100,
                report_batch_item_failures=True,
                bisect_batch_on_error=True,
                # As many retries as the record's age allows. The stream forgets it after 24 hours;
                # giving up an hour before leaves Lambda the record to report.
                max_record_age=Duration.hours(23),
                on_failure=sources.SqsDlq(self.dead_letters),
            )
        )

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
