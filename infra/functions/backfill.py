"""backfill: reads S3 Inventory deliveries and Batch Replication reports into the ledger."""

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
    allow_objects,
)
from infra.ingest import dead_letter_queue

TIMEOUT = Duration.minutes(5)
CONCURRENCY = 4
"""Files read at once: some thousand rows a second, well under a new table's write capacity."""


class Backfiller(Construct):
    """Asleep until `s3rt backfill` puts a manifest into its queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        environment: Mapping[str, str],
        table: dynamodb.Table,
        sources: Sequence[s3.IBucket],
        tracked: Sequence[s3.IBucket],
        inventories: Sequence[str],
    ) -> None:
        """`inventories` are the names of the buckets that hold what is read."""
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self, "DeadLetters")
        self.queue = sqs.Queue(
            self,
            "Deliveries",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=Duration.minutes(30),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=8),
        )
        built = TrackerFunction(
            self,
            "Backfill",
            service="backfill",
            description="Reads what S3 lists of objects from before the tracker",
            code=code,
            # Parsing and writing are the client's CPU, as in the recorder: one whole vCPU.
            memory_mib=1_769,
            timeout=TIMEOUT,
            environment={**environment, "BACKFILL_QUEUE_URL": self.queue.queue_url},
        )
        self.function = built.function
        self.function.add_event_source(
            event_sources.SqsEventSource(
                self.queue,
                batch_size=1,
                report_batch_item_failures=True,
                max_concurrency=CONCURRENCY,
            )
        )
        allow(built.role, ["sqs:SendMessage"], [self.queue.queue_arn])
        allow_ledger(built.role, table)
        allow_configurations(built.role, sources)
        allow_listing(built.role, sources)
        allow_looks(built.role, tracked)
        allow_objects(
            built.role,
            [s3.Bucket.from_bucket_name(self, f"{name}-inventory", name) for name in inventories],
        )
