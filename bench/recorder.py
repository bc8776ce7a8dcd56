"""Client CPU of the recorder, against a loop of single UpdateItem calls on the same events.

    python -m bench.recorder [--objects 1000]

Both sides start from the same EventBridge bodies and leave the same number of items in a table of
the local emulator. CPU is this process's own (`time.process_time`, all threads), so the emulator,
which is another process, does not count. The two take turns, and the ratio is that of one turn.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from local.emulator import server
from record.event_claims import EventClaims
from record.recorder import Recorder
from replication.aws import clients
from replication.aws.messages.body import events_of
from replication.aws.table.ledger import DynamoDBLedger
from replication.message import Message
from replication.times import Instant
from tests.support import ledger_table
from tests.support.fakes import MemoryDeadLetters, MemoryHistories, MemoryObjects, history, rule

NOW = Instant("2026-11-22T12:00:00.000Z")
BATCH = 1_000


def body(number: int, bucket: str, second: int) -> str:
    """An `Object Created` of EventBridge, as long as a real one."""
    detail = {
        "version": "0",
        "bucket": {"name": bucket},
        "object": {
            "key": f"TaxDocs/2026/11/document-{number:06}.pdf",
            "size": 1_048_576,
            "etag": "d41d8cd98f00b204e9800998ecf8427e",
            "version-id": f"{number:032}",
            "sequencer": f"00617F0829932{number:05X}",
        },
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": "111122223333",
        "source-ip-address": "192.0.2.7",
        "reason": "PutObject",
    }
    envelope = {
        "version": "0",
        "id": str(UUID(int=number * 2 + (bucket == "src"), version=4)),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "111122223333",
        "time": f"2026-11-22T11:{second // 60:02}:{second % 60:02}Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": detail,
    }
    return json.dumps(envelope)


def bodies(objects: int) -> list[str]:
    created = [body(number, "src", 1) for number in range(objects)]
    arrived = [body(number, "dst", 9) for number in range(objects)]
    return created + arrived


def recorded(client: Any, table: str, messages: list[str]) -> None:
    """The recorder as it is deployed, its rules in memory."""
    histories = MemoryHistories({"src": history("src", rule("dst", "TaxDocs/"))})
    ledger = DynamoDBLedger(client, table, shards=4)

    def event_claims() -> EventClaims:
        return EventClaims(
            histories=histories.histories(),
            unknown={},
            objects=MemoryObjects(),
            ledger=ledger,
            tracked=frozenset({"src", "dst"}),
            record_ineligible=True,
        )

    recorder = Recorder(
        parse=events_of,
        event_claims=event_claims,
        histories=histories,
        ledger=ledger,
        dead_letters=MemoryDeadLetters(),
        now=lambda: NOW,
    )
    for start in range(0, len(messages), BATCH):
        batch = [
            Message(str(n), text, NOW) for n, text in enumerate(messages[start : start + BATCH])
        ]
        outcome = recorder.record(batch)
        assert outcome.retry == (), outcome.counts


def looped(client: Any, table: str, messages: list[str]) -> None:
    """What a simple tracker does: parse, one UpdateItem, next."""
    for text in messages:
        envelope = json.loads(text)
        detail = envelope["detail"]
        source = detail["bucket"]["name"] == "src"
        client.update_item(
            TableName=table,
            Key={
                "pk": {"S": f"src/{detail['object']['key']}"},
                "sk": {"S": f"{detail['object']['version-id']}#dst"},
            },
            UpdateExpression="SET #status = :status, since = :since, evidence = :evidence,"
            " #size = :size, etag = :etag, event_id = :id",
            ConditionExpression="attribute_not_exists(since) OR since < :since",
            ExpressionAttributeNames={"#status": "status", "#size": "size"},
            ExpressionAttributeValues={
                ":status": {"S": "PENDING" if source else "COMPLETED"},
                ":since": {"S": envelope["time"]},
                ":evidence": {"S": "object_created" if source else "replica_created"},
                ":size": {"N": str(detail["object"]["size"])},
                ":etag": {"S": detail["object"]["etag"]},
                ":id": {"S": envelope["id"]},
            },
        )


@contextmanager
def tables(*, stream: bool = False) -> Iterator[tuple[Any, Callable[[], str]]]:
    """A client of an emulator of our own, or of the server at LEDGER_ENDPOINT_URL, and a maker of
    fresh tables."""
    with tempfile.TemporaryDirectory() as state:
        running = None
        if "LEDGER_ENDPOINT_URL" not in os.environ:
            running = server.start(server.free_port(), Path(state), tied=True)
        os.environ |= {
            "AWS_ENDPOINT_URL": (
                running.endpoint_url if running else os.environ["LEDGER_ENDPOINT_URL"]
            ),
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        client = clients.client("dynamodb")  # both sides get the product's own client
        made: list[str] = []

        def table() -> str:
            made.append(f"bench-{os.getpid()}-{len(made)}")
            ledger_table.create(
                client,
                made[-1],
                StreamSpecification={
                    "StreamEnabled": stream,
                    **({"StreamViewType": "NEW_AND_OLD_IMAGES"} if stream else {}),
                },
            )
            return made[-1]

        try:
            yield client, table
        finally:
            if running:
                server.stop(running.pid, running.state_dir)


def cpu(
    work: Callable[[Any, str, list[str]], None], client: Any, table: str, of: list[str]
) -> float:
    start = time.process_time()
    work(client, table, of)
    return time.process_time() - start


def measure(objects: int, turns: int) -> list[tuple[float, float]]:
    """CPU milliseconds an event, (recorder, loop) of each turn."""
    messages = bodies(objects)
    with tables() as (client, table):
        recorded(client, table(), bodies(25))  # connections, imports, caches
        looped(client, table(), bodies(25))
        seconds = [
            (
                cpu(recorded, client, table(), messages),
                cpu(looped, client, table(), messages),
            )
            for _ in range(turns)
        ]
    return [(a / len(messages) * 1e3, b / len(messages) * 1e3) for a, b in seconds]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--objects", type=int, default=1_000)
    arguments.add_argument("--turns", type=int, default=3)
    given = arguments.parse_args()
    measured = measure(given.objects, given.turns)
    for recorder, loop in measured:
        print(
            f"recorder {recorder:.3f} ms CPU an event, UpdateItem loop {loop:.3f} ms,"
            f" ratio 1/{loop / recorder:.1f}"
        )
    print(f"median ratio 1/{statistics.median(loop / own for own, loop in measured):.1f}")


if __name__ == "__main__":
    main()
