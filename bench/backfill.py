"""Rows of an inventory a second: from gzip to statements, and into a table.

    python -m bench.backfill [--rows 1000000] [--written 10000] [--asked 1000]

The first part reads a gzip file of that many rows as the function does and builds every statement
the ledger would send, but sends none: it is bounded by this process' CPU alone and grows with
nothing but the rows, so hours for a bucket follow from it by proportion. The second part sends a
smaller file to a table of the local emulator: once into an empty table (INSERT), once more with a
newer inventory over the same items (read, fold, write back). The third part reads the inventory of
real objects that are older than what is known of the rules, so that S3 is asked about each: HEAD at
the source and at the one destination. The emulator takes CPU of the same machine, so the CPU of
this process says more than the clock; DynamoDB itself is the bound on AWS only where a table is new
and has to split first.
"""

import argparse
import gzip
import io
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from backfill.row_claims import RowClaims
from backfill.rows import Rows
from backfill.run import BATCH_ROWS
from bench.recorder import tables
from local import demo_buckets, inventory_delivery
from replication.aws import clients
from replication.aws.deliveries import csv_lines, manifest
from replication.aws.s3.objects import S3Objects
from replication.aws.table.ledger import DynamoDBLedger
from replication.head.port import Objects
from replication.ledger.port import Written
from replication.s3.deliveries import Delivery, location_of
from replication.s3.rule_history import RuleHistory
from replication.times import wall_clock
from tests.support.deliveries import COLUMNS, delivery, inventory
from tests.support.fakes import MemoryObjects, history, rule

RULES = (rule("dst-a", "TaxDocs/"), rule("dst-b", "TaxDocs/2026/"), rule("dst-c", "logs/"))
SOURCE, DESTINATION, LISTS = "bench-source", "bench-replica", "bench-lists"
LATER_MILLISECONDS = "1795946400000"


class Unsent(DynamoDBLedger):
    """The ledger up to the network: folds, makes items, builds statements and counts them."""

    def __init__(self) -> None:
        super().__init__(None, "ledger", 4)  # type: ignore[arg-type]
        self.statements = 0

    def _execute(self, batch: Any, end: float) -> Any:
        self.statements += len(batch)
        return [(key, Written.WRITTEN) for key, _ in batch]


def row(number: int) -> str:
    """As S3 writes it: one in fifty failed, one in fifty has no status; half go to one bucket."""
    folder = "TaxDocs/2026" if number % 2 else "logs"
    status = {0: "FAILED", 1: ""}.get(number % 50, "COMPLETED") if number % 2 else "COMPLETED"
    values = (
        "src",
        f"{folder}/report+{number:09}%28final%29.pdf",
        f"{number:032}",
        "true",
        "false",
        str(number * 37),
        "2026-11-01T08:30:00.000Z",
        "d41d8cd98f00b204e9800998ecf8427e",
        "STANDARD",
        "false",
        status,
        "SSE-S3",
    )
    return ",".join(f'"{value}"' for value in values) + "\n"


def stored(rows: int) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=3) as file:
        for start in range(0, rows, 10_000):
            file.write("".join(map(row, range(start, min(start + 10_000, rows)))).encode())
    return buffer.getvalue()


def parse(of: Delivery, body: bytes) -> None:
    deque(map(manifest.reader(of), csv_lines.lines(io.BytesIO(body), compressed=True)), maxlen=0)


def read(rows: Rows, body: bytes) -> None:
    """As `Backfill` does, without its progress."""
    lines: Iterator[bytes] = csv_lines.lines(io.BytesIO(body), compressed=True)
    before = 0
    while batch := list(islice(lines, BATCH_ROWS)):
        rows.write(batch, before)
        before += len(batch)


def rows_into(
    ledger: Any, of: Delivery, known: RuleHistory, objects: Objects | None = None
) -> Rows:
    return Rows(
        read=manifest.reader(of),
        row_claims=lambda _: RowClaims(of, "bench", known),
        ledger=ledger,
        objects=objects or MemoryObjects(),
        histories={known.bucket: known},
        now=wall_clock,
    )


def listed(endpoint_url: str, count: int) -> tuple[Delivery, bytes]:
    """So many replicated objects, and the inventory of their source."""
    demo_buckets.create(endpoint_url, {SOURCE: [demo_buckets.rule("all", DESTINATION, priority=1)]})
    s3 = demo_buckets.client("s3", endpoint_url)
    s3.create_bucket(Bucket=LISTS)
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(lambda n: s3.put_object(Bucket=SOURCE, Key=f"k/{n}", Body=b"x"), range(count))
        )
    while s3.head_object(Bucket=SOURCE, Key=f"k/{count - 1}")["ReplicationStatus"] == "PENDING":
        time.sleep(0.2)
    time.sleep(1)  # the writes of other threads came a moment later
    bucket, key = location_of(inventory_delivery.deliver(s3, SOURCE, LISTS))
    found = manifest.delivery_of(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    file = found.files[0]
    return found, s3.get_object(Bucket=file.bucket, Key=file.key)["Body"].read()


def asked(client: Any, table: str, count: int) -> None:
    """Objects from before the tracker, with nothing known of how old the rules are."""
    of, body = listed(client.meta.endpoint_url, count)
    young = history(SOURCE, rule(DESTINATION), since=of.at)
    objects = S3Objects(lambda _: clients.client("s3"))
    rows = rows_into(DynamoDBLedger(client, table, shards=4), of, young, objects)
    tell("asked of S3", count, timed(lambda: read(rows, body)), ", 2 HEADs a row")


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock and of this process' CPU."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - cpu


def tell(what: str, rows: int, took: tuple[float, float], more: str = "") -> None:
    clock, cpu = took
    print(
        f"{what}: {rows:,} rows in {clock:.1f} s, {rows / clock:,.0f} rows/s,"
        f" {cpu / rows * 1e6:.0f} us CPU a row{more}"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--written", type=int, default=10_000)
    arguments.add_argument("--asked", type=int, default=1_000)
    given = arguments.parse_args()
    assert len(row(0).split(",")) == len(COLUMNS)
    first = delivery(inventory())
    # One rule in force: every row is clear, so nothing is looked up.
    known = history("src", *RULES[:1], RULES[2])
    body = stored(given.rows)
    unsent = Unsent()
    tell("parser alone", given.rows, timed(lambda: parse(first, body)))
    took = timed(lambda: read(rows_into(unsent, first, known), body))
    tell("to statements", given.rows, took, f", {unsent.statements:,} statements")
    hours = took[0] / given.rows * 100e6 / 3600
    print(f"one function, 100 million rows: {hours:.1f} h before the network")
    body = stored(given.written)
    with tables() as (client, table):
        name = table()
        ledger = DynamoDBLedger(client, name, shards=4)
        read(rows_into(ledger, first, known), stored(25))  # connections, imports, caches
        took = timed(lambda: read(rows_into(ledger, first, known), body))
        tell("into an empty table", given.written, took)
        later = delivery(inventory(creationTimestamp=LATER_MILLISECONDS))
        part = stored(given.written // 10)
        took = timed(lambda: read(rows_into(ledger, later, known), part))
        tell("a newer inventory over it", given.written // 10, took)
        asked(client, table(), given.asked)


if __name__ == "__main__":
    main()
