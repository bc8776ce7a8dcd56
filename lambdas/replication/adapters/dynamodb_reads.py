"""Reads of the ledger for the query function: by key from the table, lists from the index.

Never a scan. Reads by key are strongly consistent, so whoever has just written sees it; the index
is eventually consistent, as every index of DynamoDB is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from itertools import groupby
from typing import TYPE_CHECKING, Any

from replication.adapters import items
from replication.adapters.items import Item, read_item
from replication.checks import Window
from replication.configuration import History
from replication.facts import ObjectVersion
from replication.fold import State
from replication.listing import Chunk, Filters, Position, Route, Stream, Wanted
from replication.lookup import TooManyVersions
from replication.status import Status
from replication.stored import Stored

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

THREADS = 16
ITEMS_OF_A_KEY = 100_000
"""About 100 MB read: past it the latest version of a key cannot be told within a request."""

SORT_KEY_BYTES = 1_024
FRESH_SECONDS = 60
UNKNOWN_SECONDS = 5

# Everything of an item but its facts, which can be a hundred times larger. Aliased, because
# `status`, `size` and others are reserved words.
_NAMES = {f"#{number}": field.name for number, field in enumerate(fields(State))}
_WITHOUT_FACTS = ", ".join(["pk", "sk", *_NAMES])


class LedgerReads:
    """`lookup.Versions` and `listing.Fetch` on one table."""

    def __init__(
        self, client: "DynamoDBClient", table_name: str, *, items_of_a_key: int = ITEMS_OF_A_KEY
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._items_of_a_key = items_of_a_key

    def version(self, version: ObjectVersion) -> tuple[Stored, ...]:
        """See `lookup.Versions.version`."""
        prefix = items.sort_key(version, "")
        if len(prefix.encode()) > SORT_KEY_BYTES:
            return ()  # no such item can exist, and DynamoDB refuses to look for it
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={
                ":pk": {"S": items.partition_key(version)},
                ":sk": {"S": prefix},
            },
            ConsistentRead=True,
        )
        found = [read_item(item) for page in pages for item in page["Items"]]
        # A version id that holds a `#` could begin with another one and a `#`.
        return tuple(stored for stored in found if stored.version == version)

    def versions(self, bucket: str, key: str) -> Iterator[tuple[Stored, ...]]:
        """See `lookup.Versions.versions`. One version's items lie side by side in the table."""
        for _, group in groupby(self._items(bucket, key), key=lambda stored: stored.version):
            yield tuple(group)

    def fetch(self, filters: Filters, wanted: Sequence[Wanted]) -> Sequence[Chunk]:
        """See `listing.Fetch`."""
        if len(wanted) < 2:
            return [self._chunk(filters, one) for one in wanted]
        with ThreadPoolExecutor(max_workers=min(THREADS, len(wanted))) as pool:
            return list(pool.map(lambda one: self._chunk(filters, one), wanted))

    def oldest(self, route: Route, status: Status | None) -> Stored | None:
        """See `reconciler.Index.oldest`. One Query of one entry."""
        (chunk,) = self.fetch(Filters((), (), False), [_wanted(route, status, None, 1)])
        return chunk.rows[0][1] if chunk.rows else None

    def page(
        self, window: Window, limit: int
    ) -> tuple[Sequence[tuple[Position, Stored]], Position | None]:
        """See `reconciler.Index.page`. One Query."""
        filters = Filters((), (), False, since=window.since, until=window.until)
        wanted = _wanted(window.route, window.status, window.after, limit)
        (chunk,) = self.fetch(filters, [wanted])
        return chunk.rows, chunk.frontier

    def ping(self) -> None:
        """Reads one key. Raises whatever keeps the table from answering."""
        self._client.get_item(
            TableName=self._table_name, Key={"pk": {"S": "#health"}, "sk": {"S": "#health"}}
        )

    def _items(self, bucket: str, key: str) -> Iterator[Stored]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={
                ":pk": {"S": items.partition_key(ObjectVersion(bucket, key, ""))}
            },
            ProjectionExpression=_WITHOUT_FACTS,
            ExpressionAttributeNames=_NAMES,
            ConsistentRead=True,
        )
        read = 0
        for page in pages:
            read += len(page["Items"])
            if read > self._items_of_a_key:
                raise TooManyVersions(
                    f"The key has too many versions to look through in one request (more than"
                    f" {self._items_of_a_key} entries of the ledger)."
                )
            yield from map(read_item, page["Items"])

    def _chunk(self, filters: Filters, wanted: Wanted) -> Chunk:
        low, high = _bounds(filters, wanted)
        if low > high:
            return Chunk((), 0, None)
        route = items.route_of(*wanted.stream.route)
        values: Item = {
            ":route": {"S": route},
            ":low": {"S": low},
            ":high": {"S": high},
        }
        filtered = _filter(filters, route, values)
        answer = self._client.query(
            TableName=self._table_name,
            IndexName=items.INDEX,
            KeyConditionExpression="#route = :route AND #position BETWEEN :low AND :high",
            ExpressionAttributeNames={"#route": "route", "#position": "position"},
            ExpressionAttributeValues=values,
            ScanIndexForward=not filters.newest_first,
            Limit=wanted.entries,
            **filtered,
        )
        last = answer.get("LastEvaluatedKey")
        return Chunk(
            [(_position(item), read_item(item)) for item in answer["Items"]],
            answer["ScannedCount"],
            _position(last) if last else None,
        )


class CachedHistories:
    """The configurations of source buckets as the recorder saved them, read at most once a minute
    (those nobody saved yet more often). `seconds` is a monotonic clock."""

    def __init__(
        self,
        load: Callable[[str], History | None],
        buckets: Sequence[str],
        seconds: Callable[[], float],
    ) -> None:
        self._load = load
        self._buckets = tuple(buckets)
        self._seconds = seconds
        self._cache: dict[str, tuple[float, History | None]] = {}

    def __call__(self) -> Mapping[str, History | None]:
        moment = self._seconds()
        stale = [bucket for bucket in self._buckets if not self._fresh(bucket, moment)]
        if stale:
            with ThreadPoolExecutor(max_workers=min(THREADS, len(stale))) as pool:
                for bucket, history in zip(stale, pool.map(self._load, stale), strict=True):
                    self._cache[bucket] = (moment, history)
        return {bucket: self._cache[bucket][1] for bucket in self._buckets}

    def _fresh(self, bucket: str, moment: float) -> bool:
        if bucket not in self._cache:
            return False
        read_at, history = self._cache[bucket]
        return moment - read_at < (FRESH_SECONDS if history else UNKNOWN_SECONDS)


def _wanted(route: Route, status: Status | None, after: Position | None, entries: int) -> Wanted:
    return Wanted(Stream(route, status), after, entries)


def _bounds(filters: Filters, wanted: Wanted) -> tuple[str, str]:
    """First and last value of `position` to look at, both included; `<word>#<since>#<tie>`.

    No position ends behind its `since`, so a bound without a tie takes in everything from there
    on when it is the lower one, and nothing when it is the upper one.
    """
    word, after = items.word_of(wanted.stream.status), wanted.after
    low = f"{word}#{filters.since or ''}"
    high = f"{word}#{filters.until}" if filters.until else f"{word}$"
    if after is None:
        return low, high
    if filters.newest_first:
        return low, min(high, f"{word}#{after.since}#{_tie_before(after.tie)}")
    return max(low, f"{word}#{after.since}#{after.tie}!"), high


def _tie_before(tie: str) -> str:
    """The greatest tie below; empty below the least, which sorts before every tie."""
    number = int(tie, 16)
    return f"{number - 1:016x}" if number else ""


def _position(item: Mapping[str, Any]) -> Position:
    _, since, tie = item["position"]["S"].split("#")
    return Position(since, tie)


def _filter(filters: Filters, route: str, values: Item) -> dict[str, Any]:
    """The FilterExpression, if any; its values go into `values`."""
    conditions: list[str] = []
    if filters.prefix:
        bucket = route.partition("#")[0]
        values[":prefix"] = {"S": f"{bucket}/{filters.prefix}"}
        conditions.append("begins_with(pk, :prefix)")
    if filters.rule_id is not None:
        values[":rule_id"] = {"S": filters.rule_id}
        conditions.append("rule_id = :rule_id")
    if filters.failure_code is not None:
        values[":failure_code"] = {"S": filters.failure_code}
        conditions.append("failure_code = :failure_code")
    if filters.late:
        values[":late"] = {"BOOL": True}
        conditions.append("late = :late")
    if filters.lost:
        conditions.append("attribute_exists(lost_at)")
    if filters.in_doubt:
        values[":in_doubt"] = {"BOOL": True}
        conditions.append("in_doubt = :in_doubt")
    if filters.asked_before is not None:
        values[":asked"] = {"S": filters.asked_before}
        conditions.append("(since < :asked OR requested_at < :asked)")
    return {"FilterExpression": " AND ".join(conditions)} if conditions else {}
