"""The reconciler with its real surroundings, made once per process."""

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from reconcile.look_back import LookBacks
from reconcile.reconciler import RESERVE_SECONDS, Reconciler
from reconcile.setup_inspection import SetupInspection
from replication.aws.clients import client
from replication.aws.s3.bucket_setups import S3BucketSetups
from replication.aws.s3.objects import S3Objects
from replication.aws.sqs import SqsQueue
from replication.aws.table.findings import FindingsTable
from replication.aws.table.index_reads import IndexReads
from replication.aws.table.ledger import DynamoDBLedger
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.aws.windows import Ticks, WindowQueue, Work
from replication.ledger.schedule import LookBack, Schedule
from replication.s3.known_rules import KnownRules
from replication.settings import from_env
from replication.times import Instant, plus, wall_clock

TICK_SECONDS = 300
"""Of the schedule; what the first tick ever looks back."""
RETRY_SECONDS = 120
"""Before S3 is asked again about what it did not answer for."""


@dataclass(frozen=True, slots=True)
class Service:
    reconciler: Reconciler
    queue: WindowQueue
    ticks: Ticks
    inspection: SetupInspection
    look_backs: LookBacks

    def tick(self) -> float | None:
        """Plans what became due since the last tick, and inspects the buckets when that is due;
        age of the oldest pending version."""
        now = wall_clock()
        last = self.ticks.last() or plus(now, -TICK_SECONDS)
        planned = self.reconciler.plan(Instant(last), now)
        self.queue.send(planned.windows)
        self.queue.send(planned.look_backs)
        self.ticks.done(now)
        self.inspection.inspect(now)
        return planned.oldest_pending_seconds

    def work(self, work: Work, seconds_left: Callable[[], float]) -> Counter[str]:
        """Works off a message and sends what is left of it; what was found, by name."""
        if isinstance(work, LookBack):
            left, counts = self.look_backs.work_off(work, seconds_left)
            # With time to spare it was S3 or the ledger that did not answer.
            delay = RETRY_SECONDS if seconds_left() > RESERVE_SECONDS else 0
            self.queue.send([left] if left else [], delay_seconds=delay)
            return counts
        result = self.reconciler.work_off(work, seconds_left)
        self.queue.send([result.rest] if result.rest else [])
        self.queue.send(result.again, delay_seconds=RETRY_SECONDS)
        return result.counts


@cache
def service() -> Service:
    """MissingSettings when the environment is incomplete."""
    settings = from_env(os.environ, "RECONCILE_QUEUE_URL", "INGEST_QUEUE_ARN")
    dynamodb, table = client("dynamodb"), settings.table_name
    configurations = RuleRevisionTable(dynamodb, table)
    histories = KnownRules(configurations.load, settings.source_buckets, time.monotonic)
    s3, findings = partial(client, "s3"), FindingsTable(dynamodb, table)
    reconciler = Reconciler(
        index=IndexReads(dynamodb, table),
        ledger=DynamoDBLedger(dynamodb, table, settings.shards),
        objects=S3Objects(s3),
        findings=findings,
        histories=histories,
        schedule=Schedule(settings.check_base_seconds, settings.audited),
        shards=settings.shards,
        now=wall_clock,
        learnt=configurations,
    )
    return Service(
        reconciler,
        WindowQueue(SqsQueue(partial(client, "sqs"), settings.reconcile_queue_url)),
        Ticks(dynamodb, table),
        SetupInspection(
            S3BucketSetups(s3, settings.ingest_queue_arn), findings, sorted(settings.tracked)
        ),
        LookBacks(reconciler, configurations.note_looked_back),
    )
