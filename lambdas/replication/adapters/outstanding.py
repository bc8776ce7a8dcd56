"""The oldest versions that a destination lacks: two queries of a few entries a shard."""

from typing import TYPE_CHECKING

from replication.adapters import items
from replication.adapters.counter_reads import concurrently
from replication.adapters.items import Stored, read_item
from replication.status import Status
from replication.watermark import SHOWN

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Outstanding:
    """`shards` is how many the index is spread over."""

    def __init__(self, client: "DynamoDBClient", table_name: str, shards: int) -> None:
        self._client = client
        self._table_name = table_name
        self._shards = shards

    def oldest(self, bucket: str, destination: str) -> list[Stored]:
        """The first few of each shard: PENDING by when it began, and what is held by its request.
        Those beyond are no older than the oldest of these."""
        asked = [
            (items.route_of(bucket, destination, shard), index)
            for shard in range(self._shards)
            for index in (items.INDEX, items.HELD_INDEX)
        ]
        return [stored for found in concurrently(self._first, asked) for stored in found]

    def _first(self, asked: tuple[str, str]) -> list[Stored]:
        route, index = asked
        condition, names = "#route = :route", {"#route": "route"}
        values = {":route": {"S": route}}
        if index == items.INDEX:
            condition += " AND begins_with(#position, :pending)"
            names["#position"] = "position"
            values[":pending"] = {"S": f"{Status.PENDING}#"}
        answer = self._client.query(
            TableName=self._table_name,
            IndexName=index,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            Limit=SHOWN,
        )
        return [read_item(item) for item in answer["Items"]]
