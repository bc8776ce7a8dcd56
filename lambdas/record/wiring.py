"""The recorder with AWS behind it, made once per process on the first message."""

import os
import time
from functools import cache, partial

from record.event_claims import EventClaims
from record.recorder import Recorder
from replication.aws.clients import client, s3_by_bucket
from replication.aws.dead_letters import SqsDeadLetters
from replication.aws.messages.body import events_of
from replication.aws.s3.objects import S3Objects
from replication.aws.s3.rule_histories import S3RuleHistories
from replication.aws.table.findings import FindingsTable
from replication.aws.table.frontier import FrontierTable
from replication.aws.table.ledger import DynamoDBLedger
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.errors import Denied
from replication.ledger.retention import forgotten_before
from replication.settings import from_env
from replication.times import wall_clock


@cache
def service() -> Recorder:
    """MissingSettings when the environment is incomplete."""
    settings = from_env(os.environ, "INGEST_DEAD_LETTER_QUEUE_URL")
    s3 = s3_by_bucket(settings.topology)
    ledger = DynamoDBLedger(
        client("dynamodb"),
        settings.table_name,
        settings.shards,
        completed_days=settings.forget_completed_days,
    )
    findings = FindingsTable(client("dynamodb"), settings.table_name)

    def note(denied: Denied) -> None:
        findings.note(denied, wall_clock())

    objects = S3Objects(s3)
    histories = S3RuleHistories(
        s3=s3,
        table=RuleRevisionTable(client("dynamodb"), settings.table_name),
        buckets=settings.source_buckets,
        seconds=time.monotonic,
        now=wall_clock,
        refused=note,
        events_begin_seconds=settings.events_begin_seconds,
    )

    def event_claims() -> EventClaims:
        return EventClaims(
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
            forgotten_before=forgotten_before(wall_clock(), settings.forget_completed_days),
        )

    return Recorder(
        parse=events_of,
        event_claims=event_claims,
        histories=histories,
        ledger=ledger,
        dead_letters=SqsDeadLetters(partial(client, "sqs"), settings.dead_letter_queue_url),
        now=wall_clock,
        frontier=FrontierTable(client("dynamodb"), settings.table_name, wall_clock),
    )
