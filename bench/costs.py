"""What tracking costs, from the capacity of the real items and prices you may replace.

    python -m bench.costs [--writes 0.625] [--storage 0.25] ...

Prices are US dollars, on demand, without free tier; the defaults are an assumption about us-east-1
in November 2026. One object has one destination and lives through created and arrived.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from bench.capacity import counting
from record.claims import TRIES
from replication.aws.table.ledger_item import Item
from replication.head.replica_source import MOST_ASKED
from tests.infra.synthesized import synthesize
from tests.support.capacity import cost, entry, item_size, life, stages

OBJECTS = (100_000, 10_000_000, 1_000_000_000)
CPU_SECONDS_AN_EVENT = 0.0002
"""As bench.recorder measures it, on the slow side."""
RECORD_GIB = 1_769 / 1_024
EVENT = Path(__file__).parent.parent / "tests" / "events" / "eventbridge-object-created.json"
ARCHIVE_DAYS = 14
"""As infra/config.py has it by default."""
MINUTES = 30 * 24 * 60
IDLE_SECONDS = 0.1
"""An invocation that finds little to do takes; an assumption on the slow side."""
LONG_POLL_SECONDS, POLLERS = 20, 5
"""Lambda polls each queue so, however little comes."""
GAUGES, METRICS_OF_FUNCTIONS = 4, 4
"""Custom metrics sent by the clock: the gauges of a route, and those that have a stage alone."""
ROUTES = 2
"""Of two source buckets, so that a refresh writes one small item for each, and the frontier."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars. Writes, reads and requests: a million; storage: a GB-month; lambda_: a GB-second;
    archive: a GB that comes in, and kept: a GB-month of it; recovery: a GB-month that can be
    restored; publish: a million messages to a topic; transfer: a GB to another Region; alarms,
    metrics and dashboards: one a month."""

    writes: float = 0.625
    storage: float = 0.25
    lambda_: float = 0.0000133334
    invocations: float = 0.20
    sqs: float = 0.40
    kms: float = 1.0
    reads: float = 0.125
    heads: float = 0.40
    archive: float = 0.10
    kept: float = 0.023
    alarms: float = 0.10
    metrics: float = 0.30
    dashboards: float = 3.0
    recovery: float = 0.20
    publish: float = 0.50
    transfer: float = 0.02


def requests(messages_a_batch: float) -> float:
    """SQS requests for one message: sent once, received and deleted in batches of ten."""
    return 1 + 2 / min(10.0, messages_a_batch)


def a_million_objects(prices: Prices, messages_a_batch: float) -> dict[str, float]:
    """Dollars by what they are for. `messages_a_batch`: how many a poll finds waiting."""
    units, old, new = 0, Item(), Item()
    for new in stages(life()):
        one = cost(old, new)
        units += one.table_units + one.index_units
        old = new
    gigabytes = 1e6 * (item_size(new) + item_size(entry(new)) + 2 * 100) / 2**30
    events = 2
    archived = 1e6 * events * len(json.dumps(json.loads(EVENT.read_text()))) / 2**30
    return {
        "DynamoDB writes": units * prices.writes,
        "DynamoDB counters": counting(int(messages_a_batch)) * prices.writes,
        "DynamoDB storage, a month": gigabytes * (prices.storage + prices.recovery),
        "SQS": events * requests(messages_a_batch) * prices.sqs,
        "Lambda record": events * CPU_SECONDS_AN_EVENT * 1e6 * RECORD_GIB * prices.lambda_
        + events / messages_a_batch * prices.invocations,
        f"Event archive, {ARCHIVE_DAYS} days": archived
        * (prices.archive + prices.kept * ARCHIVE_DAYS / 30),
    }


def a_month_of_nothing(prices: Prices) -> dict[str, float]:
    """Dollars a month without any object. The template says how many alarms, schedules, keys and
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
    polls = queues * POLLERS * MINUTES * 60 / LONG_POLL_SECONDS
    return {
        "CloudWatch alarms": len(stack.of_type("AWS::CloudWatch::Alarm")) * prices.alarms,
        "CloudWatch metrics": (ROUTES * GAUGES + METRICS_OF_FUNCTIONS) * prices.metrics,
        "CloudWatch dashboard": len(stack.of_type("AWS::CloudWatch::Dashboard"))
        * prices.dashboards,
        "KMS key": len(stack.of_type("AWS::KMS::Key")) * prices.kms,
        "DynamoDB by the clock": (ROUTES + 1) * MINUTES / 1e6 * prices.writes,
        "SQS long polls": polls / 1e6 * prices.sqs,
        "Lambda by the clock": invocations
        * (prices.invocations / 1e6 + IDLE_SECONDS * RECORD_GIB * prices.lambda_),
    }


def elsewhere(prices: Prices) -> dict[str, float]:
    """Dollars that a million events from another Region cost more than at home. SNS charges nothing
    for the delivery to a queue."""
    gigabytes = 1e6 * len(json.dumps(json.loads(EVENT.read_text()))) / 2**30
    return {"SNS publish": prices.publish, "transfer": gigabytes * prices.transfer}


def a_collector(prices: Prices) -> dict[str, float]:
    """Dollars a month for a collector without any event: its key and its alarm."""
    return {"KMS key": prices.kms, "CloudWatch alarm": prices.alarms}


def somebody_elses(prices: Prices, sources: int) -> dict[str, float]:
    """Dollars a million objects that are nobody's replicas, in a destination that `sources` buckets
    may replicate to. A refused write costs a unit, a read of a version's items that are not there
    half a one."""
    message = requests(10) * prices.sqs
    received = 2 / 10 * prices.sqs
    refused, asked = sources * prices.writes, min(sources, MOST_ASKED)
    look = refused + asked * (prices.reads / 2 + prices.heads)
    return {
        "objects": message + refused + prices.heads,
        "objects, once many were seen": message + received + 2 * refused,
        "delete markers": message + (TRIES - 1) * received + TRIES * look,
        "deletions of what is its own": message + (TRIES - 1) * received + TRIES * look,
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    defaults = Prices()
    for name in Prices.__dataclass_fields__:
        arguments.add_argument(f"--{name.strip('_')}", type=float, default=getattr(defaults, name))
    given = vars(arguments.parse_args())
    prices = Prices(**{name: given[name.strip("_")] for name in Prices.__dataclass_fields__})
    print("a million objects, one destination each:")
    for name, dollars in a_million_objects(prices, messages_a_batch=10).items():
        print(f"  {name:28} ${dollars:7.2f}")
    nothing = a_month_of_nothing(prices)
    fixed = sum(nothing.values())
    print(f"a month without any object, {ROUTES} routes: ${fixed:.2f}")
    for name, dollars in nothing.items():
        print(f"  {name:28} ${dollars:7.2f}")
    for title, parts in (
        ("a million events from another Region, more than at home:", elsewhere(prices)),
        ("a month of a collector without any event:", a_collector(prices)),
    ):
        print(title)
        for name, dollars in parts.items():
            print(f"  {name:28} ${dollars:7.2f}")
    for sources in (1, 8):
        print(f"a million of somebody else's in a destination of {sources} source(s):")
        for name, dollars in somebody_elses(prices, sources).items():
            print(f"  {name:28} ${dollars:7.2f}")
    print("objects a month and what they cost:")
    for objects in OBJECTS:
        # Few messages wait when few come.
        batch = 2.0 if objects < 1_000_000 else 10.0
        each = a_million_objects(prices, batch)
        dollars = fixed + objects / 1e6 * sum(each.values())
        more = objects / 1e6 * each["DynamoDB storage, a month"]
        print(f"  {objects:>13,}  ${dollars:,.2f}, and ${more:,.2f} more with each further month")


if __name__ == "__main__":
    main()
