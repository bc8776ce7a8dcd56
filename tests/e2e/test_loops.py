"""Long work that a function passes on by its own queue. The emulator ends such loops as Lambda
does: after 16 rounds, unless the function's `RecursiveLoop` is `Allow`.

The timeouts of the functions are shortened so that time is short after every page and batch, and
each is a round. `LOOPS_VERSIONS` is the size of the window, of which one in `LOOPS_IN_DOUBT` needs
a HEAD; `make loops` takes 20,000, a quarter of them in doubt.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Any

import pytest

from backfill import run
from local.inventory_delivery import COLUMNS
from reconcile import reconciler
from replication.aws.batches import by_number
from replication.aws.sqs import SqsQueue
from replication.aws.table.backfill_progress import BackfillProgress
from replication.aws.table.index_reads import IndexReads
from replication.aws.table.ledger import DynamoDBLedger
from replication.aws.table.ledger_item import listing
from replication.aws.windows import WindowQueue
from replication.ledger.fact import Fact, Kind
from replication.ledger.index import Route
from replication.ledger.port import Claim, Written
from replication.ledger.schedule import Window
from replication.ledger.state import State
from replication.s3.deliveries import run_of
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus, wall_clock
from tests.e2e.conftest import INVENTORIES, LONG, Deployed, eventually
from tests.s3rt.conftest import Command
from tests.support.deliveries import csv_of, inventory, packed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(0)]

MOST_ROUNDS = 16
"""What Lambda lets a function run in one chain."""
VERSIONS = int(os.environ.get("LOOPS_VERSIONS", "2000"))
IN_DOUBT = int(os.environ.get("LOOPS_IN_DOUBT", "50"))
SECONDS = 60 + VERSIONS / 5
CONTINUATIONS = 42
SOURCE, REPLICA = LONG
SHARDS = 4


@dataclass(frozen=True)
class Function:
    """A function that passes work on by its own queue, whose URL is its variable `queue`."""

    deployed: Deployed
    name: str
    environment: dict[str, str]
    queue: str

    @classmethod
    def of(cls, deployed: Deployed, service: str, queue: str) -> "Function":
        for page in deployed.client("lambda").get_paginator("list_functions").paginate():
            for one in page["Functions"]:
                if one["Handler"] == f"{service}.handler.handler":
                    return cls(
                        deployed, one["FunctionName"], one["Environment"]["Variables"], queue
                    )
        raise LookupError(service)

    @property
    def queue_url(self) -> str:
        return self.environment[self.queue]

    @property
    def recursive_loop(self) -> str:
        client = self.deployed.client("lambda")
        return str(client.get_function_recursion_config(FunctionName=self.name)["RecursiveLoop"])

    @contextmanager
    def always_short_of_time(self, reserve_seconds: float) -> Iterator[None]:
        """It never has as much time left as it keeps in reserve. A round that fails on a busy
        machine comes again as soon as it may."""
        client = self.deployed.client("lambda")
        before = client.get_function_configuration(FunctionName=self.name)["Timeout"]
        hidden = self._attribute("VisibilityTimeout")
        self._set_timeouts(int(reserve_seconds) - 1, str(int(reserve_seconds)))
        try:
            yield
        finally:
            self._set_timeouts(before, hidden)

    def _attribute(self, name: str) -> str:
        """An attribute of the queue."""
        read = self.deployed.client("sqs").get_queue_attributes(
            QueueUrl=self.queue_url, AttributeNames=[name]
        )
        return str(read["Attributes"][name])

    def _set_timeouts(self, seconds: int, visibility: str) -> None:
        client = self.deployed.client("lambda")
        self.deployed.client("sqs").set_queue_attributes(
            QueueUrl=self.queue_url, Attributes={"VisibilityTimeout": visibility}
        )
        client.update_function_configuration(FunctionName=self.name, Timeout=seconds)
        client.get_waiter("function_updated_v2").wait(
            FunctionName=self.name, WaiterConfig={"Delay": 1}
        )

    @contextmanager
    def without_the_setting(self) -> Iterator[None]:
        put = self.deployed.client("lambda").put_function_recursion_config
        put(FunctionName=self.name, RecursiveLoop="Terminate")
        try:
            yield
        finally:
            put(FunctionName=self.name, RecursiveLoop="Allow")

    def dead_letters(self) -> list[Any]:
        """Bodies of what its queue gave up; they are taken out."""
        sqs = self.deployed.client("sqs")
        arn = json.loads(self._attribute("RedrivePolicy"))["deadLetterTargetArn"]
        url = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]


def test_a_window_is_reconciled_to_its_end_and_stops_early_without_the_setting(
    deployed: Deployed,
) -> None:
    function = Function.of(deployed, "reconcile", "RECONCILE_QUEUE_URL")
    dynamodb, table = deployed.client("dynamodb"), function.environment["TABLE_NAME"]
    ledger, index = DynamoDBLedger(dynamodb, table, SHARDS), IndexReads(dynamodb, table)
    queue = WindowQueue(SqsQueue(lambda: deployed.client("sqs"), function.queue_url))
    since = plus(wall_clock(), -1_200)  # too early for a HEAD, unless a version is in doubt
    window = Window(Route(SOURCE, REPLICA, 0), Status.PENDING, since, plus(since, 600))
    first = MOST_ROUNDS * reconciler.PAGE
    last = write_pending(ledger, first + VERSIONS, since)

    assert function.recursive_loop == "Allow"
    with function.always_short_of_time(reconciler.RESERVE_SECONDS):
        with function.without_the_setting():
            queue.send([window])
            (given_up,) = eventually(function.dead_letters, SECONDS)
        assert given_up["after"], "a message for the rest of the window"
        assert in_doubt(index, window) == VERSIONS // IN_DOUBT
        queue.send([window])
        eventually(lambda: ledger.states(last)[REPLICA].deleted_at, SECONDS)
    assert in_doubt(index, window) == 0
    assert function.dead_letters() == []


def write_pending(ledger: DynamoDBLedger, number: int, since: Instant) -> ObjectVersion:
    """So many versions in shard 0 that wait for replication since then, one a millisecond; the last
    of them, which is in doubt."""
    versions = (ObjectVersion(SOURCE, f"long/{one}", "v1") for one in count())
    wanted = islice((one for one in versions if is_in_shard_0(one)), number)
    facts = [
        Fact(
            kind=Kind.REQUESTED,
            version=version,
            destination=REPLICA,
            at=plus(since, place / 1_000),
            evidence=Evidence.OBJECT_CREATED,
            id=version.key,
            requested_at=plus(since, place / 1_000),
            in_doubt=place % IN_DOUBT == IN_DOUBT - 1,
            quiet=True,
        )
        for place, version in enumerate(wanted)
    ]
    for batch in by_number(facts, 1_000):
        results = ledger.write([Claim(fact) for fact in batch])
        assert set(results.values()) == {Written.WRITTEN}
    assert facts[-1].in_doubt
    return facts[-1].version


def is_in_shard_0(version: ObjectVersion) -> bool:
    state = State(status=Status.PENDING, since=wall_clock())
    return str(listing(version, REPLICA, state, SHARDS)["route"]["S"]).endswith("#0")


def in_doubt(index: IndexReads, window: Window) -> int:
    """How many versions of the window still need a HEAD."""
    rows, after = index.page(window, 1_000)
    here = sum(bool(stored.record.state.in_doubt) for _, stored in rows)
    return here + (in_doubt(index, replace(window, after=after)) if after else 0)


def test_a_backfill_goes_on_over_forty_times_and_stops_early_without_the_setting(
    deployed: Deployed, s3rt: Command
) -> None:
    function = Function.of(deployed, "backfill", "BACKFILL_QUEUE_URL")
    # The first round of a chain reads the manifest.
    first = (MOST_ROUNDS - 1) * run.BATCH_ROWS
    total = first + (CONTINUATIONS + 1) * run.BATCH_ROWS
    manifest = deliver(deployed, total)
    table = BackfillProgress(deployed.client("dynamodb"), function.environment["TABLE_NAME"])

    def rows() -> int:
        progress = table.load(run_of(manifest))
        return progress.rows if progress else 0

    assert function.recursive_loop == "Allow"
    start = ("backfill", manifest, "--rules-since", "2026-10-01T00:00:00Z")
    with function.always_short_of_time(run.RESERVE_SECONDS):
        with function.without_the_setting():
            assert s3rt(*start).code == 0
            (given_up,) = eventually(function.dead_letters, 60)
        assert given_up["file"], "a message for the rest of the file"
        assert rows() == first
        assert s3rt(*start, "--wait").code == 0
    assert rows() == total
    assert function.dead_letters() == []
    assert deployed.known(SOURCE, "last", "v1")["replication_status"] == "COMPLETED"


def deliver(deployed: Deployed, rows: int) -> str:
    """An inventory of so many versions, of which only the last one was replicated."""
    s3 = deployed.client("s3")
    s3.create_bucket(Bucket=INVENTORIES)
    names = ((str(one), "") for one in range(rows - 1))
    body = packed(csv_of(row(*one) for one in [*names, ("last", "COMPLETED")]))
    manifest = inventory(("long/1.csv.gz", body)) | {
        "sourceBucket": SOURCE,
        "destinationBucket": f"arn:aws:s3:::{INVENTORIES}",
        "fileSchema": ", ".join(COLUMNS),
    }
    s3.put_object(Bucket=INVENTORIES, Key="long/1.csv.gz", Body=body)
    key = "long/manifest.json"
    s3.put_object(Bucket=INVENTORIES, Key=key, Body=json.dumps(manifest).encode())
    return f"s3://{INVENTORIES}/{key}"


def row(key: str, status: str) -> tuple[str, ...]:
    written = "2026-11-01T08:30:00.000Z"
    return (SOURCE, key, "v1", "true", "false", "7", written, "d41d8cd98f", status)
