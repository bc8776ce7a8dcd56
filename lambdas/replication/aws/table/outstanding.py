"""Reads the oldest versions that a destination lacks or may lack: a few entries of each shard."""

from typing import TYPE_CHECKING

from replication.aws.answers import answering
from replication.aws.table import keys, ledger_item
from replication.aws.table.ledger_item import read_item, word_of
from replication.aws.table.table import Table
from replication.ledger.item import LedgerItem
from replication.ledger.watermark import SHOWN
from replication.s3.status import Status
from replication.threads import concurrently

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_Bounds = tuple[str, str, str, str]
"""An index, its sort key, and both ends of a range: with a prefix alone, a server may read the
whole partition."""


def _by_position(status: Status | None) -> _Bounds:
    return keys.INDEX, "position", f"{word_of(status)}#", f"{word_of(status)}$"


_PENDING, _IN_DOUBT = _by_position(Status.PENDING), _by_position(None)
_LACKING: _Bounds = (keys.LACKING_INDEX, "held", "0", ":")


class Outstanding(Table):
    """`shards` is the number of partitions of a route in the index."""

    def __init__(self, client: "DynamoDBClient", table_name: str, shards: int) -> None:
        super().__init__(client, table_name)
        self._shards = shards

    @answering("the table")
    def oldest(self, bucket: str, destination: str) -> list[LedgerItem]:
        """The first few of each shard: PENDING and in doubt by `since`, and those in the index
        `held` by their request. No other is older than the oldest of these. A version that may be
        due at an unknown destination may be due here as well."""
        routes = [(name, shard) for name in {destination, ""} for shard in range(self._shards)]
        query = [
            (ledger_item.route_of(bucket, name, shard), bounds)
            for name, shard in routes
            for bounds in (_IN_DOUBT, *((_PENDING, _LACKING) if name else ()))
        ]
        return [stored for found in concurrently(self._first, query) for stored in found]

    def _first(self, query: tuple[str, _Bounds]) -> list[LedgerItem]:
        route, (index, sort_key, first, last) = query
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
