"""Reads of the indexes: lists of versions by status, and what destinations lack by its request. As
every index of DynamoDB, they are eventually consistent."""

from collections.abc import Mapping, Sequence
from typing import Any

from replication.aws.answers import answering
from replication.aws.table import keys, ledger_item
from replication.aws.table.ledger_item import Item, read_item
from replication.aws.table.table import Table
from replication.ledger.index import Chunk, ChunkRequest, Filters, Position, Route, Stream
from replication.ledger.item import LedgerItem
from replication.ledger.schedule import Window
from replication.s3.status import Status
from replication.threads import concurrently


class IndexReads(Table):
    """`ledger.index.Fetch` and `reconcile.port.Index`."""

    def fetch(self, filters: Filters, wanted: Sequence[ChunkRequest]) -> Sequence[Chunk]:
        """See `ledger.index.Fetch`."""
        return concurrently(lambda one: self._chunk(filters, one), wanted)

    def oldest(self, route: Route, status: Status | None) -> LedgerItem | None:
        """See `reconcile.port.Index.oldest`. One Query of one entry."""
        (chunk,) = self.fetch(Filters((), (), False), [_wanted(route, status, None, 1)])
        return chunk.rows[0][1] if chunk.rows else None

    def page(
        self, window: Window, limit: int
    ) -> tuple[Sequence[tuple[Position, LedgerItem]], Position | None]:
        """See `reconcile.port.Index.page`. One Query."""
        filters = Filters((), (), False, since=window.since, until=window.until)
        wanted = _wanted(window.route, window.status, window.after, limit)
        (chunk,) = self.fetch(filters, [wanted])
        return chunk.rows, chunk.frontier

    @answering("the ledger")
    def _chunk(self, filters: Filters, wanted: ChunkRequest) -> Chunk:
        low, high = _bounds(filters, wanted)
        if low > high:
            return Chunk((), 0, None)
        lacking = wanted.stream.lacking
        index, sort_key = (keys.LACKING_INDEX, "held") if lacking else (keys.INDEX, "position")
        route = ledger_item.route_of(*wanted.stream.route)
        values: Item = {
            ":route": {"S": route},
            ":low": {"S": low},
            ":high": {"S": high},
        }
        filtered = _filter(filters, route, values)
        answer = self._client.query(
            TableName=self._table_name,
            IndexName=index,
            KeyConditionExpression="#route = :route AND #position BETWEEN :low AND :high",
            ExpressionAttributeNames={"#route": "route", "#position": sort_key},
            ExpressionAttributeValues=values,
            ScanIndexForward=not filters.newest_first,
            Limit=wanted.entries,
            **filtered,
        )
        last = answer.get("LastEvaluatedKey")
        return Chunk(
            [(_position(item[sort_key]), read_item(item)) for item in answer["Items"]],
            answer["ScannedCount"],
            _position(last[sort_key]) if last else None,
        )


def _wanted(
    route: Route, status: Status | None, after: Position | None, entries: int
) -> ChunkRequest:
    return ChunkRequest(Stream(route, status), after, entries)


def _bounds(filters: Filters, wanted: ChunkRequest) -> tuple[str, str]:
    """The first and last `position`, both included: `<word>#<since>#<tie>`, or of the lag index
    `<since>#<tie>`.

    Every position has a tie after its `since`. So a bound without a tie includes everything of this
    time when it is the lower one, and nothing of it when it is the upper one.
    """
    stream, after = wanted.stream, wanted.after
    # Times begin with a digit, and `:` sorts after every digit.
    word, end = ("", ":") if stream.lacking else (f"{ledger_item.word_of(stream.status)}#", "$")
    low = f"{word}{filters.since or ''}" or "0"
    high = f"{word}{filters.until}" if filters.until else f"{word.removesuffix('#')}{end}"
    if after is None:
        return low, high
    if filters.newest_first:
        return low, min(high, f"{word}{after.since}#{_tie_before(after.tie)}")
    return max(low, f"{word}{after.since}#{after.tie}!"), high


def _tie_before(tie: str) -> str:
    """The tie before; empty for the first one, which sorts before every tie."""
    number = int(tie, 16)
    return f"{number - 1:016x}" if number else ""


def _position(value: Mapping[str, Any]) -> Position:
    since, tie = value["S"].split("#")[-2:]
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
