"""What a recount reads and writes: the index entries of a route, and its counters."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from replication.aws.table import keys, ledger_item
from replication.aws.table.counter_reads import CounterReads
from replication.aws.table.counter_writes import CounterTable
from replication.aws.table.ledger_item import read_item
from replication.aws.table.table import Table
from replication.counters.counter import Change, Deltas, Period
from replication.counters.period import LAST, Level, first_shown
from replication.ledger.item import LedgerItem
from replication.times import Instant

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class IndexWalk(Table):
    """`recount.Walk`: queries every partition of a route in the index."""

    def __init__(self, client: "DynamoDBClient", table_name: str, shards: int) -> None:
        super().__init__(client, table_name)
        self._shards = shards

    def entries(self, bucket: str, destination: str) -> Iterator[LedgerItem]:
        """See `recount.Walk.entries`. Costs half a read unit for each 4 KB of entries."""
        for shard in range(self._shards):
            entries = self._items(
                "#route = :route",
                {"route": ledger_item.route_of(bucket, destination, shard)},
                IndexName=keys.INDEX,
                ExpressionAttributeNames={"#route": "route"},
                ConsistentRead=False,
            )
            yield from map(read_item, entries)


class RecountedCounters:
    """`recount.Counters`."""

    def __init__(self, reads: CounterReads, table: CounterTable) -> None:
        self._reads = reads
        self._table = table

    def snapshot(self, bucket: str, destination: str, now: Instant) -> Deltas:
        found: Deltas = {
            view: amounts
            for view, amounts in self._reads.totals(bucket).items()
            if view.destination == destination
        }
        found |= dict(self._reads.failure_kinds(bucket, destination).items())
        for level in (Level.MINUTE, Level.HOUR):
            first = first_shown(level, now)
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
                for number, (view, amounts) in enumerate(sorted(differences.items(), key=repr))
            ],
        )
