"""How far the ingest queue was heard to its end, read back. `heard.py` keeps it.

The frontier is the time at which the newest refresh message was sent that was worked off, less a
margin, because the queue has no order: what was sent before it is in the ledger. A message that was
given back and is not done yet holds it where that message was sent.
"""

from typing import TYPE_CHECKING

from replication.aws.answers import answering
from replication.aws.table import keys
from replication.aws.table.frontier import FRONTIER, RETURNED
from replication.times import Instant, plus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

MARGIN_SECONDS = 120.0
"""How much later a message may be received than one that was sent after it."""
PAGE = 10
"""The oldest message that counts is among the first, unless many before it have expired."""


class FrontierReads:
    """Strongly consistent, so that nothing is claimed that was taken back."""

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    @answering("the table")
    def frontier(self) -> Instant | None:
        """Everything that was sent to the queue before is in the ledger. None: nobody knows."""
        answer = self._client.get_item(
            TableName=self._table_name,
            Key={"pk": {"S": keys.FRONTIER}, "sk": {"S": FRONTIER}},
            ConsistentRead=True,
        )
        if "Item" not in answer:
            return None
        at = Instant(answer["Item"]["at"]["S"])
        returned = self._oldest_returned(at)
        heard = plus(at, -MARGIN_SECONDS)
        return min(heard, returned) if returned else heard

    def _oldest_returned(self, at: Instant) -> Instant | None:
        """Of the marks that what was heard has not outlived: a clock that goes on while the queue
        stands still makes nothing heard."""
        asked: QueryInputTypeDef = {
            "TableName": self._table_name,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :returned)",
            "ExpressionAttributeValues": {
                ":pk": {"S": keys.FRONTIER},
                ":returned": {"S": RETURNED},
            },
            "ConsistentRead": True,
            "Limit": PAGE,
        }
        while True:
            answer = self._client.query(**asked)
            for item in answer["Items"]:
                if item["until"]["S"] > at:
                    return Instant(item["sk"]["S"].split("#")[1])
            if "LastEvaluatedKey" not in answer:
                return None
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
