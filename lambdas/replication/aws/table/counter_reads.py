"""Counters read back: a fixed number of small queries, whatever has been counted."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from replication.aws.answers import answering
from replication.aws.table import counter_item
from replication.counters.counter import FailureKind, Totals
from replication.counters.period import Level
from replication.threads import concurrently

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class CounterReads:
    """`lanes` is how many a counter is spread over."""

    def __init__(self, client: "DynamoDBClient", table_name: str, lanes: int) -> None:
        self._client = client
        self._table_name = table_name
        self._lanes = lanes

    @answering("the table")
    def totals(self, bucket: str) -> Mapping[Totals, Counter[str]]:
        """What stands, of every route and rule of a source bucket."""
        found: dict[Totals, Counter[str]] = {}
        partitions = [counter_item.totals_partition(bucket, lane) for lane in range(self._lanes)]
        for item in self._of_each(partitions, None):
            _add(found.setdefault(counter_item.totals_of(bucket, item), Counter()), item)
        return found

    @answering("the table")
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

    @answering("the table")
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

    @answering("the table")
    def failure_kind(self, kind: FailureKind) -> Counter[str]:
        """One kind of failure, as it is now (strongly consistent)."""
        counted: Counter[str] = Counter()
        for item in concurrently(lambda lane: self._item(kind, lane), range(self._lanes)):
            _add(counted, item)
        return counted

    def _item(self, kind: FailureKind, lane: int) -> Mapping[str, Any]:
        key = counter_item.key_of(kind, lane)
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


def _add(counted: Counter[str], item: Mapping[str, Any]) -> None:
    for name, value in item.items():
        if name not in counter_item.NO_COUNTER:
            counted[name] += int(value["N"])
