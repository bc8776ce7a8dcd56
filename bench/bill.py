"""The lines of a month's bill, each with its formula.

Prices are US dollars, on demand, without free tier; the defaults are an assumption about us-east-1
in November 2026. One object has one destination and lives through created and arrived.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path

from bench.counting import Counted, counted
from infra.config import Config
from replication.aws.table.ledger_item import Item
from tests.infra.synthesized import synthesize
from tests.support.capacity import cost, entry, item_size, life, stages

EVENTS = 2
"""Of an object: its creation, and that of its replica."""
CPU_SECONDS_AN_EVENT = 0.0002
"""As bench.recorder measures it, on the slow side."""
RECORD_GIB, SUMMARIZE_GIB = 1_769 / 1_024, 0.5
EVENT = Path(__file__).parent.parent / "tests" / "events" / "eventbridge-object-created.json"
ARCHIVE_DAYS, COUNTER_SECONDS = Config().archive_days, Config().counter_seconds
MINUTES = 30 * 24 * 60
IDLE_SECONDS = 0.1
"""An invocation that finds little to do takes; an assumption on the slow side."""
LOG_BYTES = 1_500
"""That an invocation logs: Lambda's three lines, and a line or two of metrics; an assumption."""
LONG_POLL_SECONDS, POLLERS = 20, 5
"""Lambda polls each queue so, however little comes."""
AUDITS, HEADS_AN_AUDIT = 5, 2
"""Ages at which a sampled version is audited; HEAD at its source and its destination."""
GAUGES, SUMS, METRICS_OF_FUNCTIONS = 4, 4, 4
"""Custom metrics: gauges of a route, sums and latencies of a busy one, those of a stage alone."""
ROUTES = 2
"""Of two source buckets, so that a refresh writes one small item for each, and the frontier."""
OVERHEAD = 100
"""Bytes that DynamoDB adds to each item and each entry of an index."""
TRACED = 0.05
"""X-Ray's share of requests beyond the first one a second."""

PUBLISH_GIB, PUBLISH_SECONDS = 0.25, 0.3
"""An invocation puts a hundred events in ten calls, each some 30 ms; an assumption on the slow
side."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars. Writes, reads, requests and events: a million; storage: a GB-month; lambda_: a
    GB-second; archive: a GB that comes in, and kept: a GB-month of it; recovery: a GB-month that
    can be restored (the table without its indexes); alarms, metrics and dashboards: one a month;
    logs: a GB; api: a million requests; traces: a million;
    publish: a million messages to a topic; transfer: a GB to another Region."""

    writes: float = 0.625
    storage: float = 0.25
    lambda_: float = 0.0000133334
    invocations: float = 0.20
    sqs: float = 0.40
    eventbridge: float = 1.0
    kms: float = 1.0
    reads: float = 0.125
    heads: float = 0.40
    archive: float = 0.10
    kept: float = 0.023
    alarms: float = 0.10
    metrics: float = 0.30
    dashboards: float = 3.0
    recovery: float = 0.20
    logs: float = 0.50
    api: float = 3.50
    traces: float = 5.0
    publish: float = 0.50
    transfer: float = 0.02


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill: the product of its factors, and how it reads."""

    name: str
    dollars: float
    formula: str

    def __str__(self) -> str:
        return f"  {self.name:27} ${self.dollars:10,.2f}  {self.formula}"


def line(name: str, *factors: tuple[float, str]) -> Line:
    formula = " x ".join(f"{_number(amount)} {what}" for amount, what in factors)
    return Line(name, prod(amount for amount, _ in factors), formula)


def _number(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 1_000 else f"{amount:.4g}"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a deployment that change its bill."""

    forgets: bool = False
    by_eventbridge: bool = True
    counter_seconds: float = COUNTER_SECONDS


DEFAULT = Options()


def units(key: str) -> int:
    """Write units of an object's life in the ledger: table and indexes."""
    found, old = 0, Item()
    for new in stages(life(key)):
        one = cost(old, new)
        found += one.table_units + one.index_units
        old = new
    return found


def lengths() -> Iterator[tuple[int, int]]:
    """Each number of units, and the shortest key that takes so many."""
    known = 0
    for length in range(1, 1_025):
        if (found := units("k" * length)) != known:
            yield length, found
            known = found


counted_once = cache(counted)


def counting(objects: float, options: Options) -> Counted:
    a_second = objects / (MINUTES * 60)
    return counted_once(a_second, options.counter_seconds, forgotten=options.forgets)


def stored(prices: Prices, objects: float) -> list[Line]:
    """What a month's objects cost in each month that they are kept."""
    *_, item = stages(life())
    table, index = item_size(item) + OVERHEAD, item_size(entry(item)) + OVERHEAD
    million = (objects / 1e6, "million objects")
    return [
        line(
            "storage, a month's objects",
            ((table + index) * 1e6 / 2**30, "GB"),
            million,
            (prices.storage, "USD"),
        ),
        line("PITR of them", (table * 1e6 / 2**30, "GB"), million, (prices.recovery, "USD")),
    ]


def requests(messages_a_receive: float) -> float:
    """SQS requests for one message: sent once, received and deleted in batches of ten."""
    return 1 + 2 / min(10.0, messages_a_receive)


def by_objects(prices: Prices, objects: float, options: Options = DEFAULT) -> list[Line]:
    """What the objects of a month cost when they are written, one line for each thing."""
    million = (objects / 1e6, "million objects")
    # Messages of a second wait together: the batching window of the queue.
    waiting = max(1.0, min(10.0, EVENTS * objects / (MINUTES * 60)))
    counts = counting(objects, options)
    gigabytes = EVENTS * len(json.dumps(json.loads(EVENT.read_text()))) * 1e6 / 2**30
    key = life()[0].version.key
    run = prices.invocations + IDLE_SECONDS * SUMMARIZE_GIB * prices.lambda_ * 1e6
    found = [
        line("DynamoDB writes", (units(key), "units"), million, (prices.writes, "USD")),
        line("DynamoDB counters", (counts.units, "units"), million, (prices.writes, "USD")),
        line("SQS", (EVENTS * requests(waiting), "requests"), million, (prices.sqs, "USD")),
        line(
            "Lambda record, time",
            (EVENTS * CPU_SECONDS_AN_EVENT * RECORD_GIB, "GB-seconds"),
            million,
            (prices.lambda_ * 1e6, "USD"),
        ),
        line(
            "Lambda record, invocations",
            (EVENTS / waiting, "invocations"),
            million,
            (prices.invocations, "USD"),
        ),
        line("Lambda summarize", (counts.batches, "batches"), million, (run, "USD")),
        line(
            "CloudWatch Logs",
            ((EVENTS / waiting + counts.batches) * LOG_BYTES * 1e6 / 2**30, "GB"),
            million,
            (prices.logs, "USD"),
        ),
        line(
            "Audits",
            (Config().audited, "of them"),
            (AUDITS * HEADS_AN_AUDIT, "HEADs"),
            million,
            (prices.heads, "USD"),
        ),
    ]
    if options.by_eventbridge:
        found += [
            line("EventBridge", (EVENTS, "events"), million, (prices.eventbridge, "USD")),
            line(
                f"Event archive, {ARCHIVE_DAYS} days",
                (gigabytes, "GB"),
                million,
                (prices.archive + prices.kept * ARCHIVE_DAYS / 30, "USD"),
            ),
        ]
    return found


@cache
def by_the_clock(prices: Prices) -> list[Line]:
    """What a month costs without any object. The template says how many alarms, schedules, keys and
    dashboards there are."""
    buckets = ",".join(f"bucket-{number}" for number in range(ROUTES))
    stack = synthesize({"source_buckets": buckets, "destination_buckets": "replica"})
    every = {"rate(1 minute)": 1, "rate(5 minutes)": 5, "rate(1 hour)": 60, "rate(1 day)": 1_440}
    schedules = [
        rule["ScheduleExpression"]
        for rule in stack.of_type("AWS::Events::Rule")
        if "ScheduleExpression" in rule.properties
    ]
    invocations = sum(MINUTES / every[schedule] for schedule in schedules)
    arns = {queue.arn for queue in stack.of_type("AWS::SQS::Queue")}
    queues = sum(
        source["EventSourceArn"] in arns
        for source in stack.of_type("AWS::Lambda::EventSourceMapping")
    )
    shards = Config().shards
    # A tick of reconcile: four lists of each route, and one of its bucket. A minute's measures: the
    # oldest of three lists and of the bucket's, the totals, and open incidents.
    lists = ROUTES * shards * (4 + 1) * MINUTES / 5 + ROUTES * shards * (3 + 1 + 1) * MINUTES
    alarms = len(stack.of_type("AWS::CloudWatch::Alarm"))
    dashboards = len(stack.of_type("AWS::CloudWatch::Dashboard"))
    run = prices.invocations + IDLE_SECONDS * RECORD_GIB * prices.lambda_ * 1e6
    metrics = ROUTES * (GAUGES + SUMS) + METRICS_OF_FUNCTIONS
    polls = POLLERS * MINUTES * 60 / LONG_POLL_SECONDS
    return [
        line("CloudWatch alarms", (alarms, "alarms"), (prices.alarms, "USD")),
        line("CloudWatch metrics", (metrics, "metrics"), (prices.metrics, "USD")),
        line("CloudWatch dashboard", (dashboards, "dashboard"), (prices.dashboards, "USD")),
        line("KMS key", (len(stack.of_type("AWS::KMS::Key")), "key"), (prices.kms, "USD")),
        line("SQS long polls", (queues, "queues"), (polls / 1e6, "million"), (prices.sqs, "USD")),
        line("Lambda by the clock", (invocations / 1e6, "million invocations"), (run, "USD")),
        line(
            "CloudWatch Logs",
            (invocations / 1e6, "million invocations"),
            (LOG_BYTES * 1e6 / 2**30, "GB"),
            (prices.logs, "USD"),
        ),
        line(
            "DynamoDB writes",
            ((ROUTES + 1) * MINUTES / 1e6, "million units"),
            (prices.writes, "USD"),
        ),
        line("DynamoDB reads", (lists / 2 / 1e6, "million units"), (prices.reads, "USD")),
    ]


def a_million_requests(prices: Prices) -> list[Line]:
    """Of the API, at a rate at which X-Ray samples."""
    run = prices.invocations + IDLE_SECONDS * prices.lambda_ * 1e6
    return [
        line("API Gateway", (1, "million requests"), (prices.api, "USD")),
        line("Lambda query", (1, "million requests"), (run, "USD")),
        line("X-Ray", (TRACED, "million traces"), (prices.traces, "USD")),
    ]


def a_million_events(prices: Prices) -> list[Line]:
    """Of changes of status that become events (`event_statuses`), ten a call of SQS and
    EventBridge, a hundred an invocation."""
    run = prices.invocations + PUBLISH_SECONDS * PUBLISH_GIB * prices.lambda_ * 1e6
    return [
        line("EventBridge", (1, "million events"), (prices.eventbridge, "USD")),
        line("SQS", (3 / 10, "million requests"), (prices.sqs, "USD")),
        line("Lambda publish", (1 / 100, "million invocations"), (run, "USD")),
    ]


def total(lines: list[Line]) -> float:
    return sum(one.dollars for one in lines)
