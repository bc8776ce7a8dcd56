"""The backfill with its adapters: S3, SQS and the progress in moto, the facts in memory."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from backfill.run import Backfill
from replication.aws.deliveries import manifest
from replication.aws.deliveries.files import S3DeliveryFiles
from replication.aws.sqs import SqsQueue
from replication.aws.table.backfill_progress import BackfillProgress
from replication.ledger.port import Ledger
from replication.ledger.state import State
from replication.published.backfill import Progress
from replication.s3.deliveries import run_of
from replication.s3.rule_history import RuleHistory
from replication.times import Instant
from tests.replication.aws.table.conftest import dynamodb, ledger, table
from tests.support import deliveries
from tests.support.deliveries import BUCKET, URI
from tests.support.fakes import MemoryHistories, MemoryLedger, MemoryObjects, history, rule
from tests.support.seeds import version

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

__all__ = ["dynamodb", "ledger", "table"]
"""Fixtures of the emulator's DynamoDB, for the tests that write the ledger itself."""

TABLE = "ledger"
NOW = Instant("2026-11-22T12:30:00.000Z")


def make_table(client: "DynamoDBClient") -> None:
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )


@dataclass
class World:
    """A backfill and its surroundings; `work` is what Lambda does with the queue."""

    s3: "S3Client"
    sqs: "SQSClient"
    dynamodb: "DynamoDBClient"
    queue_url: str
    table: str = TABLE
    batch_rows: int = 50
    ledger: Ledger = field(default_factory=MemoryLedger)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    reports_read: list[str] = field(default_factory=list)
    """What the redrive function was told."""
    known: Mapping[str, RuleHistory] = field(
        default_factory=lambda: {"src": history("src", rule("dst"))}
    )

    def backfill(self) -> Backfill:
        return Backfill(
            files=S3DeliveryFiles(lambda _: self.s3),
            queue=SqsQueue(lambda: self.sqs, self.queue_url),
            progress=self.table_of_progress,
            ledger=self.ledger,
            objects=self.objects,
            histories=MemoryHistories(dict(self.known)),
            delivery_of=manifest.delivery_of,
            reader=manifest.reader,
            source_buckets=frozenset({"src"}),
            now=lambda: NOW,
            batch_rows=self.batch_rows,
            report_read=self.reports_read.append,
        )

    @property
    def table_of_progress(self) -> BackfillProgress:
        return BackfillProgress(self.dynamodb, self.table)

    @property
    def progress(self) -> Progress:
        found = self.table_of_progress.load(run_of(URI))
        assert found is not None
        return found

    def start(self, uri: str = URI) -> None:
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=json.dumps({"manifest": uri}))

    def receive(self) -> list[Any]:
        answer = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=1)
        return list(answer.get("Messages", ()))

    def work(self, seconds_left: float = 300, most: int = 1000) -> int:
        """Handles messages until none is left; how many there were."""
        for number in range(most):
            messages = self.receive()
            if not messages:
                return number
            for message in messages:
                self.backfill().handle(message["Body"], lambda: seconds_left)
                self.sqs.delete_message(
                    QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"]
                )
        return most

    def state(self, key: str, version_id: str = "v1", destination: str = "dst") -> State:
        assert isinstance(self.ledger, MemoryLedger)
        return self.ledger.records[version(key, version_id), destination].state


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        s3, sqs = boto3.client("s3"), boto3.client("sqs")
        database = boto3.client("dynamodb")
        s3.create_bucket(Bucket=BUCKET)
        make_table(database)
        queue = sqs.create_queue(QueueName="backfill", Attributes={"VisibilityTimeout": "0"})[
            "QueueUrl"
        ]
        yield World(s3, sqs, database, queue)


def rows(count: int, first: int = 0, status: str = "COMPLETED", **more: str) -> list[bytes]:
    return [
        deliveries.line(deliveries.values(f"k{number}", status, **more))
        for number in range(first, first + count)
    ]
