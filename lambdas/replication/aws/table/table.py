"""The calls that most classes of this folder make: one item, all items of a query, a write."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from replication.aws.answers import answering

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Table:
    """One DynamoDB table. A call that fails is Unavailable, "`who` does not answer"."""

    who = "the table"

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def _item(self, key: Mapping[str, Any], *, consistent: bool = True) -> Mapping[str, Any] | None:
        """GetItem; None when there is no such item."""
        with answering(self.who):
            answer = self._client.get_item(
                TableName=self._table_name, Key=key, ConsistentRead=consistent
            )
        return answer.get("Item")

    def _items(
        self, condition: str, values: Mapping[str, str], **query: Any
    ) -> Iterator[Mapping[str, Any]]:
        """Query, page after page; strongly consistent unless `query` says otherwise. `values` are
        the condition's, by name without the colon."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues={f":{name}": {"S": text} for name, text in values.items()},
            **({"ConsistentRead": True} | query),
        )
        with answering(self.who):
            for page in pages:
                yield from page["Items"]

    def _put(self, item: Mapping[str, Any], **condition: Any) -> bool:
        """PutItem; False when its condition does not hold."""
        with answering(self.who):
            try:
                self._client.put_item(TableName=self._table_name, Item=item, **condition)
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True
