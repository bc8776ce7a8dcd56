"""The reconciler with AWS behind it, made once per process."""

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from reconcile.look_back import LookBacks
from reconcile.reconciler import RESERVE_SECONDS, Reconciler
from reconcile.rule_read import RuleReader
from reconcile.setup_inspection import SetupInspection
from replication.aws.clients import client, s3_by_bucket
from replication.aws.event_rules import EventRules
from replication.aws.s3.bucket_setups import S3BucketSetups
from replication.aws.s3.objects import S3Objects
from replication.aws.s3.rule_histories import S3RuleHistories
from replication.aws.sqs import SqsQueue
from replication.aws.table.findings import FindingsTable
from replication.aws.table.index_reads import IndexReads
from replication.aws.table.ledger import DynamoDBLedger
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.aws.windows import Ticks, WindowQueue, Work
from replication.cache import Cached
from replication.ledger.schedule import LookBack, RuleRead, Schedule
from replication.s3.event_paths import is_deaf_to
from replication.s3.known_rules import KnownRules
from replication.settings import from_env
from replication.times import Instant, plus, wall_clock

TICK_SECONDS = 300
"""The period of the schedule, which is also what the very first tick covers."""
RETRY_SECONDS = 120
"""The delay before a version without an answer is tried again."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the handler calls.

    reconciler      plans ticks and works off windows
    queue           the reconcile queue
    ticks           when the schedule last ran to its end
    inspection      inspects the set-up of buckets
    look_backs      works off look-backs
    rule_reader     reads the rules of a source bucket in S3
    """

    reconciler: Reconciler
    queue: WindowQueue
    ticks: Ticks
    inspection: SetupInspection
    look_backs: LookBacks
    rule_reader: RuleReader

    def tick(self) -> float | None:
        """Sends the work that became due since the last tick and inspects buckets; returns the age
        of the oldest PENDING version."""
        now = wall_clock()
        last = self.ticks.last() or plus(now, -TICK_SECONDS)
        planned = self.reconciler.plan(Instant(last), now)
        self.queue.send(planned.windows)
        self.queue.send(planned.look_backs)
        self.ticks.done(now)
        self.inspection.inspect(now)
        return planned.oldest_pending_seconds

    def work(self, work: Work, seconds_left: Callable[[], float]) -> Counter[str]:
        """Works off a message and sends what is left of it; returns counts of what was found."""
        if isinstance(work, RuleRead):
            self.rule_reader.work_off(work)
            return Counter()
        if isinstance(work, LookBack):
            left, counts = self.look_backs.work_off(work, seconds_left)
            # When time is left, S3 or the ledger did not answer.
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
    settings = from_env(os.environ, "RECONCILE_QUEUE_URL", "INGEST_QUEUE_ARN", "OBJECT_EVENT_RULES")
    dynamodb, table = client("dynamodb"), settings.table_name
    configurations = RuleRevisionTable(dynamodb, table)
    histories = KnownRules(configurations.load, settings.source_buckets, time.monotonic)
    s3, findings = s3_by_bucket(settings.topology), FindingsTable(dynamodb, table)
    setups = Cached[None, Any](lambda _: findings.setups(), lambda _: TICK_SECONDS, time.monotonic)
    reconciler = Reconciler(
        index=IndexReads(dynamodb, table),
        ledger=DynamoDBLedger(
            dynamodb, table, settings.shards, completed_days=settings.forget_completed_days
        ),
        objects=S3Objects(s3),
        findings=findings,
        histories=histories,
        schedule=Schedule(settings.check_base_seconds, settings.audited),
        shards=settings.shards,
        now=wall_clock,
        learnt=configurations,
        deaf=lambda name: is_deaf_to(name, settings.topology, setups(None)),
    )

    def read_rules(bucket: str) -> None:
        rules = S3RuleHistories(
            s3=s3, table=configurations, buckets=[bucket], seconds=time.monotonic, now=wall_clock
        )
        rules.forget(bucket, None)  # so that the read is noted for others
        rules.histories()

    return Service(
        reconciler,
        WindowQueue(SqsQueue(partial(client, "sqs"), settings.reconcile_queue_url)),
        Ticks(dynamodb, table),
        SetupInspection(
            S3BucketSetups(
                s3, settings.ingest_queue_arn, settings.object_events, settings.topology.elsewhere
            ),
            EventRules(
                partial(client, "events"), settings.object_event_rules, settings.ingest_queue_arn
            ),
            findings,
            sorted(settings.tracked),
            configurations.note_missed,
            settings.events_begin_seconds,
            settings.topology.elsewhere,
        ),
        LookBacks(reconciler, configurations.note_looked_back),
        RuleReader(frozenset(settings.source_buckets), configurations.load, read_rules),
    )
