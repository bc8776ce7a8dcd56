"""Reads of counters: a fixed number of small queries, however much was counted."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from replication.aws.table import counter_item
from replication.aws.table.table import Table
from replication.counters.counter import FailureKind, Totals
from replication.counters.period import Level
from replication.threads import concurrently

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class CounterReads(Table):
    """`lanes` is the number of lanes that each counter is spread over."""

    def __init__(self, client: "DynamoDBClient", table_name: str, lanes: int) -> None:
        super().__init__(client, table_name)
        self._lanes = lanes

    def totals(self, bucket: str) -> Mapping[Totals, Counter[str]]:
        """The current totals of every route and rule of a source bucket."""
        found: dict[Totals, Counter[str]] = {}
        partitions = [counter_item.totals_partition(bucket, lane) for lane in range(self._lanes)]
        for item in self._of_each(partitions, None):
            _add(found.setdefault(counter_item.totals_of(bucket, item), Counter()), item)
        return found

    def periods(
        self, bucket: str, destination: str, level: Level, first: str, last: str
    ) -> Mapping[str, Counter[str]]:
        """What happened from the period `first` to the period `last`, both included, by start."""
        found: dict[str, Counter[str]] = {}
        partitions = [
            counter_item.periods_partition(bucket, destination, lane) for lane in range(self._lanes)
        ]
        for item in self._of_each(partitions, (f"{level}#{first}", f"{level}#{last}")):
            _add(found.setdefault(item["sk"]["S"].partition("#")[2], Counter()), item)
        return found

    def failure_kinds(self, bucket: str, destination: str) -> Mapping[FailureKind, Counter[str]]:
        """Every kind of failure a route ever had."""
        found: dict[FailureKind, Counter[str]] = {}
        partitions = [
            counter_item.failure_kinds_partition(bucket, destination, lane)
            for lane in range(self._lanes)
        ]
        for item in self._of_each(partitions, None):
            kind = counter_item.failure_kind_of(bucket, destination, item)
            _add(found.setdefault(kind, Counter()), item)
        return found

    def failure_kind(self, kind: FailureKind) -> Counter[str]:
        """The counters of one kind of failure."""
        counted: Counter[str] = Counter()
        parts = [counter_item.key_of(kind, lane) for lane in range(self._lanes)]
        for item in concurrently(self._item, parts):
            _add(counted, item or {})
        return counted

    def _of_each(
        self, partitions: Sequence[str], bounds: tuple[str, str] | None
    ) -> Iterator[Mapping[str, Any]]:
        for items in concurrently(lambda pk: list(self._query(pk, bounds)), partitions):
            yield from items

    def _query(self, pk: str, bounds: tuple[str, str] | None) -> Iterator[Mapping[str, Any]]:
        if bounds is None:
            return self._items("pk = :pk", {"pk": pk})
        first, last = bounds
        values = {"pk": pk, "first": first, "last": last}
        return self._items("pk = :pk AND sk BETWEEN :first AND :last", values)


def _add(counted: Counter[str], item: Mapping[str, Any]) -> None:
    for name, value in item.items():
        if name not in counter_item.NO_COUNTER:
            counted[name] += int(value["N"])
