"""The backfill with AWS behind it, made once per process on the first message."""

import os
import time
from functools import cache, partial

from backfill.run import Backfill
from replication.aws.clients import client, s3_by_bucket
from replication.aws.deliveries import manifest
from replication.aws.deliveries.files import S3DeliveryFiles
from replication.aws.s3.objects import S3Objects
from replication.aws.s3.rule_histories import S3RuleHistories
from replication.aws.sqs import SqsQueue
from replication.aws.table.backfill_progress import BackfillProgress
from replication.aws.table.findings import FindingsTable
from replication.aws.table.ledger import DynamoDBLedger
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.published.redrive import report_message
from replication.settings import from_env
from replication.times import wall_clock


@cache
def service() -> Backfill:
    """MissingSettings when the environment is incomplete."""
    settings = from_env(os.environ, "BACKFILL_QUEUE_URL")
    s3, dynamodb = s3_by_bucket(settings.topology), client("dynamodb")
    table = RuleRevisionTable(dynamodb, settings.table_name)
    findings = FindingsTable(dynamodb, settings.table_name)
    histories = S3RuleHistories(
        s3=s3,
        table=table,
        buckets=settings.source_buckets,
        seconds=time.monotonic,
        now=wall_clock,
        events_begin_seconds=settings.events_begin_seconds,
    )
    return Backfill(
        files=S3DeliveryFiles(s3),
        queue=SqsQueue(partial(client, "sqs"), settings.backfill_queue_url),
        progress=BackfillProgress(dynamodb, settings.table_name),
        ledger=DynamoDBLedger(
            dynamodb,
            settings.table_name,
            settings.shards,
            completed_days=settings.forget_completed_days,
        ),
        objects=S3Objects(s3),
        histories=histories,
        delivery_of=manifest.delivery_of,
        reader=manifest.reader,
        source_buckets=frozenset(settings.source_buckets),
        destination_buckets=frozenset(settings.destination_buckets),
        now=wall_clock,
        record_ineligible=settings.backfill_ineligible,
        note=lambda denied: findings.note(denied, wall_clock()),
        note_listed=table.note_listed,
        report_read=partial(_tell, settings.redrive_queue_url),
    )


def _tell(queue_url: str, uri: str) -> None:
    """Tells the redrive function, where there is one, that a report was read."""
    if queue_url:
        SqsQueue(partial(client, "sqs"), queue_url).send([report_message(uri)])
