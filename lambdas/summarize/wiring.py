"""The summarizer with AWS behind it, made once per process."""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from replication.aws.clients import client
from replication.aws.sns import IncidentTopic
from replication.aws.sqs import SqsQueue
from replication.aws.table.counter_reads import CounterReads
from replication.aws.table.counter_recount import IndexWalk, RecountedCounters
from replication.aws.table.counter_writes import CounterTable
from replication.aws.table.findings import FindingsTable
from replication.aws.table.frontier_reads import FrontierReads
from replication.aws.table.incident_reads import IncidentReads
from replication.aws.table.incident_writes import IncidentTable, incident_id
from replication.aws.table.outstanding import Outstanding
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.aws.table.stream_record import read_images, read_record
from replication.counters.counter import BenignKeys
from replication.ledger.schedule import Schedule
from replication.s3.known_rules import KnownRules
from replication.settings import event_settings, from_env
from replication.times import wall_clock
from summarize.incident_words import Tracker
from summarize.recount import Recount, Verdict
from summarize.schedules import Schedules
from summarize.status_changes import StatusChanges
from summarize.summarizer import Summarizer

REST_SECONDS = 20
"""Between two rounds of a recount: longer than a stream that is not behind needs."""

logger = Logger(child=True)


@dataclass(frozen=True, slots=True)
class Service:
    """What the handler calls: one for the stream, one for the schedules."""

    summarizer: Summarizer
    schedules: Schedules

    def scheduled(
        self, event: Mapping[str, Any], milliseconds_left: Callable[[], int], metrics: Metrics
    ) -> dict[str, Any]:
        """The event of a schedule: a recount for `{"task": "recount"}`, otherwise metrics."""
        if event.get("task") == "recount":
            found = self.schedules.recount(lambda: milliseconds_left() / 1_000)
            counts = Counter(one.verdict for one in found)
            for verdict in Verdict:
                metrics.add_metric(verdict, MetricUnit.Count, counts[verdict])
            for one in found:
                if one.differences:
                    logger.error("counters differ", verdict=one.verdict, by=str(one.differences))
            return {verdict.value: counts[verdict] for verdict in Verdict}
        documents, lag = self.schedules.measure()
        for document in documents:
            sys.stdout.write(json.dumps(document) + "\n")
        metrics.add_metric("WatermarkLagSeconds", MetricUnit.Seconds, lag)
        self.schedules.settle()
        metrics.add_metric("Findings", MetricUnit.Count, self.schedules.errors())
        return {"watermark_lag_seconds": lag}


def _status_changes() -> StatusChanges | None:
    """What makes events; None when none were asked for."""
    events = event_settings(os.environ)
    if events is None:
        return None
    queue = SqsQueue(partial(client, "sqs"), events.queue_url)
    return StatusChanges(read_images, queue.send, events.statuses, events.buckets)


@cache
def service() -> Service:
    """MissingSettings when the environment is incomplete."""
    settings = from_env(os.environ, "INCIDENT_TOPIC_ARN")
    dynamodb, table, lanes = client("dynamodb"), settings.table_name, settings.shards
    counters, reads = CounterTable(dynamodb, table, lanes), CounterReads(dynamodb, table, lanes)
    benign = BenignKeys(settings.benign_keys)
    summarizer = Summarizer(
        read=read_record,
        counters=counters,
        counted=reads,
        incidents=IncidentTable(dynamodb, table),
        open_incidents=IncidentReads(dynamodb, table),
        topic=IncidentTopic(client("sns"), settings.incident_topic_arn, settings.chat_topic_arn),
        benign=benign,
        new_id=incident_id,
        now=wall_clock,
        tracker=Tracker(settings.stage, os.environ.get("AWS_REGION", ""), settings.dashboard_url),
        status_changes=_status_changes(),
    )
    recount = Recount(
        walk=IndexWalk(dynamodb, table, settings.shards),
        counters=RecountedCounters(reads, counters),
        benign=benign,
        rest=partial(time.sleep, REST_SECONDS),
        now=wall_clock,
    )
    schedules = Schedules(
        histories=KnownRules(
            RuleRevisionTable(dynamodb, table).load, settings.source_buckets, time.monotonic
        ),
        outstanding=Outstanding(dynamodb, table, settings.shards),
        current=reads,
        summarizer=summarizer,
        recount_route=recount,
        now=wall_clock,
        frontier=FrontierReads(dynamodb, table).frontier,
        findings=FindingsTable(dynamodb, table),
        topology=settings.topology,
        noticed_seconds=Schedule(settings.check_base_seconds).noticed_seconds,
    )
    return Service(summarizer, schedules)
