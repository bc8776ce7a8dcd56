"""record: batches of events from the ingest queue are written into the ledger."""

from collections.abc import Sequence

from aws_cdk import Duration
from constructs import Construct

from infra.functions.tracker_function import Shared, TrackerFunction
from infra.grants import CONFIGURATION, HEAD, LISTING, allow, allow_ledger, allow_reads
from infra.ingest import RECORD_TIMEOUT, Ingest

BATCH_SIZE = 1_000


class Record(Construct):
    """Writes what the events say about object versions."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        shared: Shared,
        *,
        record_ineligible: bool,
        concurrency: int,
        ingest: Ingest,
        sources: Sequence[str],
        tracked: Sequence[str],
    ) -> None:
        """`record_ineligible`: also versions that no rule replicates."""
        super().__init__(scope, construct_id)
        built = TrackerFunction(
            self,
            shared,
            service="record",
            description="Writes what S3 reports of an object version into the ledger",
            # The AWS client's CPU use is the limit, and 1,769 MB is where Lambda gives one whole
            # vCPU. Less takes longer for the same price; more adds a second vCPU that stays idle.
            memory_mib=1_769,
            timeout=RECORD_TIMEOUT,
            environment={
                "RECORD_INELIGIBLE": str(record_ineligible).lower(),
                "INGEST_DEAD_LETTER_QUEUE_URL": ingest.dead_letters.queue_url,
            },
        )
        self.function, self.role = built.function, built.role
        built.consume_queue(
            ingest.queue,
            batch_size=BATCH_SIZE,
            max_concurrency=concurrency,
            window=Duration.seconds(1),
        )
        # Messages that no retry can help are sent there at once.
        allow(built.role, ["sqs:SendMessage"], [ingest.dead_letters.queue_arn])
        allow_ledger(built.role, shared.table)
        allow_reads(built.role, (HEAD, tracked), (CONFIGURATION, sources), (LISTING, sources))
