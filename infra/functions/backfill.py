"""backfill: reads S3 Inventory deliveries and Batch Replication reports into the ledger."""

from collections.abc import Sequence

from aws_cdk import Duration
from constructs import Construct

from infra.functions.tracker_function import Shared, TrackerFunction
from infra.grants import (
    CONFIGURATION,
    DELIVERIES,
    HEAD,
    LISTING,
    allow,
    allow_ledger,
    allow_reads,
)
from infra.queues import dead_letter_queue, queue_of_function

TIMEOUT = Duration.minutes(15)
"""The most Lambda allows: a file is worked off in as few rounds as can be."""
CONCURRENCY = 4
"""Files read at once: some thousand rows a second, well under a new table's write capacity."""


class Backfill(Construct):
    """Runs only after `s3rt backfill` has sent a manifest to its queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        shared: Shared,
        *,
        record_ineligible: bool,
        sources: Sequence[str],
        tracked: Sequence[str],
        inventories: Sequence[str],
    ) -> None:
        """`record_ineligible`: also versions that no rule replicates. `inventories`: names of the
        buckets with the inventories and reports."""
        super().__init__(scope, construct_id)
        self.dead_letters = dead_letter_queue(self)
        self.queue = queue_of_function(
            self, "Deliveries", timeout=TIMEOUT, dead_letters=self.dead_letters
        )
        built = TrackerFunction(
            self,
            shared,
            service="backfill",
            description="Reads what S3 lists of objects from before the tracker",
            memory_mib=1_769,  # parsing and writing need CPU, as in record: one whole vCPU
            timeout=TIMEOUT,
            goes_on_by_queue=True,
            environment={
                "BACKFILL_INELIGIBLE": str(record_ineligible).lower(),
                "BACKFILL_QUEUE_URL": self.queue.queue_url,
                "REDRIVE_QUEUE_URL": "",  # set where redrives are deployed
            },
        )
        self.function, self.role = built.function, built.role
        built.consume_queue(self.queue, batch_size=1, max_concurrency=CONCURRENCY)
        allow(built.role, ["sqs:SendMessage"], [self.queue.queue_arn])
        allow_ledger(built.role, shared.table)
        allow_reads(
            built.role,
            (CONFIGURATION, sources),
            (LISTING, sources),
            (HEAD, tracked),
            (DELIVERIES, inventories),
        )
