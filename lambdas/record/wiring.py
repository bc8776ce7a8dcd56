"""The recorder with its real surroundings, made once per process on the first message."""

import os
import time
from functools import cache, partial

from replication.adapters.clients import client
from replication.adapters.configurations import Configurations, ConfigurationTable
from replication.adapters.dead_letters import SqsDeadLetters
from replication.adapters.dynamodb import DynamoDBLedger
from replication.adapters.envelope import events_of
from replication.adapters.s3 import S3Objects
from replication.attributor import Attributor
from replication.recorder import Recorder
from replication.settings import from_env
from replication.times import wall_clock


@cache
def recorder() -> Recorder:
    """MissingSettings when the environment is incomplete."""
    settings = from_env(os.environ, "INGEST_DEAD_LETTER_QUEUE_URL")
    s3 = partial(client, "s3")
    ledger = DynamoDBLedger(client("dynamodb"), settings.table_name, settings.shards)
    objects = S3Objects(s3)
    histories = Configurations(
        s3=s3,
        table=ConfigurationTable(client("dynamodb"), settings.table_name),
        buckets=settings.source_buckets,
        seconds=time.monotonic,
        now=wall_clock,
    )

    def attributor() -> Attributor:
        return Attributor(
            histories=histories.histories(),
            unknown=histories.unknown(),
            objects=objects,
            ledger=ledger,
            tracked=settings.tracked,
            record_ineligible=settings.record_ineligible,
        )

    return Recorder(
        parse=events_of,
        attributor=attributor,
        histories=histories,
        ledger=ledger,
        dead_letters=SqsDeadLetters(partial(client, "sqs"), settings.dead_letter_queue_url),
        now=wall_clock,
    )
