"""How long the API's questions take as the table grows: summary, watermark, lists, timeline.

    python -m bench.views [--sizes 1000,100000,1000000]

Items are put into a table of the local emulator the way the ledger leaves them, a tenth of them
PENDING and one in a hundred FAILED, and counted the way the summarizer does; then each question is
asked of the query function itself, over HTTP to the emulator, and the median of many is printed
with the number of requests it took.

The emulator has no real index: it walks a partition for every query, so its times grow with the
table. Run this against a store that has one, Amazon's DynamoDB Local, to see times; the number of
requests holds everywhere:

    LEDGER_ENDPOINT_URL=http://127.0.0.1:<port> python -m bench.views
"""

import argparse
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.recorder import tables
from replication.aws.table import ledger_item
from replication.aws.table.counter_writes import CounterTable
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.counters.counter import BenignKeys, Change, deltas, image_of
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.s3.evidence import Evidence
from replication.s3.rule_history import Revision
from replication.s3.rules import parse_configuration
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus, wall_clock
from tests.support.topology import topology_file

SHARDS = 4
ROUNDS = 25
PUT_THREADS = 2
PUTS_A_CALL = 25
SPAN_SECONDS = 80_000


def stored(number: int, size: int, began: Instant) -> LedgerItem:
    """The item of one object; they were asked for over most of a day."""
    version = ObjectVersion("src", f"k/{number:08}", f"{number:032}")
    asked = plus(began, SPAN_SECONDS * number / size)
    fact = Fact(
        kind=Kind.REQUESTED,
        version=version,
        destination="dst",
        at=asked,
        evidence=Evidence.OBJECT_CREATED,
        id=f"c{number}",
        rule_id="rule-1",
        size=1_000,
    )
    facts = [fact]
    if number % 100 == 0:
        facts.append(_told(fact, Kind.FAILED, 900, failure_code="DstBucketNotFound"))
    elif number % 10:
        facts.append(_told(fact, Kind.ARRIVED, 4))
    return LedgerItem(version, "dst", fold(facts))


def _told(fact: Fact, kind: Kind, seconds: float, **more: Any) -> Fact:
    return Fact(
        kind=kind,
        version=fact.version,
        destination=fact.destination,
        at=plus(fact.at, seconds),
        evidence=Evidence.REPLICATION_EVENT,
        id=f"e{fact.id}",
        requested_at=fact.at,
        **more,
    )


def fill(client: Any, table: str, first: int, size: int, began: Instant) -> None:
    """Items `first` to `size`, and their counters."""
    put_items(client, table, first, size, began)
    counters = CounterTable(client, table, SHARDS)
    for start in range(first, size, 1_000):
        changes = []
        for number in range(start, min(size, start + 1_000)):
            one = stored(number, size, began)
            seen = image_of(one, listed=True)
            changes.append(Change(f"{size:012}{number:012}", deltas(None, seen, BenignKeys())))
        counters.apply("shardId-bench", changes)


def put_items(client: Any, table: str, first: int, size: int, began: Instant) -> None:
    """Items `first` to `size`."""

    def put(start: int) -> None:
        many = [stored(n, size, began) for n in range(start, min(size, start + PUTS_A_CALL))]
        requests = [{"PutRequest": {"Item": ledger_item.item_of(one, SHARDS)}} for one in many]
        unprocessed = {table: requests}
        while unprocessed:
            unprocessed = client.batch_write_item(RequestItems=unprocessed)["UnprocessedItems"]

    with ThreadPoolExecutor(max_workers=PUT_THREADS) as pool:
        for _ in pool.map(put, range(first, size, PUTS_A_CALL)):
            pass


def questions() -> dict[str, Callable[[], Any]]:
    """The routes, as API Gateway calls them."""
    from tests.query.conftest import get

    def asking(path: str, **parameters: object) -> Callable[[], Any]:
        def ask() -> Any:
            answer = get(path, **parameters)
            assert answer.status == 200, answer.text
            return answer.json

        return ask

    bucket = "/v1/buckets/src"
    return {
        "summary with watermark": asking(f"{bucket}/summary"),
        "timeline of a day": asking(
            f"{bucket}/timeline", since=plus(wall_clock(), -86_000), step="1h"
        ),
        "list PENDING": asking(f"{bucket}/objects", status="PENDING", limit=100),
        "list FAILED": asking(f"{bucket}/objects", status="FAILED", limit=100),
        "incidents": asking("/v1/incidents"),
    }


def counted(client: Any, calls: Counter[str]) -> None:
    def note(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    client.meta.events.register("before-call.dynamodb", note)


def ask_all(size: int, calls: Counter[str]) -> Iterator[str]:
    for name, ask in questions().items():
        ask()
        calls.clear()
        ask()
        requests = sum(calls.values())
        took = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            ask()
            took.append(time.perf_counter() - start)
        median = statistics.median(took) * 1_000
        worst = max(took) * 1_000
        yield (
            f"{size:>9,} items  {name:24} {median:7.1f} ms median {worst:7.1f} max"
            f" {requests:4} requests"
        )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sizes", default="1000,100000,1000000")
    sizes = [int(one) for one in arguments.parse_args().sizes.split(",")]
    with tables() as (client, make):
        calls: Counter[str] = Counter()
        counted(client, calls)
        for size in sizes:
            table = make()
            os.environ |= {
                "TABLE_NAME": table,
                "TOPOLOGY_FILE": topology_file("src", "dst"),
                "INCIDENT_TOPIC_ARN": "unused",
                "RECONCILE_QUEUE_URL": "unused",
                "SHARDS": str(SHARDS),
                "POWERTOOLS_SERVICE_NAME": "query",
                "POWERTOOLS_METRICS_NAMESPACE": "S3ReplicationTracker",
            }
            from query.wiring import service

            service.cache_clear()
            began = plus(wall_clock(), -SPAN_SECONDS - 3_000)
            rule = {
                "ID": "rule-1",
                "Status": "Enabled",
                "Prefix": "",
                "Destination": {"Bucket": "arn:aws:s3:::dst"},
            }
            raw = {"Rules": [rule]}
            first = Revision(began, parse_configuration(raw), not_before=began)
            RuleRevisionTable(client, table).append("src", first, raw)
            start = time.perf_counter()
            fill(client, table, 0, size, began)
            print(f"{size:,} items put and counted in {time.perf_counter() - start:.0f} s")
            for line in ask_all(size, calls):
                print(line, flush=True)


if __name__ == "__main__":
    main()
