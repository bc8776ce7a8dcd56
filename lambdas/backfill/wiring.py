"""The backfill with its real surroundings, made once per process on the first message."""

import os
import time
from functools import cache, partial

from replication.adapters import manifests
from replication.adapters.backfill_progress import BackfillProgress
from replication.adapters.backfill_queue import SqsBackfillQueue
from replication.adapters.clients import client
from replication.adapters.configuration_table import ConfigurationTable
from replication.adapters.configurations import Configurations
from replication.adapters.delivery_files import S3DeliveryFiles
from replication.adapters.dynamodb import DynamoDBLedger
from replication.adapters.findings import FindingsTable
from replication.adapters.s3 import S3Objects
from replication.backfill import Backfill
from replication.settings import from_env
from replication.times import wall_clock


@cache
def backfill() -> Backfill:
    """MissingSettings when the environment is incomplete."""
    settings = from_env(os.environ, "BACKFILL_QUEUE_URL")
    s3, dynamodb = partial(client, "s3"), client("dynamodb")
    table = ConfigurationTable(dynamodb, settings.table_name)
    findings = FindingsTable(dynamodb, settings.table_name)
    histories = Configurations(
        s3=s3,
        table=table,
        buckets=settings.source_buckets,
        seconds=time.monotonic,
        now=wall_clock,
    )
    return Backfill(
        files=S3DeliveryFiles(s3),
        queue=SqsBackfillQueue(partial(client, "sqs"), settings.backfill_queue_url),
        progress=BackfillProgress(dynamodb, settings.table_name),
        ledger=DynamoDBLedger(dynamodb, settings.table_name, settings.shards),
        objects=S3Objects(s3),
        histories=histories,
        delivery_of=manifests.delivery_of,
        reader=manifests.reader,
        source_buckets=frozenset(settings.source_buckets),
        destination_buckets=frozenset(settings.destination_buckets),
        now=wall_clock,
        record_ineligible=settings.backfill_ineligible,
        note=lambda denied: findings.note(denied, wall_clock()),
        note_listed=table.note_listed,
    )
