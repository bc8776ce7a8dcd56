"""record: batches of the ingest queue become facts of the ledger."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.functions.tracker_function import TrackerFunction
from infra.grants import (
    allow,
    allow_configurations,
    allow_ledger,
    allow_listing,
    allow_looks,
)
from infra.ingest import RECORDER_TIMEOUT

BATCH_SIZE = 1_000


class Recorder(Construct):
    """Writes the facts of events."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        environment: Mapping[str, str],
        concurrency: int,
        queue: sqs.Queue,
        dead_letters: sqs.Queue,
        table: dynamodb.Table,
        sources: Sequence[s3.IBucket],
        tracked: Sequence[s3.IBucket],
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
        self.function.add_event_source(
            event_sources.SqsEventSource(
                queue,
                batch_size=BATCH_SIZE,
                max_batching_window=Duration.seconds(1),
                report_batch_item_failures=True,
                max_concurrency=concurrency,
            )
        )
        # What no retry can help goes there at once.
        allow(built.role, ["sqs:SendMessage"], [dead_letters.queue_arn])
        allow_ledger(built.role, table)
        allow_looks(built.role, tracked)
        allow_configurations(built.role, sources)
        allow_listing(built.role, sources)
