"""Counters read back: a fixed number of small queries, whatever has been counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from replication.adapters import counter_items
from replication.contributions import Level, Totals, Trouble

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

THREADS = 16

T = TypeVar("T")
R = TypeVar("R")


class CounterReads:
    """`lanes` is how many a counter is spread over."""

    def __init__(self, client: "DynamoDBClient", table_name: str, lanes: int) -> None:
        self._client = client
        self._table_name = table_name
        self._lanes = lanes

    def totals(self, bucket: str) -> Mapping[Totals, Counter[str]]:
        """What stands, of every route and rule of a source bucket."""
        found: dict[Totals, Counter[str]] = {}
        partitions = [counter_items.totals_partition(bucket, lane) for lane in range(self._lanes)]
        for item in self._of_each(partitions, None):
            _add(found.setdefault(counter_items.totals_of(bucket, item), Counter()), item)
        return found

    def periods(
        self, bucket: str, destination: str, level: Level, first: str, last: str
    ) -> Mapping[str, Counter[str]]:
        """What happened from the period `first` to the period `last`, both included, by start."""
        found: dict[str, Counter[str]] = {}
        partitions = [
            counter_items.periods_partition(bucket, destination, lane)
            for lane in range(self._lanes)
        ]
        for item in self._of_each(partitions, (f"{level}#{first}", f"{level}#{last}")):
            _add(found.setdefault(item["sk"]["S"].partition("#")[2], Counter()), item)
        return found

    def troubles(self, bucket: str, destination: str) -> Mapping[Trouble, Counter[str]]:
        """Every kind of failure a route ever had."""
        found: dict[Trouble, Counter[str]] = {}
        partitions = [
            counter_items.troubles_partition(bucket, destination, lane)
            for lane in range(self._lanes)
        ]
        for item in self._of_each(partitions, None):
            trouble = counter_items.trouble_of(bucket, destination, item)
            _add(found.setdefault(trouble, Counter()), item)
        return found

    def trouble(self, trouble: Trouble) -> Counter[str]:
        """One kind of failure, as it is now (strongly consistent)."""
        counted: Counter[str] = Counter()
        for item in concurrently(lambda lane: self._item(trouble, lane), range(self._lanes)):
            _add(counted, item)
        return counted

    def _item(self, trouble: Trouble, lane: int) -> Mapping[str, Any]:
        key = counter_items.key_of(trouble, lane)
        answer = self._client.get_item(TableName=self._table_name, Key=key, ConsistentRead=True)
        return answer.get("Item", {})

    def _of_each(
        self, partitions: Sequence[str], bounds: tuple[str, str] | None
    ) -> Iterator[Mapping[str, Any]]:
        for items in concurrently(lambda pk: list(self._query(pk, bounds)), partitions):
            yield from items

    def _query(self, pk: str, bounds: tuple[str, str] | None) -> Iterator[Mapping[str, Any]]:
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if bounds:
            condition += " AND sk BETWEEN :first AND :last"
            values |= {":first": {"S": bounds[0]}, ":last": {"S": bounds[1]}}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]


def concurrently(call: Callable[[T], R], work: Iterable[T]) -> list[R]:
    """The answers in the order of the work."""
    asked = list(work)
    if len(asked) < 2:
        return [call(one) for one in asked]
    with ThreadPoolExecutor(max_workers=min(THREADS, len(asked))) as pool:
        return list(pool.map(call, asked))


def _add(counted: Counter[str], item: Mapping[str, Any]) -> None:
    for name, value in item.items():
        if name not in counter_items.NO_COUNTER:
            counted[name] += int(value["N"])
