"""What tracking costs a month, line by line, from the capacity of the real items and prices you may
replace (`bench/bill.py`), and what the options change.

    python -m bench.costs [--writes 0.625] [--storage 0.25] ...
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace

from bench.bill import (
    COUNTER_SECONDS,
    EVENT,
    MINUTES,
    ROUTES,
    Options,
    Prices,
    a_million_events,
    a_million_requests,
    by_objects,
    by_the_clock,
    counted_once,
    lengths,
    requests,
    stored,
    total,
)
from bench.checks import DOLLARS_A_MILLION_HEADS
from bench.counting import ARRIVES_SECONDS, STREAM_SHARDS
from record.claims import TRIES
from replication.head.replica_source import MOST_ASKED
from replication.published import redrive_cost
from replication.published.redrive import Job, Written

OBJECTS = (1_000_000, 1_000_000_000)
RATES = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
LONGER_SECONDS, FORGET_DAYS, MONTHS = 30, 30, 12
"""What the options are priced at."""


def months_kept(options: Options, month: int) -> int:
    """How many months of objects the table has at the end of the month."""
    return min(month, FORGET_DAYS // 30) if options.forgets else month


def bill(prices: Prices, objects: float, options: Options, month: int) -> float:
    months = months_kept(options, month)
    kept = months * total(stored(prices, objects))
    # Nothing expires in the first month.
    options = replace(options, forgets=options.forgets and months < month)
    return total(by_the_clock(prices)) + total(by_objects(prices, objects, options)) + kept


LEVERS: Mapping[str, Options] = {
    "as deployed by default": Options(),
    f"forget_completed_days={FORGET_DAYS}": Options(forgets=True),
    "object_events=s3": Options(by_eventbridge=False),
    f"counter_seconds={LONGER_SECONDS}": Options(counter_seconds=LONGER_SECONDS),
    "all three": Options(True, False, LONGER_SECONDS),
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
    message = requests(10) * prices.sqs + prices.eventbridge
    received = 2 / 10 * prices.sqs
    refused, asked = sources * prices.writes, min(sources, MOST_ASKED)
    look = refused + asked * (prices.reads / 2 + prices.heads)
    return {
        "objects": message + refused + prices.heads,
        "objects, once many were seen": message + received + 2 * refused,
        "delete markers": message + (TRIES - 1) * received + TRIES * look,
        "deletions of what is its own": message + (TRIES - 1) * received + TRIES * look,
    }


def report(prices: Prices) -> Iterator[str]:
    for objects in OBJECTS:
        yield f"{objects:,} objects a month, one destination each:"
        yield from map(str, by_objects(prices, objects))
        yield "and in every month that they are kept:"
        yield from map(str, stored(prices, objects))
    yield f"a month without any object, {ROUTES} routes: ${total(by_the_clock(prices)):,.2f}"
    yield from map(str, by_the_clock(prices))
    yield f"a million requests of the API: ${total(a_million_requests(prices)):,.2f}"
    yield from map(str, a_million_requests(prices))
    yield f"a million changes of status that become events: ${total(a_million_events(prices)):,.2f}"
    yield from map(str, a_million_events(prices))
    yield "write units of an object by the bytes of its key:"
    yield from (f"  from {length:>3} bytes {found:>2} units" for length, found in lengths())
    yield (
        f"write units of an object's counters, {STREAM_SHARDS} shards of the stream, by the seconds"
        " that changes are gathered:"
    )
    for objects in RATES:
        a_second = objects / (MINUTES * 60)
        found = [
            f"{seconds} s: {counted_once(a_second, seconds, forgotten=False).units:5.2f}"
            for seconds in (COUNTER_SECONDS, LONGER_SECONDS)
        ]
        soon = counted_once(a_second, COUNTER_SECONDS, arrives_seconds=4.0).units
        yield (
            f"  {objects:>13,} a month  {'  '.join(found)}"
            f"  (arrival after {ARRIVES_SECONDS:.0f} s; after 4 s and {COUNTER_SECONDS} s:"
            f" {soon:.2f})"
        )
    yield f"the first month and the {MONTHS}th, in all:"
    for name, options in LEVERS.items():
        for objects in OBJECTS:
            first, last = (bill(prices, objects, options, month) for month in (1, MONTHS))
            yield f"  {name:26} {objects:>13,}  ${first:9,.2f}  ${last:9,.2f}"
    for title, parts in (
        ("a million events from another Region, more than at home:", elsewhere(prices)),
        ("a month of a collector without any event:", a_collector(prices)),
    ):
        yield title
        for name, dollars in parts.items():
            yield f"  {name:28} ${dollars:7.2f}"
    for sources in (1, 8):
        yield f"a million of somebody else's in a destination of {sources} source(s):"
        for name, dollars in somebody_elses(prices, sources).items():
            yield f"  {name:28} ${dollars:7.2f}"
    yield from redrive()


def redrive() -> Iterator[str]:
    """A redrive of a million versions of a mebibyte each, to one destination."""
    million, size = 1_000_000, 1 << 20
    written = (Written("replica", million, million * size),)
    cost = redrive_cost.of([Job("source", million, million * size, 0, written, "", "")])
    yield "a redrive of a million versions of 1 MiB to one destination:"
    for name, dollars in (
        ("its job", cost.jobs),
        ("its objects", cost.objects),
        ("PUT requests", cost.requests),
        ("transfer, into another Region", cost.transfer or 0),
        ("transfer of 1 GB", redrive_cost.GIGABYTE),
        ("HEADs, not in the estimate", 2 * DOLLARS_A_MILLION_HEADS),
    ):
        yield f"  {name:29} ${dollars:6.2f}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    defaults = Prices()
    for name in Prices.__dataclass_fields__:
        arguments.add_argument(f"--{name.strip('_')}", type=float, default=getattr(defaults, name))
    given = vars(arguments.parse_args())
    prices = Prices(**{name: given[name.strip("_")] for name in Prices.__dataclass_fields__})
    for text in report(prices):
        print(text)


if __name__ == "__main__":
    main()
