"""A real DynamoDB-compatible store: the local emulator, or the one at LEDGER_ENDPOINT_URL.

moto is not enough here: its PartiQL raises nothing for a duplicate INSERT, and conditions are what
these tests are about. `LEDGER_ENDPOINT_URL=http://127.0.0.1:<port>` runs them against Amazon's own
DynamoDB Local.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
import pytest

from local.emulator import server
from replication.aws.table.ledger import DynamoDBLedger
from tests.support import ledger_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS = 2


@pytest.fixture(scope="session")
def dynamodb(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[DynamoDBClient]":
    endpoint = os.environ.get("LEDGER_ENDPOINT_URL")
    running = None
    if endpoint is None:
        state = tmp_path_factory.mktemp("ledger-emulator")
        running = server.start(server.free_port(), state, tied=True)
        endpoint = running.endpoint_url
    yield boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    if running is not None:
        server.stop(running.pid, running.state_dir)


@pytest.fixture
def table(dynamodb: "DynamoDBClient") -> Iterator[str]:
    """A fresh table of the ledger's shape."""
    name = f"ledger-{uuid4().hex[:12]}"
    ledger_table.create(dynamodb, name)
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def ledger(dynamodb: "DynamoDBClient", table: str) -> DynamoDBLedger:
    return DynamoDBLedger(dynamodb, table, SHARDS)
