"""The same laws as `tests/laws/test_model.py`, with everything in DynamoDB: what is written
blindly, merged, indexed and read back there must be what the fold in memory says, and what is kept
of rules and of the queue must be what the functions need."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from replication.aws.table import ledger_item
from replication.aws.table.frontier import FrontierTable
from replication.aws.table.frontier_reads import FrontierReads
from replication.aws.table.index_reads import IndexReads
from replication.aws.table.ledger import DynamoDBLedger
from replication.aws.table.ledger_item import Item
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.ledger.item import LedgerItem
from replication.ledger.port import ItemKey
from tests.laws.s3_model import S3Model
from tests.laws.seeded_walks import walk_many
from tests.laws.test_model import EXAMPLES, FIRST, Machine
from tests.laws.tracker import Tracker
from tests.replication.aws.table.conftest import SHARDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Lists(IndexReads):
    """With the items as a scan and the stream have them."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        super().__init__(client, table)
        self._dynamodb, self._table = client, table

    def stored(self) -> Iterator[LedgerItem]:
        found = self._dynamodb.scan(TableName=self._table, ConsistentRead=True)["Items"]
        of_objects = (item for item in found if not item["pk"]["S"].startswith("#"))
        return map(ledger_item.read_item, of_objects)

    def image(self, key: ItemKey) -> Item | None:
        found = self._dynamodb.get_item(
            TableName=self._table, Key=ledger_item.key_of(*key), ConsistentRead=True
        )
        return dict(found["Item"]) if "Item" in found else None


class Heard(FrontierTable, FrontierReads):
    """How far the queue was heard, kept and read back."""

    def __init__(self, client: "DynamoDBClient", table: str, s3: S3Model) -> None:
        FrontierTable.__init__(self, client, table, s3.now)


@pytest.mark.e2e
def test_the_tracker_converges_with_its_ledger_in_dynamodb(
    dynamodb: "DynamoDBClient", table: str
) -> None:
    class InDynamoDB(Machine):
        def make(self, s3: S3Model) -> Tracker:
            wipe(dynamodb, table)
            return Tracker(
                s3,
                DynamoDBLedger(dynamodb, table, SHARDS),
                Lists(dynamodb, table),
                shards=SHARDS,
                table=RuleRevisionTable(dynamodb, table, s3.now),
                heard=Heard(dynamodb, table, s3),
            )

    walk_many(InDynamoDB, FIRST, max(6, EXAMPLES // 10))


def wipe(dynamodb: "DynamoDBClient", table: str) -> None:
    for item in dynamodb.scan(TableName=table, ProjectionExpression="pk, sk")["Items"]:
        dynamodb.delete_item(TableName=table, Key=item)
