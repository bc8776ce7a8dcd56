"""record: batches of the ingest queue become facts of the ledger."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.functions import TrackerFunction
from infra.ingest import RECORDER_TIMEOUT

BATCH_SIZE = 1_000
MAX_CONCURRENCY = 20
"""A backlog must not take the account's whole Lambda concurrency (1,000 by default)."""

LEDGER = (
    # Saved configurations of the sources, destinations of a version, one item.
    "dynamodb:Query",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    # CDK's grant_write_data knows no PartiQL.
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
)


class Recorder(Construct):
    """The only writer of the ledger."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        environment: Mapping[str, str],
        queue: sqs.Queue,
        dead_letters: sqs.Queue,
    ) -> None:
        super().__init__(scope, construct_id)
        built = TrackerFunction(
            self,
            "Record",
            service="record",
            description="Writes what S3 reports of an object version into the ledger",
            code=code,
            # The client's CPU bounds it, and 1,769 MB is where Lambda gives one whole vCPU: less
            # takes proportionally longer for the same price, more buys a second one left idle.
            memory_mib=1_769,
            timeout=RECORDER_TIMEOUT,
            environment={
                **environment,
                "INGEST_DEAD_LETTER_QUEUE_URL": dead_letters.queue_url,
            },
        )
        self.function = built.function
        self._role = built.role
        self.function.add_event_source(
            sources.SqsEventSource(
                queue,
                batch_size=BATCH_SIZE,
                max_batching_window=Duration.seconds(1),
                report_batch_item_failures=True,
                max_concurrency=MAX_CONCURRENCY,
            )
        )
        # What no retry can help goes there at once.
        self._allow(["sqs:SendMessage"], [dead_letters.queue_arn])

    def grant_ledger(self, table: dynamodb.Table) -> None:
        """Conditional writes to the table, and reading items back; the index is for others."""
        self._allow(LEDGER, [table.table_arn])

    def grant_buckets(self, *, tracked: Sequence[s3.IBucket], source: Sequence[s3.IBucket]) -> None:
        """What HEAD, the listing of versions and the replication configuration ask for."""
        if source:
            self._allow(["s3:GetReplicationConfiguration"], [item.bucket_arn for item in source])
        if not tracked:
            return
        # With ListBucket a missing object answers 404; without it, 403 as if it were forbidden.
        self._allow(
            ["s3:ListBucket", "s3:ListBucketVersions"], [item.bucket_arn for item in tracked]
        )
        self._allow(
            ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"],
            [item.arn_for_objects("*") for item in tracked],
        )
        acknowledge(
            self._role,
            {
                f"AwsSolutions-IAM5[Resource::{_shown(item)}/*]": "Any object of a tracked bucket "
                "may have to be looked at; its key is known only when its event comes."
                for item in tracked
            },
        )

    def _allow(self, actions: Sequence[str], resources: Sequence[str]) -> None:
        self._role.add_to_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(resources))
        )


def _shown(bucket: s3.IBucket) -> str:
    """A bucket's ARN the way cdk-nag prints it in a finding's id."""
    return f"arn:<AWS::Partition>:s3:::{bucket.bucket_name}"
