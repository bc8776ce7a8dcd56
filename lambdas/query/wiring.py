"""What the routes need, with AWS behind it; made once per process at the first request."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

from query.objects.lookup import Lookup
from query.rule_reads import RuleReads
from replication.aws.clients import client
from replication.aws.sqs import SqsQueue
from replication.aws.subscriptions import subscriptions_of
from replication.aws.table.counter_reads import CounterReads
from replication.aws.table.findings import FindingsTable
from replication.aws.table.frontier_reads import FrontierReads
from replication.aws.table.incident_reads import IncidentReads
from replication.aws.table.index_reads import IndexReads
from replication.aws.table.item_reads import ItemReads
from replication.aws.table.outstanding import Outstanding
from replication.aws.table.redrives import RedriveReads
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.aws.windows import WindowQueue
from replication.cache import Cached
from replication.ledger.retention import forgotten_before
from replication.ledger.schedule import RuleRead, Schedule
from replication.published.row import AsOf, certainty
from replication.published.subscription import Subscription
from replication.s3.known_rules import KnownRules
from replication.settings import Settings, from_env
from replication.times import Instant, wall_clock

COUNTED_SECONDS = 60
"""How long the destinations that a bucket has counters for are cached."""
VERSIONS_OF_A_KEY = 200
"""How many entries of one key are read for a manifest, which has up to 1,000 keys."""
FRONTIER_SECONDS = 5
"""How long the frontier is cached. An older one only makes an answer claim less."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes need.

    settings    the deployment's settings
    items, index, counters, outstanding, incidents, findings, redrives  reads of the table
    histories   the rules of every source bucket; None where they were never read
    rule_reads  has them read in S3 again
    lookup      finds versions of a key
    manifest    the same, for keys of a manifest: it reads less of each
    present     the time of an answer, and what it is judged by
    counted     the destinations that a source bucket has counters for; an empty name: unknown
    frontier    everything sent to the ingest queue before is in the ledger; None: not known
    subscriptions  reads who is subscribed to a topic; raises Unavailable
    """

    settings: Settings
    items: ItemReads
    index: IndexReads
    histories: KnownRules
    rule_reads: RuleReads
    lookup: Lookup
    manifest: Lookup
    findings: FindingsTable
    present: Callable[[], AsOf]
    counters: CounterReads
    outstanding: Outstanding
    incidents: IncidentReads
    redrives: RedriveReads
    counted: Callable[[str], frozenset[str]]
    frontier: Callable[[], Instant | None]
    subscriptions: Callable[[str], Sequence[Subscription]]


@cache
def service() -> Service:
    """MissingSettings when the environment is incomplete."""
    settings = from_env(os.environ, "INCIDENT_TOPIC_ARN", "RECONCILE_QUEUE_URL")
    dynamodb = client("dynamodb")
    items = ItemReads(dynamodb, settings.table_name)
    configurations = RuleRevisionTable(dynamodb, settings.table_name)
    histories = KnownRules(configurations.load, settings.source_buckets, time.monotonic)
    stale_seconds = Schedule(settings.check_base_seconds).stale_seconds

    def present() -> AsOf:
        now = wall_clock()
        forgotten = forgotten_before(now, settings.forget_completed_days)
        return AsOf(now, stale_seconds, certainty(histories()), forgotten)

    queue = WindowQueue(SqsQueue(partial(client, "sqs"), settings.reconcile_queue_url))

    def ask(bucket: str) -> None:
        queue.send([RuleRead(bucket, wall_clock())])

    def looking_up(reads: ItemReads) -> Lookup:
        return Lookup(reads, histories, frozenset(settings.source_buckets), present)

    few = ItemReads(dynamodb, settings.table_name, items_of_a_key=VERSIONS_OF_A_KEY)
    findings = FindingsTable(dynamodb, settings.table_name)
    reads = FrontierReads(dynamodb, settings.table_name)
    counters = CounterReads(dynamodb, settings.table_name, settings.shards)
    counted = Cached[str, frozenset[str]](
        lambda bucket: frozenset(totals.destination for totals in counters.totals(bucket)),
        lambda _: COUNTED_SECONDS,
        time.monotonic,
    )
    frontier = Cached[str, Instant | None](
        lambda _: reads.frontier(), lambda _: FRONTIER_SECONDS, time.monotonic
    )
    return Service(
        settings,
        items,
        IndexReads(dynamodb, settings.table_name),
        histories,
        RuleReads(ask, histories, time.monotonic),
        looking_up(items),
        looking_up(few),
        findings,
        present,
        counters,
        Outstanding(dynamodb, settings.table_name, settings.shards),
        IncidentReads(dynamodb, settings.table_name),
        RedriveReads(dynamodb, settings.table_name),
        counted,
        lambda: frontier("ingest"),
        # Its client is made for the doctor alone, not at every cold start.
        lambda topic_arn: subscriptions_of(client("sns"), topic_arn),
    )
