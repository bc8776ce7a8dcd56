"""Lists out of the index: many sorted streams merged into one page. Pure.

The index keeps each (source bucket, destination, shard) apart and sorts it by status and time, so
a list is a merge of routes x statuses. What is in doubt and has no status is a stream like any
other; on the route without a destination there is no other.

A page goes on from a *position*, the (since, tie) of the last row that is certain, and not from
DynamoDB's own key: a position means the same whatever was written meanwhile, so a row that stays as
it is is given exactly once.

Filters the index cannot answer drop rows after they were read. How many entries one request may
read is bounded; when they run out, the page holds what is certain and its position lies behind
everything that was looked at in every stream.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from replication.ledger.item import LedgerItem
from replication.s3.status import Status
from replication.times import Instant

ENTRIES_A_REQUEST = 10_000
FIRST_CHUNK = 16
LARGEST_CHUNK = 1_000


class Position(NamedTuple):
    """Where a row stands among all rows of a list; `tie` is 16 hexadecimal digits."""

    since: str
    tie: str


class Route(NamedTuple):
    """A shard of the way from a source bucket to a destination."""

    bucket: str
    destination: str
    shard: int


@dataclass(frozen=True, slots=True)
class Filters:
    """Which rows. `routes` are pairs of source bucket and destination. A status None stands for
    rows without one, which are in doubt. `since` is inclusive and `until` exclusive, both on a
    row's own `since`. None is any. `late`: only versions that missed their replication time
    threshold; `lost`: only those whose replica is gone; `in_doubt`: only those that S3 is asked
    about; `asked_before`: only those whose oldest request lies before."""

    routes: tuple[tuple[str, str], ...]
    statuses: tuple[Status | None, ...]
    newest_first: bool
    rule_id: str | None = None
    failure_code: str | None = None
    prefix: str | None = None
    since: Instant | None = None
    until: Instant | None = None
    late: bool = False
    lost: bool = False
    in_doubt: bool = False
    asked_before: Instant | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """One status of one shard of one route, sorted. None: in doubt, without a status."""

    route: Route
    status: Status | None


@dataclass(frozen=True, slots=True)
class ChunkRequest:
    """A request for up to `entries` index entries of a stream, behind `after`."""

    stream: Stream
    after: Position | None
    entries: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """What was read of a stream. `read` counts entries before filters. `frontier` is the last
    entry that was looked at, None at the end of the stream."""

    rows: Sequence[tuple[Position, LedgerItem]]
    read: int
    frontier: Position | None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order; `next` is where the following page goes on, None at the end."""

    rows: tuple[tuple[Position, LedgerItem], ...]
    next: Position | None


Fetch = Callable[[Filters, Sequence[ChunkRequest]], Sequence[Chunk]]
"""Reads several streams at once; answers in the order it was asked."""


def streams_of(filters: Filters, shards: int) -> tuple[Stream, ...]:
    return tuple(
        Stream(Route(bucket, destination, shard), status)
        for bucket, destination in filters.routes
        for shard in range(shards)
        for status in filters.statuses
        if destination or status is None
    )


@dataclass(slots=True)
class _Reading:
    """How far a stream was read: `rows` are read and not given yet."""

    stream: Stream
    frontier: Position | None
    entries: int
    rows: deque[tuple[Position, LedgerItem]] = field(default_factory=deque)
    ended: bool = False


def page(
    filters: Filters,
    fetch: Fetch,
    *,
    shards: int,
    after: Position | None,
    limit: int,
    budget: int = ENTRIES_A_REQUEST,
) -> Page:
    """The rows behind `after`, at most `limit`, reading about `budget` entries at most.

    Every request with rows left moves its position on, so a caller who follows `next` comes to
    the end.
    """
    streams = streams_of(filters, shards)
    entries = max(FIRST_CHUNK, 2 * limit // max(1, len(streams)))
    readings = [_Reading(stream, after, entries) for stream in streams]
    merge = _Merge(readings, filters.newest_first)
    rows: list[tuple[Position, LedgerItem]] = []
    first_round = True
    while len(rows) < limit:
        head = merge.head()
        hungry = merge.hungry(head)
        if hungry:
            if not first_round and budget < len(hungry):
                return Page(tuple(rows), merge.frontier(hungry))
            budget -= _read_on(filters, fetch, hungry, budget)
            first_round = False
        elif head is None:
            return Page(tuple(rows), None)
        else:
            rows.append(head.rows.popleft())
    more = any(reading.rows or not reading.ended for reading in readings)
    return Page(tuple(rows), rows[-1][0] if more else None)


class _Merge:
    """Which row comes next, and which streams must be read on before that is certain."""

    def __init__(self, readings: Sequence[_Reading], newest_first: bool) -> None:
        self._readings = readings
        self._newest_first = newest_first

    def head(self) -> _Reading | None:
        """The stream with the first row of those that were read."""
        with_rows = [reading for reading in self._readings if reading.rows]
        choose = max if self._newest_first else min
        return choose(with_rows, key=lambda reading: reading.rows[0][0], default=None)

    def hungry(self, head: _Reading | None) -> list[_Reading]:
        """Streams that may still hold a row that comes before the head."""
        return [
            reading
            for reading in self._readings
            if not reading.rows
            and not reading.ended
            and (
                head is None
                or reading.frontier is None
                or self._before(reading.frontier, head.rows[0][0])
            )
        ]

    def frontier(self, hungry: Iterable[_Reading]) -> Position | None:
        """Up to where every stream was looked at."""
        frontiers = [reading.frontier for reading in hungry if reading.frontier]
        choose = max if self._newest_first else min
        return choose(frontiers, default=None)

    def _before(self, one: Position, other: Position) -> bool:
        return one > other if self._newest_first else one < other


def _read_on(filters: Filters, fetch: Fetch, hungry: Sequence[_Reading], budget: int) -> int:
    """Reads the next chunk of each stream; how many entries that took."""
    share = max(1, budget // len(hungry))
    chunks = fetch(
        filters,
        [
            ChunkRequest(reading.stream, reading.frontier, min(reading.entries, share))
            for reading in hungry
        ],
    )
    for reading, chunk in zip(hungry, chunks, strict=True):
        reading.rows.extend(chunk.rows)
        reading.ended = chunk.frontier is None
        reading.frontier = chunk.frontier or reading.frontier
        # A stream that is asked again holds much of the page: fewer, larger reads.
        reading.entries = min(LARGEST_CHUNK, 2 * reading.entries)
    return sum(chunk.read for chunk in chunks)
