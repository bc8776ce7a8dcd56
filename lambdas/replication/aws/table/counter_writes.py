"""Counts changes of items exactly once, although the stream delivers them at least once.

A batch is written in transactions. Each has the sums of its changes and a guard, an item that says
which changes are counted. When a batch is delivered again, in whole or in part, the guard shows
what is still to be counted.

    the event names its shard     one guard for the shard, with the last sequence number that is
                                  counted: numbers rise within a shard, and Lambda keeps their order
    it does not                   one guard for each record, which costs two more write units

Lambda names the shard when the event source has a tumbling window; that is all the window is for.
Guards expire long after the stream has dropped their records.
"""

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from replication.aws.answers import FAILED_CALL
from replication.aws.table import counter_item, keys
from replication.aws.table.batch_reads import BatchReads
from replication.aws.table.expiry import DAY
from replication.aws.table.fences import Fences
from replication.aws.table.ledger_item import Item
from replication.aws.table.table import Table
from replication.counters.counter import Change, CounterKey, merged
from replication.counters.fence import Fence
from replication.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WRITES_A_TRANSACTION = 90
"""TransactWriteItems takes a hundred."""
NAMES_AN_ITEM = 120
"""An update expression may have 300 operators and 4 KB."""
ATTEMPTS = 8
GUARDS_KEPT_SECONDS = 3 * DAY
"""The stream keeps a record for a day."""

_DIGITS = 40
"""The most a sequence number has; padded numbers compare as text."""


class _Guard(BatchReads, ABC):
    """Says which changes are counted. `source` is the shard or the first record of the batch; it
    decides about the lane."""

    def __init__(
        self, client: "DynamoDBClient", table_name: str, source: str, expires_at: Item
    ) -> None:
        super().__init__(client, table_name)
        self.source = source
        self._expires_at = expires_at

    @abstractmethod
    def writes(self, changes: Sequence[Change]) -> list[Item]:
        """Writes that succeed only while none of the changes is counted."""

    @abstractmethod
    def left(self, changes: Sequence[Change]) -> list[Change]:
        """Those that are not counted yet."""


class CounterTable(Table):
    """`lanes` is the number of lanes that each counter is spread over; `seconds` is the wall clock,
    in seconds since 1970."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table_name: str,
        lanes: int,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(client, table_name)
        self._lanes = lanes
        self._seconds = seconds
        self.fences = Fences(client, table_name)

    def pass_by(self, fences: Sequence[Fence]) -> None:
        """Keeps that everything before these fences of the stream is counted. Unavailable when the
        table does not take it: then the batch has to come again."""
        self.fences.pass_by(fences)

    def apply(self, shard: str | None, changes: Sequence[Change]) -> list[Change]:
        """Counts the changes of one batch of one shard, in their order. The result has those that
        were counted now. Unavailable when DynamoDB does not take them: some may be counted then,
        and all of them have to come again."""
        counted = [change for change in changes if change.deltas]
        if not counted:
            return []
        kind, source = (_ShardGuard, shard) if shard else (_RecordGuard, counted[0].number)
        guard = kind(self._client, self._table_name, source, self._expiry())
        applied: list[Change] = []
        for chunk in _chunks(counted, guards=0 if shard else 1):
            applied += self._apply(guard, chunk)
        return applied

    def _apply(self, guard: _Guard, chunk: list[Change]) -> list[Change]:
        lane = counter_item.lane_of(guard.source, self._lanes)
        for attempt in range(ATTEMPTS):
            if not chunk:
                return []
            guards = guard.writes(chunk)
            sums = merged([change.deltas for change in chunk])
            writes: list[Any] = [*guards]
            writes += [self._update(view, lane, amounts) for view, amounts in sums.items()]
            try:
                self._client.transact_write_items(TransactItems=writes)
                return chunk
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = [one.get("Code") for one in error.response["CancellationReasons"]]
                if "ConditionalCheckFailed" in reasons[: len(guards)]:
                    chunk = guard.left(chunk)
                elif "ValidationError" in reasons:
                    raise Unavailable(f"the counters do not take a change: {error}") from error
                else:  # another shard wrote to the same items
                    time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311
            except FAILED_CALL as error:
                raise Unavailable(f"the counters do not answer: {error}") from error
        raise Unavailable(f"{ATTEMPTS} transactions of others came first")

    def _update(self, view: CounterKey, lane: int, amounts: Mapping[str, int]) -> Item:
        names = {f"#n{place}": name for place, name in enumerate(amounts)}
        values: Item = {f":n{p}": {"N": str(v)} for p, v in enumerate(amounts.values())}
        expression = "ADD " + ", ".join(f"#n{place} :n{place}" for place in range(len(amounts)))
        key = counter_item.key_of(view, lane)
        beside = counter_item.texts_of(view, key)
        if expires_at := counter_item.expiry_of(view):
            beside["expires_at"] = expires_at
        if beside:
            expression += " SET " + ", ".join(f"#{name} = :{name}" for name in beside)
            names |= {f"#{name}": name for name in beside}
            values |= {f":{name}": value for name, value in beside.items()}
        return {
            "Update": {
                "TableName": self._table_name,
                "Key": key,
                "UpdateExpression": expression,
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            }
        }

    def _expiry(self) -> Item:
        return {"N": str(int(self._seconds()) + GUARDS_KEPT_SECONDS)}


class _ShardGuard(_Guard):
    """One item for a shard, with the last number that is counted."""

    def writes(self, changes: Sequence[Change]) -> list[Item]:
        return [
            {
                "Put": {
                    "TableName": self._table_name,
                    "Item": {
                        **self._key(),
                        "number": {"S": _padded(changes[-1].number)},
                        "expires_at": self._expires_at,
                    },
                    "ConditionExpression": "attribute_not_exists(pk) OR #number < :first",
                    "ExpressionAttributeNames": {"#number": "number"},
                    "ExpressionAttributeValues": {":first": {"S": _padded(changes[0].number)}},
                }
            }
        ]

    def left(self, changes: Sequence[Change]) -> list[Change]:
        item = self._item(self._key())
        last = item["number"]["S"] if item else ""
        return [one for one in changes if _padded(one.number) > last]

    def _key(self) -> Item:
        return {"pk": {"S": f"{keys.COUNTED}{self.source}"}, "sk": {"S": "shard"}}


class _RecordGuard(_Guard):
    """One item for each record that is counted."""

    def writes(self, changes: Sequence[Change]) -> list[Item]:
        return [
            {
                "Put": {
                    "TableName": self._table_name,
                    "Item": {**self._key(change), "expires_at": self._expires_at},
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            }
            for change in changes
        ]

    def left(self, changes: Sequence[Change]) -> list[Change]:
        present = {item["pk"]["S"] for item in self._of_keys([self._key(one) for one in changes])}
        return [one for one in changes if self._key(one)["pk"]["S"] not in present]

    def _key(self, change: Change) -> Item:
        return {"pk": {"S": f"{keys.COUNTED}{change.number}"}, "sk": {"S": "record"}}


def _padded(number: str) -> str:
    return number.zfill(_DIGITS)


def _chunks(changes: Sequence[Change], guards: int) -> Iterator[list[Change]]:
    """The changes in order, split into as few transactions as possible; each change needs `guards`
    items of its own."""
    chunk: list[Change] = []
    names: dict[CounterKey, set[str]] = {}
    for change in changes:
        wider = {
            view: names.get(view, set()) | set(amounts) for view, amounts in change.deltas.items()
        }
        items = len(names.keys() | wider.keys()) + (len(chunk) + 1) * guards + 1
        full = items > WRITES_A_TRANSACTION
        if chunk and (full or any(len(one) > NAMES_AN_ITEM for one in wider.values())):
            yield chunk
            chunk, names = [], {}
            wider = {view: set(amounts) for view, amounts in change.deltas.items()}
        chunk.append(change)
        names |= wider
    if chunk:
        yield chunk
