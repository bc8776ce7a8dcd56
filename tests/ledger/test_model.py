"""The same laws as `tests/property/test_model.py`, with the ledger in DynamoDB: what is written
blindly, merged, indexed and read back there must be what the fold in memory says."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from replication.adapters.dynamodb import DynamoDBLedger
from replication.adapters.dynamodb_reads import LedgerReads
from tests.ledger.conftest import SHARDS
from tests.property.s3_model import S3Model
from tests.property.test_model import Machine
from tests.property.tracker import Tracker

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.mark.e2e
def test_the_tracker_converges_with_its_ledger_in_dynamodb(
    dynamodb: "DynamoDBClient", table: str
) -> None:
    class InDynamoDB(Machine):
        def make(self, s3: S3Model) -> Tracker:
            wipe(dynamodb, table)
            ledger = DynamoDBLedger(dynamodb, table, SHARDS)
            return Tracker(s3, ledger, LedgerReads(dynamodb, table), shards=SHARDS)

    run_state_machine_as_test(
        InDynamoDB, settings=settings(max_examples=25, stateful_step_count=30, database=None)
    )


def wipe(dynamodb: "DynamoDBClient", table: str) -> None:
    for item in dynamodb.scan(TableName=table, ProjectionExpression="pk, sk")["Items"]:
        dynamodb.delete_item(TableName=table, Key=item)
