"""The summarizer with its real surroundings, made once per process."""

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

from replication.adapters.clients import client
from replication.adapters.configuration_table import ConfigurationTable
from replication.adapters.counter_reads import CounterReads
from replication.adapters.counters import CounterTable
from replication.adapters.dynamodb_reads import CachedHistories
from replication.adapters.heard_reads import HeardReads
from replication.adapters.incident_reads import IncidentReads
from replication.adapters.incidents import IncidentTable, IncidentTopic, incident_id
from replication.adapters.outstanding import Outstanding
from replication.adapters.recounting import IndexWalk, RecountedCounters
from replication.adapters.stream import read_record
from replication.contributions import Benign
from replication.recount import Recount, Verdict
from replication.settings import from_env
from replication.summarizer import Summarizer
from replication.sweep import Sweep
from replication.times import wall_clock

REST_SECONDS = 20
"""Between two looks of a recount: longer than the stream takes to be worked off."""

logger = Logger(child=True)


@dataclass(frozen=True, slots=True)
class Service:
    summarizer: Summarizer
    sweep: Sweep

    def scheduled(
        self, event: Mapping[str, Any], milliseconds_left: Callable[[], int], metrics: Metrics
    ) -> dict[str, Any]:
        """What the schedules ask for: `{"task": "recount"}`, or how things stand."""
        if event.get("task") == "recount":
            found = self.sweep.recount(lambda: milliseconds_left() / 1_000)
            counts = Counter(one.verdict for one in found)
            for verdict in Verdict:
                metrics.add_metric(verdict, MetricUnit.Count, counts[verdict])
            for one in found:
                if one.differences:
                    logger.error("counters differ", verdict=one.verdict, by=str(one.differences))
            return {verdict.value: counts[verdict] for verdict in Verdict}
        documents, lag = self.sweep.measure()
        for document in documents:
            sys.stdout.write(json.dumps(document) + "\n")
        metrics.add_metric("WatermarkLagSeconds", MetricUnit.Seconds, lag)
        self.sweep.settle()
        return {"watermark_lag_seconds": lag}


@cache
def service() -> Service:
    """MissingSettings when the environment is incomplete."""
    settings = from_env(os.environ, "INCIDENT_TOPIC_ARN")
    dynamodb, table, lanes = client("dynamodb"), settings.table_name, settings.shards
    counters, reads = CounterTable(dynamodb, table, lanes), CounterReads(dynamodb, table, lanes)
    benign = Benign(settings.benign_keys)
    summarizer = Summarizer(
        read=read_record,
        counters=counters,
        counted=reads,
        incidents=IncidentTable(dynamodb, table),
        open_incidents=IncidentReads(dynamodb, table),
        topic=IncidentTopic(client("sns"), settings.incident_topic_arn),
        benign=benign,
        new_id=incident_id,
        now=wall_clock,
    )
    recount = Recount(
        walk=IndexWalk(dynamodb, table, settings.shards),
        counters=RecountedCounters(reads, counters),
        benign=benign,
        rest=partial(time.sleep, REST_SECONDS),
        now=wall_clock,
    )
    sweep = Sweep(
        histories=CachedHistories(
            ConfigurationTable(dynamodb, table).load, settings.source_buckets, time.monotonic
        ),
        outstanding=Outstanding(dynamodb, table, settings.shards),
        standing=reads,
        summarizer=summarizer,
        recounting=recount,
        now=wall_clock,
        frontier=HeardReads(dynamodb, table).frontier,
    )
    return Service(summarizer, sweep)
