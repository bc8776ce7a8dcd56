"""The recorder with its real surroundings, made once per process on the first message."""

import os
import time
from functools import cache, partial

from replication.adapters.clients import client
from replication.adapters.configuration_table import ConfigurationTable
from replication.adapters.configurations import Configurations
from replication.adapters.dead_letters import SqsDeadLetters
from replication.adapters.dynamodb import DynamoDBLedger
from replication.adapters.envelope import events_of
from replication.adapters.findings import FindingsTable
from replication.adapters.heard import HeardTable
from replication.adapters.s3 import S3Objects
from replication.attributor import Attributor
from replication.errors import Denied
from replication.recorder import Recorder
from replication.settings import from_env
from replication.times import wall_clock


@cache
def recorder() -> Recorder:
    """MissingSettings when the environment is incomplete."""
    settings = from_env(os.environ, "INGEST_DEAD_LETTER_QUEUE_URL")
    s3 = partial(client, "s3")
    ledger = DynamoDBLedger(client("dynamodb"), settings.table_name, settings.shards)
    findings = FindingsTable(client("dynamodb"), settings.table_name)

    def note(denied: Denied) -> None:
        findings.note(denied, wall_clock())

    objects = S3Objects(s3)
    histories = Configurations(
        s3=s3,
        table=ConfigurationTable(client("dynamodb"), settings.table_name),
        buckets=settings.source_buckets,
        seconds=time.monotonic,
        now=wall_clock,
        refused=note,
    )

    def attributor() -> Attributor:
        return Attributor(
            histories=histories.histories(),
            unknown=histories.unknown(),
            objects=objects,
            ledger=ledger,
            tracked=settings.tracked,
            record_ineligible=settings.record_ineligible,
            destination_buckets=frozenset(settings.destination_buckets),
            reread=histories.reread,
            note=note,
            note_replicas=histories.note_replicas,
            note_own=histories.note_own,
            takes_own=histories.takes_own,
        )

    return Recorder(
        parse=events_of,
        attributor=attributor,
        histories=histories,
        ledger=ledger,
        dead_letters=SqsDeadLetters(partial(client, "sqs"), settings.dead_letter_queue_url),
        now=wall_clock,
        heard=HeardTable(client("dynamodb"), settings.table_name, wall_clock),
    )
