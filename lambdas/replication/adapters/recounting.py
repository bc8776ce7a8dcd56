"""What a recount reads and writes: every entry of a route in the index, and its counters."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from replication.adapters import items
from replication.adapters.counter_reads import CounterReads
from replication.adapters.counters import CounterTable
from replication.adapters.items import read_item
from replication.contributions import Change, Deltas, Level, Period
from replication.overview import LAST
from replication.recount import shown_since
from replication.stored import Stored
from replication.times import Instant

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class IndexWalk:
    """`recount.Walk`: queries of the index's partitions, page after page."""

    def __init__(self, client: "DynamoDBClient", table_name: str, shards: int) -> None:
        self._client = client
        self._table_name = table_name
        self._shards = shards

    def entries(self, bucket: str, destination: str) -> Iterator[Stored]:
        """See `recount.Walk.entries`. Half a read unit for each 4 KB of entries."""
        for shard in range(self._shards):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table_name,
                IndexName=items.INDEX,
                KeyConditionExpression="#route = :route",
                ExpressionAttributeNames={"#route": "route"},
                ExpressionAttributeValues={
                    ":route": {"S": items.route_of(bucket, destination, shard)}
                },
            )
            for page in pages:
                yield from map(read_item, page["Items"])


class RecountedCounters:
    """`recount.Counters` on the table."""

    def __init__(self, reads: CounterReads, table: CounterTable) -> None:
        self._reads = reads
        self._table = table

    def snapshot(self, bucket: str, destination: str, now: Instant) -> Deltas:
        found: Deltas = {
            view: amounts
            for view, amounts in self._reads.totals(bucket).items()
            if view.destination == destination
        }
        found |= dict(self._reads.troubles(bucket, destination).items())
        for level in (Level.MINUTE, Level.HOUR):
            first = shown_since(level, now)
            periods = self._reads.periods(bucket, destination, level, first, LAST)
            for start, amounts in periods.items():
                found[Period(bucket, destination, level, start)] = amounts
        return found

    def put_up_fences(self) -> str:
        return self._table.fences.put_up()

    def fences_are_passed(self, token: str) -> bool:
        return self._table.fences.are_passed(token)

    def heal(self, differences: Deltas, name: str) -> None:
        self._table.apply(
            None,
            [
                Change(f"{name}-{number}", {view: amounts})
                for number, (view, amounts) in enumerate(sorted(differences.items(), key=_order))
            ],
        )


def _order(difference: tuple[object, object]) -> str:
    return repr(difference[0])
