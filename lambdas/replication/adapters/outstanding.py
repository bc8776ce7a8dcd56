"""The oldest versions that a destination lacks: two queries of a few entries a shard."""

from typing import TYPE_CHECKING

from replication.adapters import items
from replication.adapters.counter_reads import concurrently
from replication.adapters.items import read_item
from replication.status import Status
from replication.stored import Stored
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
        # Both ends of the range are named: a server may walk a partition for a mere beginning.
        sort_key, first, last = (
            ("held", "0", ":")
            if index == items.HELD_INDEX
            else ("position", f"{Status.PENDING}#", f"{Status.PENDING}$")
        )
        answer = self._client.query(
            TableName=self._table_name,
            IndexName=index,
            KeyConditionExpression="#route = :route AND #sort BETWEEN :first AND :last",
            ExpressionAttributeNames={"#route": "route", "#sort": sort_key},
            ExpressionAttributeValues={
                ":route": {"S": route},
                ":first": {"S": first},
                ":last": {"S": last},
            },
            Limit=SHOWN,
        )
        return [read_item(item) for item in answer["Items"]]
